//! What may be asked of the notices.

use std::fmt::Write;

use domain::{NoticeKind, ProviderSlug, UserId};

use super::{NoticeRow, columns, read};
use crate::read::Reader;
use crate::word::words;
use crate::{Limit, Row, Statement, UnreadableRow, Value};

/// Which notices somebody looks at.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Filter {
    /// One kind only.
    pub kind: Option<NoticeKind>,
    /// One provider only.
    pub provider: Option<ProviderSlug>,
    /// One person only.
    pub user: Option<UserId>,
    /// Besides one person's, those of these whole providers.
    pub or_at: Vec<ProviderSlug>,
    /// Only open ones, or only closed ones.
    pub open: Option<bool>,
}

/// Asks for notices, newest first, opened before a cursor.
pub fn page(filter: &Filter, before: Option<u64>, limit: Limit) -> Statement {
    let mut query = Query {
        sql: concat!("SELECT ", columns!(), " FROM {notices} WHERE opened < $1").to_owned(),
        args: vec![before.unwrap_or(u64::MAX).into()],
    };
    if let Some(kind) = filter.kind {
        query.and("kind = ", kind.as_str());
    }
    if let Some(provider) = &filter.provider {
        query.and("provider = ", provider.as_str());
    }
    if let Some(user) = &filter.user {
        let user = query.number(user.as_str());
        let _ = write!(query.sql, " AND (user_id = ${user}");
        if !filter.or_at.is_empty() {
            query.sql.push_str(" OR user_id IS NULL AND provider IN ");
            query.list(filter.or_at.iter().map(ProviderSlug::as_str));
        }
        query.sql.push(')');
    }
    match filter.open {
        Some(true) => query.sql.push_str(" AND closed IS NULL"),
        Some(false) => query.sql.push_str(" AND closed IS NOT NULL"),
        None => {}
    }
    let number = query.number(limit.rows());
    let _ = write!(query.sql, " ORDER BY opened DESC LIMIT ${number}");
    Statement::new(query.sql, query.args)
}

words!(
    /// Which end of a notice a change is.
    Phase {
        /// It began.
        Opened = "opened",
        /// It is over.
        Closed = "closed",
    }
);

/// How far a reader of changes is: behind the change of this index, and there of this notice.
/// One event may close several notices.
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// The index of the event that made the change.
    pub index: u64,
    /// The notice, as text; empty before the first.
    pub notice: String,
}

/// A notice that opened or closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The notice.
    pub notice: NoticeRow,
    /// Which of the two.
    pub phase: Phase,
    /// Where it stands among the changes.
    pub at: Seen,
}

/// Asks for the changes of some kinds of notices behind a point, in the order in which they came
/// about; no kind named: of all.
pub fn changes(kinds: &[NoticeKind], after: &Seen, limit: Limit) -> Statement {
    let mut query = Query {
        sql: String::new(),
        args: vec![after.index.into(), after.notice.as_str().into()],
    };
    for (phase, column) in [("opened", "opened"), ("closed", "closed")] {
        if !query.sql.is_empty() {
            query.sql.push_str(" UNION ALL ");
        }
        let _ = write!(
            query.sql,
            concat!(
                "SELECT {column} AS at_index, '{phase}' AS phase, ",
                columns!(),
                " FROM {{notices}} WHERE {column} >= $1 AND ({column} > $1 OR notice > $2)"
            ),
            column = column,
            phase = phase,
        );
        if !kinds.is_empty() {
            query.sql.push_str(" AND kind IN ");
            query.list(kinds.iter().map(|kind| kind.as_str()));
        }
    }
    let number = query.number(limit.rows());
    let _ = write!(query.sql, " ORDER BY at_index, notice LIMIT ${number}");
    Statement::new(query.sql, query.args)
}

/// Reads a row of [`changes`].
pub fn change_from_row(row: &Row) -> Result<Change, UnreadableRow> {
    let mut row = Reader::new(row);
    let (index, phase) = (row.number()?, row.parsed()?);
    let notice = read(&mut row)?;
    let at = Seen {
        index,
        notice: notice.notice.to_string(),
    };
    Ok(Change { notice, phase, at })
}

/// A question with as many conditions as were asked for.
struct Query {
    sql: String,
    args: Vec<Value>,
}

impl Query {
    fn number(&mut self, value: impl Into<Value>) -> usize {
        self.args.push(value.into());
        self.args.len()
    }

    fn and(&mut self, condition: &str, value: &str) {
        let number = self.number(value);
        let _ = write!(self.sql, " AND {condition}${number}");
    }

    fn list<'a>(&mut self, values: impl Iterator<Item = &'a str>) {
        for (place, value) in values.enumerate() {
            let number = self.number(value);
            let before = if place == 0 { "(" } else { ", " };
            let _ = write!(self.sql, "{before}${number}");
        }
        self.sql.push(')');
    }
}
