//! What may be asked of the providers.

use chrono::{DateTime, Utc};
use domain::ProviderSlug;

use crate::read::Reader;
use crate::write::text;
use crate::{Row, Statement, UnreadableRow};

/// The columns of a row, in the order in which [`from_row`](super::from_row) reads them.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT provider, kind, name, description, base_url, client_id, client_secret, \
             callback, algorithm, pkce, protocol, public_key, signing, ca_bundle, proxy, on_missing, \
             hook_secret, disabled, paused, staged_secret, staged_key, leaving, forced, failure_blame, failure_code, \
             failure_detail, host_keys, breaker, outage_since, outage_blame, outage_code, \
             outage_detail, removed, added_at, changed_at, revision FROM {provider_list} ",
            $rest
        )
    };
}

/// Asks for one provider, also a removed one.
pub fn by_slug(provider: &ProviderSlug) -> Statement {
    Statement::new(select!("WHERE provider = $1"), [text(provider)])
}

/// Asks for every provider but the removed, by short name. There are never so many as to page.
pub fn all() -> Statement {
    Statement::new(select!("WHERE removed = 'no' ORDER BY provider"), [])
}

/// Asks where nothing is published or withdrawn by us, because key sync stands still or people
/// carry their keys by hand: the short names of the providers.
pub fn stopped() -> Statement {
    Statement::new(
        "SELECT provider FROM {provider_list} \
         WHERE removed = 'yes' OR disabled = 'yes' OR paused = 'yes' \
         OR kind IN ('azure_devops', 'ssh') ORDER BY provider",
        [],
    )
}

/// Asks which providers are left alone because they do not answer: their short names.
pub fn out() -> Statement {
    Statement::new(
        "SELECT provider FROM {provider_list} WHERE removed = 'no' AND breaker <> 'closed' \
         ORDER BY provider",
        [],
    )
}

/// Asks whether each provider is called. [`state_from_row`] reads the rows.
pub fn states() -> Statement {
    Statement::new(
        "SELECT provider, breaker, CASE WHEN paused = 'yes' OR disabled = 'yes' THEN 'yes' \
         ELSE 'no' END FROM {provider_list} WHERE removed = 'no' ORDER BY provider",
        [],
    )
}

/// Whether a provider is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The provider.
    pub provider: ProviderSlug,
    /// Its breaker: `closed`, `open` or `half_open`.
    pub breaker: String,
    /// Whether key sync was stopped there.
    pub paused: bool,
}

/// Reads a row of [`states`].
pub fn state_from_row(row: &Row) -> Result<State, UnreadableRow> {
    let mut row = Reader::new(row);
    Ok(State {
        provider: row.parsed()?,
        breaker: row.text()?,
        paused: row.yes_no()?,
    })
}

/// Asks which providers came back from an outage. [`recovered_from_row`] reads the rows.
pub fn recovered() -> Statement {
    Statement::new(
        "SELECT provider, outage_since, recovered_at FROM {provider_list} \
         WHERE removed = 'no' AND breaker = 'closed' AND recovered_at IS NOT NULL \
         ORDER BY provider",
        [],
    )
}

/// The last outage of a provider that is back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The provider.
    pub provider: ProviderSlug,
    /// When the outage began.
    pub since: DateTime<Utc>,
    /// When it ended.
    pub until: DateTime<Utc>,
}

/// Reads a row of [`recovered`].
pub fn recovered_from_row(row: &Row) -> Result<Recovered, UnreadableRow> {
    let mut row = Reader::new(row);
    Ok(Recovered {
        provider: row.parsed()?,
        since: row.time()?,
        until: row.time()?,
    })
}
