//! What the front doors may ask for: one file per noun, one method per use case.

pub mod accounts;
pub mod audit;
pub mod breakers;
pub mod by_hand;
pub mod calling;
pub mod campaigns;
pub mod digest;
pub mod dispatch;
pub mod drift;
pub mod flows;
mod fresh;
pub mod grants;
pub mod health;
pub mod hooks;
pub mod host_keys;
pub mod idempotency;
pub mod keys;
pub mod lanes;
pub mod linking;
pub mod looks;
pub mod notices;
pub mod oauth_apps;
pub mod observing;
pub mod offboarding;
pub mod projections;
pub mod providers;
mod redirects;
pub mod replays;
pub mod residue;
pub mod revocations;
pub mod rule;
pub mod secrets;
pub mod settings;
mod signing;
pub mod stops;
pub mod sync;
mod testing;
pub mod tokens;
pub mod webhooks;
pub mod working;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::ClientId;
use tokio::sync::watch;
use url::Url;
use uuid::Uuid;

pub(crate) use dispatch::unless_refused;
pub use dispatch::{Caller, CommandError, Dispatch, Executed};
pub use rule::{CaseError, Rule};

use crate::clock::{Clock, Ids};
use crate::database::Database;
use crate::eventlog::EventLog;
use crate::providers::{Pace, Providers};
use crate::telemetry::metrics::Metrics;
use crate::vault::Vault;

/// Everything a front door is given. Every request clones it many times: one count, whatever it is
/// made of.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What an [`App`] is made of.
#[derive(Clone)]
pub struct Parts {
    /// Executes commands.
    pub dispatch: Dispatch,
    /// The log, for auditors who trust no projection.
    pub log: Arc<dyn EventLog>,
    /// Read models.
    pub database: Arc<dyn Database>,
    /// Sealed secrets.
    pub vault: Arc<Vault>,
    /// The Git servers.
    pub providers: Arc<Providers>,
    /// How far the projections are.
    pub applied: Applied,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids and randomness.
    pub ids: Arc<dyn Ids>,
    /// Where people reach this server.
    pub public_url: Url,
    /// The consumer key of application links for which no admin names another.
    pub consumer_key: ClientId,
    /// What is remembered of tokens.
    pub token_keeper: Arc<tokens::TokenKeeper>,
    /// Which projections are being rebuilt.
    pub rebuilds: Arc<projections::Rebuilds>,
    /// One refresh at a time for each account.
    pub refresh_locks: grants::RefreshLocks,
    /// When each account's token last wrote.
    pub pace: Pace,
    /// Rings when somebody wants a look at what is there.
    pub bell: looks::Bell,
    /// What is counted.
    pub metrics: Metrics,
    /// How the parts fare that tell by themselves.
    pub signs: health::Signs,
}

/// How far the projections are: everything before this index is applied.
#[derive(Debug, Clone)]
pub struct Applied(watch::Receiver<u64>);

impl Applied {
    /// Watches how many events are applied.
    pub fn new(applied: watch::Receiver<u64>) -> Self {
        Self(applied)
    }

    /// Returns how many events are applied.
    pub fn events(&self) -> u64 {
        *self.0.borrow()
    }

    /// Returns a watch that tells when more is applied.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.clone()
    }

    /// Says whether whoever applies them has stopped for good.
    pub fn is_stopped(&self) -> bool {
        self.0.has_changed().is_err()
    }

    /// Waits until the event at `index` is applied, at most `patience`; says whether it is.
    pub async fn wait_for(&self, index: u64, patience: Duration) -> bool {
        let mut applied = self.0.clone();
        tokio::time::timeout(patience, applied.wait_for(|events| *events > index))
            .await
            .is_ok_and(|seen| seen.is_ok())
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Puts it together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Returns the time now.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Makes an id.
    pub fn new_id(&self) -> Uuid {
        self.ids.v7(self.now())
    }
}
