//! The last step of an unlinking: the grant is revoked, and what stays is named.
//!
//! A try that fails is told like one for a key: an event with its cause and its next try, parked after
//! the same limits, and an outage counts as one try however long it lasts. Only what nobody but the
//! person can mend ends the unlinking with the grant in its residue.

use domain::account::{Account, AccountCommand, Link, Residue};
use domain::breaker::Sign;
use domain::provider::Registration;
use domain::retry::{FailedTry, RetryPolicy};
use domain::{AccountId, Blame, Failure, ReasonCode, SecretRef};
use projections::revocations::{self, RevocationRow};

use super::errands::ErrandError;
use crate::app::calling::{CallError, Halt};
use crate::app::grants::{Access, AccessError, unknown_yet};
use crate::app::{App, Caller, CommandError};
use crate::database::DatabaseError;
use crate::providers::{GrantVerdict, ProviderFailure};

impl App {
    /// Ends an unlinking: revokes the tokens and records the end. Whoever sees the event destroys
    /// the secrets.
    pub async fn finish_unlink(
        &self,
        account: AccountId,
        mut residue: Vec<Residue>,
        retry: RetryPolicy,
        caller: &Caller,
    ) -> Result<bool, ErrandError> {
        let (state, _) = self.dispatch.load::<Account>(&account).await?;
        let Some(link) = state.link() else {
            return Ok(false);
        };
        self.name_keys(link, &mut residue).await?;
        match (&link.grant, self.registered(&link.provider).await) {
            (None, _) | (Some(_), Err(AccessError::NoTokens)) => {}
            // It was removed: there is nobody to ask any more.
            (Some(_), Err(AccessError::Provider(_))) => residue.push(Residue::Grant),
            (Some(_), Err(AccessError::Command(error))) => return Err(error.into()),
            (Some(_), Ok(known)) => {
                let revoking = Box::pin(self.revoke(link, &known, caller));
                match self.call_in_lane(&known, account, caller, revoking).await {
                    Ok(()) | Err(CallError::Access(AccessError::NoTokens)) => {}
                    // Nobody but the person can mend that, and they are leaving.
                    Err(CallError::Access(AccessError::Provider(failed)))
                        if failed.failure.blame == Blame::Grant =>
                    {
                        residue.push(Residue::Grant);
                    }
                    Err(CallError::Access(AccessError::Provider(failed))) => {
                        return self.tell_failed(link, &known, failed, retry, caller).await;
                    }
                    Err(CallError::Access(AccessError::Command(error))) => {
                        return Err(error.into());
                    }
                    Err(CallError::Halted(halt)) => {
                        return self.wait_to_revoke(link, &known, halt, retry, caller).await;
                    }
                }
            }
        }
        let command = AccountCommand::RecordAccountUnlinked { residue };
        let executed = self
            .dispatch
            .execute::<Account>(&account, command, caller)
            .await?;
        Ok(!executed.events.is_empty())
    }

    /// Says what whoever cleans up by hand finds a key by: the provider's own id, its fingerprint.
    async fn name_keys(&self, link: &Link, residue: &mut [Residue]) -> Result<(), CommandError> {
        if residue.is_empty() {
            return Ok(());
        }
        let fingerprints = self.fingerprints(&link.user, link.account).await?;
        for left in residue {
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
        Ok(())
    }

    /// Waits as long as nobody may be asked. An outage that lasts for too long parks it, with the
    /// outage as its cause; it goes on by itself when that is over.
    async fn wait_to_revoke(
        &self,
        link: &Link,
        known: &Registration,
        halt: Halt,
        retry: RetryPolicy,
        caller: &Caller,
    ) -> Result<bool, ErrandError> {
        let until = match halt {
            Halt::Stopped => return Err(ErrandError::Stopped),
            Halt::Resting(until) => return Err(ErrandError::Waits(until)),
            Halt::Down(until) => until,
        };
        let asked = self.asked_to_revoke(link.account).await?;
        let is_overdue =
            asked.is_some_and(|asked| self.now() - asked.asked_at > retry.give_up_after);
        match &known.outage {
            Some(outage) if is_overdue => {
                self.not_revoked(link, &outage.failure, None, caller).await
            }
            Some(_) | None => Err(ErrandError::Waits(until)),
        }
    }

    async fn asked_to_revoke(
        &self,
        account: AccountId,
    ) -> Result<Option<RevocationRow>, DatabaseError> {
        let row = self.database.get(revocations::of_account(account)).await?;
        Ok(row.as_ref().map(revocations::from_row).transpose()?)
    }

    /// Tells the log that a try failed, and says when the next one is. While the provider is known
    /// not to answer there is nothing new to tell: nobody's grant is to blame for it.
    async fn tell_failed(
        &self,
        link: &Link,
        known: &Registration,
        failed: ProviderFailure,
        retry: RetryPolicy,
        caller: &Caller,
    ) -> Result<bool, ErrandError> {
        let now = self.now();
        let asked = self.asked_to_revoke(link.account).await?;
        let asked_at = asked.as_ref().map_or(now, |asked| asked.asked_at);
        let is_probe = known.outage.is_some();
        let is_outage = Sign::of(&failed.failure, failed.status) == Sign::Outage;
        if is_probe && is_outage && now - asked_at <= retry.give_up_after {
            return Err(ErrandError::Provider(failed));
        }
        let rest = self.pace.rest_until(&link.provider, now);
        let attempt = FailedTry {
            at: now,
            failure: &failed.failure,
            attempts: link.revocation.attempts + 1,
            first_at: if is_probe {
                Some(asked_at)
            } else {
                asked.and_then(|asked| asked.failed_since)
            },
            not_before: failed.not_before.max(rest),
            told: !failed.guessed,
        };
        let retry_at = retry.next_try(&attempt, self.ids.fraction());
        let failure = &failed.failure;
        self.not_revoked(link, failure, retry_at, caller).await
    }

    async fn not_revoked(
        &self,
        link: &Link,
        failure: &Failure,
        retry_at: Option<chrono::DateTime<chrono::Utc>>,
        caller: &Caller,
    ) -> Result<bool, ErrandError> {
        let (account, code) = (link.account, failure.code.as_str());
        tracing::info!(account.id = %account, code, parked = retry_at.is_none(), "a grant is not revoked");
        let command = AccountCommand::RecordGrantRevocationFailed {
            failure: failure.clone(),
            retry_at,
        };
        self.dispatch
            .execute::<Account>(&account, command, caller)
            .await?;
        retry_at.map_or(Ok(true), |at| Err(ErrandError::Waits(at)))
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
        let refused = self.revoke_stored(registration, &stored, caller).await?;
        Ok(refused.map_or(Revoked::Done, |failure| {
            Revoked::Expired(stored.access(generation, self.now()), failure)
        }))
    }
}

/// What became of one try to revoke.
enum Revoked {
    /// Nothing is left to revoke.
    Done,
    /// The access token no longer works: the pair is to be refreshed first.
    Expired(Access, ProviderFailure),
}
