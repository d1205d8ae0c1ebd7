//! What was exchanged and not linked is given back: revoked at the provider, then destroyed here.
//!
//! At once where a link is refused, and by the sweep where that failed, or where nobody was left to
//! do it. An outage is waited for, but not for ever: what cannot be revoked is destroyed all the
//! same, and the log says what stays there.

use chrono::{DateTime, TimeDelta, Utc};
use domain::provider::{Provider, ProviderCommand, Registration};
use domain::{AccountId, Blame, Failure, ProviderSlug, ReasonCode, SecretRef};

use super::attempt::may_have_replaced;
use super::exchanged::Exchanged;
use super::{AccessError, StoredTokens, unknown_yet};
use crate::app::calling::{CallError, Halt};
use crate::app::{App, Caller, CommandError};
use crate::providers::{GrantVerdict, ProviderFailure, Tokens};

/// How long the first wait is after a try that came to nothing; doubled each time.
const FIRST: TimeDelta = TimeDelta::minutes(1);

/// The longest wait, unless the provider asks for more.
const LONGEST: TimeDelta = TimeDelta::hours(1);

/// How long it is tried. Then the tokens are destroyed, and what stays there is told.
const MOST: TimeDelta = TimeDelta::days(30);

impl App {
    /// Gives tokens back that a person has just brought, and that are not linked. What does not
    /// come about is left to the sweep.
    pub(in crate::app) async fn hand_back(
        &self,
        registration: &Registration,
        secret: SecretRef,
        tokens: &Tokens,
        caller: &Caller,
    ) {
        let tried = self.hand_back_now(registration, secret, tokens, caller);
        if let Err(error) = tried.await {
            tracing::warn!(provider.slug = %registration.provider, %error, "tokens are given back later");
        }
        self.bell.ring();
    }

    async fn hand_back_now(
        &self,
        registration: &Registration,
        secret: SecretRef,
        tokens: &Tokens,
        caller: &Caller,
    ) -> Result<(), CommandError> {
        let Some(row) = self.take_exchanged(secret).await? else {
            return Ok(());
        };
        // Nobody else makes this link: it was refused, or came about and something after it failed.
        if self.is_linked_with(&row).await? {
            self.forget_exchanged(secret).await;
            return Ok(());
        }
        // A link took the tokens over before it failed: what it had before is here instead.
        if let Ok((stored, _)) = self.stored_tokens(secret).await
            && !stored.are(tokens)
        {
            self.put_off(&row, self.now()).await?;
            return Ok(());
        }
        let revoked = self.with_app(registration, caller, |adapter, oauth| async move {
            adapter.revoke(&oauth, tokens).await
        });
        let revoked = revoked.await.map_err(CallError::Access);
        self.settle_exchanged(&row, revoked, caller).await
    }

    /// Gives the tokens back that are due longest at a provider, if any are.
    pub async fn give_back_due(&self, provider: &ProviderSlug) -> Result<(), CommandError> {
        let Some(row) = self.take_due(provider).await? else {
            return Ok(());
        };
        let caller = Caller::system("sweep", self.new_id(), None);
        if self.give_link_up(&row, &caller).await? {
            self.forget_exchanged(row.secret).await;
            return Ok(());
        }
        let done = match self.registered(provider).await {
            Ok(known) => {
                // The turn is the account's; tokens of which nobody knows whose they are have their own.
                let turn = row.account.unwrap_or(AccountId::new(row.secret.uuid()));
                let revoking = Box::pin(self.revoke_exchanged(&known, row.secret, &caller));
                self.call_in_turn(&known, turn, &caller, revoking).await
            }
            Err(AccessError::Provider(failure)) => {
                return self.leave(&row, failure.failure, &caller).await;
            }
            Err(error) => Err(error.into()),
        };
        self.settle_exchanged(&row, done, &caller).await
    }

    /// Revokes tokens that nobody uses. Where the access token no longer works, the refresh token
    /// lives on: the next pair is got first, and kept before it is used.
    async fn revoke_exchanged(
        &self,
        registration: &Registration,
        secret: SecretRef,
        caller: &Caller,
    ) -> Result<(), AccessError> {
        let (stored, generation) = self.stored_tokens(secret).await?;
        if self
            .revoke_stored(registration, &stored, caller)
            .await?
            .is_none()
        {
            return Ok(());
        }
        let tokens = &stored.tokens();
        let attempt = self.begin_attempt(secret, generation).await?;
        let refreshed = self.with_app(registration, caller, |adapter, oauth| async move {
            adapter.refresh(&oauth, tokens).await
        });
        let next = match refreshed.await {
            Ok(tokens) => tokens,
            // Revoked already, or used up. If an answer was lost on its way, somebody may have it.
            Err(AccessError::Provider(failure)) if failure.grant == GrantVerdict::Lost => {
                let failure = attempt.explain(failure);
                return if failure.failure.code == ReasonCode::GrantLostRotation {
                    Err(failure.into())
                } else {
                    Ok(())
                };
            }
            Err(AccessError::Provider(failure)) if !may_have_replaced(&failure) => {
                self.end_attempt(secret).await;
                return Err(failure.into());
            }
            Err(error) => return Err(error),
        };
        let mut next = StoredTokens::new(&next, self.now());
        next.refresh = next.refresh.or(stored.refresh);
        self.vault
            .replace(secret, generation, &next.to_secret())
            .await?;
        self.end_attempt(secret).await;
        match self.revoke_stored(registration, &next, caller).await? {
            None => Ok(()),
            Some(failure) => Err(unknown_yet(&failure).into()),
        }
    }

