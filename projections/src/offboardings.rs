//! Off-boardings: who is leaving, why, how far it is, and what came of it.

use chrono::{DateTime, Utc};
use domain::account::{AccountEvent, Residue};
use domain::keyring::KeyringEvent;
use domain::offboarding::{OffboardingEvent, OffboardingTally};
use domain::token::TokenEvent;
use domain::{Event, Recorded, UserId};

use crate::read::Reader;
use crate::word::words;
use crate::write::{text, time, yes_no};
use crate::{Projection, Row, Statement, Table, UnreadableRow, Value};

/// Fills `offboardings`.
pub struct Offboardings;

words!(
    /// How far an off-boarding is.
    OffboardingStatus {
        /// Under way.
        Running = "running",
        /// Nothing of the person is left here.
        Completed = "completed",
    }
);

/// The last off-boarding of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffboardingRow {
    /// The person.
    pub user: UserId,
    /// How far it is.
    pub status: OffboardingStatus,
    /// Whether no provider is waited for.
    pub forced: bool,
    /// Why it was asked for.
    pub reason: Option<String>,
    /// Who asked for it.
    pub by: String,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// When it was over.
    pub completed_at: Option<DateTime<Utc>>,
    /// What came of it so far.
    pub tally: OffboardingTally,
    /// The index of its begin in the log.
    pub begun: u64,
}

/// Writes an update that counts one more, while the off-boarding runs.
macro_rules! update {
    ($column:literal) => {
        concat!(
            "UPDATE {offboardings} SET ",
            $column,
            " = ",
            $column,
            " + 1, idx = $2 WHERE user_id = $1 AND status = 'running' AND idx < $2"
        )
    };
}

impl Projection for Offboardings {
    fn name(&self) -> &'static str {
        "offboardings"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [Table] {
        &[Table {
            name: "offboardings",
            key: &["user_id"],
            columns: "user_id TEXT NOT NULL, status TEXT NOT NULL, forced TEXT NOT NULL, \
                      reason TEXT, requested_by TEXT NOT NULL, requested_at TEXT NOT NULL, \
                      completed_at TEXT, accounts BIGINT NOT NULL, withdrawn BIGINT NOT NULL, \
                      keys BIGINT NOT NULL, tokens BIGINT NOT NULL, keys_left BIGINT NOT NULL, \
                      grants_left BIGINT NOT NULL, begun BIGINT NOT NULL, idx BIGINT NOT NULL",
            indexes: &[("status", "(status)")],
        }]
    }

    fn apply(&self, recorded: &Recorded<Event>) -> Vec<Statement> {
        match &recorded.event {
            Event::Offboarding(event) => vec![of_offboarding(recorded, event)],
            Event::Account(AccountEvent::AccountUnlinked { user, residue, .. }) => {
                vec![unlinked(recorded.index, user, residue)]
            }
            Event::Account(AccountEvent::KeyWithdrawn {
                user,
                was_there: true,
                ..
            }) => vec![counted(update!("withdrawn"), recorded.index, user)],
            Event::Account(AccountEvent::KeyPlacementDiscarded {
                user, stays: true, ..
            }) => vec![counted(update!("keys_left"), recorded.index, user)],
            Event::Keyring(KeyringEvent::KeyRetired { user, .. }) => {
                vec![counted(update!("keys"), recorded.index, user)]
            }
            Event::Token(TokenEvent::TokenRevoked { user, .. }) => {
                vec![counted(update!("tokens"), recorded.index, user)]
            }
            Event::Access(_)
            | Event::Account(_)
            | Event::Campaign(_)
            | Event::Keyring(_)
            | Event::Provider(_)
            | Event::Replay(_)
            | Event::Settings(_)
            | Event::Token(_)
            | Event::Webhook(_) => vec![],
        }
    }
}

fn counted(sql: &'static str, index: u64, user: &UserId) -> Statement {
    Statement::new(sql, [text(user), index.into()])
}

