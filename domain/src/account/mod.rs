//! A person's place at one provider: the link, the grant, and the keys placed there.

mod command;
mod error;
mod event;
mod placement;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use command::AccountCommand;
pub use error::AccountError;
pub use event::{
    AccountEvent, Grant, Presence, PublicationCause, Renewal, Residue, WithdrawalCause,
};
pub use placement::{Placement, PlacementStatus};

use crate::{AccountId, Failure, KeyId, ProviderSlug, Sealed, UserId};

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
    },
}

/// A linked account as it now is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The account.
    pub account: AccountId,
    /// The person.
    pub user: UserId,
    /// The provider.
    pub provider: ProviderSlug,
    /// Who the person is there, sealed.
    pub profile: Sealed,
    /// What the provider gave us.
    pub grant: Grant,
    /// Why the grant no longer works, if it does not.
    pub lost: Option<Failure>,
    /// Whether it is being unlinked.
    pub unlinking: bool,
    /// Every key that was ever placed here since the link.
    pub placements: BTreeMap<KeyId, Placement>,
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
                Self::Absent | Self::Unlinked { .. },
                AccountEvent::AccountLinked {
                    account,
                    user,
                    provider,
                    profile,
                    grant,
                },
            ) => {
                *self = Self::Linked(Box::new(Link {
                    account,
                    user,
                    provider,
                    profile,
                    grant,
                    lost: None,
                    unlinking: false,
                    placements: BTreeMap::new(),
                }));
            }
            (Self::Linked(link), AccountEvent::AccountUnlinked { .. }) => {
                *self = Self::Unlinked {
                    generation: link.grant.generation,
                };
            }
            (Self::Linked(link), event) => link.apply(event),
            // Nothing but a link can happen to an account that is not linked.
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
                if grant.generation == self.generation() + 1 {
                    Ok(vec![AccountEvent::AccountLinked {
                        account,
                        user,
                        provider,
                        profile,
                        grant,
                    }])
                } else {
                    Err(AccountError::GrantSuperseded)
                }
            }
            (Self::Linked(link), command) => link.decide(command),
            // Reports that come too late say nothing.
            (Self::Absent | Self::Unlinked { .. }, command) if command.is_report() => Ok(vec![]),
            (Self::Absent | Self::Unlinked { .. }, _) => Err(AccountError::NotFound),
        }
    }

    /// Returns the generation of the current or last grant, 0 before the first.
    pub fn generation(&self) -> u64 {
        match self {
            Self::Absent => 0,
            Self::Linked(link) => link.grant.generation,
            Self::Unlinked { generation } => *generation,
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

impl AccountCommand {
    /// Says whether the command reports what the outside did: such are never refused for a rule.
    fn is_report(&self) -> bool {
        match self {
            Self::RecordGrantRenewed { .. }
            | Self::RecordGrantLost { .. }
            | Self::RecordKeyPublished { .. }
            | Self::RecordKeyPublicationFailed { .. }
            | Self::RecordKeyWithdrawn { .. }
            | Self::RecordKeyWithdrawalFailed { .. }
            | Self::RecordAccountUnlinked { .. } => true,
            Self::LinkAccount { .. }
            | Self::UnlinkAccount { .. }
            | Self::RequestKeyPublication { .. }
            | Self::RequestKeyWithdrawal { .. } => false,
        }
    }
}

impl Link {
    fn decide(&self, command: AccountCommand) -> Result<Vec<AccountEvent>, AccountError> {
        use AccountCommand as C;
        use AccountError as Refusal;
        use AccountEvent as E;
        use PlacementStatus as S;
        let Self {
            account,
            user,
            provider,
            ..
        } = self.clone();
        match command {
            C::LinkAccount { user: by, .. } if by != user => Err(Refusal::LinkedElsewhere),
            C::LinkAccount { .. } if self.unlinking => Err(Refusal::Unlinking),
            C::LinkAccount { grant, .. } if !self.follows(&grant) => Err(Refusal::GrantSuperseded),
            C::LinkAccount { profile, grant, .. } => Ok(vec![E::GrantRenewed {
                account,
                user,
                provider,
                how: Renewal::Relink,
                profile: Some(profile),
                grant,
            }]),
            C::UnlinkAccount { user: by } if by != user => Err(Refusal::NotFound),
            C::UnlinkAccount { .. } if self.unlinking => Ok(vec![]),
            C::UnlinkAccount { .. } => Ok(vec![E::UnlinkRequested {
                account,
                user,
                provider,
            }]),
            C::RequestKeyPublication { .. } if self.unlinking => Err(Refusal::Unlinking),
            C::RequestKeyPublication { key, cause } => {
                let needed = match (self.status(key), cause) {
                    // The same request again.
                    (Some(S::Publishing(current)), cause) if current == cause => false,
                    // Only a replay takes up what is already on its way, or checks what is there.
                    (Some(S::Publishing(_) | S::Published), PublicationCause::Replay(_)) => true,
                    (Some(S::Publishing(_) | S::Published), _) => false,
                    (
                        Some(
                            S::PublishingParked
                            | S::Withdrawing(_)
                            | S::WithdrawingParked
                            | S::Gone,
                        )
                        | None,
                        _,
                    ) => true,
                };
                let event = E::KeyPublicationRequested {
                    account,
                    user,
                    provider,
                    key,
                    cause,
                };
                Ok(if needed { vec![event] } else { vec![] })
            }
            C::RequestKeyWithdrawal { key, cause } => {
                let adopted = self
                    .placements
                    .get(&key)
                    .is_some_and(|placement| placement.adopted);
                let needed = match (self.status(key), cause) {
                    (Some(S::Withdrawing(current)), cause) if current == cause => false,
                    (Some(S::Withdrawing(_)), WithdrawalCause::Replay(_)) => true,
                    (Some(S::Withdrawing(_) | S::Gone) | None, _) => false,
                    (Some(S::Publishing(_) | S::PublishingParked | S::Published), _)
                    | (Some(S::WithdrawingParked), _) => true,
                };
                if !needed {
                    Ok(vec![])
                } else if adopted {
                    Ok(vec![E::KeyReleased {
                        account,
                        user,
                        provider,
                        key,
                    }])
                } else {
                    Ok(vec![E::KeyWithdrawalRequested {
                        account,
                        user,
                        provider,
                        key,
                        cause,
                    }])
                }
            }
            C::RecordGrantRenewed { grant, .. } if !self.follows(&grant) => Ok(vec![]),
            C::RecordGrantRenewed { how, grant } => Ok(vec![E::GrantRenewed {
                account,
                user,
                provider,
                how,
                profile: None,
                grant,
            }]),
            C::RecordGrantLost { generation, .. }
                if generation != self.grant.generation || self.lost.is_some() =>
            {
                Ok(vec![])
            }
            C::RecordGrantLost { failure, .. } => Ok(vec![E::GrantLost {
                account,
                user,
                provider,
                failure,
            }]),
            C::RecordKeyPublished {
                key,
                remote_key,
                presence,
            } => match self.status(key) {
                Some(S::Publishing(_) | S::PublishingParked) => Ok(vec![E::KeyPublished {
                    account,
                    user,
                    provider,
                    key,
                    remote_key,
                    presence,
                }]),
                Some(S::Published | S::Withdrawing(_) | S::WithdrawingParked | S::Gone) | None => {
                    Ok(vec![])
                }
            },
            C::RecordKeyPublicationFailed {
                key,
                failure,
                retry_at,
            } => match self.status(key) {
                Some(S::Publishing(_)) => {
                    let attempts = self.attempts(key) + 1;
                    Ok(vec![match retry_at {
                        Some(retry_at) => E::KeyPublicationFailed {
                            account,
                            user,
                            provider,
                            key,
                            failure,
                            attempts,
                            retry_at,
                        },
                        None => E::KeyPublicationParked {
                            account,
                            user,
                            provider,
                            key,
                            failure,
                            attempts,
                        },
                    }])
                }
                Some(
                    S::PublishingParked
                    | S::Published
                    | S::Withdrawing(_)
                    | S::WithdrawingParked
                    | S::Gone,
                )
                | None => Ok(vec![]),
            },
            C::RecordKeyWithdrawn { key, was_there } => match self.status(key) {
                Some(S::Withdrawing(_) | S::WithdrawingParked) => Ok(vec![E::KeyWithdrawn {
                    account,
                    user,
                    provider,
                    key,
                    was_there,
                }]),
                Some(S::Publishing(_) | S::PublishingParked | S::Published | S::Gone) | None => {
                    Ok(vec![])
                }
            },
            C::RecordKeyWithdrawalFailed {
                key,
                failure,
                retry_at,
            } => match self.status(key) {
                Some(S::Withdrawing(_)) => {
                    let attempts = self.attempts(key) + 1;
                    Ok(vec![match retry_at {
                        Some(retry_at) => E::KeyWithdrawalFailed {
                            account,
                            user,
                            provider,
                            key,
                            failure,
                            attempts,
                            retry_at,
                        },
                        None => E::KeyWithdrawalParked {
                            account,
                            user,
                            provider,
                            key,
                            failure,
                            attempts,
                        },
                    }])
                }
                Some(
                    S::Publishing(_)
                    | S::PublishingParked
                    | S::Published
                    | S::WithdrawingParked
                    | S::Gone,
                )
                | None => Ok(vec![]),
            },
            C::RecordAccountUnlinked { .. } if !self.unlinking => Ok(vec![]),
            C::RecordAccountUnlinked { residue } => {
                let named = |id: KeyId| {
                    residue
                        .iter()
                        .any(|left| matches!(left, Residue::Key { key, .. } if *key == id))
                };
                if self.remaining_keys().all(named) {
                    Ok(vec![E::AccountUnlinked {
                        account,
                        user,
                        provider,
                        residue,
                    }])
                } else {
                    Err(Refusal::KeysRemain)
                }
            }
        }
    }

    fn apply(&mut self, event: AccountEvent) {
        use AccountEvent as E;
        use PlacementStatus as S;
        match event {
            E::GrantRenewed { profile, grant, .. } => {
                self.grant = grant;
                self.lost = None;
                if let Some(profile) = profile {
                    self.profile = profile;
                }
            }
            E::GrantLost { failure, .. } => self.lost = Some(failure),
            E::UnlinkRequested { .. } => self.unlinking = true,
            E::KeyPublicationRequested { key, cause, .. } => {
                let placement = self.placement(key);
                placement.status = S::Publishing(cause);
                placement.attempts = 0;
            }
            E::KeyPublished {
                key,
                remote_key,
                presence,
                ..
            } => {
                let placement = self.placement(key);
                placement.status = S::Published;
                placement.adopted |= presence == Presence::Adopted;
                placement.attempts = 0;
                if remote_key.is_some() {
                    placement.remote_key = remote_key;
                }
            }
            E::KeyPublicationFailed { key, attempts, .. }
            | E::KeyWithdrawalFailed { key, attempts, .. } => {
                self.placement(key).attempts = attempts;
            }
            E::KeyPublicationParked { key, attempts, .. } => {
                let placement = self.placement(key);
                placement.status = S::PublishingParked;
                placement.attempts = attempts;
            }
            E::KeyWithdrawalRequested { key, cause, .. } => {
                let placement = self.placement(key);
                placement.status = S::Withdrawing(cause);
                placement.attempts = 0;
            }
            E::KeyWithdrawn { key, .. } | E::KeyReleased { key, .. } => {
                self.placement(key).status = S::Gone;
            }
            E::KeyWithdrawalParked { key, attempts, .. } => {
                let placement = self.placement(key);
                placement.status = S::WithdrawingParked;
                placement.attempts = attempts;
            }
            // Taken by the account itself.
            E::AccountLinked { .. } | E::AccountUnlinked { .. } => {}
        }
    }

    fn placement(&mut self, key: KeyId) -> &mut Placement {
        self.placements.entry(key).or_insert(Placement {
            status: PlacementStatus::Gone,
            remote_key: None,
            adopted: false,
            attempts: 0,
        })
    }

    fn status(&self, key: KeyId) -> Option<PlacementStatus> {
        self.placements.get(&key).map(|placement| placement.status)
    }

    fn attempts(&self, key: KeyId) -> u32 {
        self.placements
            .get(&key)
            .map_or(0, |placement| placement.attempts)
    }

    fn follows(&self, grant: &Grant) -> bool {
        grant.generation == self.grant.generation + 1
    }

    /// Lists the keys that may still be at the provider.
    pub fn remaining_keys(&self) -> impl Iterator<Item = KeyId> {
        self.placements
            .iter()
            .filter(|(_, placement)| placement.status != PlacementStatus::Gone)
            .map(|(key, _)| *key)
    }
}
