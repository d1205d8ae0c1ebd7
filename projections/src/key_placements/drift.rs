//! What looks at the providers found: which keys are otherwise than the log says, and keys that
//! bear our name and that the log does not know.

use chrono::{DateTime, Utc};
use domain::account::AccountEvent;
use domain::reconcile::Drift;
use domain::{AccountId, Event, KeyId, ProviderSlug, Recorded, UserId};

use super::questions::{Query, select};
use crate::about::About;
use crate::read::Reader;
use crate::write::{maybe, text, time};
use crate::{Limit, Row, Statement, Table, UnreadableRow, Value};

/// The keys that bear our name and that the log does not know, by fingerprint.
pub(super) const UNKNOWN_KEYS: Table = Table {
    name: "unknown_keys",
    key: &["account", "fingerprint"],
    columns: "account TEXT NOT NULL, fingerprint TEXT NOT NULL, user_id TEXT NOT NULL, \
              provider TEXT NOT NULL, remote_key TEXT, found_at TEXT NOT NULL, \
              idx BIGINT NOT NULL",
    indexes: &[],
};

/// A key that bears our name and that the log does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKey {
    /// The account.
    pub account: AccountId,
    /// The person.
    pub user: UserId,
    /// The provider.
    pub provider: ProviderSlug,
    /// Its fingerprint.
    pub fingerprint: String,
    /// The provider's own id of it.
    pub remote_key: Option<String>,
    /// Since when it is known to be there.
    pub found_at: DateTime<Utc>,
}

pub(super) fn appeared(
    recorded: &Recorded<Event>,
    event: &AccountEvent,
    fingerprint: &str,
    remote_key: Option<&str>,
) -> Statement {
    let about = About::account(event);
    Statement::new(
        "INSERT INTO {unknown_keys} AS t (account, fingerprint, user_id, provider, remote_key, \
         found_at, idx) VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (account, fingerprint) DO UPDATE SET user_id = excluded.user_id, \
         provider = excluded.provider, remote_key = excluded.remote_key, \
         found_at = excluded.found_at, idx = excluded.idx WHERE t.idx < excluded.idx",
        [
            maybe(about.account.as_ref()),
            fingerprint.into(),
            maybe(about.user),
            maybe(about.provider),
            Value::from(remote_key),
            time(recorded.recorded_at),
            recorded.index.into(),
        ],
    )
}

pub(super) fn went(recorded: &Recorded<Event>, account: AccountId, fingerprint: &str) -> Statement {
    Statement::new(
        "DELETE FROM {unknown_keys} WHERE account = $1 AND fingerprint = $2 AND idx < $3",
        [text(&account), fingerprint.into(), recorded.index.into()],
    )
}

pub(super) fn forget(recorded: &Recorded<Event>, account: AccountId) -> Statement {
    Statement::new(
        "DELETE FROM {unknown_keys} WHERE account = $1 AND idx < $2",
        [text(&account), recorded.index.into()],
    )
}

/// Which drift an operator looks at.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Drifted {
    /// One provider only.
    pub provider: Option<ProviderSlug>,
    /// One person only.
    pub user: Option<UserId>,
    /// One kind of it only.
    pub what: Option<Drift>,
}

/// Asks for placements about which a provider disagrees with the log, after one of them, by
/// account and key.
pub fn drifted(filter: &Drifted, after: Option<(AccountId, KeyId)>, limit: Limit) -> Statement {
    let mut query = Query::after(after);
    match filter.what {
        Some(what) => query.and("drift = ", what.as_str()),
        None => query.sql.push_str(" AND drift IS NOT NULL"),
    }
    if let Some(provider) = &filter.provider {
        query.and("provider = ", provider.as_str());
    }
    if let Some(user) = &filter.user {
        query.and("user_id = ", user.as_str());
    }
    query.page(limit)
}

/// Asks for the placement of a published key by the provider's own id of it.
pub fn published_as(provider: &ProviderSlug, remote_key: &str) -> Statement {
    Statement::new(
        select!("WHERE provider = $1 AND remote_key = $2 AND status = 'published'"),
        [text(provider), remote_key.into()],
    )
}

/// Asks for the keys that bear our name and that the log does not know; there are rarely so many as to page.
pub fn unknown_keys(filter: &Drifted, limit: Limit) -> Statement {
    // Absent is everybody's.
    let provider = filter.provider.as_ref().map(ToString::to_string);
    let user = filter.user.as_ref().map(ToString::to_string);
    Statement::new(
        "SELECT account, user_id, provider, fingerprint, remote_key, found_at \
         FROM {unknown_keys} WHERE provider = COALESCE($1, provider) \
         AND user_id = COALESCE($2, user_id) ORDER BY account, fingerprint LIMIT $3",
        [provider.into(), user.into(), limit.rows().into()],
    )
}

/// Reads a row of [`unknown_keys`].
pub fn unknown_from_row(row: &Row) -> Result<UnknownKey, UnreadableRow> {
    let mut row = Reader::new(row);
    Ok(UnknownKey {
        account: row.parsed()?,
        user: row.parsed()?,
        provider: row.parsed()?,
        fingerprint: row.text()?,
        remote_key: row.maybe_text()?,
        found_at: row.time()?,
    })
}
