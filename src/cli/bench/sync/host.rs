//! Git servers in the same process: they take their time, allow so many calls per minute, and
//! may be away.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use domain::reconcile::GoodFor;
use domain::{Blame, ReasonCode};
use tokio::sync::oneshot;

use crate::providers::{
    Added, Begun, Came, Finding, GitProvider, GrantVerdict, Identity, NewKey, OauthApp,
    ProviderFailure, RemoteKey, RemoteKeyId, Tokens, Wants,
};
use crate::vault::Secret;

/// How long who calls a provider that is away waits for nothing.
const NO_ANSWER: TimeDelta = TimeDelta::seconds(5);

/// Of so many keys that are added, one answer is lost on its way back.
const LOSSES: u64 = 100;

/// Every server, and the time.
#[derive(Clone)]
pub(super) struct Hosts(Arc<Mutex<World>>);

struct World {
    now: DateTime<Utc>,
    latency: TimeDelta,
    hosts: BTreeMap<&'static str, Host>,
    /// Answers on their way, the next one first.
    waiting: BinaryHeap<Reverse<(DateTime<Utc>, u64)>>,
    wakers: HashMap<u64, oneshot::Sender<()>>,
    calls: u64,
}

/// One server.
#[derive(Clone)]
pub(super) struct Host {
    name: &'static str,
    per_minute: u32,
    away_until: Option<DateTime<Utc>>,
    accounts: HashMap<String, Account>,
    /// How many calls each minute served.
    minutes: BTreeMap<DateTime<Utc>, u32>,
    limited: u64,
    added: u64,
    idle: u64,
    /// When it was called while it was away.
    missed: Vec<DateTime<Utc>>,
    whole_at: Option<DateTime<Utc>>,
}

/// What one account has.
#[derive(Clone, Default)]
struct Account {
    keys: Vec<(u64, String, String)>,
    /// Whether whoever called last knows that the key is there.
    is_known: bool,
}

impl Host {
    pub(super) fn new(
        name: &'static str,
        per_minute: u32,
        away_until: Option<DateTime<Utc>>,
    ) -> Self {
        Self {
            name,
            per_minute,
            away_until,
            accounts: HashMap::new(),
            minutes: BTreeMap::new(),
            limited: 0,
            added: 0,
            idle: 0,
            missed: Vec::new(),
            whole_at: None,
        }
    }

    pub(super) fn keys(&self) -> u64 {
        self.added
    }

    /// Says whether it holds everybody's key, and whoever put it there knows that.
    fn is_whole(&self) -> bool {
        self.accounts.values().all(|account| account.is_known)
    }

    pub(super) fn served(&self) -> u64 {
        self.minutes.values().map(|calls| u64::from(*calls)).sum()
    }

    pub(super) fn limited(&self) -> u64 {
        self.limited
    }

    pub(super) fn probes(&self) -> u64 {
        self.missed.len() as u64
    }

    pub(super) fn doubled(&self) -> u64 {
        self.accounts
            .values()
            .filter(|account| account.keys.len() > 1)
            .count() as u64
    }

    pub(super) fn idle_calls(&self) -> u64 {
        self.idle
    }

    /// Returns how long it took from the first call that was served to the last key.
    pub(super) fn minutes(&self) -> Option<f64> {
        let (first, last) = (self.minutes.keys().next()?, self.whole_at?);
        Some((last - *first).as_seconds_f64() / 60.0)
    }

    /// Returns how much of what it allowed was used, in the minutes in which there was enough to
    /// do from their beginning to their end.
    pub(super) fn share(&self) -> Option<f64> {
        let last = minute(self.whole_at?);
        let busy: Vec<u32> = self
            .minutes
            .iter()
            .skip(1)
            .take_while(|(begin, _)| **begin < last)
            .map(|(_, calls)| *calls)
            .collect();
        let (first, end) = (self.minutes.keys().nth(1)?, last);
        // Minutes without a single call count too.
        let minutes = (end - *first).num_minutes();
        let used: u32 = busy.iter().sum();
        (minutes > 0).then(|| f64::from(used) / (f64::from(self.per_minute) * as_float(minutes)))
    }

