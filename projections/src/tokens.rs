//! API tokens: who speaks with which, and until when.

use chrono::{DateTime, Utc};
use domain::token::TokenEvent;
use domain::{DisplayName, Event, Recorded, Role, TokenId, UserId};

use crate::read::Reader;
use crate::write::{json, text, time};
use crate::{Limit, Projection, Row, Statement, Table, UnreadableRow, Value};

/// Fills `tokens`.
pub struct Tokens;

/// One API token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// The token's id.
    pub token: TokenId,
    /// For whom it speaks.
    pub user: UserId,
    /// What it is called.
    pub name: DisplayName,
    /// What it may do.
    pub roles: Vec<Role>,
    /// SHA-256 of the token, in hexadecimal.
    pub digest: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// When it was ended before its time.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: String,
    /// The stream's version.
    pub revision: u64,
}

impl TokenRow {
    /// Says whether it opens doors at `now`.
    pub fn is_valid(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

impl Projection for Tokens {
    fn name(&self) -> &'static str {
        "tokens"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [Table] {
        &[Table {
            name: "tokens",
            key: &["token"],
            columns: "token TEXT NOT NULL, user_id TEXT NOT NULL, name TEXT NOT NULL, \
                      roles TEXT NOT NULL, digest TEXT NOT NULL UNIQUE, \
                      expires_at TEXT NOT NULL, revoked_at TEXT, created_at TEXT NOT NULL, \
                      created_by TEXT NOT NULL, revision BIGINT NOT NULL, idx BIGINT NOT NULL",
            indexes: &[("user", "(user_id, token)")],
        }]
    }

    fn apply(&self, recorded: &Recorded<Event>) -> Vec<Statement> {
        let index = Value::from(recorded.index);
        match &recorded.event {
            Event::Token(TokenEvent::TokenCreated {
                token,
                user,
                name,
                roles,
                digest,
                expires_at,
            }) => vec![Statement::new(
                "INSERT INTO {tokens} AS t (token, user_id, name, roles, digest, expires_at, \
                 revoked_at, created_at, created_by, revision, idx) \
                 VALUES ($1, $2, $3, $4, $5, $6, NULL, $7, $8, $9, $10) \
                 ON CONFLICT (token) DO NOTHING",
                [
                    text(token),
                    text(user),
                    text(name),
                    json(roles),
                    Value::from(digest.as_str()),
                    time(*expires_at),
                    time(recorded.recorded_at),
                    Value::from(recorded.header.actor.id.as_str()),
                    recorded.version.into(),
                    index,
                ],
            )],
            Event::Token(TokenEvent::TokenRevoked { token, user: _ }) => vec![Statement::new(
                "UPDATE {tokens} SET revoked_at = $2, revision = $3, idx = $4 \
                 WHERE token = $1 AND idx < $4",
                [
                    text(token),
                    time(recorded.recorded_at),
                    recorded.version.into(),
                    index,
                ],
            )],
            Event::Access(_)
            | Event::Account(_)
            | Event::Campaign(_)
            | Event::Keyring(_)
            | Event::Offboarding(_)
            | Event::Provider(_)
            | Event::Replay(_)
            | Event::Settings(_)
            | Event::Webhook(_) => vec![],
        }
    }
}

/// The columns of a row, in the order in which [`from_row`] reads them.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT token, user_id, name, roles, digest, expires_at, revoked_at, created_at, \
             created_by, revision FROM {tokens} ",
            $rest
        )
    };
}

/// Asks for the token with a digest: the way in of every request.
pub fn by_digest(digest: &str) -> Statement {
    Statement::new(select!("WHERE digest = $1"), [Value::from(digest)])
}

/// Asks for one token.
pub fn by_id(token: TokenId) -> Statement {
    Statement::new(select!("WHERE token = $1"), [text(&token)])
}

/// Asks for all tokens, after one of them, oldest first.
pub fn page(after: Option<TokenId>, limit: Limit) -> Statement {
    let after = after.map_or_else(|| Value::from(""), |token| text(&token));
    Statement::new(
        select!("WHERE token > $1 ORDER BY token LIMIT $2"),
        [after, limit.rows().into()],
    )
}

/// Asks for one person's tokens, after one of them, oldest first.
pub fn page_of(user: &UserId, after: Option<TokenId>, limit: Limit) -> Statement {
    let after = after.map_or_else(|| Value::from(""), |token| text(&token));
    Statement::new(
        select!("WHERE user_id = $1 AND token > $2 ORDER BY token LIMIT $3"),
        [text(user), after, limit.rows().into()],
    )
}

/// Asks how many tokens there are, ended ones included: with none, nobody can come in yet.
pub fn count() -> Statement {
    Statement::new("SELECT COUNT(*) FROM {tokens}", [])
}

/// Reads a row.
pub fn from_row(row: &Row) -> Result<TokenRow, UnreadableRow> {
    let mut row = Reader::new(row);
    Ok(TokenRow {
        token: row.parsed()?,
        user: row.parsed()?,
        name: row.parsed()?,
        roles: row.json()?,
        digest: row.text()?,
        expires_at: row.time()?,
        revoked_at: row.maybe_time()?,
        created_at: row.time()?,
        created_by: row.text()?,
        revision: row.number()?,
    })
}
