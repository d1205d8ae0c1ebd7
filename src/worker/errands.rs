//! What the policy has done: errands that end in a command.

use chrono::{DateTime, Utc};
use domain::account::{Account, AccountCommand, Link, PlacementStatus, Residue};
use domain::key_sync::AccountMemory;
use domain::keyring::{Holder, Keyring, KeyringCommand};
use domain::provider::Registration;
use domain::{AccountId, Blame, KeyId, ReasonCode, SecretRef, UserId};
use projections::key_sync;

use crate::app::calling::{CallError, Halt};
use crate::app::grants::{Access, AccessError, unknown_yet};
use crate::app::{App, Caller, CommandError};
use crate::database::DatabaseError;
use crate::providers::{GrantVerdict, ProviderFailure};
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

    /// Ends an unlinking: revokes the tokens and records the end. Whoever sees the event destroys
    /// the secrets.
    pub async fn finish_unlink(
        &self,
        account: AccountId,
        mut residue: Vec<Residue>,
        caller: &Caller,
    ) -> Result<bool, ErrandError> {
        let (state, _) = self.dispatch.load::<Account>(&account).await?;
        let Some(link) = state.link() else {
            return Ok(false);
        };
        // Whoever cleans up by hand finds a key by the provider's own id or by its fingerprint.
        if !residue.is_empty() {
            let fingerprints = self.fingerprints(&link.user, account).await?;
            for left in &mut residue {
                if let Residue::Key {
                    key,
                    remote_key,
                    fingerprint,
                } = left
                {
                    let known = link.placements.get(key);
                    *remote_key = known.and_then(|known| known.remote_key.clone());
                    *fingerprint = fingerprints.get(key).cloned();
                }
            }
        }
        let registration = self.registered(&link.provider).await;
        let revoked = match (&link.grant, registration) {
            // Nothing is asked of the provider.
            (None, _) => Ok(()),
            (Some(_), Ok(known)) => {
                let revoking = Box::pin(self.revoke(link, &known, caller));
                self.call_in_turn(&known, account, caller, revoking).await
            }
            (Some(_), Err(error)) => Err(error.into()),
        };
        match revoked {
            Ok(()) | Err(CallError::Access(AccessError::NoTokens)) => {}
            Err(CallError::Halted(Halt::Stopped)) => return Err(ErrandError::Stopped),
            Err(CallError::Halted(Halt::Resting(until) | Halt::Down(until))) => {
                return Err(ErrandError::Waits(until));
            }
            Err(CallError::Access(AccessError::Command(error))) => return Err(error.into()),
            // An outage passes; then the grant can still be revoked.
            Err(CallError::Access(AccessError::Provider(failure)))
                if failure.failure.blame == Blame::Provider =>
            {
                return Err(ErrandError::Provider(failure));
            }
            Err(CallError::Access(AccessError::Provider(_))) => residue.push(Residue::Grant),
        }
        let command = AccountCommand::RecordAccountUnlinked { residue };
        let executed = self
            .dispatch
            .execute::<Account>(&account, command, caller)
            .await?;
        Ok(!executed.events.is_empty())
    }

    /// Revokes the tokens of a link.
    ///
    /// Where the access token no longer works, the refresh token lives on: the next pair is got
    /// first, through the vault like at every refresh, so that a revocation that fails then finds
    /// it there when it is tried again.
    async fn revoke(
        &self,
        link: &Link,
        registration: &Registration,
        caller: &Caller,
    ) -> Result<(), AccessError> {
        let Some(grant) = &link.grant else {
            return Ok(());
        };
        let (held, failure) = match self.revoke_held(registration, grant.secret, caller).await? {
            Revoked::Done => return Ok(()),
            Revoked::Expired(held, failure) => (held, failure),
        };
        if held.is_new {
            return Err(unknown_yet(&failure).into());
        }
        match self.refresh_refused(link, &held, caller).await {
            Ok(_) => {}
            // Revoked already, or used up: nobody has what came of it. If an answer was lost on
            // its way to us, somebody may.
            Err(AccessError::Provider(failure))
                if failure.grant == GrantVerdict::Lost
                    && failure.failure.code != ReasonCode::GrantLostRotation =>
            {
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        match self.revoke_held(registration, grant.secret, caller).await? {
            Revoked::Done => Ok(()),
            Revoked::Expired(_, failure) => Err(unknown_yet(&failure).into()),
        }
    }

    /// Revokes the tokens that the vault has now.
    async fn revoke_held(
        &self,
        registration: &Registration,
        secret: SecretRef,
        caller: &Caller,
    ) -> Result<Revoked, AccessError> {
        let (stored, generation) = self.stored_tokens(secret).await?;
        let tokens = &stored.tokens();
        let revoked = self.with_app(registration, caller, |adapter, oauth| async move {
            adapter.revoke(&oauth, tokens).await
        });
        match revoked.await {
            Ok(()) => Ok(Revoked::Done),
            Err(AccessError::Provider(failure)) if failure.grant == GrantVerdict::Expired => {
                let held = stored.access(generation, self.now());
                Ok(Revoked::Expired(held, failure))
            }
            Err(error) => Err(error),
        }
    }
}

/// What became of one try to revoke.
enum Revoked {
    /// Nothing is left to revoke.
    Done,
    /// The access token no longer works: the pair is to be refreshed first.
    Expired(Access, ProviderFailure),
}
