//! Taking a backup while the server writes.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::manifest::newest;
use super::{
    BackupError, Copied, Done, LOG, LogCopied, Manifest, STATE, create_private, database, files,
    names_in, read_through, sync_directory,
};

/// How long to wait for whoever has a file locked.
const BUSY: Duration = Duration::from_secs(30);

/// How many pages are copied between two words about it.
const PAGES: i32 = 1_024;

/// A copy of the state before it is tidied.
const UNTIDY: &str = "state.db.partial";

/// Copies a data directory into another, which must be empty or not there yet, while a server may
/// use it. Everything that was acknowledged before the call is in the copy.
pub fn back_up(
    data: &Path,
    target: &Path,
    now: DateTime<Utc>,
    mut report: impl FnMut(Done),
) -> Result<Manifest, BackupError> {
    let (log_path, state_path) = (data.join(LOG), data.join(STATE));
    if !log_path.is_file() || !state_path.is_file() {
        return Err(BackupError::NoData(data.to_owned()));
    }
    if !names_in(target)?.is_empty() {
        return Err(BackupError::NotEmpty(target.to_owned()));
    }
    let made = !target.exists();
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(target).map_err(files(target))?;
    let taken = take(&log_path, &state_path, target, now, &mut report);
    if taken.is_err() {
        // A part of a backup is of no use, and may be all that fills the disk.
        for name in [LOG, STATE, UNTIDY, "manifest.json.partial"] {
            for suffix in ["", "-journal", "-wal", "-shm"] {
                let _ = fs::remove_file(target.join(format!("{name}{suffix}")));
            }
        }
        if made {
            let _ = fs::remove_dir(target);
        }
    }
    taken
}

fn take(
    log_path: &Path,
    state_path: &Path,
    target: &Path,
    now: DateTime<Utc>,
    report: &mut impl FnMut(Done),
) -> Result<Manifest, BackupError> {
    let (log, state) = snapshots(log_path, state_path)?;
    let (events, last_line_sha256) = newest(&log).map_err(database(log_path))?;
    let key = state
        .query_row("SELECT kek_id FROM vault_canary LIMIT 1", [], |row| {
            row.get(0)
        })
        .optional()
        .map_err(database(state_path))?;
    let mut steps = Steps {
        before: 0,
        of: pages(&log).map_err(database(log_path))?
            + pages(&state).map_err(database(state_path))?,
        report,
    };
    copy(&log, &target.join(LOG), &mut steps)?;
    drop(log);
    let untidy = target.join(UNTIDY);
    copy(&state, &untidy, &mut steps)?;
    drop(state);
    tidy(&untidy, &target.join(STATE))?;
    let log = LogCopied {
        copied: kept(target, LOG)?,
        events,
        last_line_sha256,
    };
    let manifest = Manifest::new(now, key, log, kept(target, STATE)?);
    sync_directory(target)?;
    manifest.write(target)?;
    Ok(manifest)
}

/// Opens a snapshot of the log and one of the state, of one moment in which nothing is appended.
fn snapshots(log_path: &Path, state_path: &Path) -> Result<(Connection, Connection), BackupError> {
    // Before the lock is taken: whoever appends waits no longer than it takes to begin two reads.
    let gate = open(log_path)?;
    let (log, state) = (open(log_path)?, open(state_path)?);
    gate.execute_batch("BEGIN IMMEDIATE")
        .map_err(database(log_path))?;
    let begun = begin(&log)
        .map_err(database(log_path))
        .and_then(|()| begin(&state).map_err(database(state_path)));
    let given_back = gate.execute_batch("ROLLBACK").map_err(database(log_path));
    begun.and(given_back)?;
    Ok((log, state))
}

fn open(path: &Path) -> Result<Connection, BackupError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(database(path))?;
    connection.busy_timeout(BUSY).map_err(database(path))?;
    // Reads the schema, so that it is not read while the log stands still.
    begin(&connection)
        .and_then(|()| connection.execute_batch("COMMIT"))
        .map_err(database(path))?;
    Ok(connection)
}

/// Begins a transaction that sees the database as it is now, until it ends.
fn begin(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN")?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

fn pages(connection: &Connection) -> rusqlite::Result<u64> {
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    Ok(u64::try_from(pages).unwrap_or(0))
}

/// How far the copying of several files is.
struct Steps<'a, F> {
    before: u64,
    of: u64,
    report: &'a mut F,
}

/// Copies what a connection sees, page by page, into one file.
fn copy(
    from: &Connection,
    path: &Path,
    steps: &mut Steps<'_, impl FnMut(Done)>,
) -> Result<(), BackupError> {
    drop(create_private(path)?);
    let mut to = Connection::open(path).map_err(database(path))?;
    // It is made to last once, at the end.
    to.pragma_update(None, "synchronous", "OFF")
        .map_err(database(path))?;
    let total = {
        let backup = Backup::new(from, &mut to).map_err(database(path))?;
        loop {
            let step = backup.step(PAGES).map_err(database(path))?;
            let now = backup.progress();
            let number = |pages: i32| u64::try_from(pages).unwrap_or(0);
            let total = number(now.pagecount);
            (steps.report)(Done {
                steps: steps.before + total - number(now.remaining),
                of: steps.of.max(steps.before + total),
            });
            match step {
                StepResult::Done => break total,
                StepResult::More => {}
                // The copy is ours alone and the snapshot is begun: nobody holds a lock for long.
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    };
    steps.before += total;
    // The copy of a database in WAL mode is one too: here it is to be one file.
    to.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
        .map_err(database(path))?;
    to.close().map_err(|(_, error)| database(path)(error))
}

/// Writes the state anew, without what is left of rows that were destroyed.
fn tidy(untidy: &Path, path: &Path) -> Result<(), BackupError> {
    drop(create_private(path)?);
    let from = Connection::open(untidy).map_err(database(untidy))?;
    let into = path.to_string_lossy();
    from.execute("VACUUM INTO ?1", [&*into])
        .map_err(database(path))?;
    from.close().map_err(|(_, error)| database(untidy)(error))?;
    fs::remove_file(untidy).map_err(files(untidy))
}

/// Makes a finished file last, and says what it is.
fn kept(target: &Path, name: &str) -> Result<Copied, BackupError> {
    let path = target.join(name);
    let file = File::open(&path).map_err(files(&path))?;
    file.sync_all().map_err(files(&path))?;
    let (bytes, sha256) = read_through(&path, |_| Ok(()))?;
    Ok(Copied {
        file: name.to_owned(),
        bytes,
        sha256,
    })
}
