//! When to try a provider again.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{Blame, Failure, ReasonCode};

/// How patient the deployment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The wait after the first failure; doubled after each further one.
    pub first: TimeDelta,
    /// The longest wait.
    pub longest: TimeDelta,
    /// How many failed tries park a key.
    pub attempts: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            first: TimeDelta::seconds(1),
            longest: TimeDelta::minutes(15),
            attempts: 12,
        }
    }
}

impl RetryPolicy {
    /// Decides when to try again after failure number `attempts` (from 1); `None` parks.
    ///
    /// `not_before` is what the provider asked for (`Retry-After`, a rate limit's reset).
    /// `jitter` is drawn evenly from 0 to 1, so that many who failed together do not come back
    /// together: an outage is spread over the whole wait, throttling keeps half of it as a floor.
    pub fn next_try(
        &self,
        now: DateTime<Utc>,
        failure: &Failure,
        attempts: u32,
        not_before: Option<DateTime<Utc>>,
        jitter: f64,
    ) -> Option<DateTime<Utc>> {
        match failure.blame {
            // Only the person, an admin or an operator can mend these.
            Blame::Grant | Blame::Us => return None,
            Blame::App | Blame::Provider => {}
        }
        if attempts >= self.attempts {
            return None;
        }
        let wait = self.wait(attempts);
        let floor = if failure.code == ReasonCode::ProviderRateLimited {
            0.5
        } else {
            0.0
        };
        let share = floor + (1.0 - floor) * jitter.clamp(0.0, 1.0);
        let spread = scale(wait, share);
        Some(match not_before {
            Some(asked) => asked.max(now) + scale(self.first, jitter.clamp(0.0, 1.0)),
            None => now + spread,
        })
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
