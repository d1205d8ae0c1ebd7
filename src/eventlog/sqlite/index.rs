//! Where each stream's events stand in the log.
//!
//! It is derived from the lines, kept in a file of its own and filled by a thread of its own, so
//! that taking an event is an append to one table and nothing else. It never runs ahead of the
//! log; what it does not know yet is in the [`Tail`]. A lost or foreign index is made anew.

use std::fs;
use std::path::{Path, PathBuf};

use domain::StreamName;
use rusqlite::{Connection, OptionalExtension, params};

use super::schema;
use super::tail::{Generation, MOST, Place, Tail};
use super::{number, position, readers, unavailable};
use crate::eventlog::LogError;
use crate::eventlog::line::Filed;

/// The form of the tables below; another one is made anew.
const FORM: i64 = 1;

const TABLES: &str = "
    CREATE TABLE streams (no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE stream_events (
        stream_no INTEGER NOT NULL,
        version   INTEGER NOT NULL,
        idx       INTEGER NOT NULL,
        PRIMARY KEY (stream_no, version)
    ) STRICT, WITHOUT ROWID;
    -- The index knows the events before `upto`; `seal` is the checksum of the last one's line.
    CREATE TABLE indexed (only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
                          upto INTEGER NOT NULL, seal INTEGER NOT NULL) STRICT;
    INSERT INTO indexed VALUES (1, 0, 0);
";

/// The index, to write.
pub(super) struct Index {
    database: Connection,
    log: Connection,
}

impl Index {
    /// Opens the index of a log of `size` events, and reads what it does not know yet.
    pub(super) fn open(
        path: &Path,
        log: Connection,
        size: u64,
    ) -> Result<(Self, Generation), LogError> {
        let (database, mut upto) = match open_matching(path, &log, size) {
            Ok(Some(opened)) => opened,
            Ok(None) | Err(_) => (open_anew(path)?, 0),
        };
        let mut index = Self { database, log };
        loop {
            let rest = index.read_after(upto)?;
            if rest.len() < MOST {
                return Ok((index, rest));
            }
            // So much is not left by a crash: the index is being made anew.
            upto = rest.upto();
            index.add(&rest).map_err(unavailable)?;
        }
    }

    /// Reads which streams the events from `upto` on belong to, as many as may be in a tail.
    fn read_after(&self, upto: u64) -> Result<Generation, LogError> {
        let mut rest = Generation::default();
        readers::for_each_line(&self.log, upto, MOST, |index, line| {
            let filed = Filed::read(index, line)?;
            let stream: StreamName = filed
                .stream
                .parse()
                .map_err(|e| LogError::Damaged(format!("event {index}: {e}")))?;
            rest.add(&stream, filed.version, index);
            Ok(())
        })?;
        Ok(rest)
    }

    /// Files a generation: all of it, or nothing.
    fn add(&mut self, generation: &Generation) -> rusqlite::Result<()> {
        let upto = generation.upto();
        let seal = seal(&self.log, upto)?;
        let transaction = self.database.transaction()?;
        {
            let mut find = transaction.prepare_cached("SELECT no FROM streams WHERE name = ?1")?;
            let mut name = transaction.prepare_cached("INSERT INTO streams (name) VALUES (?1)")?;
            let mut file =
                transaction.prepare_cached("INSERT INTO stream_events VALUES (?1, ?2, ?3)")?;
            for (stream, places) in generation.in_order() {
                let known = find.query_row([stream.as_str()], |row| row.get(0));
                let no: i64 = match known.optional()? {
                    Some(no) => no,
                    None => name.insert([stream.as_str()])?,
                };
                for (version, index) in places {
                    file.execute((no, number(version), number(index)))?;
                }
            }
            transaction
                .prepare_cached("UPDATE indexed SET upto = ?1, seal = ?2")?
                .execute((number(upto), seal))?;
        }
        transaction.commit()
    }

    /// Files what comes into the tail until it is closed; returns itself to be closed.
    pub(super) fn follow(mut self, tail: &Tail) -> Self {
        while let Some(generation) = tail.freeze() {
            match self.add(&generation) {
                Ok(()) => tail.forget_frozen(),
                Err(error) => {
                    tracing::error!(%error, "the log's index of streams cannot be written");
                    // What is left is found again in the log's lines at the next opening.
                    if !tail.pause() {
                        break;
                    }
                }
            }
        }
        self
    }
}

/// Opens the index at `path` if it belongs to the log; returns how far it knows it.
fn open_matching(
    path: &Path,
    log: &Connection,
    size: u64,
) -> rusqlite::Result<Option<(Connection, u64)>> {
    let database = open_to_write(path)?;
    let form: i64 = database.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if form != FORM {
        return Ok(None);
    }
    let (upto, sealed): (i64, i64) =
        database.query_row("SELECT upto, seal FROM indexed", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let upto = position(upto);
    let belongs = upto <= size && sealed == seal(log, upto)?;
    Ok(belongs.then_some((database, upto)))
}

fn open_anew(path: &Path) -> Result<Connection, LogError> {
    for ending in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(ending);
        match fs::remove_file(PathBuf::from(file)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(LogError::Unavailable(e.to_string()));
            }
            _ => {}
        }
    }
    let database = open_to_write(path).map_err(unavailable)?;
    database.execute_batch(TABLES).map_err(unavailable)?;
    database
        .pragma_update(None, "user_version", FORM)
        .map_err(unavailable)?;
    Ok(database)
}

fn open_to_write(path: &Path) -> rusqlite::Result<Connection> {
    let database = schema::open_to_write(path)?;
    // A power failure may take its last transactions, which the log's lines give back.
    database.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(database)
}

/// Returns the checksum of the line before `upto`: what tells an index of another log, or of
/// this one before it was restored.
fn seal(log: &Connection, upto: u64) -> rusqlite::Result<i64> {
    let Some(last) = upto.checked_sub(1) else {
        return Ok(0);
    };
    log.prepare_cached("SELECT line FROM events WHERE idx = ?1")?
        .query_row([number(last)], |row| {
            Ok(i64::from(crc32fast::hash(row.get_ref(0)?.as_bytes()?)))
        })
}

/// Returns the version of a stream as far as the index knows it.
pub(super) fn version(index: &Connection, stream: &StreamName) -> rusqlite::Result<u64> {
    index
        .prepare_cached(
            "SELECT coalesce(max(version), 0) FROM stream_events \
             WHERE stream_no = (SELECT no FROM streams WHERE name = ?1)",
        )?
        .query_row([stream.as_str()], |row| Ok(position(row.get(0)?)))
}

/// Returns the places of a stream's events after `version`, as far as the index knows them.
pub(super) fn places(
    index: &Connection,
    stream: &StreamName,
    version: u64,
    limit: usize,
) -> rusqlite::Result<Vec<Place>> {
    index
        .prepare_cached(
            "SELECT version, idx FROM stream_events \
             WHERE stream_no = (SELECT no FROM streams WHERE name = ?1) AND version > ?2 \
             ORDER BY version LIMIT ?3",
        )?
        .query_map(
            params![stream.as_str(), number(version), number(limit as u64)],
            |row| Ok((position(row.get(0)?), position(row.get(1)?))),
        )?
        .collect()
}
