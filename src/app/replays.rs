//! Replays: making a provider agree with the log again, as an operator asks.

use std::time::Duration;

use domain::ReplayId;
use domain::provider::{Provider, ProviderError};
use domain::replay::{Replay, ReplayCommand, ReplayError, ReplayScope};
use projections::key_placements::{self, PlacementRow, Progress};
use projections::replays::{self, ReplayRow};
use projections::{Limit, Page};

use super::sync::{PlacementCursor, page};
use super::{App, Caller, CaseError, CommandError};

/// A replay, and how far it is.
#[derive(Debug, Clone)]
pub struct KnownReplay {
    /// The replay.
    pub row: ReplayRow,
    /// How far it is.
    pub progress: Progress,
}

/// What a replay would take up.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How many placements.
    pub planned: u64,
    /// One by one.
    pub items: Page<PlacementRow, PlacementCursor>,
}

/// A replay that was started.
#[derive(Debug, Clone, Copy)]
pub struct StartedReplay {
    /// The replay.
    pub replay: ReplayId,
    /// How many placements it takes up.
    pub planned: u64,
    /// The index of the event.
    pub index: Option<u64>,
}

/// How long the read models may take to know of a new replay.
const PATIENCE: Duration = Duration::from_secs(2);

impl App {
    /// Says what a replay would take up, and changes nothing.
    pub async fn plan_replay(&self, scope: &ReplayScope) -> Result<Plan, CaseError> {
        let planned = self.planned(scope).await?;
        let limit = Limit::new(Limit::MOST).unwrap_or_default();
        let asked = key_placements::in_scope(scope, None, None, limit);
        let rows = self.database.query(asked).await?;
        let items: Result<Vec<_>, _> = rows.iter().map(key_placements::from_row).collect();
        Ok(Plan {
            planned,
            items: page(items?, limit),
        })
    }

    /// Starts a replay; the policy takes it up.
    pub async fn start_replay(
        &self,
        scope: ReplayScope,
        caller: &Caller,
    ) -> Result<StartedReplay, CaseError> {
        let replay = ReplayId::new(self.new_id());
        let planned = self.planned(&scope).await?;
        let command = ReplayCommand::StartReplay {
            replay,
            scope,
            planned,
        };
        let done = self
            .dispatch
            .execute::<Replay>(&replay, command, caller)
            .await?;
        if let Some(index) = done.index {
            // Whoever follows the answer's Location finds it there.
            self.applied.wait_for(index, PATIENCE).await;
        }
        Ok(StartedReplay {
            replay,
            planned,
            index: done.index,
        })
    }

    /// Stops a replay; what was already requested goes on.
    pub async fn cancel_replay(
        &self,
        replay: ReplayId,
        caller: &Caller,
    ) -> Result<Option<u64>, CaseError> {
        let done = self
            .dispatch
            .execute::<Replay>(&replay, ReplayCommand::CancelReplay, caller)
            .await?;
        Ok(done.index)
    }

    /// Returns a replay and how far it is.
    pub async fn replay(&self, replay: ReplayId) -> Result<KnownReplay, CaseError> {
        let row = self.database.get(replays::by_id(replay)).await?;
        let row = row.ok_or_else(|| CommandError::Refused(ReplayError::NotFound.into()))?;
        self.with_progress(replays::from_row(&row)?).await
    }

    /// Lists the replays, newest first, begun before a cursor.
    pub async fn list_replays(
        &self,
        before: Option<u64>,
        limit: Limit,
    ) -> Result<Page<KnownReplay, u64>, CaseError> {
        let rows = self.database.query(replays::page(before, limit)).await?;
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            items.push(self.with_progress(replays::from_row(row)?).await?);
        }
        let full = items.len() == limit.rows() as usize;
        let next = items.last().filter(|_| full).map(|last| last.row.begun);
        Ok(Page { items, next })
    }

    async fn with_progress(&self, row: ReplayRow) -> Result<KnownReplay, CaseError> {
        let rows = self
            .database
            .query(key_placements::progress(row.replay))
            .await?;
        let progress = key_placements::progress_from_rows(&rows)?;
        Ok(KnownReplay { row, progress })
    }

    async fn planned(&self, scope: &ReplayScope) -> Result<u64, CaseError> {
        let (state, _) = self.dispatch.load::<Provider>(&scope.provider).await?;
        if state.registration().is_none() {
            return Err(CommandError::Refused(ProviderError::NotFound.into()).into());
        }
        if let (Some(since), Some(until)) = (scope.since, scope.until)
            && since >= until
        {
            return Err(CommandError::Refused(ReplayError::EmptyWindow.into()).into());
        }
        let row = self
            .database
            .get(key_placements::count_in_scope(scope))
            .await?;
        Ok(row.map_or(Ok(0), |row| row.number(0))?)
    }
}
