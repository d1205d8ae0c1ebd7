//! Keys: whose they are, what for, and whether they are still to be trusted.

use chrono::{DateTime, Utc};
use domain::keyring::{Algorithm, Holder, KeyringEvent, PublicKey};
use domain::{Event, KeyId, Recorded, SecretRef, UserId};

use crate::read::Reader;
use crate::word::words;
use crate::write::{text, time};
use crate::{Limit, Projection, Row, Statement, Table, UnreadableRow, Value};

/// Fills `keys`.
pub struct Keys;

words!(
    /// Whether a key is its holder's current one.
    Standing {
        /// It is.
        Current = "current",
        /// Another takes its place.
        Replaced = "replaced",
        /// Another takes its place, and it must not be trusted any more.
        Compromised = "compromised",
        /// It came to its end.
        Retired = "retired",
    }
);

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// The key.
    pub key: KeyId,
    /// The person.
    pub user: UserId,
    /// What it is for.
    pub holder: Holder,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Its public half.
    pub public_key: PublicKey,
    /// Where the vault keeps its private half; nothing is there once it is retired.
    pub private_key: SecretRef,
    /// Whether it is its holder's current one.
    pub standing: Standing,
    /// Which key takes its place, if one does.
    pub replaced_by: Option<KeyId>,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// When it came to its end.
    pub retired_at: Option<DateTime<Utc>>,
    /// The version of the person's keyring at its last change.
    pub revision: u64,
}

impl Projection for Keys {
    fn name(&self) -> &'static str {
        "keys"
    }

    fn version(&self) -> u32 {
        2
    }

    fn tables(&self) -> &'static [Table] {
        &[Table {
            name: "keys",
            key: &["key"],
            columns: "key TEXT NOT NULL, user_id TEXT NOT NULL, account TEXT, \
                      algorithm TEXT NOT NULL, public_key TEXT NOT NULL, \
                      fingerprint TEXT NOT NULL, private_key TEXT NOT NULL, \
                      standing TEXT NOT NULL, replaced_by TEXT, made_at TEXT NOT NULL, \
                      retired_at TEXT, revision BIGINT NOT NULL, idx BIGINT NOT NULL",
            indexes: &[
                ("user", "(user_id, key)"),
                ("account", "(account, key)"),
                ("fingerprint", "(fingerprint)"),
                (
                    "age",
                    "(made_at, key) WHERE standing = 'current' AND account IS NOT NULL",
                ),
            ],
        }]
    }

    fn apply(&self, recorded: &Recorded<Event>) -> Vec<Statement> {
        match &recorded.event {
            Event::Keyring(event) => statements(recorded, event),
            Event::Access(_)
            | Event::Account(_)
            | Event::Offboarding(_)
            | Event::Campaign(_)
            | Event::Provider(_)
            | Event::Replay(_)
            | Event::Settings(_)
            | Event::Token(_)
            | Event::Webhook(_) => vec![],
        }
    }
}

fn statements(recorded: &Recorded<Event>, event: &KeyringEvent) -> Vec<Statement> {
    match event {
        KeyringEvent::KeyGenerated {
            user,
            key,
            holder,
            algorithm,
            public_key,
            private_key,
        } => vec![made(
            recorded,
            [text(key), text(user), account(*holder), text(algorithm)],
            public_key,
            private_key,
        )],
        KeyringEvent::KeyRotated {
            user,
            key,
            replaced,
            holder,
            algorithm,
            public_key,
            private_key,
            cause,
        } => {
            let standing = if cause.is_compromised() {
                Standing::Compromised
            } else {
                Standing::Replaced
            };
            vec![
                made(
                    recorded,
                    [text(key), text(user), account(*holder), text(algorithm)],
                    public_key,
                    private_key,
                ),
                Statement::new(
                    "UPDATE {keys} SET standing = $2, replaced_by = $3, revision = $4, idx = $5 \
                     WHERE key = $1 AND idx < $5",
                    [
                        text(replaced),
                        standing.as_str().into(),
                        text(key),
                        recorded.version.into(),
                        recorded.index.into(),
                    ],
                ),
            ]
        }
        KeyringEvent::KeyRetired { key, .. } => vec![Statement::new(
            "UPDATE {keys} SET standing = 'retired', retired_at = $2, revision = $3, idx = $4 \
             WHERE key = $1 AND idx < $4",
            [
                text(key),
                time(recorded.recorded_at),
                recorded.version.into(),
                recorded.index.into(),
            ],
        )],
    }
}

