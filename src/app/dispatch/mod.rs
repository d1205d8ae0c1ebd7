//! From a command to events in the log, or to the rule that refused it.

mod completing;
mod error;
mod memory;
mod origin;

use std::sync::Arc;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use domain::{Actor, ActorKind, EventId, Header, LoggedEvent, Means, Refusal, StreamName};
use futures::FutureExt as _;
use uuid::Uuid;

pub(in crate::app) use self::completing::{Completing, Panicked};
pub use self::error::CommandError;
pub(crate) use self::error::unless_refused;
use self::memory::Memory;
pub(in crate::app) use self::origin::opened as opened_origin;
use self::origin::origin;
use crate::clock::{Clock, Ids};
use crate::eventlog::bridge::{Loaded, LogEventStore};
use crate::eventlog::{EventLog, LogError};
use crate::vault::{Vault, VaultError};

/// How often a lost race is tried again before the caller is told.
const RACES: usize = 50;

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
    pub state: Arc<A>,
    /// How many events its stream has: its revision.
    pub revision: u64,
    /// The index of the last event that it made.
    pub index: Option<u64>,
}

/// An aggregate whose commands can be executed: its events are stored, its refusals have a stable
/// code, and it asks nobody.
pub trait Executable:
    Aggregate<
        Command: Clone + Send + Sync,
        Event: LoggedEvent,
        Services: Default,
        Error: Into<Refusal>,
    > + Clone
    + 'static
{
}

impl<A> Executable for A where
    A: Aggregate<
            Command: Clone + Send + Sync,
            Event: LoggedEvent,
            Services: Default,
            Error: Into<Refusal>,
        > + Clone
        + 'static
{
}

/// What a caller saw of a stream.
#[derive(Clone, Copy, PartialEq)]
enum Seen {
    /// It does not matter.
    Unsaid,
    /// It had this revision.
    Revision(u64),
    /// There is none, or so it should be.
    Nothing,
}

/// Executes commands.
#[derive(Clone)]
pub struct Dispatch(Arc<Inner>);

struct Inner {
    log: Arc<dyn EventLog>,
    vault: Arc<Vault>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    memory: Memory,
}

