//! The log in `PostgreSQL`: any number of instances may append to one.

mod answer;
mod desk;
mod heads;
mod index;
mod key;
mod migrations;
mod pace;
mod queue;
mod reading;
mod session;
mod writer;

use std::sync::Arc;

use async_trait::async_trait;
use domain::StreamName;
use tokio::sync::{oneshot, watch};

use self::desk::Request;
use self::heads::Heads;
use self::index::WORTH_INDEXING;
use self::key::StreamKey;
use self::queue::Queue;
use self::reading::Reader;
use self::session::Session;
use self::writer::Writer;
use super::line::refuse_too_long;
use super::{Append, Appended, EventLog, LogError, Stored};
use crate::clock::Clock;
use crate::database::postgres::{Failure, Server};

/// What the log asks is planned alike whatever the arguments, and answered by an index, whatever
/// is known of the tables when it is planned: they are empty once, and grow.
const PLAN_ONCE: &str = "SET plan_cache_mode = force_generic_plan;
    SET enable_seqscan = off; SET enable_bitmapscan = off";

/// How many appends may wait for the writer before whoever comes next waits to be let in.
const QUEUE: usize = 1024;

/// The log in `PostgreSQL`.
pub struct PostgresLog {
    queue: Arc<Queue<Request>>,
    known: Arc<Known>,
    reader: Reader,
}

/// What an instance knows of the log. It may be less than is true, never more.
struct Known {
    size: watch::Sender<u64>,
    /// How often the log has grown by what is worth indexing: changes seldom, so that nobody is woken
    /// for every batch.
    worth_indexing: watch::Sender<u64>,
    heads: Heads,
}

impl Known {
    fn new() -> Self {
        Self {
            size: watch::Sender::new(0),
            worth_indexing: watch::Sender::new(0),
            heads: Heads::default(),
        }
    }

    fn has_grown_to(&self, size: u64) {
        self.worth_indexing.send_if_modified(|times| {
            let grown = *times < size / WORTH_INDEXING;
            *times = (size / WORTH_INDEXING).max(*times);
            grown
        });
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
        let asked = "SELECT to_regclass('log_segments') IS NOT NULL";
        let row = client.query_one(asked, &[]).await.map_err(Failure::from)?;
        Ok(row.try_get(0).map_err(Failure::from)?)
    }

    /// Opens the log and brings its tables to the newest shape. Instances that start at the same
    /// time take turns.
    pub async fn open(server: Server, clock: Arc<dyn Clock>) -> Result<Self, LogError> {
        migrations::run(&server).await?;
        let known = Arc::new(Known::new());
        let session = Session::connect(&server, &known).await?;
        let queue = Arc::new(Queue::new(QUEUE));
        let writer = Writer {
            server: server.clone(),
            clock,
            known: Arc::clone(&known),
            queue: Arc::clone(&queue),
        };
        tokio::spawn(writer.run(session));
        tokio::spawn(index::keep(
            server.clone(),
            known.size.subscribe(),
            known.worth_indexing.subscribe(),
        ));
        Ok(Self {
            queue,
            reader: Reader::new(server, Arc::clone(&known)),
            known,
        })
    }
}

impl Drop for PostgresLog {
    fn drop(&mut self) {
        self.queue.close();
    }
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
        let key = StreamKey::of(&append.stream);
        let request = Request {
            append,
            key,
            answer,
        };
        let stopped = |_| LogError::Unavailable("its writer has stopped".to_owned());
        self.queue.push(request).await.map_err(stopped)?;
        let told = answered.await.unwrap_or_else(|_| {
            let said = "the connection is lost, and whether the events are stored is unknown";
            Err(LogError::Unavailable(said.to_owned()))
        });
        Ok(told?.appended)
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Stored>, LogError> {
        self.reader.stream(stream, after, limit).await
    }

    async fn read_all(&self, index: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        self.reader.all(index, limit).await
    }

    async fn size(&self) -> Result<u64, LogError> {
        self.reader.size().await
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.known.size.subscribe()
    }
}
