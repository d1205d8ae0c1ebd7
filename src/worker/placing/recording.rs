//! What came of a try, told to the log.

use chrono::TimeDelta;
use domain::account::{Account, AccountCommand};
use domain::reconcile::Wanted;
use domain::retry::{FailedTry, RetryPolicy};
use domain::{Blame, ReasonCode};

use super::{Outcome, Placed, PlacingError, Try};
use crate::app::grants::lost;
use crate::app::{CommandError, Executed};
use crate::providers::ProviderFailure;

/// How long a provider is left alone at most when its registration does not work.
const APP_REST: TimeDelta = TimeDelta::minutes(1);

impl Try<'_> {
    async fn execute(&self, command: AccountCommand) -> Result<Executed<Account>, CommandError> {
        self.app
            .dispatch
            .execute::<Account>(&self.item.account, command, &self.caller)
            .await
    }

    pub(super) async fn record(&self, outcome: Outcome) -> Result<Placed, PlacingError> {
        let key = self.item.key;
        let command = match outcome {
            Outcome::Present {
                remote,
                presence,
                expires_at,
            } => AccountCommand::RecordKeyPublished {
                key,
                remote_key: Some(remote),
                presence,
                expires_at,
            },
            Outcome::Absent { was_there } => AccountCommand::RecordKeyWithdrawn { key, was_there },
        };
        Ok(Placed::Recorded {
            index: self.execute(command).await?.index,
        })
    }

    /// Without tokens the account was unlinked meanwhile, or they are gone for good: a person was
    /// erased, a backup came back without them.
    pub(super) async fn record_no_tokens(
        &self,
        retry: RetryPolicy,
    ) -> Result<Placed, PlacingError> {
        let (now, _) = self
            .app
            .dispatch
            .load::<Account>(&self.item.account)
            .await?;
        if now.link().is_none_or(|link| link.grant != self.link.grant) {
            return Ok(Placed::Recorded { index: None });
        }
        let failure = lost(ReasonCode::GrantRevoked);
        let (account, generation) = (self.link.account, self.link.generation());
        self.app
            .record_grant_lost(account, generation, &failure, &self.caller)
            .await?;
        self.record_failure(&failure, retry).await
    }

    pub(super) async fn record_failure(
        &self,
        failed: &ProviderFailure,
        retry: RetryPolicy,
    ) -> Result<Placed, PlacingError> {
        let now = self.app.now();
        let failure = failed.failure.clone();
        let attempt = FailedTry {
            at: now,
            failure: &failure,
            attempts: self.item.attempts + 1,
            // Nearly the first failure: a request is tried at once.
            first_at: (self.item.attempts > 0).then_some(self.item.requested_at),
            not_before: failed.not_before,
        };
        let retry_at = retry.next_try(&attempt, self.app.ids.fraction());
        let key = self.item.key;
        // An outage or a limit is everybody's: the next key would only fail the same way.
        let rest = retry_at
            .or(failed.not_before)
            .unwrap_or(now + retry.first)
            .max(now);
        let until = match failure.blame {
            Blame::Provider => Some(rest),
            // An admin mends it at any time, and does not want to wait for long after that.
            Blame::App => Some(rest.min(now + APP_REST)),
            Blame::Grant | Blame::Us => None,
        };
        let command = match self.wanted {
            Wanted::Put | Wanted::Kept => AccountCommand::RecordKeyPublicationFailed {
                key,
                failure,
                retry_at,
            },
            Wanted::Taken | Wanted::Nothing => AccountCommand::RecordKeyWithdrawalFailed {
                key,
                failure,
                retry_at,
            },
        };
        let index = self.execute(command).await?.index;
        Ok(match until {
            Some(until) => Placed::Resting { index, until },
            None => Placed::Recorded { index },
        })
    }
}