    /// Returns the least time between two calls while it was away and known to be, in seconds.
    pub(super) fn closest_probes(&self) -> Option<f64> {
        let known = *self.missed.first()? + TimeDelta::minutes(2);
        let probes = self.missed.windows(2).filter(|pair| pair[0] >= known);
        let gaps = probes.map(|pair| (pair[1] - pair[0]).as_seconds_f64());
        gaps.min_by(f64::total_cmp)
    }

    /// Takes a call, or refuses it.
    fn admit(&mut self, token: &str, now: DateTime<Utc>) -> Result<&mut Account, ProviderFailure> {
        if self.away_until.is_some_and(|until| now < until) {
            self.missed.push(now);
            return Err(away());
        }
        let minute = minute(now);
        let served = self.minutes.entry(minute).or_default();
        if *served >= self.per_minute {
            self.limited += 1;
            let limited = ProviderFailure::new(Blame::Provider, ReasonCode::ProviderRateLimited);
            return Err(limited
                .status(429)
                .not_before(Some(minute + TimeDelta::minutes(1))));
        }
        *served += 1;
        let account = self.accounts.get_mut(token).ok_or_else(|| {
            ProviderFailure::new(Blame::Grant, ReasonCode::GrantRevoked).grant(GrantVerdict::Lost)
        })?;
        if account.is_known {
            self.idle += 1;
        }
        Ok(account)
    }

    fn list(&mut self, token: &str, now: DateTime<Utc>) -> Result<Vec<RemoteKey>, ProviderFailure> {
        let account = self.admit(token, now)?;
        account.is_known |= !account.keys.is_empty();
        let keys: Vec<RemoteKey> = account.keys.iter().filter_map(remote).collect();
        if !keys.is_empty() {
            self.whole_at = Some(now);
        }
        Ok(keys)
    }

    /// Adds a key, twice if it is asked twice.
    fn add(
        &mut self,
        token: &str,
        new: &NewKey<'_>,
        now: DateTime<Utc>,
    ) -> Result<Added, ProviderFailure> {
        let id = self.added + 1;
        let account = self.admit(token, now)?;
        let key = (id, new.title.to_owned(), new.key.line.clone());
        let there = remote(&key).ok_or_else(away)?;
        account.keys.push(key);
        let is_lost = id.is_multiple_of(LOSSES);
        account.is_known = !is_lost;
        self.added = id;
        self.whole_at = Some(now);
        if is_lost {
            return Err(away());
        }
        Ok(Added::Created(there))
    }
}

fn away() -> ProviderFailure {
    ProviderFailure::new(Blame::Provider, ReasonCode::ProviderUnreachable)
}

fn remote((id, title, line): &(u64, String, String)) -> Option<RemoteKey> {
    Some(RemoteKey {
        id: RemoteKeyId::new(id.to_string())?,
        title: title.clone(),
        line: line.clone(),
        expires_at: None,
        good_for: GoodFor::SigningIn,
    })
}

fn minute(time: DateTime<Utc>) -> DateTime<Utc> {
    time.duration_trunc(TimeDelta::minutes(1)).unwrap_or(time)
}

#[expect(clippy::cast_precision_loss, reason = "minutes of some days")]
fn as_float(minutes: i64) -> f64 {
    minutes as f64
}

impl Hosts {
    pub(super) fn new(now: DateTime<Utc>, latency: u32, hosts: [Host; 3]) -> Self {
        Self(Arc::new(Mutex::new(World {
            now,
            latency: TimeDelta::milliseconds(latency.into()),
            hosts: hosts.into_iter().map(|host| (host.name, host)).collect(),
            waiting: BinaryHeap::new(),
            wakers: HashMap::new(),
            calls: 0,
        })))
    }

    /// Opens an account.
    pub(super) fn open(&self, name: &str, token: String) {
        if let Some(host) = self.lock().hosts.get_mut(name) {
            host.accounts.insert(token, Account::default());
        }
    }

    /// Returns a server as it is now.
    ///
    /// # Panics
    ///
    /// If there is none of that name.
    pub(super) fn of(&self, name: &str) -> Host {
        self.lock().hosts[name].clone()
    }

