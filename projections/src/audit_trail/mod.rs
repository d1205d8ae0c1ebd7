//! The audit trail: one slim row per event, by which a reader finds its place in the log.
//!
//! The line itself stays in the log and is read from there: what an auditor is shown is what was
//! written, byte for byte. Times never decrease with the index, so a window of time is a window
//! of indexes, and every filter is a range of one index that ends in `idx`.

mod search;
mod sentence;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use domain::account::AccountEvent;
use domain::{
    AccountId, ActorKind, Event, KeyId, Outcome, ProviderSlug, Recorded, StreamName, UserId,
};
use uuid::Uuid;

use crate::about::About;
use crate::read::Reader;
use crate::write::{maybe, text, time, word};
use crate::{Projection, Row, Statement, Table, UnreadableRow, Value};

pub use search::{Order, Search, by_index, search};
pub use sentence::sentence;

/// Fills `audit_trail`, and `audit_accounts`, which knows where every account is.
pub struct AuditTrail;

/// One event, as an auditor looks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its place in the log: the cursor of lists, and the way to its line.
    pub index: u64,
    /// When the log took it.
    pub recorded_at: DateTime<Utc>,
    /// Person, part of the server, or its terminal.
    pub actor_kind: ActorKind,
    /// Who caused it.
    pub actor: String,
    /// The person whom it concerns.
    pub user: Option<UserId>,
    /// The provider.
    pub provider: Option<ProviderSlug>,
    /// Its type.
    pub event_type: String,
    /// Its stable code.
    pub code: String,
    /// Its stream.
    pub stream: StreamName,
    /// The account.
    pub account: Option<AccountId>,
    /// The key.
    pub key: Option<KeyId>,
    /// Whether what was tried came about.
    pub outcome: Outcome,
    /// What it belongs to.
    pub correlation: Uuid,
}

/// Writes the row of an event, given how its provider is known.
macro_rules! insert {
    ($provider:literal) => {
        concat!(
            "INSERT INTO {audit_trail} AS t (idx, recorded_at, actor_kind, actor_id, user_id, \
             type, code, stream, account, key, outcome, correlation, provider) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, ",
            $provider,
            ") ON CONFLICT (idx) DO NOTHING"
        )
    };
}
impl Projection for AuditTrail {
    fn name(&self) -> &'static str {
        "audit_trail"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [Table] {
        &[
            Table {
                name: "audit_trail",
                key: &["idx"],
                columns: "idx BIGINT NOT NULL, recorded_at TEXT NOT NULL, \
                          actor_kind TEXT NOT NULL, actor_id TEXT NOT NULL, user_id TEXT, \
                          provider TEXT, type TEXT NOT NULL, code TEXT NOT NULL, \
                          stream TEXT NOT NULL, account TEXT, key TEXT, outcome TEXT NOT NULL, \
                          correlation TEXT NOT NULL",
                indexes: &[
                    ("time", "(recorded_at, idx)"),
                    ("actor", "(actor_id, idx)"),
                    ("user", "(user_id, idx)"),
                    ("provider", "(provider, idx)"),
                    ("type", "(type, idx)"),
                    ("code", "(code, idx)"),
                    ("correlation", "(correlation, idx)"),
                ],
            },
            Table {
                name: "audit_accounts",
                key: &["account"],
                columns: "account TEXT NOT NULL, provider TEXT NOT NULL, idx BIGINT NOT NULL",
                indexes: &[],
            },
        ]
    }

    fn apply(&self, recorded: &Recorded<Event>) -> Vec<Statement> {
        let mut statements = Vec::with_capacity(1);
        let About {
            user,
            provider,
            account,
            key,
        } = About::event(&recorded.event);
        if let Event::Account(AccountEvent::AccountLinked { .. }) = &recorded.event {
            statements.push(Statement::new(
                "INSERT INTO {audit_accounts} AS t (account, provider, idx) VALUES ($1, $2, $3) \
                 ON CONFLICT (account) DO NOTHING",
                [
                    maybe(account.as_ref()),
                    maybe(provider),
                    recorded.index.into(),
                ],
            ));
        }
        // An event of a keyring names an account and not where it is: an account never moves.
        let sql = match (provider, account) {
            (None, Some(_)) => {
                insert!("COALESCE($13, (SELECT provider FROM {audit_accounts} WHERE account = $9))")
            }
            (Some(_) | None, _) => insert!("$13"),
        };
        statements.push(Statement::new(
            sql,
            [
                recorded.index.into(),
                time(recorded.recorded_at),
                word(&recorded.header.actor.kind),
                Value::from(recorded.header.actor.id.as_str()),
                maybe(user),
                Value::from(recorded.event.kind().name),
                Value::from(recorded.code.as_str()),
                Value::from(recorded.stream.as_str()),
                maybe(account.as_ref()),
                maybe(key.as_ref()),
                word(&recorded.outcome),
                text(&recorded.header.correlation),
                maybe(provider),
            ],
        ));
        statements
    }
}

/// Reads a row.
pub fn from_row(row: &Row) -> Result<AuditRow, UnreadableRow> {
    let mut row = Reader::new(row);
    Ok(AuditRow {
        index: row.number()?,
        recorded_at: row.time()?,
        actor_kind: row.word()?,
        actor: row.text()?,
        user: row.maybe()?,
        provider: row.maybe()?,
        event_type: row.text()?,
        code: row.text()?,
        stream: row.parsed()?,
        account: row.maybe()?,
        key: row.maybe()?,
        outcome: row.word()?,
        correlation: row.parsed()?,
    })
}