impl Dispatch {
    /// Executes commands against `log`.
    pub fn new(
        log: Arc<dyn EventLog>,
        vault: Arc<Vault>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Self {
        Self(Arc::new(Inner {
            log,
            vault,
            clock,
            ids,
            memory: Memory::new(),
        }))
    }

    /// Executes a command on one stream: load, decide, append; again if others were faster.
    ///
    /// It runs to its end even if the caller goes away meanwhile.
    pub async fn execute<A: Executable>(
        &self,
        id: &impl ToString,
        command: A::Command,
        caller: &Caller,
    ) -> Result<Executed<A>, CommandError> {
        self.complete(id, Seen::Unsaid, command, caller).await
    }

    /// Executes a command that begins a stream, under an id that was made for it or is seldom taken:
    /// whether there is one is not asked, the log refuses it. Then it is as with any other command.
    pub async fn begin<A: Executable>(
        &self,
        id: &impl ToString,
        command: A::Command,
        caller: &Caller,
    ) -> Result<Executed<A>, CommandError> {
        self.complete(id, Seen::Nothing, command, caller).await
    }

    /// Executes a command if the stream still has the revision that the caller saw.
    pub async fn execute_at<A: Executable>(
        &self,
        id: &impl ToString,
        seen: Option<u64>,
        command: A::Command,
        caller: &Caller,
    ) -> Result<Executed<A>, CommandError> {
        let seen = seen.map_or(Seen::Unsaid, Seen::Revision);
        self.complete(id, seen, command, caller).await
    }

    async fn complete<A: Executable>(
        &self,
        id: &impl ToString,
        seen: Seen,
        command: A::Command,
        caller: &Caller,
    ) -> Result<Executed<A>, CommandError> {
        let (inner, id, caller) = (self.0.clone(), id.to_string(), caller.clone());
        // A caller that goes away cannot cut it off.
        let work = async move { inner.execute::<A>(&id, seen, command, caller).await };
        Completing::new(work).await.map_err(|Panicked| {
            CommandError::Unavailable("a command has panicked; the log says where".to_owned())
        })?
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
    async fn execute<A: Executable>(
        &self,
        id: &str,
        seen: Seen,
        command: A::Command,
        caller: Caller,
    ) -> Result<Executed<A>, CommandError> {
        let store = LogEventStore::<A>::new(self.log.clone());
        let mut header = self.header(caller).await?;
        let stream = StreamName::of(A::TYPE, &id);
        for race in 0..RACES {
            let (known, version) = if let Some(known) = self.memory.find::<A>(&stream) {
                known
            } else if race == 0 && seen == Seen::Nothing {
                (Arc::default(), 0)
            } else {
                let Loaded {
                    aggregate, version, ..
                } = store.load(id).await?;
                (Arc::new(aggregate), version)
            };
            if let Seen::Revision(seen) = seen
                && seen != version
            {
                if self.moved(&stream, version).await? {
                    self.memory.forget(&stream);
                    continue;
                }
                return Err(CommandError::Changed { current: version });
            }
            let mut aggregate = Arc::unwrap_or_clone(known);
            let decided = decide(&mut aggregate, command.clone());
            let nothing = decided.as_ref().is_ok_and(Vec::is_empty);
            if (decided.is_err() || nothing) && self.moved(&stream, version).await? {
                // Nothing will be appended that would check the version, so it is checked here:
                // another instance may have written to the stream since it was remembered.
                self.memory.forget(&stream);
                continue;
            }
            let events = decided.map_err(CommandError::Refused)?;
            let state = Arc::new(aggregate);
            if events.is_empty() {
                self.memory.keep(&stream, &state, version);
                return Ok(Executed {
                    events,
                    state,
                    revision: version,
                    index: None,
                });
            }
            let appended = store
                .append(&stream, version, &events, &mut header, || self.event_id())
                .await;
            match appended {
                Ok(appended) => {
                    self.memory.keep(&stream, &state, appended.version);
                    return Ok(Executed {
                        events,
                        state,
                        revision: appended.version,
                        index: Some(appended.last),
                    });
                }
                Err(LogError::Conflict) => self.memory.forget(&stream),
                Err(error) => {
                    self.memory.forget(&stream);
                    return Err(error.into());
                }
            }
        }
        Err(CommandError::Conflict)
    }

    /// Says whether a stream has events after `version`.
    async fn moved(&self, stream: &StreamName, version: u64) -> Result<bool, LogError> {
        Ok(!self.log.read_stream(stream, version, 1).await?.is_empty())
    }

    fn event_id(&self) -> EventId {
        EventId::new(self.ids.v7(self.clock.now()))
    }

    /// Makes the header of a command's events; each of them takes an id of its own in it.
    async fn header(&self, mut caller: Caller) -> Result<Header, VaultError> {
        let origin = origin(&self.vault, &mut caller).await?;
        Ok(Header {
            id: EventId::new(Uuid::nil()),
            actor: caller.actor,
            origin,
            reason: caller.reason,
            correlation: caller.correlation,
            causation: caller.causation,
        })
    }
}

/// Lets an aggregate decide about a command.
///
/// # Panics
///
/// If its rules wait for anything: they are pure.
fn decide<A: Executable>(aggregate: &mut A, command: A::Command) -> Result<Vec<A::Event>, Refusal> {
    let (services, sink) = (A::Services::default(), EventSink::default());
    let deciding = async {
        let decided = aggregate.handle(command, &services, &sink).await;
        decided.map_err(Into::into)?;
        Ok(sink.collect().await)
    };
    // Awaited to its end here: as a part of what is under way it would double its size. The sink's
    // lock is free, and the runtime must not ask for a pause at it.
    tokio::task::unconstrained(deciding)
        .now_or_never()
        .expect("a rule waits for nobody")
}
