//! From a command to events in the log, or to the rule that refused it.

use std::any::Any;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use domain::{
    Actor, ActorKind, EventId, Header, LoggedEvent, Means, Origin, Refusal, StreamName, UserId,
};
use lru::LruCache;
use projections::UnreadableRow;
use uuid::Uuid;

use crate::clock::{Clock, Ids};
use crate::database::DatabaseError;
use crate::eventlog::bridge::{Loaded, LogEventStore};
use crate::eventlog::{EventLog, LogError};
use crate::vault::{Vault, VaultError};

/// How often a lost race is tried again before the caller is told.
const RACES: usize = 50;

/// How many aggregates are kept in memory. Safe to keep: an append checks the version again.
const CACHED: NonZeroUsize = NonZeroUsize::new(20_000).unwrap();

/// Who asks, from where, why, and what it follows from.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub actor: Actor,
    /// From which address, if it came over the network.
    pub address: Option<String>,
    /// With which user agent.
    pub agent: Option<String>,
    /// The request's id, if it came as one.
    pub request: Option<Uuid>,
    /// Why, in the caller's words.
    pub reason: Option<String>,
    /// What belongs together.
    pub correlation: Uuid,
    /// The event that this follows from.
    pub causation: Option<EventId>,
}

impl Caller {
    /// Speaks for a part of the server: `policy`, `publisher`.
    pub fn system(part: &str, correlation: Uuid, causation: Option<EventId>) -> Self {
        let actor = Actor {
            kind: ActorKind::System,
            id: part.to_owned(),
            roles: Vec::new(),
            means: Means::Internal,
        };
        Self {
            actor,
            address: None,
            agent: None,
            request: None,
            reason: None,
            correlation,
            causation,
        }
    }
}

/// What a command came to.
#[derive(Debug, Clone)]
pub struct Executed<A: Aggregate> {
    /// What happened; nothing if what was asked for already is.
    pub events: Vec<A::Event>,
    /// The aggregate after it.
    pub state: A,
    /// How many events its stream has: its revision.
    pub revision: u64,
    /// The index of the last event that it made.
    pub index: Option<u64>,
}

/// Why a command came to nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommandError {
    /// A rule refused it.
    #[error(transparent)]
    Refused(Refusal),
    /// The thing has another revision than the caller saw.
    #[error("it was changed meanwhile: its revision is now {current}")]
    Changed {
        /// The revision now.
        current: u64,
    },
    /// Others were faster every time.
    #[error("too many changes at once")]
    Conflict,
    /// It says more than an event can hold.
    #[error("an event of {0} bytes is too long")]
    TooLong(usize),
    /// The log or the vault cannot be used now; nothing is known to have happened.
    #[error("the service cannot store anything now: {0}")]
    Unavailable(String),
}

