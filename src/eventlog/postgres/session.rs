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
use super::heads::{Asked, Heads};
use super::key::StreamKey;
use super::{Known, PLAN_ONCE, bigint};
use crate::database::postgres::{Failure, Server};

/// Appends a segment, in one statement and so in one transaction and one round trip. The database
/// gives it its place, raises its time where another instance's clock is ahead, and holds whoever is
/// next until the commit.
///
/// Other instances are told once it is committed, if there are any: to be heard costs the server a
/// twentieth of a millisecond for each batch. Whoever listens shares a lock for as long as it does,
/// and takes it before it looks how far the log goes; who has that lock alone until its commit
/// tells nobody, for whoever comes next sees what it wrote.
const APPEND: &str = "
    INSERT INTO log_segments (first, upto, recorded_at, streams, versions, lines)
    VALUES ($1, $2, $3, $4, $5, $6)
    RETURNING first, CASE WHEN NOT pg_try_advisory_xact_lock(7809644669)
        THEN pg_notify('lanyard_log', upto::text) END";

/// The database's word for an append that came too late.
pub(super) const OVERTAKEN: &str = "log_stream_version";

/// Begins to listen, among those who share the lock.
const LISTEN: &str = "SELECT pg_advisory_lock_shared(7809644669); LISTEN lanyard_log";

/// How many segments are followed at once; when there are more, what is known is forgotten.
const FOLLOWED: usize = 512;

/// Reads to which streams the events from an index on belong, the newest segment first.
const FOLLOW: &str = "
    SELECT first, streams, versions FROM log_segments WHERE first >= $1
    ORDER BY first DESC LIMIT $2";

/// Finds how far streams reach: by the index of streams, and by what it does not know yet or is not
/// known here.
const HEADS: &str = "
    WITH newest AS (
        SELECT event.stream, max(event.version) AS version
        FROM log_segments, unnest(streams, versions) AS event (stream, version)
        WHERE first >= (
            SELECT CASE WHEN upto >= $2 THEN greatest(upto, $3) ELSE upto END FROM log_indexed
            WHERE id = 1
        ) AND event.stream = ANY ($1)
        GROUP BY event.stream
    )
    SELECT name, coalesce(newest.version, (
        SELECT version FROM log_places WHERE stream = name ORDER BY version DESC LIMIT 1
    ), 0)
    FROM unnest($1) AS asked (name) LEFT JOIN newest ON newest.stream = name";

/// What must be true of the server, and how many events there are.
const STATE: &str = "
    SELECT coalesce((SELECT upto FROM log_segments ORDER BY first DESC LIMIT 1), 0), upto,
        current_setting('server_encoding'), current_setting('fsync')
    FROM log_indexed WHERE id = 1";

