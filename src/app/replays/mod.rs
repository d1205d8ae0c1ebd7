//! Replays: making a provider agree with the log again, as an operator asks.

mod plan;
mod report;
mod verdict;

use std::time::Duration;

use domain::ReplayId;
use domain::provider::{Provider, ProviderError};
use domain::replay::{Replay, ReplayCommand, ReplayError, ReplayScope};
use projections::key_placements;
use projections::replay_items::{self, Progress};
use projections::replays::{self, ReplayRow};
use projections::{Limit, Page};

pub use plan::{Plan, PlannedItem, Unknown};
pub use report::{Before, Report, ReportItem};
pub use verdict::Would;

use super::{App, Caller, CaseError, CommandError, Rule};

/// A replay, and how far it is.
#[derive(Debug, Clone)]
pub struct KnownReplay {
    /// The replay.
    pub row: ReplayRow,
    /// How far it is.
    pub progress: Progress,
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
            .begin::<Replay>(&replay, command, caller)
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

    /// Lets a replay go on that was stopped: with what it had not taken up.
    pub async fn resume_replay(
        &self,
        replay: ReplayId,
        caller: &Caller,
    ) -> Result<Option<u64>, CaseError> {
        let done = self
            .dispatch
            .execute::<Replay>(&replay, ReplayCommand::ResumeReplay, caller)
            .await?;
        if let Some(index) = done.index {
            self.applied.wait_for(index, PATIENCE).await;
        }
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
        let rows = self.database.query(replay_items::tally(row.replay)).await?;
        let progress = replay_items::progress_from_rows(&rows)?;
        Ok(KnownReplay { row, progress })
    }

    /// Says what is wrong with a scope, if anything is.
    pub async fn check_scope(&self, scope: &ReplayScope) -> Result<(), CaseError> {
        self.planned(scope).await.map(drop)
    }

    async fn planned(&self, scope: &ReplayScope) -> Result<u64, CaseError> {
        let (state, _) = self.dispatch.load::<Provider>(&scope.provider).await?;
        let Some(registration) = state.registration() else {
            return Err(CommandError::Refused(ProviderError::NotFound.into()).into());
        };
        if registration.kind.is_by_hand() {
            return Err(Rule::ReplayByHand.into());
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
