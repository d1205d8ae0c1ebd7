//! What may be asked of the placements.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use domain::replay::{ReplayInclude, ReplayScope};
use domain::{AccountId, KeyId, ProviderSlug, ReasonCode, ReplayId, UserId};

use super::{PlacementStatus, Wanted};
use crate::read::Reader;
use crate::write::{text, time};
use crate::{Limit, Row, Statement, UnreadableRow, Value};

/// The columns of a row, in the order in which [`from_row`](super::from_row) reads them.
macro_rules! select {
    ($($rest:expr),+) => {
        concat!(
            "SELECT account, key, user_id, provider, wanted, status, due_at, attempts, \
             failure_blame, failure_code, failure_detail, failed_since, remote_key, presence, expires_at, \
             reminded, drift, drifted_at, cause, replay, requested_at, settled_at, changed_at, request, correlation FROM {key_placements} ",
            $($rest),+
        )
    };
}

pub(super) use select;

/// Asks for what is due at a provider, longest due first, and what is due at once in the order in
/// which it was asked for: the publisher's to-do list.
pub fn due(provider: &ProviderSlug, now: DateTime<Utc>, limit: Limit) -> Statement {
    Statement::new(
        select!("WHERE provider = $1 AND due_at <= $2 ORDER BY due_at, idx LIMIT $3"),
        [text(provider), time(now), limit.rows().into()],
    )
}

/// Asks when the next thing is due at a provider; no row: nothing is.
pub fn next_due(provider: &ProviderSlug) -> Statement {
    Statement::new(
        "SELECT due_at FROM {key_placements} WHERE provider = $1 AND due_at IS NOT NULL \
         ORDER BY due_at LIMIT 1",
        [text(provider)],
    )
}

/// Asks when the next thing is due at each provider where anything is: provider and time.
pub fn next_due_by_provider() -> Statement {
    Statement::new(
        "SELECT provider, MIN(due_at) FROM {key_placements} WHERE due_at IS NOT NULL \
         GROUP BY provider",
        [],
    )
}

/// Asks which keys at a provider end before a time, and whose person was not reminded yet. A key
/// that its person removed ends for nobody.
pub fn ending_before(time_of_end: DateTime<Utc>, limit: Limit) -> Statement {
    Statement::new(
        select!(
            "WHERE expires_at < $1 AND expires_at IS NOT NULL AND reminded = 'no' \
             AND status = 'published' AND (drift IS NULL OR drift <> 'missing') \
             ORDER BY expires_at LIMIT $2"
        ),
        [time(time_of_end), limit.rows().into()],
    )
}

/// Asks when the first key ends whose person was not reminded yet; no row: none does.
/// [`first_end_from_row`] reads it.
pub fn first_end() -> Statement {
    Statement::new(
        "SELECT expires_at FROM {key_placements} WHERE expires_at IS NOT NULL \
         AND reminded = 'no' AND status = 'published' \
         AND (drift IS NULL OR drift <> 'missing') ORDER BY expires_at LIMIT 1",
        [],
    )
}

/// Reads the row of [`first_end`].
pub fn first_end_from_row(row: &Row) -> Result<DateTime<Utc>, UnreadableRow> {
    Reader::new(row).time()
}

/// Asks for one key at one account.
pub fn one(account: AccountId, key: KeyId) -> Statement {
    Statement::new(
        select!("WHERE account = $1 AND key = $2"),
        [text(&account), text(&key)],
    )
}

/// Asks for every key at one account, oldest key first.
pub fn of_account(account: AccountId) -> Statement {
    Statement::new(select!("WHERE account = $1 ORDER BY key"), [text(&account)])
}

/// Asks for every key of one person at any account.
pub fn of_user(user: &UserId) -> Statement {
    Statement::new(
        select!("WHERE user_id = $1 ORDER BY account, key"),
        [text(user)],
    )
}

/// Which placements an operator looks at.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Pending {
    /// One provider only.
    pub provider: Option<ProviderSlug>,
    /// One person only.
    pub user: Option<UserId>,
    /// One state only; otherwise all that are not done.
    pub status: Option<PlacementStatus>,
    /// Only those whose last try failed for this reason, or that it holds up.
    pub code: Option<ReasonCode>,
}

/// Asks for placements that are not done, after one of them, by account and key.
pub fn pending(filter: &Pending, after: Option<(AccountId, KeyId)>, limit: Limit) -> Statement {
    let mut query = Query::after(after);
    match &filter.status {
        Some(status) => query.and("status = ", status.as_str()),
        None => query.sql.push_str(UNFINISHED),
    }
    match filter.code {
        // No try failed with it: somebody's order holds up what is asked for.
        Some(ReasonCode::ProviderPaused) => query.sql.push_str(HELD),
        Some(code) => query.and("failure_code = ", code.as_str()),
        None => {}
    }
    if let Some(provider) = &filter.provider {
        query.and("provider = ", provider.as_str());
    }
    if let Some(user) = &filter.user {
        query.and("user_id = ", user.as_str());
    }
    query.page(limit)
}

