//! How fast each provider may be called: what its tokens wrote and have left, for how long it
//! asked to be left alone, and whether it is there at all.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use domain::breaker::Breaker;
use domain::{AccountId, KeyId, ProviderSlug};
use tokio::sync::OwnedMutexGuard;

use super::ProviderFailure;
use super::lanes::Lanes;

/// The least time between two writes with one token (GitHub, "Best practices for using the REST
/// API": at least one second between requests that change something).
const BETWEEN_WRITES: TimeDelta = TimeDelta::seconds(1);

/// The longest guess of how long a limit lasts whose end nobody named.
const LONGEST_GUESS: TimeDelta = TimeDelta::minutes(15);

/// How many accounts are remembered before those that may write again are forgotten.
const MANY: usize = 10_000;

/// How fast each provider may be called. One per process; what is lost with it is made anew.
#[derive(Clone, Default)]
pub struct Pace(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// When each account's token last wrote.
    wrote: HashMap<AccountId, DateTime<Utc>>,
    /// Until when each account's token has nothing left.
    spent: HashMap<AccountId, DateTime<Utc>>,
    /// Whose key was written to one list a moment ago, and not yet to the other.
    halfway: HashSet<(AccountId, KeyId)>,
    breakers: HashMap<ProviderSlug, Breaker>,
    /// Until when each provider is left alone: it asked for it, or did not answer.
    rests: HashMap<ProviderSlug, DateTime<Utc>>,
    /// Of which providers it is known what they asked for before this process began.
    asked: HashSet<ProviderSlug>,
    /// Whose turn it is to use each account's token.
    turns: HashMap<AccountId, Arc<tokio::sync::Mutex<()>>>,
    /// How often in a row each provider limited us without saying for how long.
    guesses: HashMap<ProviderSlug, u32>,
    /// Whose each provider's lane is.
    lanes: Lanes,
}

impl Pace {
    /// That of one instance among several on one database: it goes by the lanes.
    pub fn of_instance(name: String) -> Self {
        let pace = Self::default();
        pace.lock().lanes.instance = Some(name);
        pace
    }

    /// Returns what this instance is called among several; nothing where it is alone.
    pub fn instance(&self) -> Option<String> {
        self.lock().lanes.instance.clone()
    }

    /// Says whether a lane is ours at least until a time.
    pub(crate) fn has_lane(&self, provider: &ProviderSlug, until: DateTime<Utc>) -> bool {
        self.lock().lanes.has(provider, until)
    }

    /// Says whether a lane was ours when we last asked.
    pub(crate) fn had_lane(&self, provider: &ProviderSlug) -> bool {
        self.lock().lanes.had(provider)
    }

    /// Says when to ask again for a lane that another had a moment ago.
    pub(crate) fn lane_of_another(
        &self,
        provider: &ProviderSlug,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        self.lock().lanes.of_another(provider, now)
    }

    /// Remembers that a lane goes on being ours.
    pub(crate) fn lane_is_ours(&self, provider: &ProviderSlug, until: DateTime<Utc>) {
        self.lock().lanes.is_ours(provider, until);
    }

    /// Remembers that a lane is ours from now on. What we knew of the provider is old: another may
    /// have probed it a moment ago.
    pub(crate) fn lane_is_new(&self, provider: &ProviderSlug, until: DateTime<Utc>) {
        let mut known = self.lock();
        known.lanes.is_ours(provider, until);
        known.breakers.remove(provider);
        known.asked.remove(provider);
    }

    /// Remembers that another has a lane.
    pub(crate) fn lane_is_theirs(&self, provider: &ProviderSlug, again_at: DateTime<Utc>) {
        self.lock().lanes.is_theirs(provider, again_at);
    }

    /// Forgets every lane that is ours; returns which they were.
    pub(crate) fn lanes_given_back(&self) -> Vec<ProviderSlug> {
        self.lock().lanes.given_back()
    }

