//! Which types of events the log has: the table `logged_types`.
//!
//! Whoever moves a checkpoint notes the types that it met in the same transaction. So what lies
//! before a checkpoint is known without reading it, and only what lies behind is read.

use std::collections::BTreeSet;

use domain::{Event, Recorded};
use projections::{Projection, Statement};

use super::checkpoint;
use super::reading::{self, FollowError};
use crate::database::{Database, DatabaseError};
use crate::eventlog::EventLog;

/// How many events behind the furthest checkpoint are read at a time.
const PAGE: usize = 1_000;

/// The program that notes what it meets.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// Types of events, each with the schema of its data.
#[derive(Debug, Default)]
pub(super) struct Types(BTreeSet<(&'static str, u32)>);

impl Types {
    /// Lists the types among events that are not in here.
    pub(super) fn new_in(&self, events: &[Recorded<Event>]) -> Self {
        let kinds = events.iter().map(|recorded| recorded.event.kind());
        let types = kinds.map(|kind| (kind.name, kind.schema));
        Self(types.filter(|known| !self.0.contains(known)).collect())
    }

    /// Notes them. In their order, so that of two who note the same neither waits for the other
    /// in a circle.
    pub(super) fn note(&self, statements: &mut Vec<Statement>) {
        for (name, schema) in &self.0 {
            statements.push(Statement::new(
                "INSERT INTO logged_types (type, schema, program) VALUES ($1, $2, $3) \
                 ON CONFLICT (type, schema) DO NOTHING",
                [(*name).into(), (*schema).into(), PROGRAM.into()],
            ));
        }
    }

    pub(super) fn add(&mut self, others: Self) {
        self.0.extend(others.0);
    }
}

/// Refuses a log with events that this program cannot read. To be asked before anything is
/// written.
pub async fn refuse_newer(
    log: &dyn EventLog,
    database: &dyn Database,
    projections: &[&'static dyn Projection],
) -> Result<(), FollowError> {
    let noted = Statement::new(
        "SELECT type, schema, program FROM logged_types ORDER BY type, schema",
        [],
    );
    let mut unknown = Vec::new();
    for row in database.query(noted).await? {
        let name = row.text(0).map_err(DatabaseError::from)?;
        let schema = row.number(1).map_err(DatabaseError::from)?;
        let program = row.text(2).map_err(DatabaseError::from)?;
        if !u32::try_from(schema).is_ok_and(|schema| Event::knows(name, schema)) {
            unknown.push(format!("{name} (schema {schema}, of Lanyard {program})"));
        }
    }
    if !unknown.is_empty() {
        return Err(FollowError::Newer {
            types: unknown.join(", "),
        });
    }
    let mut next = 0;
    for projection in projections {
        let known = checkpoint::read(database, *projection).await?;
        next = known.map_or(next, |known| next.max(known.next));
    }
    loop {
        let events = reading::page(log, next, PAGE).await?;
        match events.last() {
            Some(last) => next = last.index + 1,
            None => return Ok(()),
        }
    }
}