fn unlinked(index: u64, user: &UserId, residue: &[Residue]) -> Statement {
    let grants = residue
        .iter()
        .filter(|left| matches!(left, Residue::Grant))
        .count() as u64;
    let keys = residue.len() as u64 - grants;
    Statement::new(
        "UPDATE {offboardings} SET accounts = accounts + 1, keys_left = keys_left + $3, \
         grants_left = grants_left + $4, idx = $2 \
         WHERE user_id = $1 AND status = 'running' AND idx < $2",
        [text(user), index.into(), keys.into(), grants.into()],
    )
}

fn of_offboarding(recorded: &Recorded<Event>, event: &OffboardingEvent) -> Statement {
    match event {
        OffboardingEvent::OffboardingRequested { user, force } => Statement::new(
            "INSERT INTO {offboardings} AS t (user_id, status, forced, reason, requested_by, \
             requested_at, completed_at, accounts, withdrawn, keys, tokens, keys_left, \
             grants_left, begun, idx) \
             VALUES ($1, 'running', $2, $3, $4, $5, NULL, 0, 0, 0, 0, 0, 0, $6, $6) \
             ON CONFLICT (user_id) DO UPDATE SET status = excluded.status, \
             forced = excluded.forced, reason = excluded.reason, \
             requested_by = excluded.requested_by, requested_at = excluded.requested_at, \
             completed_at = NULL, accounts = 0, withdrawn = 0, keys = 0, tokens = 0, \
             keys_left = 0, grants_left = 0, begun = excluded.begun, idx = excluded.idx \
             WHERE t.idx < excluded.idx",
            [
                text(user),
                yes_no(*force),
                Value::from(recorded.header.reason.as_deref()),
                Value::from(recorded.header.actor.id.as_str()),
                time(recorded.recorded_at),
                recorded.index.into(),
            ],
        ),
        OffboardingEvent::OffboardingForced { user } => Statement::new(
            "UPDATE {offboardings} SET forced = 'yes', idx = $2 WHERE user_id = $1 AND idx < $2",
            [text(user), recorded.index.into()],
        ),
        OffboardingEvent::OffboardingCompleted { user, tally } => {
            let OffboardingTally {
                accounts,
                withdrawn,
                keys,
                tokens,
                keys_left,
                grants_left,
            } = *tally;
            Statement::new(
                "UPDATE {offboardings} SET status = 'completed', completed_at = $3, \
                 accounts = $4, withdrawn = $5, keys = $6, tokens = $7, keys_left = $8, \
                 grants_left = $9, idx = $2 WHERE user_id = $1 AND idx < $2",
                [
                    text(user),
                    recorded.index.into(),
                    time(recorded.recorded_at),
                    accounts.into(),
                    withdrawn.into(),
                    keys.into(),
                    tokens.into(),
                    keys_left.into(),
                    grants_left.into(),
                ],
            )
        }
    }
}

/// The columns of a row, in the order in which [`from_row`] reads them.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT user_id, status, forced, reason, requested_by, requested_at, completed_at, \
             accounts, withdrawn, keys, tokens, keys_left, grants_left, begun \
             FROM {offboardings} ",
            $rest
        )
    };
}

/// Asks for a person's last off-boarding.
pub fn of(user: &UserId) -> Statement {
    Statement::new(select!("WHERE user_id = $1"), [text(user)])
}

/// Asks for those under way.
pub fn running() -> Statement {
    Statement::new(select!("WHERE status = 'running' ORDER BY user_id"), [])
}

/// Reads a row.
pub fn from_row(row: &Row) -> Result<OffboardingRow, UnreadableRow> {
    let mut row = Reader::new(row);
    Ok(OffboardingRow {
        user: row.parsed()?,
        status: row.parsed()?,
        forced: row.yes_no()?,
        reason: row.maybe_text()?,
        by: row.text()?,
        requested_at: row.time()?,
        completed_at: row.maybe_time()?,
        tally: OffboardingTally {
            accounts: row.number()?,
            withdrawn: row.number()?,
            keys: row.number()?,
            tokens: row.number()?,
            keys_left: row.number()?,
            grants_left: row.number()?,
        },
        begun: row.number()?,
    })
}
