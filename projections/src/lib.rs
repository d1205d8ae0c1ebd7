//! Remembers: read models as pure functions from events to SQL statements.
//!
//! A projection names its tables, turns each event into guarded upserts, and offers the queries
//! that a reader may ask, all in one file. It reads no clock, calls no provider and never sees
//! the database: whoever runs the statements does. So it is tested without one, and may be
//! replayed from the first event at any time.

#![warn(clippy::wildcard_enum_match_arm)]

mod page;
mod statement;

use domain::{Event, Recorded};

pub use page::{Limit, Page};
pub use statement::{Row, Statement, UnreadableRow, Value};

/// A read model: what it is called, which tables it fills, and how.
pub trait Projection: Send + Sync {
    /// Names it, as in `lanyard rebuild <name>`.
    fn name(&self) -> &'static str;

    /// Returns the version of its shape. Raised with any change of tables or of `apply`: the
    /// tables are then made anew beside the old ones, filled from the log, and switched.
    fn version(&self) -> u32;

    /// Lists its tables.
    fn tables(&self) -> &'static [Table];

    /// Turns an event into statements. Each is guarded by the event's index, so that twice is
    /// once. A table stands in braces: `{provider_list}`.
    fn apply(&self, event: &Recorded<Event>) -> Vec<Statement>;
}

/// A table of a projection. Columns are TEXT, BIGINT or BYTEA; a state is a word.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Its name, as it stands in braces in statements.
    pub name: &'static str,
    /// What stands between the parentheses of `CREATE TABLE`.
    pub columns: &'static str,
    /// Further indexes: a short name for each, and its columns.
    pub indexes: &'static [(&'static str, &'static str)],
}
