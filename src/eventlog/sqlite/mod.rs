//! A log in a file: `SQLite`, one writer thread, many appends in one commit.
//!
//! Taking an event appends its line to one table (`log.db`), and an acknowledged append is on the
//! disk. Which events belong to a stream is derived (`log-index.db`): see `index.rs`.

mod desk;
mod heads;
mod index;
mod queue;
mod readers;
mod schema;
mod tail;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use async_trait::async_trait;
use domain::StreamName;
use rusqlite::{Connection, OptionalExtension};
use tokio::sync::{Semaphore, watch};

use self::desk::Desk;
use self::heads::Heads;
use self::index::Index;
use self::readers::Readers;
use self::tail::Tail;
use self::writer::Writer;
use super::line::{Filed, Times, refuse_too_long};
use super::{Append, Appended, EventLog, LogError, Stored};
use crate::clock::Clock;
use crate::datadir::DataDirectory;

/// So many events are read on the caller's own thread. They come from memory in microseconds,
/// which is less than handing the question to another thread and back.
const SHORT: usize = 64;

/// So many long reads go on at one time; more wait.
const LONG_READS: usize = 8;

/// The file that has the events.
const FILE: &str = "log.db";

/// The log in a data directory.
pub struct SqliteLog {
    desk: Arc<Desk>,
    tail: Arc<Tail>,
    readers: Arc<Readers>,
    long_reads: Semaphore,
    size: Arc<watch::Sender<u64>>,
    broken: Arc<watch::Sender<Option<String>>>,
    writer: Option<JoinHandle<()>>,
    indexer: Option<JoinHandle<Index>>,
    /// Ours until the writer has ended.
    _directory: Arc<DataDirectory>,
}

impl SqliteLog {
    /// Says whether there is a log in a directory.
    pub fn is_in(directory: &Path) -> bool {
        directory.join(FILE).is_file()
    }

    /// Opens the log in a directory, made empty if there is none.
    pub fn open(directory: Arc<DataDirectory>, clock: Arc<dyn Clock>) -> Result<Self, LogError> {
        let file = |name| {
            let file = directory.file(name);
            file.map_err(|e| LogError::Unavailable(e.to_string()))
        };
        let path = file(FILE)?;
        let index_path = file("log-index.db")?;
        let log = schema::open_log(&path)?;
        let (size, last) = newest(&log)?;
        let to_index = schema::open_to_read(&path).map_err(unavailable)?;
        let (index, unindexed) = Index::open(&index_path, to_index, size)?;

        let tail = Arc::new(Tail::new(unindexed));
        let readers = Arc::new(Readers::new(path, index_path));
        let size = Arc::new(watch::Sender::new(size));
        let broken = Arc::new(watch::Sender::new(None));
        let desk = Arc::new(Desk::new(Writer {
            log,
            readers: Arc::clone(&readers),
            tail: Arc::clone(&tail),
            size: Arc::clone(&size),
            broken: Arc::clone(&broken),
            times: Times::after(last, clock),
            heads: Heads::default(),
            commits: 0,
        }));
        let (writes, indexed) = (Arc::clone(&desk), Arc::clone(&tail));
        Ok(Self {
            writer: Some(start("log-writer", move || writes.run())?),
            indexer: Some(start("log-indexer", move || index.follow(&indexed))?),
            desk,
            tail,
            readers,
            long_reads: Semaphore::new(LONG_READS),
            size,
            broken,
            _directory: directory,
        })
    }

    /// Watches for the reason why nothing can be written any more: after it, the process must
    /// end, and start again from what is on the disk.
    pub fn broken(&self) -> watch::Receiver<Option<String>> {
        self.broken.subscribe()
    }

    /// Lets the log grow to so many pages of 4 KiB and no further: then it answers as on a full
    /// disk.
    pub fn limit(&self, pages: u32) -> Result<(), LogError> {
        self.desk.limit(pages)
    }

    /// Reads on a thread that may wait for the disk.
    async fn read_long(
        &self,
        read: impl FnOnce() -> Result<Vec<Stored>, LogError> + Send + 'static,
    ) -> Result<Vec<Stored>, LogError> {
        // Never closed: an error here would only mean that nobody counts.
        let _turn = self.long_reads.acquire().await;
        tokio::task::spawn_blocking(read)
            .await
            .unwrap_or_else(|e| Err(LogError::Unavailable(e.to_string())))
    }
}

impl Drop for SqliteLog {
    /// Writes what waits, indexes it, and ends both threads: whoever opens the log next finds it
    /// closed.
    fn drop(&mut self) {
        self.desk.close();
        let _ = self.writer.take().map(JoinHandle::join);
        self.tail.close();
        let indexer = self.indexer.take().map(JoinHandle::join);
        // Those who write are the last to go: `SQLite` moves what is in the WAL into the database
        // when its last connection closes, but not if that one only reads.
        self.readers.close();
        drop(indexer);
    }
}

#[async_trait]
impl EventLog for SqliteLog {
    async fn append(&self, append: Append) -> Result<Appended, LogError> {
        refuse_too_long(&append)?;
        self.desk.take(append).await
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Stored>, LogError> {
        let (readers, tail) = (Arc::clone(&self.readers), Arc::clone(&self.tail));
        let short = limit.min(SHORT);
        let mut events = readers.read_stream(&tail, stream, after, short)?;
        let (left, read) = (limit - events.len(), events.len() as u64);
        if events.len() == short && left > 0 {
            let stream = stream.clone();
            let rest = move || readers.read_stream(&tail, &stream, after + read, left);
            events.extend(self.read_long(rest).await?);
        }
        Ok(events)
    }

    async fn read_all(&self, index: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        // Those who are at the end ask often.
        if index >= *self.size.borrow() {
            return Ok(Vec::new());
        }
        if limit <= SHORT {
            return self.readers.read_all(index, limit);
        }
        let readers = Arc::clone(&self.readers);
        self.read_long(move || readers.read_all(index, limit)).await
    }

    async fn size(&self) -> Result<u64, LogError> {
        Ok(*self.size.borrow())
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.size.subscribe()
    }
}

/// Returns how many events there are, and when the last was taken.
fn newest(log: &Connection) -> Result<(u64, Option<chrono::DateTime<chrono::Utc>>), LogError> {
    let last: Option<(i64, String)> = log
        .query_row(
            "SELECT idx, line FROM events ORDER BY idx DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
        .map_err(unavailable)?;
    let Some((index, line)) = last else {
        return Ok((0, None));
    };
    let index = position(index);
    let filed = Filed::read(index, &line)?;
    Ok((index + 1, Some(filed.recorded_at)))
}

fn start<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, LogError> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread
        .spawn(work)
        .map_err(|e| LogError::Unavailable(e.to_string()))
}

/// Says an index, a version or a limit as `SQLite` does.
fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Reads an index or a version that `SQLite` says.
fn position(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unavailable(error: rusqlite::Error) -> LogError {
    LogError::Unavailable(error.to_string())
}
