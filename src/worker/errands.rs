//! What the policy has done: errands that end in a command.

use chrono::{DateTime, Utc};
use domain::account::{Account, PlacementStatus};
use domain::key_sync::AccountMemory;
use domain::keyring::{Holder, Keyring, KeyringCommand};
use domain::{AccountId, KeyId, UserId};
use projections::key_sync;

use crate::app::{App, Caller, CommandError};
use crate::database::DatabaseError;
use crate::providers::ProviderFailure;
use crate::vault::VaultError;

/// Why an errand is not done.
#[derive(Debug, thiserror::Error)]
pub enum ErrandError {
    /// The provider did not play its part; later it may.
    #[error(transparent)]
    Provider(ProviderFailure),
    /// An operator or an admin wants the provider left alone.
    #[error("the provider is paused or disabled")]
    Stopped,
    /// The provider asks to be left alone, or does not answer: until this time.
    #[error("the provider is to be left alone")]
    Waits(DateTime<Utc>),
    /// A command did not go through.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl From<VaultError> for ErrandError {
    fn from(error: VaultError) -> Self {
        Self::Command(error.into())
    }
}

impl From<DatabaseError> for ErrandError {
    fn from(error: DatabaseError) -> Self {
        Self::Command(CommandError::Unavailable(error.to_string()))
    }
}

impl App {
    /// Returns what the policy remembers of an account.
    pub async fn account_memory(
        &self,
        account: AccountId,
    ) -> Result<Option<AccountMemory>, DatabaseError> {
        let rows = self.database.query(key_sync::of(account)).await?;
        Ok(key_sync::memory(&rows)?)
    }

    /// Makes a first key pair for an account.
    pub async fn generate_key(
        &self,
        account: AccountId,
        caller: &Caller,
    ) -> Result<bool, ErrandError> {
        let (state, _) = self.dispatch.load::<Account>(&account).await?;
        let Some(link) = state.link() else {
            return Ok(false);
        };
        self.admits(&link.user).await?;
        let algorithm = self.algorithm_at(&link.provider).await?;
        let made = self.make_key(&link.user, algorithm).await?;
        let command = KeyringCommand::GenerateKey {
            user: link.user.clone(),
            holder: Holder::Account(account),
            made: made.clone(),
        };
        let executed = self.take_key(&link.user, &made, command, caller).await?;
        Ok(!executed.events.is_empty())
    }

    /// Ends a key that is nowhere any more.
    ///
    /// What the policy remembers may be older than what it did a moment ago: a request to put the
    /// key there may follow in the log. Then the key has not ended; the request is seen next, and
    /// takes it away.
    pub async fn retire_key(
        &self,
        user: &UserId,
        key: KeyId,
        caller: &Caller,
    ) -> Result<bool, ErrandError> {
        let (keyring, _) = self.dispatch.load::<Keyring>(user).await?;
        if let Some(Holder::Account(account)) = keyring.key(key).map(|known| known.holder) {
            let (state, _) = self.dispatch.load::<Account>(&account).await?;
            let placement = state.link().and_then(|link| link.placements.get(&key));
            if placement.is_some_and(|placement| placement.status != PlacementStatus::Gone) {
                return Ok(false);
            }
        }
        let command = KeyringCommand::RetireKey { key };
        let executed = self
            .dispatch
            .execute::<Keyring>(user, command, caller)
            .await?;
        Ok(!executed.events.is_empty())
    }
}