    /// Says from when on the account may be worked on again, if that is not now.
    pub fn wait_until(&self, account: AccountId, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let known = self.lock();
        let spent = known.spent.get(&account).filter(|until| **until > now);
        let write = known.wrote.get(&account).and_then(|last| {
            let next = *last + BETWEEN_WRITES;
            // A clock that was set back must not hold anybody up.
            (next > now && *last <= now).then_some(next)
        });
        spent.copied().max(write)
    }

    /// Says until when an account's token has nothing left, if it has not.
    pub fn spent_until(&self, account: AccountId, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let known = self.lock();
        known
            .spent
            .get(&account)
            .copied()
            .filter(|until| *until > now)
    }

    /// Waits for the turn to use an account's token: the requests of one token go one after the
    /// other, whoever makes them (GitHub, "Best practices for using the REST API").
    pub async fn turn(&self, account: AccountId) -> OwnedMutexGuard<()> {
        let turn = {
            let turns = &mut self.lock().turns;
            // Whoever waits for a turn holds it too: what nobody else holds can go.
            if turns.len() > MANY {
                turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            }
            turns.entry(account).or_default().clone()
        };
        turn.lock_owned().await
    }

    /// Has a provider left alone until a time, by everybody.
    pub fn rest(&self, provider: &ProviderSlug, until: DateTime<Utc>) {
        let rests = &mut self.lock().rests;
        let rest = rests.entry(provider.clone()).or_insert(until);
        *rest = until.max(*rest);
    }

    /// Says until when a provider is left alone, if it is.
    pub fn rest_until(&self, provider: &ProviderSlug, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let rests = &mut self.lock().rests;
        let until = *rests.get(provider)?;
        if until > now {
            return Some(until);
        }
        rests.remove(provider);
        None
    }

    /// Says whether it is unknown what a provider asked for before this process began.
    pub fn is_new(&self, provider: &ProviderSlug) -> bool {
        !self.lock().asked.contains(provider)
    }

    /// Remembers that it is known by now.
    pub fn is_known(&self, provider: &ProviderSlug) {
        self.lock().asked.insert(provider.clone());
    }

    /// Remembers a write.
    pub fn wrote(&self, account: AccountId, now: DateTime<Utc>) {
        let wrote = &mut self.lock().wrote;
        if wrote.len() > MANY {
            wrote.retain(|_, at| *at + BETWEEN_WRITES > now);
        }
        wrote.insert(account, now);
    }

    /// Remembers that a token has nothing left until a time.
    pub fn spent(&self, account: AccountId, until: DateTime<Utc>, now: DateTime<Utc>) {
        let spent = &mut self.lock().spent;
        if spent.len() > MANY {
            spent.retain(|_, until| *until > now);
        }
        spent.insert(account, until);
    }

    /// Remembers that a key was written to one list, and waits for the other.
    pub fn halfway(&self, account: AccountId, key: KeyId) {
        let halfway = &mut self.lock().halfway;
        if halfway.len() > MANY {
            // Whose other half never came is taken as found there.
            halfway.clear();
        }
        halfway.insert((account, key));
    }

    /// Says whether a key was written to one list a moment ago, and forgets it.
    pub fn was_halfway(&self, account: AccountId, key: KeyId) -> bool {
        self.lock().halfway.remove(&(account, key))
    }

    /// Says until when a provider that limits us is to be left alone: exactly as long as it asks;
    /// where it does not say, twice as long each time.
    pub fn limited(
        &self,
        provider: &ProviderSlug,
        failure: &ProviderFailure,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let until = failure.not_before?;
        if !failure.guessed {
            return Some(until);
        }
        let mut known = self.lock();
        let times = known.guesses.entry(provider.clone()).or_default();
        let grown = (until - now)
            .checked_mul(1 << (*times).min(10))
            .unwrap_or(LONGEST_GUESS);
        *times += 1;
        Some(now + grown.min(LONGEST_GUESS).max(until - now))
    }

    /// Remembers that a provider limits us no longer.
    pub fn went_through(&self, provider: &ProviderSlug) {
        self.lock().guesses.remove(provider);
    }

