//! What a replay of everything looks at: the keys that are in place, as far as the log knows.
//!
//! Where the provider agrees, nothing is recorded; only what is not as it should be is requested
//! again, and so is what could not be looked at: the publisher waits for the provider, a walk does
//! not. A walk that is broken off begins anew: it leaves nothing half done.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::ReplayId;
use domain::replay::ReplayScope;
use projections::key_placements::PlacementStatus;
use projections::replays::ReplayStatus;
use projections::{Limit, key_placements, replays};
use tokio::task::{AbortHandle, JoinSet};

use crate::app::{App, Caller, CommandError};
use crate::database::DatabaseError;

/// How long a walk rests after a fault of ours before it begins anew.
const REST: Duration = Duration::from_secs(1);

/// The walks of replays under way.
#[derive(Default)]
pub(super) struct Checks {
    walks: JoinSet<(ReplayId, Option<u64>)>,
    begun: BTreeMap<ReplayId, AbortHandle>,
    /// How many keys were in place, by replay whose walk has ended.
    in_place: BTreeMap<ReplayId, u64>,
    /// Those whose walk met a fault of ours.
    again: BTreeSet<ReplayId>,
}

impl Checks {
    /// Begins the walk of a replay, if there is none yet.
    pub(super) fn begin(&mut self, app: &App, replay: ReplayId, caller: &Caller) {
        if self.begun.contains_key(&replay) {
            return;
        }
        let (app, caller) = (app.clone(), caller.clone());
        let handle = self.walks.spawn(async move {
            match app.walk(replay, &caller).await {
                Ok(in_place) => (replay, Some(in_place)),
                Err(error) => {
                    tracing::error!(replay.id = %replay, error = %error, "a replay's walk rests");
                    tokio::time::sleep(REST).await;
                    (replay, None)
                }
            }
        });
        self.begun.insert(replay, handle);
    }

    /// Forgets a replay that was stopped, or is over.
    pub(super) fn end(&mut self, replay: ReplayId) {
        if let Some(walk) = self.begun.remove(&replay) {
            walk.abort();
        }
        self.in_place.remove(&replay);
        self.again.remove(&replay);
    }

    /// Returns how many keys a replay found in place, once its walk has ended.
    pub(super) fn in_place(&self, replay: ReplayId) -> Option<u64> {
        self.in_place.get(&replay).copied()
    }

    /// Takes those whose walk has to begin anew.
    pub(super) fn take_again(&mut self) -> BTreeSet<ReplayId> {
        std::mem::take(&mut self.again)
    }

    /// Says whether a walk is under way.
    pub(super) fn is_busy(&self) -> bool {
        !self.walks.is_empty()
    }

    /// Waits until a walk ends; for ever if none is under way.
    pub(super) async fn walk_ended(&mut self) {
        match self.walks.join_next().await {
            // One that was stopped meanwhile is nobody's any more.
            Some(Ok((replay, _))) if !self.begun.contains_key(&replay) => {}
            Some(Ok((replay, Some(in_place)))) => {
                self.in_place.insert(replay, in_place);
            }
            Some(Ok((replay, None))) => {
                self.begun.remove(&replay);
                self.again.insert(replay);
            }
            Some(Err(error)) if error.is_cancelled() => {}
            // A walk that panicked: which one is unknown, so each without an end begins anew.
            Some(Err(error)) => {
                tracing::error!(error = %error, "a replay's walk broke off");
                let ended: Vec<_> = self
                    .begun
                    .iter()
                    .filter(|(_, walk)| walk.is_finished())
                    .map(|(replay, _)| *replay)
                    .filter(|replay| !self.in_place.contains_key(replay))
                    .collect();
                for replay in ended {
                    self.begun.remove(&replay);
                    self.again.insert(replay);
                }
            }
            None => std::future::pending().await,
        }
    }
}

impl App {
    /// Looks at every key that is in place, and requests again what is not; returns how many are.
    async fn walk(&self, replay: ReplayId, caller: &Caller) -> Result<u64, CommandError> {
        let limit = Limit::default();
        let (mut after, mut in_place) = (None, 0);
        loop {
            let Some(scope) = self.running_scope(replay).await? else {
                return Ok(in_place);
            };
            let page = key_placements::in_scope(&scope, Some(replay), after, limit);
            let rows = self.database.query(page).await?;
            let is_last = rows.len() < limit.rows() as usize;
            let rows: Result<Vec<_>, _> = rows.iter().map(key_placements::from_row).collect();
            let mut rows = rows?;
            after = rows.last().map(|row| (row.account, row.key)).or(after);
            // What is unfinished is requested anyway.
            rows.retain(|row| row.status == PlacementStatus::Published);
            let (wrong, right) = self.check_page(&scope.provider, rows, caller).await?;
            in_place += right;
            for row in wrong {
                self.request_again(replay, &row, caller).await?;
            }
            if is_last {
                return Ok(in_place);
            }
        }
    }

    async fn running_scope(&self, replay: ReplayId) -> Result<Option<ReplayScope>, DatabaseError> {
        let Some(row) = self.database.get(replays::by_id(replay)).await? else {
            return Ok(None);
        };
        let row = replays::from_row(&row)?;
        Ok((row.status == ReplayStatus::Running).then_some(row.scope))
    }
}
