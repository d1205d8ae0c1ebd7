//! How an auditor looks for events.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use domain::{ProviderSlug, UserId};
use uuid::Uuid;

use crate::word::words;
use crate::write::{text, time};
use crate::{Limit, Statement, Value};

words!(
    /// In which order events are given.
    Order {
        /// The latest first.
        NewestFirst = "newest_first",
        /// As they happened.
        OldestFirst = "oldest_first",
    }
);

/// What an auditor looks for; what is absent does not matter.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Search {
    /// Who caused it: a person's id, or the name of a part of the server.
    pub actor: Option<String>,
    /// The person whom it concerns.
    pub user: Option<UserId>,
    /// The provider.
    pub provider: Option<ProviderSlug>,
    /// The type.
    pub event_type: Option<String>,
    /// The stable code.
    pub code: Option<String>,
    /// What it belongs to: everything that followed from one request.
    pub correlation: Option<Uuid>,
    /// Recorded at or after this time.
    pub since: Option<DateTime<Utc>>,
    /// Recorded before this time.
    pub until: Option<DateTime<Utc>>,
    /// Only events with an index below this one: what was in the log then.
    pub known_below: Option<u64>,
}

/// Turns a bound of time into one of indexes: the first event at or after it, if there is one.
macro_rules! bound {
    ($compare:literal) => {
        concat!(
            $compare,
            "COALESCE((SELECT b.idx FROM {audit_trail} b WHERE b.recorded_at >= $? \
             ORDER BY b.recorded_at, b.idx LIMIT 1), 9223372036854775807)"
        )
    };
}

/// Asks for the indexes of the events that fit, from a cursor (the last one seen) on. What they say
/// is in the log.
pub fn search(search: &Search, order: Order, cursor: Option<u64>, limit: Limit) -> Statement {
    let mut sql = "SELECT idx FROM {audit_trail} WHERE ".to_owned();
    let mut args = Vec::new();
    let mut and = |condition: &str, value: Value| {
        let glue = if args.is_empty() { "" } else { " AND " };
        args.push(value);
        let number = format!("${}", args.len());
        let _ = write!(sql, "{glue}{}", condition.replace("$?", &number));
    };
    let Search {
        actor,
        user,
        provider,
        event_type,
        code,
        correlation,
        since,
        until,
        known_below,
    } = search;
    let (from_cursor, start) = match order {
        Order::NewestFirst => ("idx < $?", cursor.unwrap_or(u64::MAX).into()),
        Order::OldestFirst => ("idx > $?", cursor.map_or(Value::Int(-1), Value::from)),
    };
    and(from_cursor, start);
    if let Some(actor) = actor {
        and("actor_id = $?", actor.as_str().into());
    }
    if let Some(user) = user {
        and("user_id = $?", user.as_str().into());
    }
    if let Some(provider) = provider {
        and("provider = $?", provider.as_str().into());
    }
    if let Some(event_type) = event_type {
        and("type = $?", event_type.as_str().into());
    }
    if let Some(code) = code {
        and("code = $?", code.as_str().into());
    }
    if let Some(correlation) = correlation {
        and("correlation = $?", text(correlation));
    }
    if let Some(since) = since {
        and(bound!("idx >= "), time(*since));
    }
    if let Some(until) = until {
        and(bound!("idx < "), time(*until));
    }
    if let Some(known_below) = known_below {
        and("idx < $?", (*known_below).into());
    }
    args.push(limit.rows().into());
    let direction = match order {
        Order::NewestFirst => "DESC",
        Order::OldestFirst => "ASC",
    };
    let _ = write!(sql, " ORDER BY idx {direction} LIMIT ${}", args.len());
    Statement::new(sql, args)
}

/// Asks for one event.
pub fn by_index(index: u64) -> Statement {
    let sql = "SELECT idx, recorded_at, actor_kind, actor_id, user_id, provider, type, code, \
               stream, account, key, outcome, correlation FROM {audit_trail} WHERE idx = $1";
    Statement::new(sql, [index.into()])
}