    /// Revokes a pair; returns the refusal where its access token no longer works.
    pub(crate) async fn revoke_stored(
        &self,
        registration: &Registration,
        stored: &StoredTokens,
        caller: &Caller,
    ) -> Result<Option<ProviderFailure>, AccessError> {
        let tokens = &stored.tokens();
        let revoked = self.with_app(registration, caller, |adapter, oauth| async move {
            adapter.revoke(&oauth, tokens).await
        });
        match revoked.await {
            Ok(()) => Ok(None),
            Err(AccessError::Provider(failure)) if failure.grant == GrantVerdict::Expired => {
                Ok(Some(failure))
            }
            Err(error) => Err(error),
        }
    }

    /// Does what a try to give tokens back asks for.
    async fn settle_exchanged(
        &self,
        row: &Exchanged,
        done: Result<(), CallError>,
        caller: &Caller,
    ) -> Result<(), CommandError> {
        let now = self.now();
        match done {
            Ok(()) | Err(CallError::Access(AccessError::NoTokens)) => {
                self.end_exchanged(row.secret).await
            }
            Err(CallError::Halted(Halt::Stopped)) => {
                self.later(row, now + LONGEST, halted(), caller).await
            }
            Err(CallError::Halted(Halt::Resting(until) | Halt::Down(until))) => {
                self.later(row, until, halted(), caller).await
            }
            Err(CallError::Access(AccessError::Command(error))) => Err(error),
            // Somebody else's, and no wait helps. A token that is not known yet is known soon.
            Err(CallError::Access(AccessError::Provider(failed)))
                if failed.failure.blame == Blame::Grant
                    && failed.grant != GrantVerdict::Expired =>
            {
                self.leave(row, failed.failure, caller).await
            }
            Err(CallError::Access(AccessError::Provider(failed))) => {
                let next = now + wait(row.tries);
                let until = failed.not_before.map_or(next, |asked| asked.max(next));
                self.later(row, until, failed.failure, caller).await
            }
        }
    }

    /// Has it tried again, unless it was tried for long enough.
    async fn later(
        &self,
        row: &Exchanged,
        until: DateTime<Utc>,
        failure: Failure,
        caller: &Caller,
    ) -> Result<(), CommandError> {
        if self.now() - row.since >= MOST {
            return self.leave(row, failure, caller).await;
        }
        let code = failure.code.as_str();
        tracing::info!(provider.slug = %row.provider, code, "tokens are given back later");
        self.put_off(row, until).await?;
        Ok(())
    }

    /// Tells what stays at the provider, and destroys the tokens.
    async fn leave(
        &self,
        row: &Exchanged,
        failure: Failure,
        caller: &Caller,
    ) -> Result<(), CommandError> {
        let words = failure.detail.as_deref();
        let caller = Caller {
            reason: Some(words.unwrap_or(failure.code.as_str()).to_owned()),
            ..caller.clone()
        };
        let command = ProviderCommand::RecordGrantLeft {
            provider: row.provider.clone(),
            user: row.user.clone(),
            account: row.account,
            failure,
        };
        self.dispatch
            .execute::<Provider>(&row.provider, command, &caller)
            .await?;
        self.end_exchanged(row.secret).await
    }
}

/// Says that nobody could be asked.
fn halted() -> Failure {
    let words = "the provider is paused, disabled, or does not answer";
    Failure::new(
        Blame::Provider,
        ReasonCode::ProviderUnreachable,
        Some(words),
    )
}

/// Returns how long to wait after so many tries.
fn wait(tries: u64) -> TimeDelta {
    let doubled = u32::try_from(tries.saturating_sub(1)).unwrap_or(u32::MAX);
    let wait = FIRST.checked_mul(1 << doubled.min(10));
    wait.unwrap_or(LONGEST).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_twice_as_long_up_to_an_hour() {
        let minutes = |tries| wait(tries).num_minutes();
        assert_eq!([1, 2, 3, 6, 7, 1_000].map(minutes), [1, 2, 4, 32, 60, 60]);
    }
}
