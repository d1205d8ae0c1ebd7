//! The projections compared with a fresh fold of the log, row by row.

use std::fmt;

use projections::{Projection, Row, Statement, Table, Value};

use super::VerifyProgress;
use crate::database::{Database, DatabaseError};
use crate::eventlog::EventLog;
use crate::projecting::checkpoint;
use crate::projecting::reading::FollowError;
use crate::projecting::rebuild::{Rebuild, RebuildProgress};

/// How many rows are compared at once.
const PAGE: u32 = 1_000;

/// How often rows are compared that move meanwhile.
const ROUNDS: u32 = 12;

/// What was found of one projection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// The projection.
    pub name: &'static str,
    /// How many events it has applied.
    pub events: u64,
    /// How many rows are as they must be.
    pub rows: u64,
    /// The first row that is not, if there is one.
    pub difference: Option<Difference>,
}

/// A row that is not what the log makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// The row's key.
    pub key: Vec<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key: Vec<String> = self
            .key
            .iter()
            .map(|value| match value {
                Value::Text(text) => text.clone(),
                Value::Int(number) => number.to_string(),
                Value::Null | Value::Bytes(_) => "-".to_owned(),
            })
            .collect();
        write!(f, "{} {}", self.table, key.join(" "))
    }
}

/// Folds the log anew into tables of its own, compares them with those that are read, and
/// removes them again.
pub async fn verify_projections(
    log: &dyn EventLog,
    database: &dyn Database,
    projections: &[&'static dyn Projection],
    report: &mut (impl FnMut(VerifyProgress) + Send),
) -> Result<Vec<Compared>, FollowError> {
    let mut fresh = Rebuild::begin(log, database, projections).await?;
    let outcome = compare_all(&mut fresh, database, projections, report).await;
    fresh.abandon().await?;
    outcome
}

/// Compares each projection once the fresh fold is where it is. Usually all are equally far, and
/// one round is enough.
async fn compare_all(
    fresh: &mut Rebuild<'_>,
    database: &dyn Database,
    projections: &[&'static dyn Projection],
    report: &mut (impl FnMut(VerifyProgress) + Send),
) -> Result<Vec<Compared>, FollowError> {
    let mut waiting = projections.to_vec();
    let mut compared = Vec::new();
    for _ in 0..ROUNDS {
        let mut events = u64::MAX;
        for projection in &waiting {
            events = events.min(applied(database, *projection).await?);
        }
        let mut folding = |RebuildProgress { done, of }: RebuildProgress| {
            report(VerifyProgress::Folding { done, of });
        };
        fresh.fill(Some(events), &mut folding).await?;
        let mut moving = Vec::new();
        for projection in waiting {
            report(VerifyProgress::Comparing(projection.name()));
            match compare(database, projection, events).await? {
                Some(found) => compared.push(found),
                None => moving.push(projection),
            }
        }
        if moving.is_empty() {
            return Ok(compared);
        }
        waiting = moving;
    }
    Err(FollowError::Moving)
}

/// Compares a projection at so many events; nothing if it is or was elsewhere.
async fn compare(
    database: &dyn Database,
    projection: &'static dyn Projection,
    events: u64,
) -> Result<Option<Compared>, FollowError> {
    let (mut rows, mut difference) = (0, None);
    if applied(database, projection).await? != events {
        return Ok(None);
    }
    for table in projection.tables() {
        difference = compare_table(database, table, &mut rows).await?;
        if difference.is_some() {
            break;
        }
    }
    if applied(database, projection).await? != events {
        return Ok(None);
    }
    Ok(Some(Compared {
        name: projection.name(),
        events,
        rows,
        difference,
    }))
}

async fn applied(
    database: &dyn Database,
    projection: &'static dyn Projection,
) -> Result<u64, FollowError> {
    let known = checkpoint::read(database, projection).await?;
    Ok(known.map_or(0, |known| known.next))
}

async fn compare_table(
    database: &dyn Database,
    table: &Table,
    rows: &mut u64,
) -> Result<Option<Difference>, DatabaseError> {
    let mut after: Option<Vec<Value>> = None;
    loop {
        let (live, fresh) = tokio::try_join!(
            database.query(page(table, "", after.as_deref())),
            database.query(page(table, "_next", after.as_deref())),
        )?;
        if let Some(key) = first_difference(table, &live, &fresh) {
            return Ok(Some(Difference {
                table: table.name,
                key,
            }));
        }
        *rows += live.len() as u64;
        match live.last() {
            Some(last) => after = Some(key(table, last)),
            None => return Ok(None),
        }
    }
}

fn page(table: &Table, suffix: &str, after: Option<&[Value]>) -> Statement {
    let name = table.name;
    let key = table.key.join(", ");
    let mut args = after.unwrap_or_default().to_vec();
    let beyond = if args.is_empty() {
        String::new()
    } else {
        let numbers: Vec<_> = (1..=args.len())
            .map(|number| format!("${number}"))
            .collect();
        format!("WHERE ({key}) > ({}) ", numbers.join(", "))
    };
    args.push(PAGE.into());
    let limit = args.len();
    let sql = format!("SELECT * FROM {name}{suffix} {beyond}ORDER BY {key} LIMIT ${limit}");
    Statement::new(sql, args)
}

fn first_difference(table: &Table, live: &[Row], fresh: &[Row]) -> Option<Vec<Value>> {
    let differing = live.iter().zip(fresh).find(|(live, fresh)| live != fresh);
    let beyond = live.len().min(fresh.len());
    differing
        .map(|(live, _)| live)
        .or_else(|| live.get(beyond))
        .or_else(|| fresh.get(beyond))
        .map(|row| key(table, row))
}

/// Returns a row's key: its first columns.
fn key(table: &Table, row: &Row) -> Vec<Value> {
    row.0.iter().take(table.key.len()).cloned().collect()
}
