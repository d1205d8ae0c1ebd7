//! A person's place at one provider: the link, the grant, and the keys placed there.

mod command;
mod error;
mod event;
mod force;
mod link;
mod placement;
mod revocation;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use command::AccountCommand;
pub use error::AccountError;
pub use event::{
    AccountEvent, Grant, Presence, PublicationCause, Renewal, Residue, WithdrawalCause,
};
pub use link::Link;
pub use placement::{Placement, PlacementStatus};
pub use revocation::Revocation;

use crate::{AccountId, KeyId, ProviderSlug, SecretRef, UserId};

/// The life of one account. After an unlinking it can be linked anew, by anybody.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Account {
    /// Not linked.
    #[default]
    Absent,
    /// Linked, or on the way to be unlinked.
    Linked(Box<Link>),
    /// Unlinked. The next generation of a grant goes on counting from here.
    Unlinked {
        /// The last generation of a grant.
        generation: u64,
        /// Every key that was ever placed here: none of them comes back.
        spent: BTreeSet<KeyId>,
        /// Where tokens were that were given up, or that a link ended with: none of them comes back.
        ended: BTreeSet<SecretRef>,
        /// How often it was linked.
        links: u64,
    },
}

impl Aggregate for Account {
    const TYPE: &'static str = "account";
    type Command = AccountCommand;
    type Event = AccountEvent;
    type Error = AccountError;
    type Services = ();

    async fn handle(
        &mut self,
        command: AccountCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), AccountError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: AccountEvent) {
        match (&mut *self, event) {
            (
                before @ (Self::Absent | Self::Unlinked { .. }),
                AccountEvent::AccountLinked {
                    account,
                    user,
                    provider,
                    profile,
                    grant,
                },
            ) => {
                let mut link = Link::new(account, user, provider, profile, grant, before.spent());
                (link.ended, link.number) = (before.ended(), before.links() + 1);
                *self = Self::Linked(Box::new(link));
            }
            (
                before @ (Self::Absent | Self::Unlinked { .. }),
                AccountEvent::LinkGivenUp { secret, .. },
            ) => {
                let mut ended = before.ended();
                ended.insert(secret);
                *self = Self::Unlinked {
                    generation: before.generation(),
                    spent: before.spent(),
                    ended,
                    links: before.links(),
                };
            }
            (Self::Linked(link), AccountEvent::AccountUnlinked { .. }) => {
                *self = Self::Unlinked {
                    generation: link.generation(),
                    spent: link.placements.keys().copied().collect(),
                    ended: link.secrets(),
                    links: link.number,
                };
            }
            (Self::Linked(link), event) => link.apply(event),
            // Nothing but a link, or the end of one that was under way, can happen to an account that
            // is not linked.
            (Self::Absent | Self::Unlinked { .. }, _) => {}
        }
    }
}

impl Account {
    /// Decides what follows from a command.
    pub fn decide(&self, command: AccountCommand) -> Result<Vec<AccountEvent>, AccountError> {
        match (self, command) {
            (
                Self::Absent | Self::Unlinked { .. },
                AccountCommand::LinkAccount {
                    account,
                    user,
                    provider,
                    profile,
                    grant,
                },
            ) => {
                let next = self.generation() + 1;
                match &grant {
                    Some(grant) if grant.generation != next => Err(AccountError::GrantSuperseded),
                    Some(grant) if self.ended().contains(&grant.secret) => {
                        Err(AccountError::LinkGivenUp)
                    }
                    Some(_) | None => Ok(vec![AccountEvent::AccountLinked {
                        account,
                        user,
                        provider,
                        profile,
                        grant,
                    }]),
                }
            }
            (Self::Linked(link), command) => link.decide(command),
            (
                Self::Absent | Self::Unlinked { .. },
                AccountCommand::RecordLinkGivenUp {
                    account,
                    user,
                    provider,
                    secret,
                },
            ) => Ok(given_up(&self.ended(), account, user, provider, secret)),
            // Reports that come too late say nothing.
            (Self::Absent | Self::Unlinked { .. }, command) if command.is_report() => Ok(vec![]),
            (Self::Absent | Self::Unlinked { .. }, _) => Err(AccountError::NotFound),
        }
    }

    /// Returns the generation of the current or last grant, 0 before the first.
    pub fn generation(&self) -> u64 {
        match self {
            Self::Absent => 0,
            Self::Linked(link) => link.generation(),
            Self::Unlinked { generation, .. } => *generation,
        }
    }

    fn links(&self) -> u64 {
        match self {
            Self::Absent => 0,
            Self::Linked(link) => link.number,
            Self::Unlinked { links, .. } => *links,
        }
    }

    fn ended(&self) -> BTreeSet<SecretRef> {
        match self {
            Self::Unlinked { ended, .. } => ended.clone(),
            Self::Absent | Self::Linked(_) => BTreeSet::new(),
        }
    }

    fn spent(&self) -> BTreeSet<KeyId> {
        match self {
            Self::Unlinked { spent, .. } => spent.clone(),
            Self::Absent | Self::Linked(_) => BTreeSet::new(),
        }
    }

    /// Returns the link, if there is one.
    pub fn link(&self) -> Option<&Link> {
        match self {
            Self::Linked(link) => Some(link),
            Self::Absent | Self::Unlinked { .. } => None,
        }
    }
}

/// Gives tokens up that no link uses; once is enough.
fn given_up(
    ended: &BTreeSet<SecretRef>,
    account: AccountId,
    user: UserId,
    provider: ProviderSlug,
    secret: SecretRef,
) -> Vec<AccountEvent> {
    if ended.contains(&secret) {
        return vec![];
    }
    vec![AccountEvent::LinkGivenUp {
        account,
        user,
        provider,
        secret,
    }]
}
