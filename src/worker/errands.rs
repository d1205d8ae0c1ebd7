//! What the policy has done: errands that end in a command.

use domain::account::{
    Account, AccountCommand, Link, PlacementStatus, PublicationCause, Residue, WithdrawalCause,
};
use domain::key_sync::AccountMemory;
use domain::keyring::{Holder, Keyring, KeyringCommand};
use domain::provider::{Provider, Registration};
use domain::replay::{Replay, ReplayCommand};
use domain::{AccountId, Blame, KeyId, ProviderSlug, ReplayId, UserId};
use projections::key_placements::Wanted;
use projections::replays::ReplayStatus;
use projections::{Limit, key_placements, key_sync, replays};

use crate::app::grants::AccessError;
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
        for left in &mut residue {
            if let Residue::Key { key, remote_key } = left {
                *remote_key = link
                    .placements
                    .get(key)
                    .and_then(|known| known.remote_key.clone());
            }
        }
        // Without a grant nothing is asked of the provider.
        if link.grant.is_some() && self.is_stopped(&link.provider).await? {
            return Err(ErrandError::Stopped);
        }
        match self.revoke(link, caller).await {
            Ok(()) => {}
            Err(AccessError::Command(error)) => return Err(error.into()),
            Err(AccessError::NoTokens) => {}
            // An outage passes; then the grant can still be revoked.
            Err(AccessError::Provider(failure)) if failure.failure.blame == Blame::Provider => {
                return Err(ErrandError::Provider(failure));
            }
            Err(AccessError::Provider(_)) => residue.push(Residue::Grant),
        }
        let command = AccountCommand::RecordAccountUnlinked { residue };
        let executed = self
            .dispatch
            .execute::<Account>(&account, command, caller)
            .await?;
        Ok(!executed.events.is_empty())
    }

    /// Says whether nothing is to be asked of a provider.
    async fn is_stopped(&self, provider: &ProviderSlug) -> Result<bool, CommandError> {
        let (state, _) = self.dispatch.load::<Provider>(provider).await?;
        let stopped = |known: &Registration| known.disabled || known.paused;
        Ok(state.registration().is_some_and(stopped))
    }

    async fn revoke(&self, link: &Link, caller: &Caller) -> Result<(), AccessError> {
        let Some(grant) = &link.grant else {
            return Ok(());
        };
        let stored = match self.stored_tokens(grant.secret).await {
            Ok((stored, _)) => stored,
            // Nothing is left that could be revoked.
            Err(AccessError::NoTokens) => return Ok(()),
            Err(error) => return Err(error),
        };
        let registration = self.registered(&link.provider).await?;
        let tokens = &stored.tokens();
        self.with_app(&registration, caller, |adapter, oauth| async move {
            adapter.revoke(&oauth, tokens).await
        })
        .await
    }

    /// Requests again everything in a replay's scope.
    pub async fn expand_replay(
        &self,
        replay: ReplayId,
        caller: &Caller,
    ) -> Result<(), CommandError> {
        let mut after = None;
        loop {
            let Some(row) = self.database.get(replays::by_id(replay)).await? else {
                return Ok(());
            };
            let started = replays::from_row(&row).map_err(DatabaseError::from)?;
            if started.status != ReplayStatus::Running {
                return Ok(());
            }
            let page =
                key_placements::in_scope(&started.scope, Some(replay), after, Limit::default());
            let rows = self.database.query(page).await?;
            let is_last = rows.len() < Limit::default().rows() as usize;
            for row in rows {
                let item = key_placements::from_row(&row).map_err(DatabaseError::from)?;
                after = Some((item.account, item.key));
                let command = match item.wanted {
                    Wanted::Present => AccountCommand::RequestKeyPublication {
                        key: item.key,
                        cause: PublicationCause::Replay(replay),
                    },
                    Wanted::Absent => AccountCommand::RequestKeyWithdrawal {
                        key: item.key,
                        cause: WithdrawalCause::Replay(replay),
                    },
                };
                match self
                    .dispatch
                    .execute::<Account>(&item.account, command, caller)
                    .await
                {
                    // It was unlinked meanwhile: nothing is left to make agree.
                    Ok(_) | Err(CommandError::Refused(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Completes every running replay of which nothing is open; says how many.
    pub async fn complete_replays(&self, caller: &Caller) -> Result<usize, CommandError> {
        let mut completed = 0;
        for row in self.database.query(replays::running()).await? {
            let started = replays::from_row(&row).map_err(DatabaseError::from)?;
            let rows = self
                .database
                .query(key_placements::progress(started.replay))
                .await?;
            let progress =
                key_placements::progress_from_rows(&rows).map_err(DatabaseError::from)?;
            if progress.open == 0 {
                let command = ReplayCommand::RecordReplayCompleted {
                    settled: progress.settled,
                    parked: progress.parked,
                };
                self.dispatch
                    .execute::<Replay>(&started.replay, command, caller)
                    .await?;
                completed += 1;
            }
        }
        Ok(completed)
    }
}
