//! The publisher: takes what is due at each provider and makes it so, one lane per provider.
//!
//! It decides nothing but when to try next (`domain::retry`, `domain::breaker`): the request is an
//! event, the outcome is an event, and in between it lists before it acts, so a crash is mended by
//! listing again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use domain::ProviderSlug;
use domain::retry::RetryPolicy;
use projections::{Limit, key_placements, provider_list, revocations};
use tokio::task::{Id, JoinSet};

use super::lane::{Lane, REST};
use super::placing::PlacingError;
use crate::app::{App, CommandError};
use crate::database::DatabaseError;

/// Why the publisher cannot go on now.
#[derive(Debug, thiserror::Error)]
pub enum PublisherError {
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// An outcome could not be recorded.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl From<PlacingError> for PublisherError {
    fn from(error: PlacingError) -> Self {
        match error {
            PlacingError::Command(error) => Self::Command(error),
            PlacingError::Database(error) => Self::Database(error),
        }
    }
}

/// What one look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looked {
    /// Whether anything was tried.
    pub moved: bool,
    /// When something is due next, of what is known now.
    pub next_at: Option<DateTime<Utc>>,
}

/// Makes providers agree with the log.
pub struct Publisher {
    app: App,
    retry: RetryPolicy,
    /// Each tells until when its provider is to be left alone.
    lanes: JoinSet<Option<DateTime<Utc>>>,
    /// Whose lane each of them is.
    open: HashMap<Id, ProviderSlug>,
    /// Set when no further key is to be taken up.
    closing: Arc<AtomicBool>,
}

impl Publisher {
    /// Works through `app`, as patient as `retry` says.
    pub fn new(app: App, retry: RetryPolicy) -> Self {
        Self {
            app,
            retry,
            lanes: JoinSet::new(),
            open: HashMap::new(),
            closing: Arc::default(),
        }
    }

    /// Opens a lane for every provider at which something is due.
    pub async fn open_lanes(&mut self) -> Result<Looked, PublisherError> {
        let now = self.app.now();
        let mut looked = Looked {
            moved: false,
            next_at: None,
        };
        for (provider, due_at) in self.due().await? {
            if self.open.values().any(|open| *open == provider) {
                continue;
            }
            let rest = self.app.rest_until(&provider).await?;
            let at = rest.map_or(due_at, |rest| due_at.max(rest));
            if at > now {
                looked.next_at = Some(looked.next_at.map_or(at, |next| next.min(at)));
                continue;
            }
            if let Some(again_at) = self.app.take_lane(&provider).await? {
                let next = looked.next_at.map_or(again_at, |next| next.min(again_at));
                looked.next_at = Some(next);
                continue;
            }
            let lane = Lane {
                app: self.app.clone(),
                retry: self.retry,
                provider: provider.clone(),
                closing: self.closing.clone(),
            };
            let task = self.lanes.spawn(lane.run());
            self.open.insert(task.id(), provider);
            looked.moved = true;
        }
        Ok(looked)
    }

    /// Waits until a lane ends; for ever if none is open.
    pub async fn lane_ended(&mut self) {
        let (task, rest) = match self.lanes.join_next_with_id().await {
            Some(Ok(ended)) => ended,
            // A lane that panicked would at once do so again.
            Some(Err(error)) => {
                tracing::error!(error = %error, "a lane broke off");
                (error.id(), Some(self.app.now() + REST))
            }
            None => return std::future::pending().await,
        };
        if let Some(provider) = self.open.remove(&task)
            && let Some(until) = rest
        {
            self.app.pace.rest(&provider, until);
        }
    }

    /// Lets every lane finish the key it is at, and waits for that.
    pub async fn close(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        while self.is_busy() {
            self.lane_ended().await;
        }
    }

    /// Returns the switch that lets every lane finish what it is at.
    pub(super) fn closing(&self) -> Arc<AtomicBool> {
        self.closing.clone()
    }

    /// Says whether a lane is open.
    pub fn is_busy(&self) -> bool {
        !self.lanes.is_empty()
    }

    async fn due(&self) -> Result<BTreeMap<ProviderSlug, DateTime<Utc>>, PublisherError> {
        let stopped = self.app.database.query(provider_list::stopped()).await?;
        let stopped: HashSet<ProviderSlug> = stopped
            .iter()
            .map(|row| row.parsed(0, "a provider"))
            .collect::<Result<_, _>>()
            .map_err(DatabaseError::from)?;
        let rows = self
            .app
            .database
            .query(key_placements::next_due_by_provider())
            .await?;
        let mut due = BTreeMap::new();
        for row in rows {
            let provider = row.parsed(0, "a provider").map_err(DatabaseError::from)?;
            let at = row.parsed(1, "a time").map_err(DatabaseError::from)?;
            if !stopped.contains(&provider) {
                due.insert(provider, at);
            }
        }
        for row in self.app.database.query(provider_list::out()).await? {
            let provider = row.parsed(0, "a provider").map_err(DatabaseError::from)?;
            if !stopped.contains(&provider)
                && let Some(at) = self.probe_due(&provider, due.get(&provider)).await?
            {
                due.insert(provider, at);
            }
        }
        Ok(due)
    }

    /// Says when a provider that is left alone may be probed: with what is due, or with what its
    /// outage has parked.
    async fn probe_due(
        &self,
        provider: &ProviderSlug,
        due: Option<&DateTime<Utc>>,
    ) -> Result<Option<DateTime<Utc>>, PublisherError> {
        let now = self.app.now();
        let next = self
            .app
            .pace
            .breaker(provider, |breaker| breaker.next_probe_at());
        let may = next.unwrap_or(now);
        if due.is_some_and(|due| *due <= may) {
            return Ok(Some(may));
        }
        let parked = key_placements::is_parked_by_outage(provider);
        let is_parked = !self.app.database.query(parked).await?.is_empty()
            || self.is_revocation_parked(provider, now).await?;
        Ok(if is_parked { Some(may) } else { due.copied() })
    }

    async fn is_revocation_parked(
        &self,
        provider: &ProviderSlug,
        now: DateTime<Utc>,
    ) -> Result<bool, DatabaseError> {
        let one = Limit::new(1).unwrap_or_default();
        let parked = revocations::parked_by_outage(provider, now, None, one);
        Ok(!self.app.database.query(parked).await?.is_empty())
    }
}