    /// Says whether a server holds everybody's key.
    pub(super) fn is_whole(&self, name: &str) -> bool {
        self.lock().hosts.get(name).is_some_and(Host::is_whole)
    }

    /// Says when the next answer arrives.
    pub(super) fn next_answer(&self) -> Option<DateTime<Utc>> {
        self.lock().waiting.peek().map(|Reverse((at, _))| *at)
    }

    /// Moves the time, and lets every answer arrive that is due.
    pub(super) fn arrive(&self, now: DateTime<Utc>) {
        let mut world = self.lock();
        world.now = now;
        while let Some(Reverse((at, call))) = world.waiting.peek().copied()
            && at <= now
        {
            world.waiting.pop();
            if let Some(waker) = world.wakers.remove(&call) {
                // Whoever went away is not told.
                let _ = waker.send(());
            }
        }
    }

    /// Makes a call: it takes effect at once, and the answer takes its time.
    async fn call<T>(
        &self,
        app: &OauthApp,
        access: &Secret,
        work: impl FnOnce(&mut Host, &str, DateTime<Utc>) -> Result<T, ProviderFailure> + Send,
    ) -> Result<T, ProviderFailure> {
        let (answer, arrives) = {
            let mut world = self.lock();
            let (now, call) = (world.now, world.calls);
            let host = world.hosts.get_mut(app.provider.as_str());
            let answer = work(host.ok_or_else(away)?, access.expose_str(), now);
            let silent = answer
                .as_ref()
                .is_err_and(|failure| failure.failure.code == ReasonCode::ProviderUnreachable);
            let at = now + if silent { NO_ANSWER } else { world.latency };
            let (waker, arrives) = oneshot::channel();
            world.calls += 1;
            world.waiting.push(Reverse((at, call)));
            world.wakers.insert(call, waker);
            (answer, arrives)
        };
        arrives.await.map_err(|_| away())?;
        answer
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nothing but keys: the people are linked, and stay so.
fn not_here() -> ProviderFailure {
    ProviderFailure::new(Blame::Us, ReasonCode::Internal)
}

#[async_trait]
impl GitProvider for Hosts {
    fn scopes(&self, _: Wants) -> &'static [&'static str] {
        &["keys"]
    }

    fn missing_scopes(&self, _: Wants, _: Option<&[String]>) -> Vec<String> {
        Vec::new()
    }

    async fn begin(&self, _: &OauthApp, _: &str) -> Result<Begun, ProviderFailure> {
        Err(not_here())
    }

    fn turned_away(&self, _: &str) -> ProviderFailure {
        not_here()
    }

    async fn exchange(
        &self,
        _: &OauthApp,
        _: &Came,
        _: Option<&Secret>,
    ) -> Result<Tokens, ProviderFailure> {
        Err(not_here())
    }

    async fn refresh(&self, _: &OauthApp, _: &Tokens) -> Result<Tokens, ProviderFailure> {
        Err(not_here())
    }

    async fn identify(&self, _: &OauthApp, _: &Secret) -> Result<Identity, ProviderFailure> {
        Err(not_here())
    }

    async fn list_keys(
        &self,
        app: &OauthApp,
        access: &Secret,
    ) -> Result<Vec<RemoteKey>, ProviderFailure> {
        self.call(app, access, Host::list).await
    }

    async fn add_key(
        &self,
        app: &OauthApp,
        access: &Secret,
        new: &NewKey<'_>,
    ) -> Result<Added, ProviderFailure> {
        self.call(app, access, |host, token, now| host.add(token, new, now))
            .await
    }

    async fn remove_key(
        &self,
        _: &OauthApp,
        _: &Secret,
        _: &RemoteKeyId,
    ) -> Result<bool, ProviderFailure> {
        Err(not_here())
    }

    async fn revoke(&self, _: &OauthApp, _: &Tokens) -> Result<(), ProviderFailure> {
        Err(not_here())
    }

    async fn test(&self, _: &OauthApp) -> Vec<Finding> {
        Vec::new()
    }
}
