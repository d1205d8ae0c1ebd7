//! What a try came to, told to the log.

use chrono::{DateTime, TimeDelta, Utc};
use domain::account::{Account, AccountCommand};
use domain::breaker::{BETWEEN_PROBES, Sign};
use domain::retry::{FailedTry, RetryPolicy};
use domain::{Blame, Failure, ProviderSlug, ReasonCode};
use projections::Limit;
use projections::key_placements::{self, PlacementRow, Wanted};

use super::{Outcome, Placed, PlacingError, Try};
use crate::app::grants::lost;
use crate::app::{App, Caller, CommandError, Executed};
use crate::database::DatabaseError;
use crate::providers::ProviderFailure;

/// How long a provider is left alone at most when its registration does not work.
const APP_REST: TimeDelta = TimeDelta::minutes(1);

impl Try<'_> {
    pub(super) async fn execute(
        &self,
        command: AccountCommand,
    ) -> Result<Executed<Account>, CommandError> {
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
            return Ok(Placed::Stale);
        }
        let failure = lost(ReasonCode::GrantRevoked);
        let (account, generation) = (self.link.account, self.link.generation());
        self.app
            .record_grant_lost(account, generation, &failure, &self.caller)
            .await?;
        self.record_failure(&failure, Sign::Nothing, retry).await
    }

    pub(super) async fn record_failure(
        &self,
        failed: &ProviderFailure,
        sign: Sign,
        retry: RetryPolicy,
    ) -> Result<Placed, PlacingError> {
        let (now, provider) = (self.app.now(), &self.link.provider);
        // What the provider named counts for everybody there; what we guess, for this key alone.
        let named = failed.not_before.filter(|_| !failed.guessed);
        if self.is_probe && sign == Sign::Outage && !is_overdue(self.item, retry, now) {
            let next = self
                .app
                .pace
                .breaker(provider, |known| known.next_probe_at());
            let until = next.unwrap_or(now).max(named.unwrap_or(now));
            return Ok(Placed::Resting { index: None, until });
        }
        let failure = failed.failure.clone();
        let not_before = match failure.code {
            ReasonCode::ProviderRateLimited => self.app.pace.limited(provider, failed, now),
            _ => failed.not_before,
        };
        let attempt = FailedTry {
            at: now,
            failure: &failure,
            attempts: self.item.attempts + 1,
            // A pause before the first try counts for nothing. A probe waited for its turn, and
            // that outage has an end of its own.
            first_at: if self.is_probe {
                Some(self.item.requested_at)
            } else {
                self.item.failed_since
            },
            not_before,
            told: !failed.guessed,
        };
        let retry_at = retry.next_try(&attempt, self.app.ids.fraction());
        let until = match (failure.blame, failure.code) {
            // A limit is everybody's, and kept exactly: this key alone waits for longer.
            (Blame::Provider, ReasonCode::ProviderRateLimited) => {
                Some(not_before.unwrap_or(now + retry.first).max(now))
            }
            // A new token that is refused is one account's, and the next has another.
            (Blame::Provider, _) if failed.status == Some(401) => None,
            // The next key would probably fail the same way, but no key holds up all others for
            // as long as itself.
            (Blame::Provider, _) => {
                let rest = retry_at.unwrap_or(now + retry.first);
                Some(rest.min(now + BETWEEN_PROBES).max(named.unwrap_or(now)))
            }
            // An admin mends it at any time, and does not want to wait for long after that.
            (Blame::App, _) => {
                let rest = retry_at.or(not_before).unwrap_or(now + retry.first);
                Some(rest.max(now).min(now + APP_REST))
            }
            (Blame::Grant | Blame::Us, _) => None,
        };
        let is_guess = failure.blame == Blame::Provider
            && failure.code != ReasonCode::ProviderRateLimited
            && named.is_none();
        let index = self
            .execute(failing(self.item, failure, retry_at))
            .await?
            .index;
        Ok(match until {
            Some(until) if is_guess => Placed::Shaken { index, until },
            Some(until) => Placed::Resting { index, until },
            None => Placed::Recorded { index },
        })
    }
}

/// Says whether a key has waited for so long that no other try is to be made.
fn is_overdue(item: &PlacementRow, retry: RetryPolicy, now: DateTime<Utc>) -> bool {
    item.due_at.is_some() && now - item.requested_at > retry.give_up_after
}

/// Reports that a key could not be placed.
fn failing(
    item: &PlacementRow,
    failure: Failure,
    retry_at: Option<DateTime<Utc>>,
) -> AccountCommand {
    let key = item.key;
    match item.wanted {
        Wanted::Present => AccountCommand::RecordKeyPublicationFailed {
            key,
            failure,
            retry_at,
        },
        Wanted::Absent => AccountCommand::RecordKeyWithdrawalFailed {
            key,
            failure,
            retry_at,
        },
    }
}

impl App {
    /// Parks what a try broke off at.
    pub(super) async fn park_broken(&self, item: &PlacementRow) -> Result<Placed, PlacingError> {
        tracing::error!(
            account.id = %item.account, provider.slug = %item.provider, "a try broke off"
        );
        let caller = Caller::system("publisher", item.correlation, Some(item.request));
        // What the panic said may hold anything: it stays on standard error.
        let failure = Failure::new(Blame::Us, ReasonCode::Internal, Some("a try broke off"));
        let executed = self
            .dispatch
            .execute::<Account>(&item.account, failing(item, failure, None), &caller)
            .await?;
        Ok(Placed::Recorded {
            index: executed.index,
        })
    }

    /// Parks what an outage has held up for too long, a page of it, with the outage as its cause.
    /// The outage counts as one try, however long it lasts.
    pub async fn park_overdue(
        &self,
        provider: &ProviderSlug,
        outage: &Failure,
        retry: RetryPolicy,
    ) -> Result<Option<u64>, PlacingError> {
        let before = self.now() - retry.give_up_after;
        let rows = key_placements::overdue(provider, before, Limit::default());
        let mut index = None;
        for row in self.database.query(rows).await? {
            let item = key_placements::from_row(&row).map_err(DatabaseError::from)?;
            let caller = Caller::system("publisher", item.correlation, Some(item.request));
            let command = failing(&item, outage.clone(), None);
            let executed = self
                .dispatch
                .execute::<Account>(&item.account, command, &caller)
                .await?;
            index = executed.index.or(index);
        }
        Ok(index)
    }
}
