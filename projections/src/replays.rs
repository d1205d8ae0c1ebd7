//! Replays: who asked a provider to agree with the log again, why, and how far it is.
//!
//! How far a running one is stands in [`replay_items`](crate::replay_items::tally).

use chrono::{DateTime, Utc};
use domain::replay::{ReplayEvent, ReplayScope};
use domain::{Event, ProviderSlug, Recorded, ReplayId};

use crate::read::Reader;
use crate::word::words;
use crate::write::{json, text, time};
use crate::{Limit, Projection, Row, Statement, Table, UnreadableRow, Value};

/// Fills `replays`.
pub struct Replays;

words!(
    /// How far a replay is.
    ReplayStatus {
        /// Under way.
        Running = "running",
        /// Stopped; what was already requested goes on.
        Cancelled = "cancelled",
        /// Nothing in its scope is left to do.
        Completed = "completed",
    }
);

/// One replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayRow {
    /// The replay.
    pub replay: ReplayId,
    /// The provider.
    pub provider: ProviderSlug,
    /// What it takes up.
    pub scope: ReplayScope,
    /// How many key placements were in the scope when it was asked for.
    pub planned: u64,
    /// How far it is.
    pub status: ReplayStatus,
    /// Why it was started.
    pub reason: Option<String>,
    /// Who started it.
    pub by: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it was over.
    pub finished_at: Option<DateTime<Utc>>,
    /// How many keys are as the log says, once it is completed.
    pub settled: Option<u64>,
    /// How many wait for somebody, once it is completed.
    pub parked: Option<u64>,
    /// How many of the settled needed nothing, once it is completed.
    pub in_place: Option<u64>,
    /// The stream's version.
    pub revision: u64,
    /// The index of its start in the log: the cursor of lists.
    pub begun: u64,
}

impl Projection for Replays {
    fn name(&self) -> &'static str {
        "replays"
    }

    fn version(&self) -> u32 {
        2
    }

    fn tables(&self) -> &'static [Table] {
        &[Table {
            name: "replays",
            key: &["replay"],
            columns: "replay TEXT NOT NULL, provider TEXT NOT NULL, scope TEXT NOT NULL, \
                      planned BIGINT NOT NULL, status TEXT NOT NULL, reason TEXT, \
                      started_by TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT, \
                      settled BIGINT, parked BIGINT, in_place BIGINT, revision BIGINT NOT NULL, \
                      begun BIGINT NOT NULL, idx BIGINT NOT NULL",
            indexes: &[("begun", "(begun)"), ("status", "(status, begun)")],
        }]
    }

    fn apply(&self, recorded: &Recorded<Event>) -> Vec<Statement> {
        let finished = |replay: &ReplayId, status: ReplayStatus, counts: [Value; 3]| {
            let [settled, parked, in_place] = counts;
            vec![Statement::new(
                "UPDATE {replays} SET status = $2, finished_at = $3, settled = $4, parked = $5, \
                 in_place = $6, revision = $7, idx = $8 WHERE replay = $1 AND idx < $8",
                [
                    text(replay),
                    status.as_str().into(),
                    time(recorded.recorded_at),
                    settled,
                    parked,
                    in_place,
                    recorded.version.into(),
                    recorded.index.into(),
                ],
            )]
        };
        match &recorded.event {
            Event::Replay(ReplayEvent::ReplayStarted {
                replay,
                scope,
                planned,
            }) => vec![Statement::new(
                "INSERT INTO {replays} AS t (replay, provider, scope, planned, status, reason, \
                 started_by, started_at, revision, begun, idx) \
                 VALUES ($1, $2, $3, $4, 'running', $5, $6, $7, $8, $9, $10) \
                 ON CONFLICT (replay) DO NOTHING",
                [
                    text(replay),
                    text(&scope.provider),
                    json(scope),
                    (*planned).into(),
                    Value::from(recorded.header.reason.as_deref()),
                    Value::from(recorded.header.actor.id.as_str()),
                    time(recorded.recorded_at),
                    recorded.version.into(),
                    recorded.index.into(),
                    recorded.index.into(),
                ],
            )],
            Event::Replay(ReplayEvent::ReplayCancelled { replay, .. }) => {
                let none = [const { Value::Null }; 3];
                finished(replay, ReplayStatus::Cancelled, none)
            }
            Event::Replay(ReplayEvent::ReplayResumed { replay, .. }) => vec![Statement::new(
                "UPDATE {replays} SET status = 'running', finished_at = NULL, revision = $2, \
                 idx = $3 WHERE replay = $1 AND idx < $3",
                [text(replay), recorded.version.into(), recorded.index.into()],
            )],
            Event::Replay(ReplayEvent::ReplayCompleted {
                replay,
                provider: _,
                settled,
                parked,
                in_place,
            }) => finished(
                replay,
                ReplayStatus::Completed,
                [(*settled).into(), (*parked).into(), (*in_place).into()],
            ),
            Event::Access(_)
            | Event::Account(_)
            | Event::Campaign(_)
            | Event::Keyring(_)
            | Event::Offboarding(_)
            | Event::Provider(_)
            | Event::Settings(_)
            | Event::Token(_)
            | Event::Webhook(_) => vec![],
        }
    }
}

/// The columns of a row, in the order in which [`from_row`] reads them.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT replay, provider, scope, planned, status, reason, started_by, started_at, \
             finished_at, settled, parked, in_place, revision, begun FROM {replays} ",
            $rest
        )
    };
}

/// Asks for one replay.
pub fn by_id(replay: ReplayId) -> Statement {
    Statement::new(select!("WHERE replay = $1"), [text(&replay)])
}

/// Asks for all replays, newest first, begun before a cursor.
pub fn page(before: Option<u64>, limit: Limit) -> Statement {
    Statement::new(
        select!("WHERE begun < $1 ORDER BY begun DESC LIMIT $2"),
        [before.unwrap_or(u64::MAX).into(), limit.rows().into()],
    )
}

/// Asks for the replays under way, oldest first.
pub fn running() -> Statement {
    Statement::new(select!("WHERE status = 'running' ORDER BY begun"), [])
}

/// Reads a row.
pub fn from_row(row: &Row) -> Result<ReplayRow, UnreadableRow> {
    let mut row = Reader::new(row);
    Ok(ReplayRow {
        replay: row.parsed()?,
        provider: row.parsed()?,
        scope: row.json()?,
        planned: row.number()?,
        status: row.parsed()?,
        reason: row.maybe_text()?,
        by: row.text()?,
        started_at: row.time()?,
        finished_at: row.maybe_time()?,
        settled: row.maybe_number()?,
        parked: row.maybe_number()?,
        in_place: row.maybe_number()?,
        revision: row.number()?,
        begun: row.number()?,
    })
}
