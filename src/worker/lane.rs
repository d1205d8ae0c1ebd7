//! One provider's lane: what is due there, oldest first, several accounts at a time.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::breaker::{Admission, Breaker};
use domain::provider::{Provider, Registration};
use domain::retry::RetryPolicy;
use domain::{AccountId, ProviderSlug};
use futures::stream::{FuturesUnordered, StreamExt};
use projections::Limit;
use projections::key_placements::{self, PlacementRow};

use super::placing::Placed;
use super::publisher::PublisherError;
use crate::app::{App, Caller};
use crate::database::DatabaseError;

/// How many accounts are worked on at the same time, each with its own token: an answer that
/// takes long must not be what limits a lane.
const AT_ONCE: usize = 8;

/// How long the projector may take to show an outcome before the lane looks again.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a lane rests after a fault of ours.
pub(super) const REST: TimeDelta = TimeDelta::seconds(5);

/// Of how many placements the next probe is chosen: one that never works must not stand for all.
const CANDIDATES: u32 = 8;

/// One provider's lane.
pub(super) struct Lane {
    pub(super) app: App,
    pub(super) retry: RetryPolicy,
    pub(super) provider: ProviderSlug,
    /// Set when no further key is to be taken up.
    pub(super) closing: Arc<AtomicBool>,
}

/// One way through everything that is due, oldest first.
#[derive(Default)]
struct Pass {
    /// Whether anything was due.
    any: bool,
    /// The index of the last outcome.
    seen: Option<u64>,
    /// When the first of the tokens that must keep still may be used again.
    paced: Option<DateTime<Utc>>,
    /// Until when the provider is to be left alone.
    rest: Option<DateTime<Utc>>,
    /// Whether the last try went well.
    flows: bool,
    /// A fault of ours.
    failed: Option<PublisherError>,
}

impl Lane {
    /// Works until nothing is due, or until the provider is to be left alone; says until when.
    pub(super) async fn run(self) -> Option<DateTime<Utc>> {
        match self.work().await {
            Ok(rest) => {
                if let Some(until) = rest {
                    self.app.rest_at(&self.provider, until).await;
                }
                rest
            }
            Err(error) => {
                tracing::error!(provider.slug = %self.provider, error = %error, "a lane rests");
                Some(self.app.now() + REST)
            }
        }
    }

    async fn work(&self) -> Result<Option<DateTime<Utc>>, PublisherError> {
        let (state, _) = self.app.dispatch.load::<Provider>(&self.provider).await?;
        let Some(registration) = state.registration() else {
            return Ok(None);
        };
        let caller = Caller::system("publisher", self.app.new_id(), None);
        match self.app.admit(registration, &caller).await? {
            Admission::Free => self.flow().await,
            Admission::NotBefore(at) => Ok(Some(at)),
            Admission::Probe { number, .. } => {
                let rest = self.probe(registration, number, &caller).await?;
                if rest.is_some() || self.is_closing() {
                    return Ok(rest);
                }
                self.flow().await
            }
        }
    }

    /// Works as ever.
    async fn flow(&self) -> Result<Option<DateTime<Utc>>, PublisherError> {
        // One first: if that fails, all would. Then twice as many with each that works.
        let mut width = 1;
        loop {
            let pass = self.pass(&mut width).await?;
            if let Some(error) = pass.failed {
                return Err(error);
            }
            let shown = self.wait_for(pass.seen).await;
            if let Some(rest) = pass.rest {
                return Ok(Some(rest));
            }
            if !pass.any || self.is_closing() {
                return Ok(None);
            }
            // Otherwise the next pass would be this one again.
            if !shown {
                return Ok(Some(pass.paced.unwrap_or_else(|| self.app.now() + REST)));
            }
        }
    }

