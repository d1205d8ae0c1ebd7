//! Campaigns: who has many keys rotated, which, why, and which keys were.
//!
//! How far the new keys are stands in [`key_placements`](crate::key_placements); the questions
//! here join it.

mod questions;
#[cfg(test)]
pub(crate) mod tests;

use chrono::{DateTime, Utc};
use domain::campaign::{CampaignEvent, CampaignScope, KeysPerMinute};
use domain::keyring::{Holder, KeyringEvent};
use domain::{CampaignId, Event, EventId, Recorded};
use uuid::Uuid;

use crate::read::Reader;
use crate::word::words;
use crate::write::{json, text, time, yes_no};
use crate::{Limit, Projection, Row, Statement, Table, UnreadableRow, Value};

pub use questions::{
    CandidateRow, KeyState, Progress, RotatedRow, candidate_from_row, in_scope, last_rotation,
    last_rotation_from_row, progress, progress_from_rows, rotated, rotated_from_row,
};

/// Fills `campaigns` and `campaign_keys`.
pub struct Campaigns;

words!(
    /// How far a campaign is.
    CampaignStatus {
        /// Under way.
        Running = "running",
        /// Stopped for a while.
        Paused = "paused",
        /// Stopped for good; the rotations that had begun go on.
        Cancelled = "cancelled",
        /// Nothing in its scope is left to do.
        Completed = "completed",
    }
);

/// One campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignRow {
    /// The campaign.
    pub campaign: CampaignId,
    /// Which keys it takes up.
    pub scope: CampaignScope,
    /// Whether the old keys must not be trusted any more.
    pub compromised: bool,
    /// How fast.
    pub keys_per_minute: KeysPerMinute,
    /// How many keys were to be rotated when it was asked for.
    pub planned: u64,
    /// How many keys in the scope were left as they are: when it was asked for, and once it is
    /// completed, then.
    pub skipped: u64,
    /// How far it is.
    pub status: CampaignStatus,
    /// Why it was started.
    pub reason: Option<String>,
    /// Who started it.
    pub by: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it was over.
    pub finished_at: Option<DateTime<Utc>>,
    /// The stream's version.
    pub revision: u64,
    /// The event of its start: the cause of what it brings.
    pub start: EventId,
    /// What its start belongs to.
    pub correlation: Uuid,
    /// The index of its start in the log: the cursor of lists. What was made later is no part of it.
    pub begun: u64,
}

impl Projection for Campaigns {
    fn name(&self) -> &'static str {
        "campaigns"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [Table] {
        &[
            Table {
                name: "campaigns",
                key: &["campaign"],
                columns: "campaign TEXT NOT NULL, scope TEXT NOT NULL, compromised TEXT NOT NULL, \
                          keys_per_minute BIGINT NOT NULL, planned BIGINT NOT NULL, \
                          skipped BIGINT NOT NULL, status TEXT NOT NULL, reason TEXT, \
                          started_by TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT, \
                          revision BIGINT NOT NULL, start_event TEXT NOT NULL, \
                          correlation TEXT NOT NULL, begun BIGINT NOT NULL, idx BIGINT NOT NULL",
                indexes: &[("begun", "(begun)"), ("status", "(status, begun)")],
            },
            Table {
                name: "campaign_keys",
                key: &["campaign", "replaced"],
                columns: "campaign TEXT NOT NULL, replaced TEXT NOT NULL, key TEXT NOT NULL, \
                          account TEXT NOT NULL, rotated_at TEXT NOT NULL, idx BIGINT NOT NULL",
                indexes: &[("last", "(campaign, rotated_at)")],
            },
        ]
    }

    fn apply(&self, recorded: &Recorded<Event>) -> Vec<Statement> {
        match &recorded.event {
            Event::Campaign(event) => vec![of_campaign(recorded, event)],
            Event::Keyring(KeyringEvent::KeyRotated {
                key,
                replaced,
                holder: Holder::Account(account),
                cause,
                ..
            }) => cause
                .campaign()
                .map(|campaign| {
                    Statement::new(
                        "INSERT INTO {campaign_keys} AS t \
                         (campaign, replaced, key, account, rotated_at, idx) \
                         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (campaign, replaced) DO NOTHING",
                        [
                            text(&campaign),
                            text(replaced),
                            text(key),
                            text(account),
                            time(recorded.recorded_at),
                            recorded.index.into(),
                        ],
                    )
                })
                .into_iter()
                .collect(),
            Event::Keyring(_)
            | Event::Access(_)
            | Event::Account(_)
            | Event::Offboarding(_)
            | Event::Provider(_)
            | Event::Replay(_)
            | Event::Settings(_)
            | Event::Token(_)
            | Event::Webhook(_) => vec![],
        }
    }
}

