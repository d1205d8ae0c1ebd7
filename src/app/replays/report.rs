//! The report of a replay: who, why, what it took up, and what came of each.

use chrono::{DateTime, Utc};
use domain::account::AccountEvent;
use domain::{AccountId, Failure, KeyId, ReplayId, StreamName, decode_as};
use projections::Limit;
use projections::replay_items::{self, ReplayItemRow, ReplayOutcome};

use super::KnownReplay;
use crate::app::{App, CaseError, CommandError};

/// How many placements a report lists one by one.
const MOST_ITEMS: usize = 10_000;

/// So many events before a replay tell where a key stood, for nearly every account.
const GLANCE: u64 = 100;

/// The report of a replay.
#[derive(Debug, Clone)]
pub struct Report {
    /// The replay, and how far it is.
    pub known: KnownReplay,
    /// When the report was written.
    pub written_at: DateTime<Utc>,
    /// How many of the placements came to what.
    pub tally: Vec<(ReplayOutcome, u64)>,
    /// One by one, the first ten thousand.
    pub items: Vec<ReportItem>,
}

/// One placement that a replay took up.
#[derive(Debug, Clone)]
pub struct ReportItem {
    /// What became of it.
    pub row: ReplayItemRow,
    /// Where it stood before.
    pub before: Before,
}

/// Where a key stood before a replay took it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// How far it was.
    pub status: &'static str,
    /// Why the last try had failed, if it had.
    pub failure: Option<Failure>,
    /// Since when; nothing if the log knew nothing of it.
    pub since: Option<DateTime<Utc>>,
}

impl App {
    /// Writes the report of a replay, also of one that is under way.
    pub async fn replay_report(&self, replay: ReplayId) -> Result<Report, CaseError> {
        let known = self.replay(replay).await?;
        let rows = self.database.query(replay_items::tally(replay)).await?;
        let tally: Result<Vec<_>, _> = rows.iter().map(replay_items::tally_from_row).collect();
        let mut report = Report {
            known,
            written_at: self.now(),
            tally: tally?,
            items: Vec::new(),
        };
        let limit = Limit::new(Limit::MOST).unwrap_or_default();
        let mut after = None;
        while report.items.len() < MOST_ITEMS {
            let asked = replay_items::page(replay, after, limit);
            let rows = self.database.query(asked).await?;
            for row in &rows {
                let row = replay_items::from_row(row)?;
                after = Some((row.account, row.key));
                let before = self.before(row.account, row.key, row.version).await?;
                report.items.push(ReportItem { row, before });
            }
            if rows.len() < limit.rows() as usize {
                break;
            }
        }
        Ok(report)
    }

    /// Reads from the log where a key stood before one version of its account.
    async fn before(
        &self,
        account: AccountId,
        key: KeyId,
        version: u64,
    ) -> Result<Before, CommandError> {
        let near = version.saturating_sub(GLANCE);
        let found = self.stood(account, key, (near, version)).await?;
        match found {
            Some(before) => Ok(before),
            None => Ok(self
                .stood(account, key, (0, near))
                .await?
                .unwrap_or(Before {
                    status: "unknown",
                    failure: None,
                    since: None,
                })),
        }
    }

    async fn stood(
        &self,
        account: AccountId,
        key: KeyId,
        (mut from, until): (u64, u64),
    ) -> Result<Option<Before>, CommandError> {
        const PAGE: usize = 500;
        let stream = StreamName::of("account", &account);
        let mut found = None;
        loop {
            let page = self.log.read_stream(&stream, from, PAGE).await?;
            if page.is_empty() {
                return Ok(found);
            }
            for stored in &page {
                let known = decode_as::<AccountEvent>(stored.index, &stored.line)
                    .map_err(|error| CommandError::Unavailable(error.to_string()))?;
                from = known.version;
                if from >= until {
                    return Ok(found);
                }
                if let Some((status, failure)) = stands(&known.event, key) {
                    found = Some(Before {
                        status,
                        failure,
                        since: Some(known.recorded_at),
                    });
                }
            }
        }
    }
}

/// Says where an event leaves a key.
fn stands(event: &AccountEvent, concerned: KeyId) -> Option<(&'static str, Option<Failure>)> {
    use AccountEvent as E;
    let (key, status, failure) = match event {
        E::KeyPublicationRequested { key, .. } | E::KeyWithdrawalRequested { key, .. } => {
            (key, "requested", None)
        }
        E::KeyPublicationFailed { key, failure, .. }
        | E::KeyWithdrawalFailed { key, failure, .. } => (key, "failed", Some(failure.clone())),
        E::KeyPublicationParked { key, failure, .. }
        | E::KeyWithdrawalParked { key, failure, .. } => (key, "parked", Some(failure.clone())),
        E::KeyPublished { key, .. } => (key, "published", None),
        E::KeyWithdrawn { key, .. } => (key, "withdrawn", None),
        E::KeyReleased { key, .. } => (key, "released", None),
        E::KeyPlacementDiscarded { key, .. } => (key, "left", None),
        E::KeyExpiring { .. }
        | E::KeyDriftFound { .. }
        | E::KeyDriftSettled { .. }
        | E::AccountLinked { .. }
        | E::LinkGivenUp { .. }
        | E::GrantRenewed { .. }
        | E::GrantLost { .. }
        | E::UnlinkRequested { .. }
        | E::UnlinkForced { .. }
        | E::GrantRevocationRequested { .. }
        | E::GrantRevocationFailed { .. }
        | E::GrantRevocationParked { .. }
        | E::AccountUnlinked { .. } => return None,
    };
    (*key == concerned).then_some((status, failure))
}