    /// Asks or tells the breaker of a provider.
    pub fn breaker<T>(&self, provider: &ProviderSlug, with: impl FnOnce(&mut Breaker) -> T) -> T {
        with(self.lock().breakers.entry(provider.clone()).or_default())
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use domain::{Blame, ReasonCode};

    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn account(id: u128) -> AccountId {
        AccountId::new(uuid::Uuid::from_u128(id))
    }

    #[test]
    fn a_token_that_wrote_waits_for_a_second_and_others_do_not() {
        let pace = Pace::default();
        let [ada, bob] = [1, 2].map(account);
        pace.wrote(ada, NOW);
        let next = NOW + TimeDelta::seconds(1);
        assert_eq!(pace.wait_until(ada, NOW), Some(next));
        assert_eq!(pace.wait_until(ada, next), None);
        assert_eq!(pace.wait_until(bob, NOW), None);
    }

    #[test]
    fn a_token_that_has_nothing_left_waits_until_it_has() {
        let pace = Pace::default();
        let [ada, bob] = [1, 2].map(account);
        let reset = NOW + TimeDelta::minutes(10);
        pace.wrote(ada, NOW);
        pace.spent(ada, reset, NOW);
        assert_eq!(pace.wait_until(ada, NOW), Some(reset));
        assert_eq!(pace.wait_until(ada, reset), None);
        assert_eq!(pace.wait_until(bob, NOW), None);
    }

    #[test]
    fn a_clock_that_was_set_back_holds_nobody_up() {
        let pace = Pace::default();
        pace.wrote(account(1), NOW);
        let before = NOW - TimeDelta::hours(1);
        assert_eq!(pace.wait_until(account(1), before), None);
    }

    #[test]
    fn a_provider_is_left_alone_for_the_longest_that_anybody_was_told() {
        let pace = Pace::default();
        let [github, forge]: [ProviderSlug; 2] = ["github", "forge"].map(|it| it.parse().unwrap());
        let [soon, late] = [1, 9].map(|minutes| NOW + TimeDelta::minutes(minutes));
        pace.rest(&github, late);
        pace.rest(&github, soon);
        assert_eq!(pace.rest_until(&github, NOW), Some(late));
        assert_eq!(pace.rest_until(&forge, NOW), None);
        assert_eq!(pace.rest_until(&github, late), None);
        pace.rest(&github, soon);
        assert_eq!(
            pace.rest_until(&github, NOW),
            Some(soon),
            "what is over is over"
        );
    }

    #[tokio::test]
    async fn one_token_is_used_by_one_at_a_time() {
        use futures::FutureExt;
        let pace = Pace::default();
        let turn = pace.turn(account(1)).await;
        assert!(pace.turn(account(1)).now_or_never().is_none());
        assert!(pace.turn(account(2)).now_or_never().is_some());
        drop(turn);
        assert!(pace.turn(account(1)).now_or_never().is_some());
    }

    #[test]
    fn a_limit_is_kept_exactly_as_long_as_asked() {
        let pace = Pace::default();
        let github: ProviderSlug = "github".parse().unwrap();
        let until = NOW + TimeDelta::seconds(120);
        let told = ProviderFailure::new(Blame::Provider, ReasonCode::ProviderRateLimited)
            .not_before(Some(until));
        for _ in 0..3 {
            assert_eq!(pace.limited(&github, &told, NOW), Some(until));
        }
    }

    #[test]
    fn a_limit_without_an_end_lasts_twice_as_long_each_time_until_a_call_goes_through() {
        let pace = Pace::default();
        let github: ProviderSlug = "github".parse().unwrap();
        let limit = || {
            let guess = ProviderFailure::new(Blame::Provider, ReasonCode::ProviderRateLimited)
                .guess(NOW + TimeDelta::seconds(60));
            (pace.limited(&github, &guess, NOW).unwrap() - NOW).num_seconds()
        };
        let waits: Vec<_> = (0..6).map(|_| limit()).collect();
        assert_eq!(waits, [60, 120, 240, 480, 900, 900]);
        pace.went_through(&github);
        assert_eq!(limit(), 60);
    }
}
