//! The log in `PostgreSQL`: any number of instances may append to one.

mod desk;
mod heads;
mod migrations;
mod pace;
mod session;
mod writer;

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use domain::StreamName;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use self::desk::Request;
use self::heads::Heads;
use self::session::Session;
use self::writer::Writer;
use super::line::refuse_too_long;
use super::{Append, Appended, EventLog, LogError, Stored};
use crate::clock::Clock;
use crate::database::postgres::{Failure, Pool, Server};

/// How many connections read at most.
const READERS: usize = 4;

/// What the log asks is planned alike whatever the arguments.
const PLAN_ONCE: &str = "SET plan_cache_mode = force_generic_plan";

/// How many appends may wait for the writer before whoever comes next waits to be let in.
const QUEUE: usize = 1024;

/// The log in `PostgreSQL`.
pub struct PostgresLog {
    queue: mpsc::Sender<Request>,
    known: Arc<Known>,
    readers: Pool,
}

/// What an instance knows of the log. It may be less than is true, never more.
struct Known {
    size: watch::Sender<u64>,
    heads: Heads,
}

impl Known {
    fn has_grown_to(&self, size: u64) {
        self.size.send_if_modified(|known| {
            let grown = *known < size;
            *known = size.max(*known);
            grown
        });
    }
}

impl PostgresLog {
    /// Says whether there is a log in the database.
    pub async fn is_at(server: &Server) -> Result<bool, LogError> {
        let (client, _) = server.connect(|_| ()).await?;
        let asked = "SELECT to_regclass('log_head') IS NOT NULL";
        let row = client.query_one(asked, &[]).await.map_err(Failure::from)?;
        Ok(row.try_get(0).map_err(Failure::from)?)
    }

    /// Opens the log and brings its tables to the newest shape. Instances that start at the same
    /// time take turns.
    pub async fn open(server: Server, clock: Arc<dyn Clock>) -> Result<Self, LogError> {
        migrations::run(&server).await?;
        let known = Arc::new(Known {
            size: watch::Sender::new(0),
            heads: Heads::default(),
        });
        let session = Session::connect(&server, &known).await?;
        let (sender, queue) = mpsc::channel(QUEUE);
        let writer = Writer {
            server: server.clone(),
            clock,
            known: Arc::clone(&known),
            queue,
        };
        tokio::spawn(writer.run(session));
        Ok(Self {
            queue: sender,
            known,
            readers: Pool::new(server, READERS, PLAN_ONCE),
        })
    }

    /// Asks for events: each with its index, a number that must go on from `expected` without
    /// gaps, and its line.
    async fn events(
        &self,
        sql: &'static str,
        args: &[&(dyn ToSql + Sync)],
        expected: u64,
    ) -> Result<Vec<Stored>, LogError> {
        let rows = self.rows(sql, args).await?;
        let mut events = Vec::with_capacity(rows.len());
        for (row, expected) in rows.iter().zip(expected..) {
            let (index, number, line) = read(row)?;
            if number != expected {
                return Err(LogError::Damaged(format!(
                    "number {expected} is missing before event {index}"
                )));
            }
            events.push(Stored { index, line });
        }
        Ok(events)
    }

    async fn rows(
        &self,
        sql: &'static str,
        args: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Failure> {
        // After a restart of the server every connection may turn out to be of yesterday.
        for _ in 0..READERS {
            match self.rows_once(sql, args).await {
                Err(failure) if failure.is_of_the_connection() => {}
                answer => return answer,
            }
        }
        self.rows_once(sql, args).await
    }

    async fn rows_once(
        &self,
        sql: &'static str,
        args: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Failure> {
        let mut lent = self.readers.lend().await?;
        let prepared = lent.prepare(Cow::Borrowed(sql), Vec::new()).await?;
        let answer = lent.client.query(&prepared, args).await;
        let answer = answer.map_err(Failure::from);
        lent.settle(&answer);
        answer
    }
}

fn read(row: &Row) -> Result<(u64, u64, String), Failure> {
    let (index, number): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    Ok((
        index.cast_unsigned(),
        number.cast_unsigned(),
        row.try_get(2)?,
    ))
}

/// Turns a number of ours into one of the database's, which ends earlier.
fn bigint(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

#[async_trait]
impl EventLog for PostgresLog {
    async fn append(&self, append: Append) -> Result<Appended, LogError> {
        refuse_too_long(&append)?;
        let (answer, answered) = oneshot::channel();
        let request = Request { append, answer };
        let stopped = |_| LogError::Unavailable("its writer has stopped".to_owned());
        self.queue.send(request).await.map_err(stopped)?;
        answered.await.unwrap_or_else(|_| {
            let said = "the connection is lost, and whether the events are stored is unknown";
            Err(LogError::Unavailable(said.to_owned()))
        })
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Stored>, LogError> {
        const SQL: &str = "SELECT idx, version, line FROM events
            WHERE stream = $1 AND version > $2 ORDER BY version LIMIT $3";
        let args: [&(dyn ToSql + Sync); 3] = [&stream.as_str(), &bigint(after), &bigint(limit)];
        let events = self.events(SQL, &args, after.saturating_add(1)).await?;
        if !events.is_empty() {
            self.known
                .heads
                .learn(stream, after.saturating_add(events.len() as u64));
        }
        Ok(events)
    }

    async fn read_all(&self, index: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        const SQL: &str = "SELECT idx, idx, line FROM events WHERE idx >= $1 ORDER BY idx LIMIT $2";
        self.events(SQL, &[&bigint(index), &bigint(limit)], index)
            .await
    }

    async fn size(&self) -> Result<u64, LogError> {
        let rows = self.rows("SELECT size FROM log_head", &[]).await?;
        let size = rows.first().map(|row| row.try_get::<_, i64>(0));
        match size.transpose().map_err(Failure::from)? {
            Some(size) => Ok(size.cast_unsigned()),
            None => Err(LogError::Damaged("nothing counts its events".to_owned())),
        }
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.known.size.subscribe()
    }
}
