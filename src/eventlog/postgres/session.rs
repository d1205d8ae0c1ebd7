//! The connection that events are written over, and over which other instances are heard.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row, Statement};

use super::desk::Request;
use super::{Known, PLAN_ONCE};
use crate::database::postgres::{Failure, Server};

/// Takes places in the log and fills them, in one statement and so in one transaction and one
/// round trip. The row of `log_head` stays locked until the commit: whoever is next, in whatever
/// instance, gets the next places, and sees what came before. The time is joined in here, so that
/// it never decreases though the instances' clocks differ.
///
/// Other instances are told once it is committed, if there are any: to be heard costs the server a
/// twentieth of a millisecond for each batch. Whoever listens shares a lock for as long as it does,
/// and takes it before it looks how far the log goes; who has that lock alone until its commit
/// tells nobody, for whoever comes next sees what it wrote.
const APPEND: &str = "
    WITH head AS (
        UPDATE log_head
        SET size = size + cardinality($2), recorded_at = greatest(recorded_at, $1)
        WHERE id = 1
        RETURNING size - cardinality($2) AS base, recorded_at
    ), stored AS (
        INSERT INTO events (idx, stream, version, line)
        SELECT base + place - 1, stream, version, before || recorded_at || after
        FROM head,
            unnest($2, $3, $4, $5) WITH ORDINALITY AS draft (stream, version, before, after, place)
    )
    SELECT base, CASE WHEN NOT pg_try_advisory_xact_lock(7809644669)
        THEN pg_notify('lanyard_log', (base + cardinality($2))::text) END
    FROM head";

/// Begins to listen, among those who share the lock.
const LISTEN: &str = "SELECT pg_advisory_lock_shared(7809644669); LISTEN lanyard_log";

/// Finds how far streams reach; a new stream is absent.
const HEADS: &str = "
    SELECT stream, version FROM unnest($1) AS asked (name), LATERAL (
        SELECT stream, version FROM events WHERE stream = name ORDER BY version DESC LIMIT 1
    ) AS newest";

/// What must be true of the server, and how many events there are.
const STATE: &str = "
    SELECT size, coalesce((SELECT max(idx) + 1 FROM events), 0), current_setting('server_encoding'),
        current_setting('fsync')
    FROM log_head WHERE id = 1";

/// A connection of the writer.
pub(super) struct Session {
    client: Arc<Client>,
    append: Statement,
    heads: Statement,
    /// Ends with the connection.
    pub(super) driver: JoinHandle<()>,
}

impl Session {
    /// Connects, begins to listen, and takes up how many events there are.
    pub(super) async fn connect(server: &Server, known: &Arc<Known>) -> Result<Self, Failure> {
        let heard = {
            let known = Arc::clone(known);
            move |payload: &str| {
                if let Ok(size) = payload.parse() {
                    known.has_grown_to(size);
                }
            }
        };
        let (client, driver) = server.connect(heard).await?;
        client
            .batch_execute(&format!("{PLAN_ONCE}; {LISTEN}"))
            .await?;
        // Asked after listening began: between the two nothing is missed.
        let row = client.query_one(STATE, &[]).await?;
        let (size, events): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        if size != events {
            return Err(Failure::Broken(format!(
                "the log counts {size} events and holds {events}"
            )));
        }
        if row.try_get::<_, &str>(2)? != "UTF8" {
            return Err(Failure::Broken("its encoding must be UTF8".to_owned()));
        }
        if row.try_get::<_, &str>(3)? != "on" {
            tracing::warn!("fsync is off at the database: events do not survive a power failure");
        }
        known.has_grown_to(size.unsigned_abs());
        let arrays = [
            Type::TEXT,
            Type::TEXT_ARRAY,
            Type::INT8_ARRAY,
            Type::TEXT_ARRAY,
            Type::TEXT_ARRAY,
        ];
        let append = client.prepare_typed(APPEND, &arrays).await?;
        let heads = client.prepare_typed(HEADS, &[Type::TEXT_ARRAY]).await?;
        Ok(Self {
            client: Arc::new(client),
            append,
            heads,
            driver,
        })
    }

    /// Stores the events of several appends; answers with the index of the first. Sent when first
    /// polled.
    pub(super) fn append(&self, time: String, requests: Vec<Request>) -> Appending {
        let (client, statement) = (Arc::clone(&self.client), self.append.clone());
        async move {
            let begun = Instant::now();
            let base = {
                let rows = Columns::of(&requests);
                let columns: [&(dyn ToSql + Sync); 5] = [
                    &time,
                    &rows.streams,
                    &rows.versions,
                    &rows.before,
                    &rows.after,
                ];
                let answer = client.query_one(&statement, &columns).await;
                answer.and_then(|row| row.try_get::<_, i64>(0))
            };
            Done::Appended {
                requests,
                base: base.map(i64::cast_unsigned).map_err(Failure::from),
                took: begun.elapsed(),
            }
        }
        .boxed()
    }

    /// Finds how far the streams of several appends reach.
    pub(super) fn look_up(&self, requests: Vec<Request>) -> Appending {
        let (client, statement) = (Arc::clone(&self.client), self.heads.clone());
        async move {
            let found = {
                let names: Vec<_> = requests.iter().map(|r| r.append.stream.as_str()).collect();
                client.query(&statement, &[&names]).await
            };
            let found = found.and_then(|rows| {
                let pair = |row: &Row| Ok((row.try_get(0)?, row.try_get::<_, i64>(1)?));
                let pairs = rows.iter().map(pair);
                pairs
                    .map(|pair| pair.map(|(name, version)| (name, version.cast_unsigned())))
                    .collect()
            });
            Done::LookedUp {
                requests,
                found: found.map_err(Failure::from),
            }
        }
        .boxed()
    }
}

/// Something on its way to the server and back.
pub(super) type Appending = BoxFuture<'static, Done>;

/// What came back.
pub(super) enum Done {
    Appended {
        requests: Vec<Request>,
        base: Result<u64, Failure>,
        took: Duration,
    },
    LookedUp {
        requests: Vec<Request>,
        found: Result<HashMap<String, u64>, Failure>,
    },
}

/// The events of several appends, by column.
struct Columns<'a> {
    streams: Vec<&'a str>,
    versions: Vec<i64>,
    before: Vec<&'a str>,
    after: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(requests: &'a [Request]) -> Self {
        let events = requests.iter().map(|r| r.append.events.len()).sum();
        let mut columns = Self {
            streams: Vec::with_capacity(events),
            versions: Vec::with_capacity(events),
            before: Vec::with_capacity(events),
            after: Vec::with_capacity(events),
        };
        for Request { append, .. } in requests {
            for (version, draft) in (append.expected + 1..).zip(&append.events) {
                let (before, after) = draft.parts();
                columns.streams.push(append.stream.as_str());
                columns.versions.push(version.cast_signed());
                columns.before.push(before);
                columns.after.push(after);
            }
        }
        columns
    }
}