/// Asks for what a replay is to take up, after one placement, by account and key. What `taken`, or
/// a replay that began later, took up before is left out.
pub fn in_scope(
    scope: &ReplayScope,
    taken: Option<ReplayId>,
    after: Option<(AccountId, KeyId)>,
    limit: Limit,
) -> Statement {
    let mut query = Query::after(after);
    query.scope(scope);
    if let Some(taken) = taken {
        let number = query.number(text(&taken));
        let _ = write!(query.sql, " AND (replay IS NULL OR replay < ${number})");
    }
    query.page(limit)
}

/// Asks how many placements a replay is to take up.
pub fn count_in_scope(scope: &ReplayScope) -> Statement {
    let mut query = Query {
        sql: "SELECT COUNT(*) FROM {key_placements} WHERE 1 = 1".to_owned(),
        args: vec![],
    };
    query.scope(scope);
    Statement::new(query.sql, query.args)
}

/// What waits because its provider is paused or disabled, and for nothing else.
const HELD: &str = " AND status IN ('requested', 'failed') AND provider IN \
     (SELECT provider FROM {provider_list} \
     WHERE removed = 'no' AND (paused = 'yes' OR disabled = 'yes'))";

const UNFINISHED: &str = " AND status IN ('requested', 'failed', 'parked')";

/// A question with as many conditions as were asked for.
pub(super) struct Query {
    pub(super) sql: String,
    args: Vec<Value>,
}

impl Query {
    pub(super) fn after(after: Option<(AccountId, KeyId)>) -> Self {
        let (account, key) = after.map_or_else(
            || (Value::from(""), Value::from("")),
            |(account, key)| (text(&account), text(&key)),
        );
        Self {
            sql: select!("WHERE (account, key) > ($1, $2)").to_owned(),
            args: vec![account, key],
        }
    }

    fn number(&mut self, value: Value) -> usize {
        self.args.push(value);
        self.args.len()
    }

    pub(super) fn and(&mut self, condition: &str, value: impl Into<Value>) {
        let number = self.number(value.into());
        let _ = write!(self.sql, " AND {condition}${number}");
    }

    fn scope(&mut self, scope: &ReplayScope) {
        let ReplayScope {
            provider,
            user,
            since,
            until,
            include,
        } = scope;
        self.and("provider = ", provider.as_str());
        self.sql.push_str(match include {
            ReplayInclude::Unfinished => UNFINISHED,
            ReplayInclude::Requested => " AND status = 'requested'",
            ReplayInclude::Failed => " AND status = 'failed'",
            ReplayInclude::Parked => " AND status = 'parked'",
            ReplayInclude::All => " AND status IN ('requested', 'failed', 'parked', 'published')",
        });
        if let Some(user) = user {
            self.and("user_id = ", user.as_str());
        }
        if let Some(since) = since {
            self.and("changed_at >= ", time(*since));
        }
        if let Some(until) = until {
            self.and("changed_at < ", time(*until));
        }
    }

    pub(super) fn page(mut self, limit: Limit) -> Statement {
        let number = self.number(limit.rows().into());
        let _ = write!(self.sql, " ORDER BY account, key LIMIT ${number}");
        Statement::new(self.sql, self.args)
    }
}

/// How many placements are not done, of one provider, one direction, one state, one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The provider.
    pub provider: ProviderSlug,
    /// Where the keys should be.
    pub wanted: Wanted,
    /// How far they are.
    pub status: PlacementStatus,
    /// Why the last try failed, if one did.
    pub reason: Option<ReasonCode>,
    /// How many.
    pub count: u64,
    /// When the first of them is due, if any is.
    pub due_at: Option<DateTime<Utc>>,
}

/// Asks how many placements are not done, and why.
pub fn tally() -> Statement {
    Statement::new(
        "SELECT provider, wanted, status, failure_code, COUNT(*), MIN(due_at) \
         FROM {key_placements} WHERE status IN ('requested', 'failed', 'parked') \
         GROUP BY provider, wanted, status, failure_code \
         ORDER BY provider, wanted, status, failure_code",
        [],
    )
}

/// Reads a row of [`tally`].
pub fn tally_from_row(row: &Row) -> Result<Tally, UnreadableRow> {
    let mut row = Reader::new(row);
    Ok(Tally {
        provider: row.parsed()?,
        wanted: row.parsed()?,
        status: row.parsed()?,
        reason: row.maybe_word()?,
        count: row.number()?,
        due_at: row.maybe_time()?,
    })
}
