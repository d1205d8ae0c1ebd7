//! When to try a provider again.

#[cfg(test)]
mod tests;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{Blame, Failure, ReasonCode};

/// How patient the deployment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The wait after the first failure; doubled after each further one.
    pub first: TimeDelta,
    /// The longest wait.
    pub longest: TimeDelta,
    /// The wait where only the provider's administrators can help: an account is blocked.
    pub rarely: TimeDelta,
    /// How many failed tries park a key.
    pub attempts: u32,
    /// How long after the first failure there may be another try.
    pub give_up_after: TimeDelta,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            first: TimeDelta::seconds(1),
            longest: TimeDelta::minutes(15),
            rarely: TimeDelta::hours(6),
            attempts: 12,
            give_up_after: TimeDelta::hours(24),
        }
    }
}

/// A try that failed.
#[derive(Debug, Clone, Copy)]
pub struct FailedTry<'a> {
    /// When it failed.
    pub at: DateTime<Utc>,
    /// Why.
    pub failure: &'a Failure,
    /// How many tries have failed by now, from 1.
    pub attempts: u32,
    /// When the first of them failed; absent if this is the first.
    pub first_at: Option<DateTime<Utc>>,
    /// What the provider asked for: `Retry-After`, a rate limit's reset. For a limit without
    /// either, the provider's documented least wait.
    pub not_before: Option<DateTime<Utc>>,
    /// Whether the provider itself named that time.
    pub told: bool,
}

/// What helps against a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cure {
    /// Time, so that many who failed together are spread over the whole wait.
    Time,
    /// Fewer requests: half of the wait is a floor.
    Quiet,
    /// Somebody outside who may take days and will not tell us.
    Patience,
    /// The person, an admin or an operator: no try helps before that.
    Somebody,
}

impl Cure {
    fn of(failure: &Failure) -> Self {
        use ReasonCode as R;
        match failure.code {
            R::KeyConflictOtherAccount
            | R::KeyTypeNotAllowed
            | R::KeyTooShort
            | R::KeyRejected
            | R::KeyMissingAtProvider
            | R::KeyChangedAtProvider
            | R::KeyExpired
            | R::KeyNotUsable
            | R::KeyWrongType
            | R::KeyNotForSigning
            | R::KeyDuplicate
            | R::ProviderPaused
            | R::KeyForeign
            | R::RemoveByHand
            | R::KeySsoUnauthorized
            | R::KeyOrgRestricted
            | R::ScopeMissing
            | R::GrantRevoked
            | R::GrantExpired
            | R::GrantLostRotation
            | R::IdentityMismatch
            | R::DecryptFailed
            | R::Internal => Self::Somebody,
            R::AccountSuspended => Self::Patience,
            R::AppCredentialsInvalid
            | R::RedirectUriMismatch
            | R::AppSuspended
            | R::AppScopeMissing
            | R::ClockSkew
            | R::ProviderUnreachable
            | R::ProviderTls
            | R::ProviderRateLimited
            | R::ProviderError
            | R::ProviderProtocol => match failure.blame {
                Blame::Grant | Blame::Us => Self::Somebody,
                Blame::App | Blame::Provider if failure.code == R::ProviderRateLimited => {
                    Self::Quiet
                }
                Blame::App | Blame::Provider => Self::Time,
            },
        }
    }
}

impl RetryPolicy {
    /// Decides when to try again; `None` parks.
    ///
    /// `jitter` is drawn evenly from 0 to 1, so that many who failed together do not come back
    /// together. The wait counts from what the provider asked for: asked to slow down again and
    /// again, we do.
    pub fn next_try(&self, failed: &FailedTry<'_>, jitter: f64) -> Option<DateTime<Utc>> {
        let cure = Cure::of(failed.failure);
        // A limit that the provider says the end of is over then, however often and long it lasts:
        // parked, the key would wait for somebody who has nothing to mend.
        let ends = cure == Cure::Quiet && failed.told && failed.not_before.is_some();
        if failed.attempts >= self.attempts && !ends {
            return None;
        }
        let jitter = jitter.clamp(0.0, 1.0);
        let wait = match cure {
            Cure::Time => scale(self.wait(failed.attempts), jitter),
            Cure::Quiet => scale(self.wait(failed.attempts), f64::midpoint(1.0, jitter)),
            Cure::Patience => self.rarely + scale(self.longest, jitter),
            Cure::Somebody => return None,
        };
        let earliest = failed.not_before.unwrap_or(failed.at).max(failed.at);
        let next = earliest.checked_add_signed(wait)?;
        if ends {
            return Some(next);
        }
        let first_at = failed.first_at.unwrap_or(failed.at);
        (next.signed_duration_since(first_at) <= self.give_up_after).then_some(next)
    }

    /// Returns the full wait after failure number `attempts`.
    fn wait(&self, attempts: u32) -> TimeDelta {
        let doublings = attempts.saturating_sub(1).min(30);
        self.first
            .checked_mul(1 << doublings)
            .unwrap_or(self.longest)
            .min(self.longest)
    }
}

fn scale(wait: TimeDelta, share: f64) -> TimeDelta {
    let millis = wait.num_milliseconds();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "a wait is some minutes of milliseconds"
    )]
    let scaled = (millis as f64 * share).round() as i64;
    TimeDelta::milliseconds(scaled)
}