/// A connection of the writer.
pub(super) struct Session {
    client: Arc<Client>,
    append: Statement,
    follow: Statement,
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
        let (size, indexed): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        if size < indexed {
            return Err(Failure::Broken(format!(
                "the log has {size} events, and places of {indexed}"
            )));
        }
        if row.try_get::<_, &str>(2)? != "UTF8" {
            return Err(Failure::Broken("its encoding must be UTF8".to_owned()));
        }
        if row.try_get::<_, &str>(3)? != "on" {
            tracing::warn!("fsync is off at the database: events do not survive a power failure");
        }
        let size = size.cast_unsigned();
        known.heads.begin_at(size);
        known.has_grown_to(size);
        let columns = [
            Type::INT8,
            Type::INT8,
            Type::TEXT,
            Type::UUID_ARRAY,
            Type::INT8_ARRAY,
            Type::TEXT,
        ];
        let append = client.prepare_typed(APPEND, &columns).await?;
        let bounds = [Type::INT8, Type::INT8];
        let follow = client.prepare_typed(FOLLOW, &bounds).await?;
        let asked = [Type::UUID_ARRAY, Type::INT8, Type::INT8];
        let heads = client.prepare_typed(HEADS, &asked).await?;
        Ok(Self {
            client: Arc::new(client),
            append,
            follow,
            heads,
            driver,
        })
    }

    /// Stores the events of several appends, decided on by what is known; answers with the index of
    /// the first. Sent when first polled.
    pub(super) fn append(&self, known: Asked, time: String, requests: Vec<Request>) -> Appending {
        let (client, statement) = (Arc::clone(&self.client), self.append.clone());
        async move {
            let begun = Instant::now();
            let base = {
                let segment = Segment::of(&requests, &time);
                let columns: [&(dyn ToSql + Sync); 6] = [
                    &bigint(known.reach),
                    &bigint(known.since),
                    &time,
                    &segment.streams,
                    &segment.versions,
                    &segment.lines,
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

    /// Follows the log from where it is known, and finds how far the streams of several appends
    /// reach.
    pub(super) fn look_up(&self, asked: Asked, requests: Vec<Request>) -> Appending {
        let client = Arc::clone(&self.client);
        let (follow, heads) = (self.follow.clone(), self.heads.clone());
        async move {
            let reach = bigint(asked.reach);
            let bounds: [&(dyn ToSql + Sync); 2] = [&reach, &bigint(FOLLOWED)];
            let found = async {
                let rows = client.query(&follow, &bounds).await?;
                let rows = rows.iter().rev().map(Followed::read);
                let followed = rows.collect::<Result<_, _>>()?;
                let keys: Vec<_> = requests.iter().map(|request| request.key).collect();
                if keys.is_empty() {
                    return Ok((followed, HashMap::new()));
                }
                let asked: [&(dyn ToSql + Sync); 3] = [&keys, &bigint(asked.since), &reach];
                let rows = client.query(&heads, &asked).await?;
                let pairs = rows
                    .iter()
                    .map(|row| Ok((row.try_get(0)?, row.try_get::<_, i64>(1)?.cast_unsigned())));
                Ok((
                    followed,
                    pairs.collect::<Result<_, tokio_postgres::Error>>()?,
                ))
            };
            let found = found
                .await
                .map_err(|error: tokio_postgres::Error| Failure::from(error));
            Done::LookedUp {
                requests,
                asked,
                found,
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
        asked: Asked,
        found: Result<(Vec<Followed>, HashMap<StreamKey, u64>), Failure>,
    },
}

/// A segment that was followed: its first event's index, and where each of its events belongs.
pub(super) struct Followed {
    first: u64,
    streams: Vec<StreamKey>,
    versions: Vec<i64>,
}

impl Followed {
    fn read(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            first: row.try_get::<_, i64>(0)?.cast_unsigned(),
            streams: row.try_get(1)?,
            versions: row.try_get(2)?,
        })
    }
}

/// Takes segments into account that were followed, the oldest first.
pub(super) fn follow(followed: Vec<Followed>, heads: &Heads) {
    let cut_off = followed.len() >= FOLLOWED;
    if cut_off && let Some(oldest) = followed.first() {
        heads.begin_at(oldest.first);
    }
    for segment in followed {
        let versions = segment.versions.into_iter().map(i64::cast_unsigned);
        heads.follow(segment.first, segment.streams.into_iter().zip(versions));
    }
}

/// The events of several appends, as they are stored.
struct Segment {
    streams: Vec<StreamKey>,
    versions: Vec<i64>,
    lines: String,
}

impl Segment {
    fn of(requests: &[Request], time: &str) -> Self {
        let events = || requests.iter().flat_map(|request| &request.append.events);
        let length = events().map(|draft| draft.line_length() + 1).sum();
        let mut segment = Self {
            streams: Vec::with_capacity(events().count()),
            versions: Vec::with_capacity(events().count()),
            lines: String::with_capacity(length),
        };
        for Request { append, key, .. } in requests {
            for (version, draft) in (append.expected + 1..).zip(&append.events) {
                segment.streams.push(*key);
                segment.versions.push(version.cast_signed());
                if !segment.lines.is_empty() {
                    segment.lines.push('\n');
                }
                let (before, after) = draft.parts();
                segment.lines.extend([before, time, after]);
            }
        }
        segment
    }
}