impl CommandError {
    /// Says whether events may have been stored all the same.
    pub fn is_in_doubt(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<VaultError> for CommandError {
    fn from(error: VaultError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<DatabaseError> for CommandError {
    fn from(error: DatabaseError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<UnreadableRow> for CommandError {
    fn from(row: UnreadableRow) -> Self {
        DatabaseError::from(row).into()
    }
}

impl From<LogError> for CommandError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Conflict => Self::Conflict,
            LogError::TooLong(length) => Self::TooLong(length),
            LogError::Unavailable(_) | LogError::Damaged(_) => Self::Unavailable(error.to_string()),
        }
    }
}

/// Executes commands.
#[derive(Clone)]
pub struct Dispatch(Arc<Inner>);

struct Inner {
    log: Arc<dyn EventLog>,
    vault: Arc<Vault>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    cache: Mutex<LruCache<StreamName, Box<dyn Any + Send>>>,
}

impl Dispatch {
    /// Executes commands against `log`.
    pub fn new(
        log: Arc<dyn EventLog>,
        vault: Arc<Vault>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Self {
        let cache = Mutex::new(LruCache::new(CACHED));
        Self(Arc::new(Inner {
            log,
            vault,
            clock,
            ids,
            cache,
        }))
    }

    /// Executes a command on one stream: load, decide, append; again if others were faster.
    ///
    /// It runs to its end even if the caller goes away meanwhile.
    pub async fn execute<A>(
        &self,
        id: &impl ToString,
        command: A::Command,
        caller: &Caller,
    ) -> Result<Executed<A>, CommandError>
    where
        A: Aggregate + Clone + 'static,
        A::Command: Clone + Send + Sync,
        A::Event: LoggedEvent,
        A::Services: Default,
        Refusal: From<A::Error>,
    {
        self.execute_at(id, None, command, caller).await
    }

    /// Executes a command if the stream still has the revision that the caller saw.
    pub async fn execute_at<A>(
        &self,
        id: &impl ToString,
        seen: Option<u64>,
        command: A::Command,
        caller: &Caller,
    ) -> Result<Executed<A>, CommandError>
    where
        A: Aggregate + Clone + 'static,
        A::Command: Clone + Send + Sync,
        A::Event: LoggedEvent,
        A::Services: Default,
        Refusal: From<A::Error>,
    {
        let (inner, id, caller) = (self.0.clone(), id.to_string(), caller.clone());
        // On a task of its own: a caller that goes away cannot cut it off.
        let task =
            tokio::spawn(async move { inner.execute::<A>(&id, seen, command, caller).await });
        task.await
            .map_err(|error| CommandError::Unavailable(error.to_string()))?
    }

    /// Returns an aggregate as the log has it now, and its revision.
    pub async fn load<A>(&self, id: &impl ToString) -> Result<(A, u64), CommandError>
    where
        A: Aggregate + Clone + 'static,
        A::Event: LoggedEvent,
    {
        let store = LogEventStore::<A>::new(self.0.log.clone());
        let loaded = store.load(&id.to_string()).await?;
        Ok((loaded.aggregate, loaded.version))
    }
}

impl Inner {
    async fn execute<A>(
        &self,
        id: &str,
        seen: Option<u64>,
        command: A::Command,
        caller: Caller,
    ) -> Result<Executed<A>, CommandError>
    where
        A: Aggregate + Clone + 'static,
        A::Command: Clone + Send + Sync,
        A::Event: LoggedEvent,
        A::Services: Default,
        Refusal: From<A::Error>,
    {
        let store = LogEventStore::<A>::new(self.log.clone());
        let mut header = self.header(caller).await?;
        let services = A::Services::default();
        for _ in 0..RACES {
            let Loaded {
                stream,
                mut aggregate,
                version,
            } = self.load(&store, id).await?;
            if let Some(seen) = seen
                && seen != version
            {
                if self.moved(&stream, version).await? {
                    self.forget(&stream);
                    continue;
                }
                return Err(CommandError::Changed { current: version });
            }
            let sink = EventSink::default();
            let refused = aggregate
                .handle(command.clone(), &services, &sink)
                .await
                .err()
                .map(<Refusal as From<A::Error>>::from);
            let events = sink.collect().await;
            if (refused.is_some() || events.is_empty()) && self.moved(&stream, version).await? {
                // Nothing will be appended that would check the version, so it is checked here:
                // another instance may have written to the stream since it was remembered.
                self.forget(&stream);
                continue;
            }
            if let Some(refusal) = refused {
                return Err(CommandError::Refused(refusal));
            }
            if events.is_empty() {
                self.remember(&stream, &aggregate, version);
                return Ok(Executed {
                    events,
                    state: aggregate,
                    revision: version,
                    index: None,
                });
            }
            let appended = store
                .append(&stream, version, &events, &mut header, || self.event_id())
                .await;
            match appended {
                Ok(appended) => {
                    self.remember(&stream, &aggregate, appended.version);
                    return Ok(Executed {
                        events,
                        state: aggregate,
                        revision: appended.version,
                        index: Some(appended.last),
                    });
                }
                Err(LogError::Conflict) => self.forget(&stream),
                Err(error) => {
                    self.forget(&stream);
                    return Err(error.into());
                }
            }
        }
        Err(CommandError::Conflict)
    }

    async fn load<A>(&self, store: &LogEventStore<A>, id: &str) -> Result<Loaded<A>, LogError>
    where
        A: Aggregate + Clone + 'static,
        A::Event: LoggedEvent,
    {
        let stream = StreamName::of(A::TYPE, &id);
        let known = self
            .cache()
            .get(&stream)
            .and_then(|kept| kept.downcast_ref::<(A, u64)>())
            .cloned();
        match known {
            Some((aggregate, version)) => Ok(Loaded {
                stream,
                aggregate,
                version,
            }),
            None => store.load(id).await,
        }
    }

    /// Says whether a stream has events after `version`.
    async fn moved(&self, stream: &StreamName, version: u64) -> Result<bool, LogError> {
        Ok(!self.log.read_stream(stream, version, 1).await?.is_empty())
    }

    fn remember<A: Aggregate + Clone + 'static>(
        &self,
        stream: &StreamName,
        aggregate: &A,
        version: u64,
    ) {
        let mut cache = self.cache();
        let older = cache
            .peek(stream)
            .and_then(|kept| kept.downcast_ref::<(A, u64)>())
            .is_none_or(|(_, kept)| *kept < version);
        if older {
            cache.put(stream.clone(), Box::new((aggregate.clone(), version)));
        }
    }

    fn forget(&self, stream: &StreamName) {
        self.cache().pop(stream);
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, LruCache<StreamName, Box<dyn Any + Send>>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn event_id(&self) -> EventId {
        EventId::new(self.ids.v7(self.clock.now()))
    }

    /// Makes the header of a command's events; each of them takes an id of its own in it.
    async fn header(&self, caller: Caller) -> Result<Header, VaultError> {
        let origin = self.origin(&caller).await?;
        Ok(Header {
            id: EventId::new(Uuid::nil()),
            actor: caller.actor,
            origin,
            reason: caller.reason,
            correlation: caller.correlation,
            causation: caller.causation,
        })
    }

    /// Seals what identifies a person beyond their id.
    async fn origin(&self, caller: &Caller) -> Result<Origin, VaultError> {
        let mut origin = Origin {
            request: caller.request,
            address: None,
            agent: None,
        };
        if caller.actor.kind != ActorKind::Person {
            return Ok(origin);
        }
        let Ok(person) = caller.actor.id.parse::<UserId>() else {
            return Ok(origin);
        };
        let context = origin_context(caller.correlation);
        if let Some(address) = &caller.address {
            origin.address = Some(self.vault.seal_personal(&person, &context, address).await?);
        }
        if let Some(agent) = &caller.agent {
            origin.agent = Some(self.vault.seal_personal(&person, &context, agent).await?);
        }
        Ok(origin)
    }
}

/// Returns what an origin's personal data is bound to when it is sealed.
pub fn origin_context(correlation: Uuid) -> String {
    format!("origin/{correlation}")
}
