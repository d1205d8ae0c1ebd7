//! Writing one stream of the history.

use domain::{
    Actor, ActorKind, Draft, EventId, Header, LoggedEvent, Means, Origin, Role, StreamName,
    TokenId, UserId,
};
use uuid::Uuid;

use super::Historian;
use crate::eventlog::Append;

/// Who does what in a story.
#[derive(Clone, Copy)]
pub(super) enum By {
    Admin,
    Person,
    Policy,
    Publisher,
}

/// One stream, being written.
pub(super) struct Writing<'a> {
    historian: &'a Historian,
    stream: StreamName,
    /// How many events it has.
    pub(super) version: u64,
    user: UserId,
    token: TokenId,
    correlation: Uuid,
}

impl<'a> Writing<'a> {
    pub(super) fn new<A: cqrs_es::Aggregate>(
        historian: &'a Historian,
        id: &impl std::fmt::Display,
        user: &UserId,
    ) -> Self {
        Self {
            historian,
            stream: StreamName::of(A::TYPE, id),
            version: 0,
            user: user.clone(),
            token: TokenId::new(historian.uuid()),
            correlation: historian.uuid(),
        }
    }

    /// Appends what happened to the stream, each by somebody.
    pub(super) async fn append<E: LoggedEvent>(
        &mut self,
        facts: Vec<(By, E)>,
    ) -> anyhow::Result<()> {
        let expected = self.version;
        let mut events = Vec::with_capacity(facts.len());
        let mut cause = None;
        for (by, fact) in facts {
            self.version += 1;
            let header = self.header(by, cause);
            cause = Some(header.id);
            events.push(Draft::new(&header, &self.stream, self.version, &fact));
        }
        let append = Append {
            stream: self.stream.clone(),
            expected,
            events,
        };
        self.historian.log.append(append).await?;
        Ok(())
    }

    fn header(&self, by: By, causation: Option<EventId>) -> Header {
        let part = |name: &str| (ActorKind::System, name.to_owned(), vec![], Means::Internal);
        let person = |role| {
            (
                ActorKind::Person,
                self.user.to_string(),
                vec![role],
                Means::Token(self.token),
            )
        };
        let by_person = matches!(by, By::Admin | By::Person);
        let (kind, id, roles, means) = match by {
            By::Admin => person(Role::Admin),
            By::Person => person(Role::Member),
            By::Policy => part("policy"),
            By::Publisher => part("publisher"),
        };
        Header {
            id: EventId::new(self.historian.uuid()),
            actor: Actor {
                kind,
                id,
                roles,
                means,
            },
            origin: Origin {
                request: by_person.then_some(self.correlation),
                sender: by_person.then(|| self.historian.sealed(&self.user, 128)),
            },
            reason: None,
            correlation: self.correlation,
            causation,
        }
    }
}