fn account(holder: Holder) -> Value {
    match holder {
        Holder::Account(account) => text(&account),
        Holder::Personal => Value::Null,
    }
}

fn made(
    recorded: &Recorded<Event>,
    whose: [Value; 4],
    public_key: &PublicKey,
    private_key: &SecretRef,
) -> Statement {
    Statement::new(
        "INSERT INTO {keys} AS t (key, user_id, account, algorithm, public_key, fingerprint, \
         private_key, standing, made_at, revision, idx) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'current', $8, $9, $10) ON CONFLICT (key) DO NOTHING",
        whose.into_iter().chain([
            Value::from(public_key.line.as_str()),
            Value::from(public_key.fingerprint.as_str()),
            text(private_key),
            time(recorded.recorded_at),
            recorded.version.into(),
            recorded.index.into(),
        ]),
    )
}

/// The columns of a row, in the order in which [`from_row`] reads them; of a table by its alias.
macro_rules! select_of {
    ($of:literal) => {
        concat!(
            "SELECT ",
            $of,
            "key, ",
            $of,
            "user_id, ",
            $of,
            "account, ",
            $of,
            "algorithm, ",
            $of,
            "public_key, ",
            $of,
            "fingerprint, ",
            $of,
            "private_key, ",
            $of,
            "standing, ",
            $of,
            "replaced_by, ",
            $of,
            "made_at, ",
            $of,
            "retired_at, ",
            $of,
            "revision"
        )
    };
}

/// Asks for rows that [`from_row`] reads.
macro_rules! select {
    ($rest:literal) => {
        concat!(select_of!(""), " FROM {keys} ", $rest)
    };
}

/// Asks for one key.
pub fn by_id(key: KeyId) -> Statement {
    Statement::new(select!("WHERE key = $1"), [text(&key)])
}

/// Asks for all of one person's keys, retired ones included, oldest first.
pub fn of_user(user: &UserId) -> Statement {
    Statement::new(select!("WHERE user_id = $1 ORDER BY key"), [text(user)])
}

/// Asks for one person's keys that are not retired, oldest first.
pub fn live_of_user(user: &UserId) -> Statement {
    Statement::new(
        select!("WHERE user_id = $1 AND standing <> 'retired' ORDER BY key"),
        [text(user)],
    )
}

/// Asks for the oldest keys that are where they should be, and that a new one could replace there
/// now: by the provider, the grant, and an admin's wish. What its person removed is not there, and
/// a new key in its place would put it back.
pub fn oldest_in_place(limit: Limit) -> Statement {
    Statement::new(
        concat!(
            select_of!("k."),
            " FROM {keys} k JOIN {key_placements} p ON p.account = k.account AND p.key = k.key \
             JOIN {key_sync} a ON a.account = k.account JOIN {provider_list} v \
             ON v.provider = a.provider WHERE k.standing = 'current' AND k.account IS NOT NULL \
             AND p.status = 'published' AND (p.drift IS NULL OR p.drift <> 'missing') \
             AND a.link = 'linked' AND v.disabled = 'no' AND v.removed = 'no' \
             AND v.paused = 'no' AND v.breaker = 'closed' ORDER BY k.made_at, k.key LIMIT $1"
        ),
        [limit.rows().into()],
    )
}

/// Asks which keys have a fingerprint, `SHA256:…`.
pub fn by_fingerprint(fingerprint: &str) -> Statement {
    Statement::new(
        select!("WHERE fingerprint = $1 ORDER BY key"),
        [Value::from(fingerprint)],
    )
}

/// Reads a row.
pub fn from_row(row: &Row) -> Result<KeyRow, UnreadableRow> {
    let mut row = Reader::new(row);
    Ok(KeyRow {
        key: row.parsed()?,
        user: row.parsed()?,
        holder: row.maybe()?.map_or(Holder::Personal, Holder::Account),
        algorithm: row.parsed()?,
        public_key: PublicKey {
            line: row.text()?,
            fingerprint: row.text()?,
        },
        private_key: row.parsed()?,
        standing: row.parsed()?,
        replaced_by: row.maybe()?,
        made_at: row.time()?,
        retired_at: row.maybe_time()?,
        revision: row.number()?,
    })
}
