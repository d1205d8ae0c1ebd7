//! How fast one account's token may write.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use domain::AccountId;

/// The least time between two writes with one token (GitHub, "Best practices for using the REST
/// API": at least one second between requests that change something).
const BETWEEN_WRITES: TimeDelta = TimeDelta::seconds(1);

/// When each account's token last wrote.
#[derive(Clone, Default)]
pub struct Pace(Arc<Mutex<HashMap<AccountId, DateTime<Utc>>>>);

impl Pace {
    /// Says from when on the account may write again, if that is not now.
    pub fn wait_until(&self, account: AccountId, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let last = self.lock().get(&account).copied()?;
        let next = last + BETWEEN_WRITES;
        // A clock that was set back must not hold anybody up.
        (next > now && last <= now).then_some(next)
    }

    /// Remembers a write.
    pub fn wrote(&self, account: AccountId, now: DateTime<Utc>) {
        let mut last = self.lock();
        if last.len() > 10_000 {
            last.retain(|_, at| *at + BETWEEN_WRITES > now);
        }
        last.insert(account, now);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, DateTime<Utc>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_wrote_waits_for_a_second_and_others_do_not() {
        let pace = Pace::default();
        let [ada, bob] = [1, 2].map(|id| AccountId::new(uuid::Uuid::from_u128(id)));
        let now = DateTime::UNIX_EPOCH;
        pace.wrote(ada, now);
        let next = now + TimeDelta::seconds(1);
        assert_eq!(pace.wait_until(ada, now), Some(next));
        assert_eq!(pace.wait_until(ada, next), None);
        assert_eq!(pace.wait_until(bob, now), None);
    }

    #[test]
    fn a_clock_that_was_set_back_holds_nobody_up() {
        let pace = Pace::default();
        let ada = AccountId::new(uuid::Uuid::from_u128(1));
        pace.wrote(ada, DateTime::UNIX_EPOCH);
        assert_eq!(
            pace.wait_until(ada, DateTime::UNIX_EPOCH - TimeDelta::hours(1)),
            None
        );
    }
}