fn of_campaign(recorded: &Recorded<Event>, event: &CampaignEvent) -> Statement {
    use CampaignEvent as E;
    match event {
        E::CampaignStarted {
            campaign,
            scope,
            compromised,
            keys_per_minute,
            planned,
            skipped,
        } => Statement::new(
            "INSERT INTO {campaigns} AS t (campaign, scope, compromised, keys_per_minute, planned, \
             skipped, status, reason, started_by, started_at, revision, start_event, correlation, begun, \
             idx) VALUES ($1, $2, $3, $4, $5, $6, 'running', $7, $8, $9, $10, $11, $12, $13, $13) \
             ON CONFLICT (campaign) DO NOTHING",
            [
                text(campaign),
                json(scope),
                yes_no(*compromised),
                u64::from(*keys_per_minute).into(),
                (*planned).into(),
                (*skipped).into(),
                Value::from(recorded.header.reason.as_deref()),
                Value::from(recorded.header.actor.id.as_str()),
                time(recorded.recorded_at),
                recorded.version.into(),
                text(&recorded.header.id),
                text(&recorded.header.correlation),
                recorded.index.into(),
            ],
        ),
        E::CampaignPaused { campaign } => moved(recorded, *campaign, CampaignStatus::Paused),
        E::CampaignResumed { campaign } => moved(recorded, *campaign, CampaignStatus::Running),
        E::CampaignCancelled { campaign } => Statement::new(
            "UPDATE {campaigns} SET status = 'cancelled', finished_at = $2, revision = $3, \
             idx = $4 WHERE campaign = $1 AND idx < $4",
            [
                text(campaign),
                time(recorded.recorded_at),
                recorded.version.into(),
                recorded.index.into(),
            ],
        ),
        E::CampaignCompleted {
            campaign, skipped, ..
        } => Statement::new(
            "UPDATE {campaigns} SET status = 'completed', finished_at = $2, skipped = $3, \
             revision = $4, idx = $5 WHERE campaign = $1 AND idx < $5",
            [
                text(campaign),
                time(recorded.recorded_at),
                (*skipped).into(),
                recorded.version.into(),
                recorded.index.into(),
            ],
        ),
    }
}

fn moved(recorded: &Recorded<Event>, campaign: CampaignId, status: CampaignStatus) -> Statement {
    Statement::new(
        "UPDATE {campaigns} SET status = $2, revision = $3, idx = $4 \
         WHERE campaign = $1 AND idx < $4",
        [
            text(&campaign),
            status.as_str().into(),
            recorded.version.into(),
            recorded.index.into(),
        ],
    )
}

/// The columns of a row, in the order in which [`from_row`] reads them.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT campaign, scope, compromised, keys_per_minute, planned, skipped, status, \
             reason, started_by, started_at, finished_at, revision, start_event, correlation, begun \
             FROM {campaigns} ",
            $rest
        )
    };
}

/// Asks for one campaign.
pub fn by_id(campaign: CampaignId) -> Statement {
    Statement::new(select!("WHERE campaign = $1"), [text(&campaign)])
}

/// Asks for all campaigns, newest first, begun before a cursor.
pub fn page(before: Option<u64>, limit: Limit) -> Statement {
    Statement::new(
        select!("WHERE begun < $1 ORDER BY begun DESC LIMIT $2"),
        [before.unwrap_or(u64::MAX).into(), limit.rows().into()],
    )
}

/// Asks for the campaigns under way, oldest first; those that are paused left out.
pub fn running() -> Statement {
    Statement::new(select!("WHERE status = 'running' ORDER BY begun"), [])
}

/// Reads a row.
pub fn from_row(row: &Row) -> Result<CampaignRow, UnreadableRow> {
    let mut row = Reader::new(row);
    Ok(CampaignRow {
        campaign: row.parsed()?,
        scope: row.json()?,
        compromised: row.yes_no()?,
        keys_per_minute: KeysPerMinute::try_from(row.number()?).map_err(|_| UnreadableRow {
            column: 3,
            expected: "keys per minute",
        })?,
        planned: row.number()?,
        skipped: row.number()?,
        status: row.parsed()?,
        reason: row.maybe_text()?,
        by: row.text()?,
        started_at: row.time()?,
        finished_at: row.maybe_time()?,
        revision: row.number()?,
        start: row.parsed()?,
        correlation: row.parsed()?,
        begun: row.number()?,
    })
}
