//! How events are read: by stream, and by index.

use std::borrow::Cow;
use std::sync::Arc;

use domain::StreamName;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::key::StreamKey;
use super::{Known, PLAN_ONCE, bigint};
use crate::database::postgres::{Failure, Pool, Server};
use crate::eventlog::{LogError, Stored};

/// How many connections read at most.
const READERS: usize = 4;

/// Finds a stream's events: in the index of streams, and in the segments that it does not know yet.
/// Those that are known here to hold none of them are left out. The answer has one row at least, to
/// say how many events the log had.
///
/// Rows of the index are taken apart one after the other, the oldest first, until there are enough:
/// of what follows the page, however long, nothing is read.
const STREAM: &str = "
    WITH place AS (
        (SELECT index, before + nth AS version
        FROM (
            SELECT version - cardinality(places) AS before, places FROM log_places
            WHERE stream = $1 AND version > $2 ORDER BY version LIMIT $3
        ) AS run, unnest(places) WITH ORDINALITY AS event (index, nth)
        WHERE before + nth > $2
        LIMIT $3)
        UNION ALL
        (SELECT first + nth - 1, event.version
        FROM log_segments,
            unnest(streams, versions) WITH ORDINALITY AS event (stream, version, nth)
        WHERE first >= (
            SELECT CASE WHEN upto >= $4 THEN greatest(upto, $5) ELSE upto END FROM log_indexed
            WHERE id = 1
        ) AND streams @> ARRAY[$1] AND event.stream = $1 AND event.version > $2)
        ORDER BY version LIMIT $3
    )
    SELECT log.size, place.index, segment.version, segment.line
    FROM (
        SELECT coalesce((SELECT upto FROM log_segments ORDER BY first DESC LIMIT 1), 0) AS size
    ) AS log LEFT JOIN place ON true LEFT JOIN LATERAL (
        SELECT versions[index - first + 1] AS version,
            split_part(lines, E'\\n', (index - first + 1)::int) AS line
        FROM log_segments WHERE first <= index ORDER BY first DESC LIMIT 1
    ) AS segment ON true
    ORDER BY place.version";

/// Asks whether a stream is in the index, how far that reaches, and how many events the log has: half of
/// what it costs to look for events, and most streams that are not known here are new.
const IS_INDEXED: &str = "
    SELECT EXISTS (SELECT FROM log_places WHERE stream = $1),
        (SELECT upto FROM log_indexed WHERE id = 1),
        coalesce((SELECT upto FROM log_segments ORDER BY first DESC LIMIT 1), 0)";

/// Reads the segments with the events from one index up to another.
const ALL: &str = "
    SELECT first, upto, lines FROM log_segments
    WHERE first >= (SELECT first FROM log_segments WHERE first <= $1 ORDER BY first DESC LIMIT 1)
        AND first < $2 AND upto > $1
    ORDER BY first";

const SIZE: &str = "SELECT upto FROM log_segments ORDER BY first DESC LIMIT 1";

/// Reads events.
pub(super) struct Reader {
    known: Arc<Known>,
    pool: Pool,
}

impl Reader {
    pub(super) fn new(server: Server, known: Arc<Known>) -> Self {
        Self {
            known,
            pool: Pool::new(server, READERS, PLAN_ONCE),
        }
    }

