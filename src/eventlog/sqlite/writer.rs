//! The one thread that writes: it takes all appends that wait, commits them together, and
//! answers each.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{oneshot, watch};

use super::heads::Heads;
use super::queue::Queue;
use super::tail::Tail;
use super::{index, number, unavailable};
use crate::eventlog::line::Times;
use crate::eventlog::{Append, Appended, LogError};

/// How long appends wait for room in the tail before they are refused.
const INDEX_PATIENCE: Duration = Duration::from_secs(1);

/// An append and who waits for it.
pub(super) struct Job {
    pub(super) append: Append,
    pub(super) answer: oneshot::Sender<Result<Appended, LogError>>,
}

/// What the writer works with.
pub(super) struct Writer {
    pub(super) log: Connection,
    /// To look up the versions of streams that were not written lately.
    pub(super) index: Connection,
    pub(super) queue: Arc<Queue<Job>>,
    pub(super) tail: Arc<Tail>,
    pub(super) size: Arc<watch::Sender<u64>>,
    pub(super) broken: Arc<watch::Sender<Option<String>>>,
    pub(super) times: Times,
    pub(super) heads: Heads,
}

/// Closes the queue however the writer ends, so that nobody waits for it in vain.
struct ClosesQueue(Arc<Queue<Job>>);

impl Drop for ClosesQueue {
    fn drop(&mut self) {
        self.0.close();
        let mut left = Vec::new();
        // Whoever is dropped here is told by the loss of the answer.
        self.0.take(&mut left, 0, Duration::ZERO);
    }
}

impl Writer {
    /// Writes until the queue is closed, or until nothing more must be written.
    pub(super) fn run(mut self) {
        let _closes = ClosesQueue(Arc::clone(&self.queue));
        let mut pace = Pace::default();
        let mut batch = Vec::new();
        while self.queue.take(&mut batch, pace.wanted, pace.patience()) {
            let began = Instant::now();
            let outcomes = self.take_all(&batch);
            // Those who wait already are counted before those who are answered come again.
            pace.learn(batch.len(), self.queue.len(), began.elapsed());
            let fatal = self.broken.borrow().is_some();
            for (job, outcome) in batch.drain(..).zip(outcomes) {
                // A caller who went away needs no answer.
                let _ = job.answer.send(outcome);
            }
            if fatal {
                return;
            }
        }
    }

    /// Decides and commits a batch; returns each job's outcome.
    fn take_all(&mut self, batch: &[Job]) -> Vec<Result<Appended, LogError>> {
        let first = *self.size.borrow();
        let mut next = first;
        let mut outcomes: Vec<_> = batch
            .iter()
            .map(|job| self.decide(&job.append, &mut next))
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
        let taken = batch.iter().zip(&outcomes).filter_map(|(job, outcome)| {
            outcome.as_ref().ok()?;
            let append = &job.append;
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
            None => index::version(&self.index, stream).map_err(unavailable)?,
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
        batch: &[Job],
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
            .flat_map(|(job, _)| &job.append.events)
            .map(|draft| draft.line(&time))
            .collect();
        insert(&self.log, first, &lines).map_err(|error| self.refuse(&error))
    }

    /// Undoes what an error left, and decides whether anything may be written after it.
    fn refuse(&mut self, error: &rusqlite::Error) -> LogError {
        let rolled_back = self.log.is_autocommit() || self.log.execute_batch("ROLLBACK").is_ok();
        let passes = matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::OutOfMemory)
        );
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

/// How the next batch is gathered: as many as the last had, with those who waited meanwhile, are
/// worth waiting for, but not longer than half of what a commit takes.
struct Pace {
    wanted: usize,
    /// The mean time of a commit, the newest counting an eighth.
    commit: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            wanted: 1,
            commit: Duration::ZERO,
        }
    }
}

impl Pace {
    fn learn(&mut self, batch: usize, waiting: usize, took: Duration) {
        self.wanted = batch + waiting;
        self.commit = (self.commit * 7 + took) / 8;
    }

    fn patience(&self) -> Duration {
        self.commit / 2
    }
}
