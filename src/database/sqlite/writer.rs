//! The one connection that writes, on a thread of its own.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use projections::Statement;
use rusqlite::{Connection, PrepFlags};
use tokio::sync::oneshot;

use super::statement::{bind, meaning, translate};
use crate::database::DatabaseError;
use crate::datadir::reserve::Reserve;

/// One caller's transaction and where its answer goes.
pub(super) struct Job {
    pub(super) statements: Vec<Statement>,
    pub(super) answer: oneshot::Sender<Outcome>,
}

type Outcome = Result<Vec<u64>, DatabaseError>;

/// How many statements may share one commit before the writer stops gathering.
const GROUP: usize = 1_000;

/// How many prepared statements are kept.
const KEPT: usize = 512;

/// What `SQLite` says where a disk is full (`sqlite3_errstr(SQLITE_FULL)`).
const FULL: &str = "database or disk is full";

/// How long the writer waits, once, before it tidies up after writing: what was destroyed is then
/// gone from the write-ahead log as well, and what was kept at hand is given back.
const QUIET: Duration = Duration::from_secs(5);

/// Works off jobs until nobody can send any more.
pub(super) fn run(
    connection: &Connection,
    anchor: &Connection,
    jobs: &Receiver<Job>,
    reserve: Option<&Reserve>,
) {
    let mut writer = Writer {
        connection,
        prepared: HashMap::new(),
    };
    let mut written = false;
    while let Some(first) = next(connection, anchor, jobs, written) {
        let mut statements = first.statements.len();
        let mut group = vec![first];
        while statements < GROUP
            && let Ok(next) = jobs.try_recv()
        {
            statements += next.statements.len();
            group.push(next);
        }
        written = true;
        let mut outcomes = writer.commit(&group);
        // Nothing of it is stored: with the room that is given back it is tried once more.
        if outcomes.iter().all(is_for_want_of_room) && reserve.is_some_and(Reserve::give_back) {
            outcomes = writer.commit(&group);
        }
        for (job, outcome) in group.into_iter().zip(outcomes) {
            // A caller that went away does not undo its transaction.
            let _gone = job.answer.send(outcome);
        }
    }
}

/// Waits for the next job.
///
/// While nothing is written, the anchor reads: it holds the lock that readers of the newest state
/// share, so that a process which has it already need not ask the system for it, twice a reading.
/// While something is written it does not, for the write-ahead log could never begin anew.
fn next(
    connection: &Connection,
    anchor: &Connection,
    jobs: &Receiver<Job>,
    mut written: bool,
) -> Option<Job> {
    if let Ok(job) = jobs.try_recv() {
        return Some(job);
    }
    loop {
        hold(anchor);
        let job = if written {
            jobs.recv_timeout(QUIET)
        } else {
            jobs.recv().map_err(RecvTimeoutError::from)
        };
        let_go(anchor);
        match job {
            Ok(job) => return Some(job),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => {
                written = false;
                tidy(connection);
            }
        }
    }
}

/// Readings are a little slower if it fails, nothing else.
fn hold(anchor: &Connection) {
    let held = anchor
        .execute_batch("BEGIN")
        .and_then(|()| anchor.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())));
    if let Err(error) = held {
        tracing::debug!(%error, "readers have no anchor for now");
    }
}

fn let_go(anchor: &Connection) {
    if !anchor.is_autocommit()
        && let Err(error) = anchor.execute_batch("COMMIT")
    {
        tracing::debug!(%error, "the readers' anchor could not be let go");
    }
}

fn tidy(connection: &Connection) {
    let tidied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    if let Err(error) = tidied.and_then(|()| connection.release_memory()) {
        tracing::debug!(%error, "the write-ahead log stays as it is for now");
    }
}

struct Writer<'c> {
    connection: &'c Connection,
    prepared: HashMap<Cow<'static, str>, rusqlite::Statement<'c>>,
}

impl Writer<'_> {
    /// Runs jobs in one transaction, so that they share one wait for the disk. One that fails is
    /// undone alone; its neighbours do not notice.
    fn commit(&mut self, group: &[Job]) -> Vec<Outcome> {
        let alone = group.len() == 1;
        let mut outcomes = Vec::with_capacity(group.len());
        let mut whole = self.execute("BEGIN IMMEDIATE");
        if whole.is_ok() {
            for job in group {
                let outcome = if alone {
                    self.run(&job.statements)
                } else {
                    self.run_apart(&job.statements)
                };
                // A full disk and the like make SQLite undo everything there and then.
                if let Err(error) = &outcome
                    && self.connection.is_autocommit()
                {
                    whole = Err(error.clone());
                    break;
                }
                outcomes.push(outcome);
            }
            if whole.is_ok() && outcomes.iter().any(Result::is_ok) {
                whole = self.execute("COMMIT");
            }
            if !self.connection.is_autocommit()
                && let Err(error) = self.execute("ROLLBACK")
            {
                tracing::error!(%error, "a transaction could not be undone");
            }
        }
        if let Err(error) = whole {
            outcomes = vec![Err(undone(error)); group.len()];
        }
        outcomes
    }

    fn run_apart(&mut self, statements: &[Statement]) -> Outcome {
        self.execute("SAVEPOINT job")?;
        let outcome = self.run(statements);
        if outcome.is_err() && !self.connection.is_autocommit() {
            self.execute("ROLLBACK TO job")?;
        }
        if !self.connection.is_autocommit() {
            self.execute("RELEASE job")?;
        }
        outcome
    }

    fn run(&mut self, statements: &[Statement]) -> Outcome {
        let mut changed = Vec::with_capacity(statements.len());
        for statement in statements {
            let rows = self.run_one(statement)?;
            if statement.must_change.is_some_and(|wanted| wanted != rows) {
                return Err(DatabaseError::Stale);
            }
            changed.push(rows);
        }
        Ok(changed)
    }

    fn run_one(&mut self, statement: &Statement) -> Result<u64, DatabaseError> {
        if !self.prepared.contains_key(&statement.sql) {
            if self.prepared.len() >= KEPT {
                self.prepared.clear();
            }
            let prepared = self
                .connection
                .prepare_with_flags(
                    &translate(&statement.sql),
                    PrepFlags::SQLITE_PREPARE_PERSISTENT,
                )
                .map_err(meaning)?;
            self.prepared.insert(statement.sql.clone(), prepared);
        }
        let Some(prepared) = self.prepared.get_mut(&statement.sql) else {
            return Err(DatabaseError::Broken("it was not prepared".to_owned()));
        };
        bind(prepared, &statement.args)?;
        let before = self.connection.total_changes();
        let mut rows = prepared.raw_query();
        while rows.next().map_err(meaning)?.is_some() {}
        // A statement that changes nothing leaves the count of the one before it.
        if self.connection.total_changes() == before {
            Ok(0)
        } else {
            Ok(self.connection.changes())
        }
    }

    fn execute(&self, sql: &str) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut prepared| prepared.execute([]).map(drop))
            .map_err(meaning)
    }
}

fn is_for_want_of_room(outcome: &Outcome) -> bool {
    matches!(outcome, Err(DatabaseError::Unavailable(why)) if why.contains(FULL))
}

/// Whatever undid a whole transaction, its jobs may be tried again.
fn undone(error: DatabaseError) -> DatabaseError {
    match error {
        DatabaseError::Stale | DatabaseError::Duplicate | DatabaseError::Unavailable(_) => error,
        DatabaseError::Broken(why) => DatabaseError::Unavailable(why),
    }
}
