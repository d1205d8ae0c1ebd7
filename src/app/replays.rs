//! Replays: making a provider agree with the log again.

use std::time::Duration;

use domain::provider::{Provider, ProviderError};
use domain::replay::{Replay, ReplayCommand, ReplayScope};
use domain::{AccountId, KeyId, Refusal, ReplayId};
use projections::key_placements::{self, PlacementRow, Progress};
use projections::replays::{self, ReplayRow, ReplayStatus};
use projections::{Limit, Page};

use super::{App, Caller, CaseError, CommandError, Executed};

/// How long the read models may take to know of a new replay.
const PATIENCE: Duration = Duration::from_secs(2);

/// A replay and how far it is.
#[derive(Debug, Clone)]
pub struct ReplayNow {
    /// The replay.
    pub row: ReplayRow,
    /// How far what it took up is.
    pub progress: Progress,
}

impl App {
    /// Lists what a replay would take up, by account and key.
    pub async fn plan_replay(
        &self,
        scope: &ReplayScope,
        after: Option<(AccountId, KeyId)>,
        limit: Limit,
    ) -> Result<(Vec<PlacementRow>, u64), CaseError> {
        self.must_know(scope).await?;
        let rows =
            self.database.query(key_placements::in_scope(scope, None, after, limit)).await?;
        let items = rows.iter().map(key_placements::from_row).collect::<Result<_, _>>()?;
        Ok((items, self.planned(scope).await?))
    }

    /// Starts a replay.
    pub async fn start_replay(
        &self,
        scope: ReplayScope,
        caller: &Caller,
    ) -> Result<(ReplayId, u64, Executed<Replay>), CaseError> {
        self.must_know(&scope).await?;
        let planned = self.planned(&scope).await?;
        let replay = ReplayId::new(self.new_id());
        let command = ReplayCommand::StartReplay { replay, scope, planned };
        let executed = self.dispatch.execute::<Replay>(&replay, command, caller).await?;
        if let Some(index) = executed.index {
            // Whoever follows the answer's Location finds it there.
            self.applied.wait_for(index, PATIENCE).await;
        }
        Ok((replay, planned, executed))
    }

    /// Stops a replay; what was already requested goes on.
    pub async fn cancel_replay(
        &self,
        replay: ReplayId,
        caller: &Caller,
    ) -> Result<Option<u64>, CommandError> {
        let command = ReplayCommand::CancelReplay;
        Ok(self.dispatch.execute::<Replay>(&replay, command, caller).await?.index)
    }

    /// Returns a replay and how far it is, if the read models know it.
    pub async fn replay(&self, replay: ReplayId) -> Result<Option<ReplayNow>, CaseError> {
        let Some(row) = self.database.get(replays::by_id(replay)).await? else { return Ok(None) };
        let row = replays::from_row(&row)?;
        let progress = match row.status {
            ReplayStatus::Completed => Progress {
                open: 0,
                settled: row.settled.unwrap_or(0),
                parked: row.parked.unwrap_or(0),
            },
            ReplayStatus::Running | ReplayStatus::Cancelled => {
                let rows = self.database.query(key_placements::progress(replay)).await?;
                key_placements::progress_from_rows(&rows)?
            }
        };
        Ok(Some(ReplayNow { row, progress }))
    }

    /// Lists the replays, newest first.
    pub async fn list_replays(
        &self,
        before: Option<u64>,
        limit: Limit,
    ) -> Result<Page<ReplayRow, u64>, CaseError> {
        let rows = self.database.query(replays::page(before, limit)).await?;
        let items: Vec<ReplayRow> = rows.iter().map(replays::from_row).collect::<Result<_, _>>()?;
        let is_full = items.len() == limit.rows() as usize;
        let next = items.last().filter(|_| is_full).map(|row| row.begun);
        Ok(Page { items, next })
    }

    async fn planned(&self, scope: &ReplayScope) -> Result<u64, CaseError> {
        let row = self.database.get(key_placements::count_in_scope(scope)).await?;
        Ok(row.map_or(Ok(0), |row| row.number(0))?)
    }

    async fn must_know(&self, scope: &ReplayScope) -> Result<(), CaseError> {
        let (known, _) = self.dispatch.load::<Provider>(&scope.provider).await?;
        match known.registration() {
            Some(_) => Ok(()),
            None => {
                let refusal = Refusal::Provider(ProviderError::NotFound);
                Err(CommandError::Refused(refusal).into())
            }
        }
    }
}
