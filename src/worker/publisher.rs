//! The publisher: takes what is due at each provider and makes it so, one lane per provider.
//!
//! It decides nothing but when to try next (`domain::retry`): the request is an event, the outcome
//! is an event, and in between it lists before it acts, so a crash is mended by listing again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::ProviderSlug;
use domain::retry::RetryPolicy;
use projections::provider_list;
use projections::{Limit, key_placements};
use tokio::task::JoinSet;

use super::placing::{Placed, PlacingError};
use crate::app::{App, CommandError};
use crate::database::DatabaseError;

/// How long the projector may take to show an outcome before the lane looks again.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a lane rests after a fault of ours, in seconds.
const REST: TimeDelta = TimeDelta::seconds(5);

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
    /// Until when each provider is left alone: it asked for it, or did not answer.
    rests: HashMap<ProviderSlug, DateTime<Utc>>,
    lanes: JoinSet<(ProviderSlug, Lane)>,
    busy: HashSet<ProviderSlug>,
    /// Set when no further key is to be taken up.
    closing: Arc<AtomicBool>,
}

/// How a lane ended.
#[derive(Debug, Default)]
struct Lane {
    /// Not to be opened again before this time.
    rest_until: Option<DateTime<Utc>>,
}

impl Publisher {
    /// Works through `app`, as patient as `retry` says.
    pub fn new(app: App, retry: RetryPolicy) -> Self {
        Self {
            app,
            retry,
            rests: HashMap::new(),
            lanes: JoinSet::new(),
            busy: HashSet::new(),
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
            if self.busy.contains(&provider) {
                continue;
            }
            let at = self
                .rests
                .get(&provider)
                .map_or(due_at, |rest| due_at.max(*rest));
            if at > now {
                looked.next_at = Some(looked.next_at.map_or(at, |next| next.min(at)));
                continue;
            }
            self.rests.remove(&provider);
            self.busy.insert(provider.clone());
            let (app, retry, closing) = (self.app.clone(), self.retry, self.closing.clone());
            self.lanes.spawn(async move {
                let lane = run_lane(&app, retry, &provider, &closing).await;
                (provider, lane)
            });
            looked.moved = true;
        }
        Ok(looked)
    }

    /// Waits until a lane ends; for ever if none is open.
    pub async fn lane_ended(&mut self) {
        match self.lanes.join_next().await {
            Some(Ok((provider, lane))) => {
                self.busy.remove(&provider);
                if let Some(until) = lane.rest_until {
                    self.rests.insert(provider, until);
                }
            }
            // A lane that panicked: which one is unknown, so every provider may be opened again.
            Some(Err(error)) => {
                tracing::error!(error = %error, "a lane broke off");
                self.busy.clear();
            }
            None => std::future::pending().await,
        }
    }

    /// Lets every lane finish the key it is at, and waits for that.
    pub async fn close(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        while self.is_busy() {
            self.lane_ended().await;
        }
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
        Ok(due)
    }
}

/// Works at one provider until nothing is due there, or until it wants to be left alone.
async fn run_lane(
    app: &App,
    retry: RetryPolicy,
    provider: &ProviderSlug,
    closing: &AtomicBool,
) -> Lane {
    match work(app, retry, provider, closing).await {
        Ok(lane) => lane,
        Err(error) => {
            tracing::error!(provider.slug = %provider, error = %error, "a lane rests");
            Lane {
                rest_until: Some(app.now() + REST),
            }
        }
    }
}

async fn work(
    app: &App,
    retry: RetryPolicy,
    provider: &ProviderSlug,
    closing: &AtomicBool,
) -> Result<Lane, PublisherError> {
    loop {
        let now = app.now();
        let rows = app
            .database
            .query(key_placements::due(provider, now, Limit::default()))
            .await?;
        if rows.is_empty() {
            return Ok(Lane::default());
        }
        let mut seen = None;
        let mut paced: Option<DateTime<Utc>> = None;
        for row in &rows {
            if closing.load(Ordering::Relaxed) {
                return Ok(Lane::default());
            }
            let item = key_placements::from_row(row).map_err(DatabaseError::from)?;
            let outcome = match app.place(&item, retry).await {
                Ok(outcome) => outcome,
                Err(PlacingError::Command(error)) => return Err(error.into()),
                Err(PlacingError::Database(error)) => return Err(error.into()),
            };
            match outcome {
                Placed::Recorded { index } => seen = index.or(seen),
                Placed::Paced { until } => {
                    paced = Some(paced.map_or(until, |first| first.min(until)));
                }
                Placed::Resting { index, until } => {
                    wait_for(app, index.or(seen)).await;
                    return Ok(Lane {
                        rest_until: Some(until),
                    });
                }
            }
        }
        // Otherwise the next page would be this one again.
        if !wait_for(app, seen).await {
            return Ok(Lane {
                rest_until: Some(paced.unwrap_or_else(|| app.now() + REST)),
            });
        }
    }
}

async fn wait_for(app: &App, index: Option<u64>) -> bool {
    match index {
        Some(index) => app.applied.wait_for(index, PATIENCE).await,
        // Every outcome was stale: the rows are about to change by what made them so.
        None => false,
    }
}
