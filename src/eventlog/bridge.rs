//! Lets cqrs-es read and write any [`EventLog`].
//!
//! Only cqrs-es's traits are used: its own stores corrupt snapshots, and its queries can lose
//! events when a caller goes away. The executor in `app::dispatch` drives this adapter.

use std::collections::HashMap;
use std::sync::Arc;

use cqrs_es::persist::PersistenceError;
use cqrs_es::{Aggregate, AggregateContext, AggregateError, EventEnvelope, EventStore};
use domain::{Draft, EventId, Header, LoggedEvent, StreamName, decode_as};
use uuid::Uuid;

use super::{Append, Appended, EventLog, LogError, Stored};

/// How many events are read at a time when a stream is loaded.
const PAGE: usize = 500;

/// One aggregate's streams in a log.
pub struct LogEventStore<A> {
    log: Arc<dyn EventLog>,
    aggregate: std::marker::PhantomData<fn() -> A>,
}

impl<A> LogEventStore<A>
where
    A: Aggregate + 'static,
    A::Event: LoggedEvent,
{
    /// Reads and writes `log`.
    pub fn new(log: Arc<dyn EventLog>) -> Self {
        Self {
            log,
            aggregate: std::marker::PhantomData,
        }
    }

    /// Folds a stream.
    pub async fn load(&self, id: &str) -> Result<Loaded<A>, LogError> {
        let mut loaded = Loaded {
            stream: StreamName::of(A::TYPE, &id),
            aggregate: A::default(),
            version: 0,
        };
        loop {
            let page = self
                .log
                .read_stream(&loaded.stream, loaded.version, PAGE)
                .await?;
            let last = page.len() < PAGE;
            for stored in page {
                let recorded = read::<A>(&stored)?;
                loaded.version = recorded.version;
                loaded.aggregate.apply(recorded.event);
            }
            if last {
                return Ok(loaded);
            }
        }
    }

    /// Appends what a command decided, under one header in which each event has its own id.
    pub async fn append(
        &self,
        stream: &StreamName,
        version: u64,
        events: &[A::Event],
        header: &mut Header,
        mut id: impl FnMut() -> EventId,
    ) -> Result<Appended, LogError> {
        let events = events
            .iter()
            .zip(version + 1..)
            .map(|(event, version)| {
                header.id = id();
                Draft::new(header, stream, version, event)
            })
            .collect();
        self.log
            .append(Append {
                stream: stream.clone(),
                expected: version,
                events,
            })
            .await
    }
}

fn read<A>(stored: &Stored) -> Result<domain::Recorded<A::Event>, LogError>
where
    A: Aggregate,
    A::Event: LoggedEvent,
{
    decode_as(stored.index, &stored.line).map_err(|error| LogError::Damaged(error.to_string()))
}

/// An aggregate as its stream has it.
#[derive(Debug, Clone)]
pub struct Loaded<A> {
    /// Its stream.
    pub stream: StreamName,
    /// Its state.
    pub aggregate: A,
    /// How many events made it.
    pub version: u64,
}

impl<A: Aggregate> AggregateContext<A> for Loaded<A> {
    fn aggregate(&mut self) -> &mut A {
        &mut self.aggregate
    }
}

impl<A> EventStore<A> for LogEventStore<A>
where
    A: Aggregate + 'static,
    A::Event: LoggedEvent,
{
    type AC = Loaded<A>;

    async fn load_events(
        &self,
        id: &str,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let stream = StreamName::of(A::TYPE, &id);
        let mut envelopes: Vec<EventEnvelope<A>> = Vec::new();
        loop {
            let after = envelopes.len() as u64;
            let page = self
                .log
                .read_stream(&stream, after, PAGE)
                .await
                .map_err(as_cqrs)?;
            let last = page.len() < PAGE;
            for stored in page {
                let recorded = read::<A>(&stored).map_err(as_cqrs)?;
                envelopes.push(EventEnvelope {
                    aggregate_id: id.to_owned(),
                    sequence: usize::try_from(recorded.version).unwrap_or(usize::MAX),
                    payload: recorded.event,
                    metadata: HashMap::new(),
                });
            }
            if last {
                return Ok(envelopes);
            }
        }
    }

    async fn load_aggregate(&self, id: &str) -> Result<Loaded<A>, AggregateError<A::Error>> {
        self.load(id).await.map_err(as_cqrs)
    }

    /// Commits under the actor `cqrs-es`: its framework has no header to pass on, only words.
    /// `correlation` among them is kept; each event's id is made of its place, which no other has.
    /// The product commits through [`LogEventStore::append`], with the caller's header.
    async fn commit(
        &self,
        events: Vec<A::Event>,
        context: Loaded<A>,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let mut versions = context.version + 1..;
        let mut next_id = || {
            let place = format!("{}@{}", context.stream, versions.next().unwrap_or_default());
            EventId::new(Uuid::new_v5(&Uuid::NAMESPACE_OID, place.as_bytes()))
        };
        let correlation = metadata
            .get("correlation")
            .and_then(|text| Uuid::try_parse(text).ok());
        let mut header = Header {
            id: EventId::new(Uuid::nil()),
            actor: domain::Actor {
                kind: domain::ActorKind::System,
                id: "cqrs-es".to_owned(),
                roles: Vec::new(),
                means: domain::Means::Internal,
            },
            origin: domain::Origin {
                request: None,
                sender: None,
            },
            reason: None,
            correlation: correlation.unwrap_or_default(),
            causation: None,
        };
        self.append(
            &context.stream,
            context.version,
            &events,
            &mut header,
            &mut next_id,
        )
        .await
        .map_err(as_cqrs)?;
        Ok(events
            .into_iter()
            .zip(context.version + 1..)
            .map(|(payload, version)| EventEnvelope {
                aggregate_id: context.stream.id().to_owned(),
                sequence: usize::try_from(version).unwrap_or(usize::MAX),
                payload,
                metadata: metadata.clone(),
            })
            .collect())
    }
}

fn as_cqrs<E: std::error::Error>(error: LogError) -> AggregateError<E> {
    match error {
        LogError::Conflict => AggregateError::AggregateConflict,
        LogError::TooLong(_) | LogError::Unavailable(_) => {
            PersistenceError::ConnectionError(Box::new(error)).into()
        }
        LogError::Damaged(_) => PersistenceError::UnknownError(Box::new(error)).into(),
    }
}
