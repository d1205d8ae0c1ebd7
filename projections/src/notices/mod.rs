//! Notices: what people are told of by themselves, once, and once more when it is over.
//!
//! A notice opens with one event and closes with its counterpart. While one is open, more of the
//! same make no second one: of one subject and kind there is at most one at a time. What mends
//! itself opens none, and what one alarm already says is not said again for every key.

mod apply;
mod questions;
#[cfg(test)]
mod tests;
mod words;

use chrono::{DateTime, Utc};
use domain::{AccountId, Event, EventId, KeyId, NoticeKind, ProviderSlug, Recorded, UserId};

use crate::read::Reader;
use crate::{Projection, Row, Statement, Table, UnreadableRow};

pub use questions::{Change, Filter, Phase, Seen, change_from_row, changes, page};

/// Fills `notices`, and `notice_leavers`, which knows which accounts are being unlinked.
pub struct Notices;

/// One notice, open or closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRow {
    /// The event that opened it: its id for ever.
    pub notice: EventId,
    /// What it is about.
    pub kind: NoticeKind,
    /// Where.
    pub provider: ProviderSlug,
    /// Whose, where it is one person's.
    pub user: Option<UserId>,
    /// The account, where it is one's.
    pub account: Option<AccountId>,
    /// The key, where it is one's.
    pub key: Option<KeyId>,
    /// The fingerprint, where it is about a key that the log does not know.
    pub fingerprint: Option<String>,
    /// Why: the reason of a failure, where something failed.
    pub code: Option<String>,
    /// When the provider ends the key, where that is what it is about.
    pub expires_at: Option<DateTime<Utc>>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When it was over, if it is.
    pub closed_at: Option<DateTime<Utc>>,
    /// The index of the event that opened it: the cursor of lists.
    pub opened: u64,
}

impl Projection for Notices {
    fn name(&self) -> &'static str {
        "notices"
    }

    fn version(&self) -> u32 {
        3
    }

    fn tables(&self) -> &'static [Table] {
        &[
            Table {
                name: "notices",
                // The subject is an account or a provider; the item a key, a fingerprint, or nothing.
                key: &["subject", "item", "kind", "opened"],
                columns: "subject TEXT NOT NULL, item TEXT NOT NULL, kind TEXT NOT NULL, \
                          opened BIGINT NOT NULL, notice TEXT NOT NULL, provider TEXT NOT NULL, \
                          user_id TEXT, account TEXT, key TEXT, code TEXT, expires_at TEXT, \
                          opened_at TEXT NOT NULL, closed BIGINT, closed_at TEXT, \
                          idx BIGINT NOT NULL",
                indexes: &[
                    ("opened", "(opened)"),
                    ("closed", "(closed)"),
                    ("user", "(user_id, opened)"),
                ],
            },
            Table {
                name: "notice_leavers",
                key: &["account", "begun"],
                columns: "account TEXT NOT NULL, begun BIGINT NOT NULL, ended BIGINT, \
                          idx BIGINT NOT NULL",
                indexes: &[],
            },
        ]
    }

    fn apply(&self, recorded: &Recorded<Event>) -> Vec<Statement> {
        match &recorded.event {
            Event::Account(event) => apply::account(recorded, event),
            Event::Provider(event) => apply::provider(recorded, event),
            Event::Access(_)
            | Event::Campaign(_)
            | Event::Keyring(_)
            | Event::Offboarding(_)
            | Event::Replay(_)
            | Event::Settings(_)
            | Event::Token(_)
            | Event::Webhook(_) => vec![],
        }
    }
}

/// The columns of a row, in the order in which [`from_row`] reads them.
macro_rules! columns {
    () => {
        "notice, kind, provider, user_id, account, key, \
         CASE WHEN key IS NULL AND item <> '' THEN item END AS fingerprint, code, expires_at, \
         opened_at, closed_at, opened"
    };
}
use columns;

/// Reads a row.
pub fn from_row(row: &Row) -> Result<NoticeRow, UnreadableRow> {
    read(&mut Reader::new(row))
}

fn read(row: &mut Reader<'_>) -> Result<NoticeRow, UnreadableRow> {
    Ok(NoticeRow {
        notice: row.parsed()?,
        kind: row.parsed()?,
        provider: row.parsed()?,
        user: row.maybe()?,
        account: row.maybe()?,
        key: row.maybe()?,
        fingerprint: row.maybe_text()?,
        code: row.maybe_text()?,
        expires_at: row.maybe_time()?,
        since: row.time()?,
        closed_at: row.maybe_time()?,
        opened: row.number()?,
    })
}