    /// Goes once through what is due. What is under way when the provider wants to be left alone
    /// is brought to its end.
    async fn pass(&self, width: &mut usize) -> Result<Pass, PublisherError> {
        let mut pass = Pass::default();
        let mut due = Due::default();
        let mut busy: HashSet<AccountId> = HashSet::new();
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < *width && pass.goes_on() && !self.is_closing() {
                // A look may have been told meanwhile to leave the provider alone.
                if let Some(until) = self.app.pace.rest_until(&self.provider, self.app.now()) {
                    pass.rest = pass.rest.max(Some(until));
                    break;
                }
                if let Some(again_at) = self.app.take_lane(&self.provider).await? {
                    pass.rest = pass.rest.max(Some(again_at));
                    break;
                }
                let Some(item) = due.next(self).await? else {
                    break;
                };
                pass.any = true;
                if let Some(until) = self.app.pace.wait_until(item.account, self.app.now()) {
                    pass.keep_still(until);
                } else if busy.insert(item.account) {
                    // An account's second key waits for the next pass.
                    running.push(
                        async move { (item.account, self.app.place(&item, self.retry).await) },
                    );
                }
            }
            let Some((account, placed)) = running.next().await else {
                return Ok(pass);
            };
            busy.remove(&account);
            match placed {
                Ok(placed) => pass.take(placed, width),
                Err(error) => pass.failed = Some(error.into()),
            }
        }
    }

    /// Asks once whether the provider is back; returns until when it is left alone if it is not.
    async fn probe(
        &self,
        registration: &Registration,
        number: u64,
        caller: &Caller,
    ) -> Result<Option<DateTime<Utc>>, PublisherError> {
        let mut candidates = self.candidates().await?;
        if !candidates.is_empty() {
            let turn = usize::try_from(number).unwrap_or_default() % candidates.len();
            candidates.rotate_left(turn);
        }
        for item in candidates {
            let now = self.app.now();
            if self.app.pace.wait_until(item.account, now).is_some() {
                continue;
            }
            let placed = self.app.probe(&item, self.retry).await?;
            let known = |breaker: &mut Breaker| breaker.next_probe_at();
            let Some(next) = self.app.pace.breaker(&self.provider, known) else {
                let index = match placed {
                    Placed::Recorded { index }
                    | Placed::Resting { index, .. }
                    | Placed::Shaken { index, .. } => index,
                    Placed::Stale | Placed::Paced { .. } => None,
                };
                self.wait_for(index).await;
                return Ok(match placed {
                    Placed::Resting { until, .. } | Placed::Shaken { until, .. } => Some(until),
                    Placed::Recorded { .. } | Placed::Stale | Placed::Paced { .. } => None,
                });
            };
            let until = match placed {
                // Nobody was asked.
                Placed::Stale => continue,
                Placed::Recorded { .. } | Placed::Paced { .. } => next,
                Placed::Resting { until, .. } | Placed::Shaken { until, .. } => until.max(next),
            };
            if let Some(outage) = &registration.outage {
                let (app, retry) = (&self.app, self.retry);
                app.park_overdue(&self.provider, &outage.failure, retry)
                    .await?;
            }
            return Ok(Some(until));
        }
        let few = Limit::new(CANDIDATES).unwrap_or_default();
        if self.app.probe_by_leaver(registration, few, caller).await? {
            let known = |breaker: &mut Breaker| breaker.next_probe_at();
            return Ok(self.app.pace.breaker(&self.provider, known));
        }
        self.app.pace.breaker(&self.provider, Breaker::spare);
        Ok(Some(self.app.now() + REST))
    }

    /// Lists what a probe may be made with: what is longest due; if nothing is, what the outage
    /// has parked.
    async fn candidates(&self) -> Result<Vec<PlacementRow>, PublisherError> {
        let (provider, now) = (&self.provider, self.app.now());
        let few = Limit::new(CANDIDATES).unwrap_or_default();
        let due = key_placements::due(provider, now, few);
        let mut rows = self.app.database.query(due).await?;
        if rows.is_empty() {
            let parked = key_placements::parked_by_outage(provider, now, None, few);
            rows = self.app.database.query(parked).await?;
        }
        let items = rows.iter().map(key_placements::from_row);
        Ok(items
            .collect::<Result<_, _>>()
            .map_err(DatabaseError::from)?)
    }

    async fn wait_for(&self, index: Option<u64>) -> bool {
        match index {
            Some(index) => self.app.applied.wait_for(index, PATIENCE).await,
            // Every outcome was stale: the rows are about to change by what made them so.
            None => false,
        }
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }
}

impl Pass {
    fn goes_on(&self) -> bool {
        self.rest.is_none() && self.failed.is_none()
    }

    fn keep_still(&mut self, until: DateTime<Utc>) {
        self.paced = Some(self.paced.map_or(until, |first| first.min(until)));
    }

    fn take(&mut self, placed: Placed, width: &mut usize) {
        match placed {
            Placed::Recorded { index } => {
                self.seen = index.max(self.seen);
                self.flows = true;
                *width = (*width * 2).min(AT_ONCE);
            }
            Placed::Stale => {}
            Placed::Paced { until } => self.keep_still(until),
            Placed::Resting { index, until } => {
                self.seen = index.max(self.seen);
                self.rest = self.rest.max(Some(until));
                *width = 1;
            }
            // One answer that is lost among many that come is no outage: the next one tells.
            Placed::Shaken { index, until } => {
                self.seen = index.max(self.seen);
                if !std::mem::take(&mut self.flows) {
                    self.rest = self.rest.max(Some(until));
                }
                *width = 1;
            }
        }
    }
}

/// What is due, page by page.
#[derive(Default)]
struct Due {
    page: VecDeque<PlacementRow>,
    last: Option<PlacementRow>,
    is_over: bool,
}

impl Due {
    async fn next(&mut self, lane: &Lane) -> Result<Option<PlacementRow>, PublisherError> {
        if self.page.is_empty() && !self.is_over {
            let (provider, now) = (&lane.provider, lane.app.now());
            let limit = Limit::default();
            let after = self.last.as_ref();
            let page = key_placements::due_after(provider, now, after, limit);
            let rows = lane.app.database.query(page).await?;
            self.is_over = rows.len() < limit.rows() as usize;
            let items = rows.iter().map(key_placements::from_row);
            self.page = items
                .collect::<Result<_, _>>()
                .map_err(DatabaseError::from)?;
            self.last = self.page.back().cloned().or(self.last.take());
        }
        Ok(self.page.pop_front())
    }
}
