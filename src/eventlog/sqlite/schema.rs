//! How the log's files are opened.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::unavailable;
use crate::eventlog::LogError;

mod migrations {
    refinery::embed_migrations!("migrations/log/sqlite");
}

/// Before it, a checkpoint could damage a database in WAL mode (`SQLite`'s notes on 3.51.3).
const OLDEST_SQLITE: i32 = 3_051_003;

/// How many pages the WAL has before it begins anew. Four times the default: a checkpoint holds up
/// the appends of a moment, and so must be rare.
const WAL_PAGES: i64 = 4_000;

/// How long a statement waits for another program that has the file locked.
const BUSY: Duration = Duration::from_secs(5);

/// Opens the log to write: made or brought up to date, each commit on the disk before it returns.
pub(super) fn open_log(path: &Path) -> Result<Connection, LogError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(LogError::Unavailable(format!(
            "SQLite {} is too old to be trusted with a log",
            rusqlite::version()
        )));
    }
    let mut log = open_to_write(path).map_err(unavailable)?;
    log.pragma_update(None, "synchronous", "FULL")
        .map_err(unavailable)?;
    log.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)
        .map_err(unavailable)?;
    // On macOS fsync alone does not reach the disk; elsewhere these change nothing.
    for pragma in ["fullfsync", "checkpoint_fullfsync"] {
        log.pragma_update(None, pragma, true).map_err(unavailable)?;
    }
    // In one transaction with the note that they were made: a crash between would make them twice.
    migrations::migrations::runner()
        .set_grouped(true)
        .run(&mut log)
        .map_err(|e| LogError::Unavailable(format!("the log's tables: {e}")))?;
    Ok(log)
}

/// Makes the WAL as long as it will be, by writing into it what is then undone.
///
/// To sync what lengthens a file takes the disk half as long again as to sync what overwrites it,
/// for the new length is one more thing to write.
pub(super) fn lengthen_wal(log: &Connection) -> rusqlite::Result<()> {
    let kept: i64 = log.pragma_query_value(None, "cache_size", |row| row.get(0))?;
    // What the cache does not hold goes to the WAL before it is committed, and so counts for
    // nothing there.
    log.pragma_update(None, "cache_size", 10)?;
    let written = log.execute_batch(&format!(
        "BEGIN IMMEDIATE;
         CREATE TABLE room (bytes);
         INSERT INTO room VALUES (zeroblob({}));",
        WAL_PAGES * 4_096
    ));
    // Some errors undo everything by themselves.
    let undone = if log.is_autocommit() {
        Ok(())
    } else {
        log.execute_batch("ROLLBACK")
    };
    log.pragma_update(None, "cache_size", kept)?;
    written.and(undone)
}

/// Opens a database of the log's to write, in WAL mode.
pub(super) fn open_to_write(path: &Path) -> rusqlite::Result<Connection> {
    let database = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    prepare(&database)?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(database)
}

/// Opens a database of the log's to read.
pub(super) fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let database = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    prepare(&database)?;
    Ok(database)
}

fn prepare(database: &Connection) -> rusqlite::Result<()> {
    database.busy_timeout(BUSY)?;
    // Otherwise a statement with `LIMIT ?` is compiled again each time it is used.
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wal_is_lengthened_and_nothing_comes_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.db");
        let log = open_log(&path).unwrap();
        let tables = |log: &Connection| -> (i64, i64) {
            let sql = "SELECT count(*), (SELECT page_count FROM pragma_page_count) \
                       FROM sqlite_schema";
            let counted = log.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
            counted.unwrap()
        };
        let before = tables(&log);
        lengthen_wal(&log).unwrap();
        let wal = path.with_extension("db-wal").metadata().unwrap().len();
        assert!(wal >= WAL_PAGES.unsigned_abs() * 4_096, "{wal}");
        log.execute("INSERT INTO events (idx, line) VALUES (0, '{}')", [])
            .unwrap();
        drop(log);
        let again = open_log(&path).unwrap();
        assert_eq!(tables(&again), before);
        let events: i64 = again
            .query_row("SELECT count(*) FROM events", [], |row| row.get(0))
            .unwrap();
        assert_eq!(events, 1);
    }
}
