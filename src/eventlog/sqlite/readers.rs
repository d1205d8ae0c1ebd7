//! Connections that only read.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::StreamName;
use rusqlite::{Connection, OptionalExtension, params};

use super::tail::{Place, Tail};
use super::{index, number, position, schema, unavailable};
use crate::eventlog::{LogError, Stored};

/// So many connections are kept open while nobody reads.
const KEPT: usize = 4;

/// The connections that read.
pub(super) struct Readers {
    log: PathBuf,
    index: PathBuf,
    idle: Mutex<Vec<Reader>>,
}

/// A connection to the log, and one to its index.
pub(super) struct Reader {
    log: Connection,
    index: Connection,
}

impl Readers {
    /// Reads the log at one path with the index at another, both there already.
    pub(super) fn new(log: PathBuf, index: PathBuf) -> Self {
        Self {
            log,
            index,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Reads with a connection of one's own.
    fn with<T>(&self, read: impl FnOnce(&Reader) -> Result<T, LogError>) -> Result<T, LogError> {
        let idle = self.idle().pop();
        let reader = match idle {
            Some(reader) => reader,
            None => Reader {
                log: schema::open_to_read(&self.log).map_err(unavailable)?,
                index: schema::open_to_read(&self.index).map_err(unavailable)?,
            },
        };
        // After an error the connection is not used again.
        let answer = read(&reader)?;
        let mut idle = self.idle();
        if idle.len() < KEPT {
            idle.push(reader);
        }
        Ok(answer)
    }

    /// Closes the connections that are kept.
    pub(super) fn close(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the log from `first` on, at most `limit` events.
    pub(super) fn read_all(&self, first: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        self.with(|reader| {
            let mut events = Vec::with_capacity(limit.min(1_024));
            for_each_line(&reader.log, first, limit, |index, line| {
                events.push(Stored {
                    index,
                    line: line.to_owned(),
                });
                Ok(())
            })?;
            Ok(events)
        })
    }

    /// Returns the version of a stream as far as the index knows it.
    pub(super) fn version(&self, stream: &StreamName) -> Result<u64, LogError> {
        self.with(|reader| index::version(&reader.index, stream).map_err(unavailable))
    }

    /// Reads a stream's events after `version`, at most `limit`.
    pub(super) fn read_stream(
        &self,
        tail: &Tail,
        stream: &StreamName,
        version: u64,
        limit: usize,
    ) -> Result<Vec<Stored>, LogError> {
        // The tail first: what leaves it before the index is asked is in the index by then.
        let mut newest = tail.places(stream, version, limit);
        let all_in_tail = newest
            .first()
            .is_some_and(|(first, _)| *first == version + 1);
        self.with(|reader| {
            let mut places = Vec::new();
            if !all_in_tail {
                places =
                    index::places(&reader.index, stream, version, limit).map_err(unavailable)?;
                let known = places.last().map_or(version, |(version, _)| *version);
                newest.retain(|(version, _)| *version > known);
                newest.truncate(limit - places.len());
            }
            places.append(&mut newest);
            reader.lines(stream, &places)
        })
    }
}

impl Reader {
    /// Reads the lines of a stream's events.
    fn lines(&self, stream: &StreamName, places: &[Place]) -> Result<Vec<Stored>, LogError> {
        // Several in one transaction: to begin one costs more than to read a line.
        let several = places.len() > 1;
        if several {
            self.execute("BEGIN")?;
        }
        let mut find = self
            .log
            .prepare_cached("SELECT line FROM events WHERE idx = ?1")
            .map_err(unavailable)?;
        let mut events = Vec::with_capacity(places.len());
        for (_, index) in places {
            let line = find.query_row([number(*index)], |row| row.get(0));
            let line: Option<String> = line.optional().map_err(unavailable)?;
            events.push(Stored {
                index: *index,
                line: line.ok_or_else(|| {
                    LogError::Damaged(format!("event {index} of {stream} is not there"))
                })?,
            });
        }
        if several {
            self.execute("COMMIT")?;
        }
        Ok(events)
    }

    fn execute(&self, sql: &str) -> Result<(), LogError> {
        self.log
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]))
            .map_err(unavailable)?;
        Ok(())
    }
}

/// Calls `each` with the lines from `first` on, at most `limit`, without copying them.
pub(super) fn for_each_line(
    log: &Connection,
    first: u64,
    limit: usize,
    mut each: impl FnMut(u64, &str) -> Result<(), LogError>,
) -> Result<(), LogError> {
    let mut statement = log
        .prepare_cached("SELECT idx, line FROM events WHERE idx >= ?1 ORDER BY idx LIMIT ?2")
        .map_err(unavailable)?;
    let mut rows = statement
        .query(params![number(first), number(limit as u64)])
        .map_err(unavailable)?;
    while let Some(row) = rows.next().map_err(unavailable)? {
        let index = position(row.get(0).map_err(unavailable)?);
        let line = row.get_ref(1).map_err(unavailable)?;
        let line = line
            .as_str()
            .map_err(|e| LogError::Damaged(format!("event {index}: {e}")))?;
        each(index, line)?;
    }
    Ok(())
}
