//! What writes: decides a batch of appends, and commits it.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, ffi};
use tokio::sync::watch;

use super::heads::Heads;
use super::readers::Readers;
use super::tail::Tail;
use super::{number, schema};
use crate::datadir::reserve::Reserve;
use crate::eventlog::line::Times;
use crate::eventlog::{Append, Appended, LogError};

/// How long appends wait for room in the tail before they are refused.
const INDEX_PATIENCE: Duration = Duration::from_secs(1);

/// After so many commits the WAL is made as long as it will be: a log that is hardly written does
/// without.
const IN_USE: u32 = 64;

/// What is needed to write.
pub(super) struct Writer {
    pub(super) log: Connection,
    /// To look up the versions of streams that were not written lately.
    pub(super) readers: Arc<Readers>,
    pub(super) tail: Arc<Tail>,
    pub(super) size: Arc<watch::Sender<u64>>,
    pub(super) broken: Arc<watch::Sender<Option<String>>>,
    pub(super) times: Times,
    pub(super) heads: Heads,
    pub(super) commits: u32,
    /// Given back when the disk is full.
    pub(super) reserve: Arc<Reserve>,
}

impl AsRef<Append> for Append {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Writer {
    /// Lets the log grow to so many pages and no further.
    pub(super) fn limit(&self, pages: u32) -> rusqlite::Result<()> {
        // It answers with what it took, which a plain update would not expect.
        self.log
            .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
    }

    /// Decides and commits a batch; returns each job's outcome.
    pub(super) fn take_all(
        &mut self,
        batch: &[impl AsRef<Append>],
    ) -> Vec<Result<Appended, LogError>> {
        let first = *self.size.borrow();
        let mut next = first;
        let mut outcomes: Vec<_> = batch
            .iter()
            .map(|append| self.decide(append.as_ref(), &mut next))
            .collect();
        if next == first {
            return outcomes;
        }
        if let Err(error) = self.store(first, batch, &outcomes) {
            // The versions of what did not come about.
            self.heads.clear();
            for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_ok()) {
                *outcome = Err(error.clone());
            }
            return outcomes;
        }
        let taken = batch.iter().zip(&outcomes).filter_map(|(append, outcome)| {
            outcome.as_ref().ok()?;
            let append = append.as_ref();
            Some((&append.stream, append.expected + 1, append.events.len()))
        });
        self.tail.add(first, taken);
        self.size.send_replace(next);
        outcomes
    }

    /// Checks the version and gives the append its place from `next` on.
    fn decide(&mut self, append: &Append, next: &mut u64) -> Result<Appended, LogError> {
        let stream = &append.stream;
        let version = match self.heads.get(stream).or_else(|| self.tail.version(stream)) {
            Some(version) => version,
            None => self.readers.version(stream)?,
        };
        if version != append.expected || append.events.is_empty() {
            self.heads.set(stream, version);
            return Err(LogError::Conflict);
        }
        let events = append.events.len() as u64;
        *next += events;
        self.heads.set(stream, version + events);
        Ok(Appended {
            last: *next - 1,
            version: version + events,
        })
    }

    /// Stores the lines of all that was not refused, so that they survive a power failure.
    fn store(
        &mut self,
        first: u64,
        batch: &[impl AsRef<Append>],
        outcomes: &[Result<Appended, LogError>],
    ) -> Result<(), LogError> {
        if !self.tail.has_room(INDEX_PATIENCE) {
            return Err(LogError::Unavailable(
                "its index of streams cannot be written".to_owned(),
            ));
        }
        let time = self.times.now();
        let lines: Vec<String> = batch
            .iter()
            .zip(outcomes)
            .filter(|(_, outcome)| outcome.is_ok())
            .flat_map(|(append, _)| &append.as_ref().events)
            .map(|draft| draft.line(&time))
            .collect();
        let mut stored = insert(&self.log, first, &lines);
        if let Err(error) = &stored
            && error.sqlite_error_code() == Some(ErrorCode::DiskFull)
            && (self.log.is_autocommit() || self.log.execute_batch("ROLLBACK").is_ok())
            && self.reserve.give_back()
        {
            stored = insert(&self.log, first, &lines);
        }
        stored.map_err(|error| self.refuse(&error))?;
        self.commits = self.commits.saturating_add(1);
        if self.commits == IN_USE
            && let Err(error) = schema::lengthen_wal(&self.log)
            && !self.log.is_autocommit()
        {
            // What was acknowledged is there all the same; whether more may come is decided here.
            self.refuse(&error);
        }
        Ok(())
    }

    /// Undoes what an error left, and decides whether anything may be written after it.
    fn refuse(&mut self, error: &rusqlite::Error) -> LogError {
        let rolled_back = self.log.is_autocommit() || self.log.execute_batch("ROLLBACK").is_ok();
        let full = matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::OutOfMemory)
        );
        // So it says when there is no room for the index of the WAL, which no sync is about.
        let extended = error.sqlite_error().map(|error| error.extended_code);
        let passes = full || extended == Some(ffi::SQLITE_IOERR_SHMSIZE);
        if !(passes && rolled_back) {
            // After a failed fsync nobody knows what the disk has (and asking again would be
            // answered with a lie), and a table that is not as we left it is not ours to write.
            tracing::error!(%error, "the log cannot be written any more");
            self.broken.send_replace(Some(error.to_string()));
        }
        LogError::Unavailable(error.to_string())
    }
}

/// How many rows one statement inserts at most: the more, the fewer times `SQLite` starts over.
const ROWS: usize = 32;

/// Appends lines from index `first` on, in one transaction.
fn insert(log: &Connection, first: u64, lines: &[String]) -> rusqlite::Result<()> {
    if lines.len() == 1 {
        // One statement is a transaction by itself.
        return insert_rows(log, first, lines);
    }
    log.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let mut next = first;
    for rows in lines.chunks(ROWS) {
        if rows.len() == ROWS {
            insert_rows(log, next, rows)?;
        } else {
            for (index, row) in (next..).zip(rows) {
                insert_rows(log, index, std::slice::from_ref(row))?;
            }
        }
        next += rows.len() as u64;
    }
    log.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}

fn insert_rows(log: &Connection, first: u64, rows: &[String]) -> rusqlite::Result<()> {
    const ONE: &str = "INSERT INTO events (idx, line) VALUES (?, ?)";
    let mut statement = if rows.len() == 1 {
        log.prepare_cached(ONE)?
    } else {
        log.prepare_cached(&format!("{ONE}{}", ", (?, ?)".repeat(rows.len() - 1)))?
    };
    for (at, (index, line)) in (first..).zip(rows).enumerate() {
        statement.raw_bind_parameter(2 * at + 1, number(index))?;
        statement.raw_bind_parameter(2 * at + 2, line.as_str())?;
    }
    statement.raw_execute()?;
    Ok(())
}
