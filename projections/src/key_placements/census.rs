//! How many placements stand where, and since when those wait that do.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use domain::ProviderSlug;

use super::PlacementStatus;
use crate::read::Reader;
use crate::{Row, Statement, UnreadableRow};

/// So many placements of one provider have one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The provider.
    pub provider: ProviderSlug,
    /// The state.
    pub status: PlacementStatus,
    /// How many.
    pub count: u64,
}

/// The longest that one of a provider waits in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The provider.
    pub provider: ProviderSlug,
    /// The state.
    pub status: PlacementStatus,
    /// When the first of them was last requested.
    pub since: DateTime<Utc>,
}

/// What a state means to whoever counts.
#[derive(PartialEq, Eq)]
enum Counts {
    /// It waits for a try or for somebody.
    Waits,
    /// It is as it should be.
    Stands,
    /// It is over. There are ever more of these, so nobody counts them.
    Over,
}

fn counts(status: PlacementStatus) -> Counts {
    use PlacementStatus as S;
    match status {
        S::Requested | S::Failed | S::Parked => Counts::Waits,
        S::Published => Counts::Stands,
        S::Withdrawn | S::Released | S::Left => Counts::Over,
    }
}

/// Lists states as SQL has them.
fn listed(wanted: impl Fn(Counts) -> bool) -> String {
    let mut list = String::new();
    for status in PlacementStatus::ALL.iter().copied() {
        if wanted(counts(status)) {
            let glue = if list.is_empty() { "" } else { ", " };
            let _ = write!(list, "{glue}'{}'", status.as_str());
        }
    }
    list
}

/// Asks how many placements stand where, by provider and state, without those that are over: a
/// range of an index, that grows with the keys in use and not with history.
pub fn census() -> Statement {
    let states = listed(|counts| counts != Counts::Over);
    Statement::new(
        format!(
            "SELECT provider, status, COUNT(*) FROM {{key_placements}} WHERE status IN ({states}) \
             GROUP BY status, provider ORDER BY status, provider"
        ),
        [],
    )
}

/// Asks since when those wait that do, by provider and state.
pub fn longest_waiting() -> Statement {
    let states = listed(|counts| counts == Counts::Waits);
    Statement::new(
        format!(
            "SELECT provider, status, MIN(requested_at) FROM {{key_placements}} \
             WHERE status IN ({states}) GROUP BY status, provider ORDER BY status, provider"
        ),
        [],
    )
}

/// Reads a row of [`census`].
pub fn counted_from_row(row: &Row) -> Result<Counted, UnreadableRow> {
    let mut row = Reader::new(row);
    Ok(Counted {
        provider: row.parsed()?,
        status: row.parsed()?,
        count: row.number()?,
    })
}

/// Reads a row of [`longest_waiting`].
pub fn waiting_from_row(row: &Row) -> Result<Waiting, UnreadableRow> {
    let mut row = Reader::new(row);
    Ok(Waiting {
        provider: row.parsed()?,
        status: row.parsed()?,
        since: row.time()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_is_not_counted() {
        let sql = census().sql;
        assert!(
            sql.contains("'published'") && sql.contains("'parked'"),
            "{sql}"
        );
        assert!(
            !sql.contains("'withdrawn'") && !sql.contains("'left'"),
            "{sql}"
        );
        assert!(!longest_waiting().sql.contains("'published'"));
    }
}
