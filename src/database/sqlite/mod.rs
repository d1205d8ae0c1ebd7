//! A database in one `SQLite` file: one thread writes, any number read meanwhile.

mod reader;
mod statement;
mod writer;

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use projections::{Row, Statement};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::{Semaphore, oneshot};

use super::{Database, DatabaseError, migrations};
use crate::datadir::reserve::Reserve;
use reader::Readers;
use statement::meaning;
use writer::Job;

/// How long to wait for another process that writes to the file.
const BUSY: Duration = Duration::from_secs(5);

/// How many longer questions may be asked at once.
const QUESTIONS: usize = 4;

/// An `SQLite` file. Dropping it waits until everything sent is written.
pub struct SqliteDatabase {
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
    readers: Arc<Readers>,
    questions: Arc<Semaphore>,
}

impl SqliteDatabase {
    /// Opens a file, or makes it, and brings its tables to the newest shape.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DatabaseError> {
        Self::open_beside(path, None)
    }

    /// The same, in a directory with a reserve, which is given back when the disk is full.
    pub fn open_beside(
        path: impl AsRef<Path>,
        reserve: Option<Arc<Reserve>>,
    ) -> Result<Self, DatabaseError> {
        let path = path.as_ref();
        create_private(path)?;
        let mut connection = Connection::open(path).map_err(meaning)?;
        configure(&connection).map_err(meaning)?;
        migrations::migrate_sqlite(&mut connection)?;
        let anchor = reader::connect(path)?;
        let (jobs, queue) = mpsc::channel();
        let writer = std::thread::Builder::new()
            .name("database".to_owned())
            .spawn(move || {
                writer::run(&connection, &anchor, &queue, reserve.as_deref());
                // The last connection to close clears the write-ahead log, if it may write.
                drop(anchor);
                drop(connection);
            })
            .map_err(|error| DatabaseError::Unavailable(error.to_string()))?;
        Ok(Self {
            jobs: Some(jobs),
            writer: Some(writer),
            readers: Arc::new(Readers::new(path.to_owned())),
            questions: Arc::new(Semaphore::new(QUESTIONS)),
        })
    }
}

/// Makes the file so that nobody else may read it; `SQLite` gives its other files the same mode.
///
/// One that is there is not touched: to close a file is to lose every lock that this process has
/// on it (POSIX), and with them what `SQLite` relies on.
fn create_private(path: &Path) -> Result<(), DatabaseError> {
    let mut options = std::fs::OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(
            DatabaseError::Unavailable(format!("{}: {error}", path.display())),
        ),
        _ => Ok(()),
    }
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    compile_once(connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    // What is destroyed is overwritten with zeros where the page is written anyway.
    connection.pragma_update(None, "secure_delete", "FAST")?;
    // Nothing spills into files elsewhere.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    // A rebuild changes pages all over its tables again and again: seldom moving them from the
    // write-ahead log to the file, and having them at hand (in KiB), saves half of its time.
    connection.pragma_update(None, "wal_autocheckpoint", 8_000)?;
    connection.pragma_update(None, "cache_size", -(64 << 10))
}

/// Keeps a prepared statement as it is. Otherwise `SQLite` compiles some of them again for each
/// new argument, in the hope of a plan that fits this one better.
fn compile_once(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

#[async_trait]
impl Database for SqliteDatabase {
    async fn transact(&self, statements: Vec<Statement>) -> Result<Vec<u64>, DatabaseError> {
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        let stopped = || DatabaseError::Unavailable("the writer has stopped".to_owned());
        let (answer, outcome) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        let job = Job { statements, answer };
        jobs.send(job).map_err(|_| stopped())?;
        outcome.await.map_err(|_| stopped())?
    }

    async fn query(&self, statement: Statement) -> Result<Vec<Row>, DatabaseError> {
        let stopped = |_| DatabaseError::Unavailable("the readers have stopped".to_owned());
        let turn = Arc::clone(&self.questions).acquire_owned().await;
        let turn = turn.map_err(|closed| stopped(closed.to_string()))?;
        let readers = Arc::clone(&self.readers);
        tokio::task::spawn_blocking(move || {
            let rows = readers.ask(&statement, usize::MAX);
            drop(turn);
            rows
        })
        .await
        .map_err(|failed| stopped(failed.to_string()))?
    }

    /// Reads on the calling thread: a point read takes microseconds, and going to another thread
    /// and back costs more than that.
    async fn get(&self, statement: Statement) -> Result<Option<Row>, DatabaseError> {
        Ok(self.readers.ask(&statement, 1)?.pop())
    }
}

impl Drop for SqliteDatabase {
    fn drop(&mut self) {
        // Before the writer is let go, which closes its own: the last to close clears the
        // write-ahead log, but not if it only reads.
        self.readers.close();
        drop(self.jobs.take());
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the database's writer ended in a panic");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_survives_a_power_failure() {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("state.db")).unwrap();
        configure(&connection).unwrap();
        let setting = |name: &str| -> String {
            let sql = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
            connection.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        assert_eq!(setting("journal_mode"), "wal");
        assert_eq!(setting("synchronous"), "2");
        assert_eq!(setting("foreign_keys"), "1");
        assert_eq!(setting("secure_delete"), "2");
        // Before 3.51.3 a checkpoint that meets a writer can damage the file.
        assert!(rusqlite::version_number() >= 3_051_003);
    }
}
