//! What a provider's lane asks of the placements, oldest first, page by page.

use chrono::{DateTime, Utc};
use domain::ProviderSlug;

use super::PlacementRow;
use super::questions::select;
use crate::write::{of_outage, text, time};
use crate::{Limit, Statement, Value};

/// Asks for what is due at a provider, longest due first, after one of them.
pub fn due_after(
    provider: &ProviderSlug,
    now: DateTime<Utc>,
    after: Option<&PlacementRow>,
    limit: Limit,
) -> Statement {
    let since = after.map(|row| row.due_at.unwrap_or(row.requested_at));
    let [since, account, key] = cursor(since, after);
    let wanted = after.map_or_else(|| Value::from(""), |row| text(&row.wanted.as_str()));
    Statement::new(
        // Of what is due at the same moment, what is to go goes first: it may be compromised.
        select!(
            "WHERE provider = $1 AND due_at <= $2 AND due_at >= $3 \
             AND (due_at, wanted, account, key) > ($3, $4, $5, $6) \
             ORDER BY due_at, wanted, account, key LIMIT $7"
        ),
        [
            text(provider),
            time(now),
            since,
            wanted,
            account,
            key,
            limit.rows().into(),
        ],
    )
}

/// Asks for what is due at a provider and was asked for before a time, longest due first.
pub fn overdue(provider: &ProviderSlug, asked_before: DateTime<Utc>, limit: Limit) -> Statement {
    Statement::new(
        select!(
            "WHERE provider = $1 AND due_at IS NOT NULL AND requested_at < $2 \
             ORDER BY due_at LIMIT $3"
        ),
        [text(provider), time(asked_before), limit.rows().into()],
    )
}

/// Asks until when a provider that limited us is to be left alone at the longest; no time: it did
/// not, or that is over.
pub fn limited_until(provider: &ProviderSlug) -> Statement {
    Statement::new(
        "SELECT MAX(due_at) FROM {key_placements} WHERE provider = $1 AND status = 'failed' \
         AND failure_code = 'provider_rate_limited'",
        [text(provider)],
    )
}

/// Asks whether anything is parked at a provider for what passes with an outage: a row if so.
pub fn is_parked_by_outage(provider: &ProviderSlug) -> Statement {
    Statement::new(
        concat!(
            "SELECT 1 FROM {key_placements} WHERE status = 'parked' AND provider = $1 AND ",
            of_outage!(),
            " LIMIT 1"
        ),
        [text(provider)],
    )
}

/// Asks for what was parked at a provider until a time for what passes with an outage, longest
/// asked for first, after one of them.
pub fn parked_by_outage(
    provider: &ProviderSlug,
    until: DateTime<Utc>,
    after: Option<&PlacementRow>,
    limit: Limit,
) -> Statement {
    let [since, account, key] = cursor(after.map(|row| row.requested_at), after);
    Statement::new(
        select!(
            "WHERE status = 'parked' AND provider = $1 AND changed_at <= $2 AND ",
            of_outage!(),
            " AND (requested_at, account, key) > ($3, $4, $5) \
             ORDER BY requested_at, account, key LIMIT $6"
        ),
        [
            text(provider),
            time(until),
            since,
            account,
            key,
            limit.rows().into(),
        ],
    )
}

fn cursor(since: Option<DateTime<Utc>>, after: Option<&PlacementRow>) -> [Value; 3] {
    let empty = || Value::from("");
    [
        since.map_or_else(empty, time),
        after.map_or_else(empty, |row| text(&row.account)),
        after.map_or_else(empty, |row| text(&row.key)),
    ]
}