    /// Reads a stream's events after a version, at most `limit`.
    pub(super) async fn stream(
        &self,
        stream: &StreamName,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Stored>, LogError> {
        let key = StreamKey::of(stream);
        if after == 0 && self.is_new(key).await? {
            return Ok(Vec::new());
        }
        let asked = self.known.heads.ask(key, after);
        let (most, since, reach) = (bigint(limit), bigint(asked.since), bigint(asked.reach));
        let args: [&(dyn ToSql + Sync); 5] = [&key, &bigint(after), &most, &since, &reach];
        let rows = self.rows(STREAM, &args).await?;
        let mut events = Vec::with_capacity(rows.len());
        let mut size = 0;
        for row in &rows {
            let found = Found::read(row)?;
            size = found.size;
            let Some((index, version, line)) = found.event else {
                break;
            };
            let expected = after + events.len() as u64 + 1;
            if version != expected {
                return Err(LogError::Damaged(format!(
                    "version {expected} of {stream} is missing before event {index}"
                )));
            }
            events.push(Stored { index, line });
        }
        // Whoever answered may lag behind the server that is written to. And of a stream that ends
        // before what was asked for, this says nothing.
        let is_its_end = events.len() < limit && (after == 0 || !events.is_empty());
        if is_its_end && size >= asked.reach {
            self.known
                .heads
                .learn(key, after + events.len() as u64, asked);
        }
        Ok(events)
    }

    /// Tells whether a stream that is not known here has no events at all, and remembers it; false
    /// where that cannot be told at once.
    async fn is_new(&self, stream: StreamKey) -> Result<bool, LogError> {
        let heads = &self.known.heads;
        if heads.known(stream).is_some() {
            return Ok(false);
        }
        let asked = heads.ask(stream, 0);
        let rows = self.rows(IS_INDEXED, &[&stream]).await?;
        let Some(row) = rows.first() else {
            return Ok(false);
        };
        let is_indexed: bool = read(row, 0)?;
        let (indexed, size): (i64, i64) = (read(row, 1)?, read(row, 2)?);
        // Between the index and what is known here no event is missed, nor behind it.
        let all_is_known =
            indexed.cast_unsigned() >= asked.since && heads.reach() >= size.cast_unsigned();
        Ok(!is_indexed
            && all_is_known
            && size.cast_unsigned() >= asked.reach
            && heads.learn(stream, 0, asked)
            && heads.known(stream) == Some(0))
    }

    /// Reads the events from an index on, at most `limit`.
    pub(super) async fn all(&self, index: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        let upto = index.saturating_add(limit as u64);
        let rows = self.rows(ALL, &[&bigint(index), &bigint(upto)]).await?;
        let mut events = Vec::with_capacity(limit.min(rows.len() * 64));
        let mut next = None;
        for row in &rows {
            let (first, end): (i64, i64) =
                read(row, 0).and_then(|first| Ok((first, read(row, 1)?)))?;
            let (first, end) = (first.cast_unsigned(), end.cast_unsigned());
            let lines: &str = read(row, 2)?;
            if first != next.unwrap_or(first.min(index)) {
                return Err(LogError::Damaged(format!(
                    "events are missing before {first}"
                )));
            }
            let mut place = first;
            for line in lines.split('\n') {
                if (index..upto).contains(&place) {
                    let line = line.to_owned();
                    events.push(Stored { index: place, line });
                }
                place += 1;
            }
            if place != end {
                return Err(LogError::Damaged(format!(
                    "the segment at {first} ends at {place} instead of {end}"
                )));
            }
            next = Some(end);
        }
        Ok(events)
    }

    /// Asks how many events there are.
    pub(super) async fn size(&self) -> Result<u64, LogError> {
        let rows = self.rows(SIZE, &[]).await?;
        let size = rows.first().map(|row| read::<i64>(row, 0)).transpose()?;
        Ok(size.unwrap_or_default().cast_unsigned())
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
        let mut lent = self.pool.lend().await?;
        let prepared = lent.prepare(Cow::Borrowed(sql), Vec::new()).await?;
        let answer = lent.client.query(&prepared, args).await;
        let answer = answer.map_err(Failure::from);
        lent.settle(&answer);
        answer
    }
}

/// A row about a stream: how many events the log had, and one of the stream's, with its index and
/// its version.
struct Found {
    size: u64,
    event: Option<(u64, u64, String)>,
}

impl Found {
    fn read(row: &Row) -> Result<Self, Failure> {
        let size: i64 = read(row, 0)?;
        let event = match read::<Option<i64>>(row, 1)? {
            Some(index) => {
                let version: i64 = read(row, 2)?;
                Some((
                    index.cast_unsigned(),
                    version.cast_unsigned(),
                    read(row, 3)?,
                ))
            }
            None => None,
        };
        Ok(Self {
            size: size.cast_unsigned(),
            event,
        })
    }
}

fn read<'a, T: tokio_postgres::types::FromSql<'a>>(
    row: &'a Row,
    column: usize,
) -> Result<T, Failure> {
    Ok(row.try_get(column)?)
}
