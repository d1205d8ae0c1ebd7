//! A Git provider: registered by an admin, changed, stopped, removed.

mod command;
mod error;
mod event;
mod kind;
mod registration;
#[cfg(test)]
mod tests;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use command::{AddProvider, Choice, ProviderChanges, ProviderCommand};
pub use error::ProviderError;
pub use event::ProviderEvent;
pub use kind::{Callback, Protocol, ProviderKind};
pub use registration::Registration;

/// The life of one provider.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Provider {
    /// Never registered.
    #[default]
    Absent,
    /// Registered.
    Present(Registration),
    /// Removed; the slug is spent.
    Removed,
}

impl Aggregate for Provider {
    const TYPE: &'static str = "provider";
    type Command = ProviderCommand;
    type Event = ProviderEvent;
    type Error = ProviderError;
    type Services = ();

    async fn handle(
        &mut self,
        command: ProviderCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), ProviderError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ProviderEvent) {
        use ProviderEvent as E;
        match (&mut *self, event) {
            (
                _,
                E::ProviderAdded {
                    provider,
                    kind,
                    name,
                    description,
                    base_url,
                    client_id,
                    client_secret,
                    callback,
                    algorithm,
                    pkce,
                    protocol,
                    public_key,
                    signing,
                    ca_bundle,
                    proxy,
                },
            ) => {
                *self = Self::Present(Registration {
                    provider,
                    kind,
                    name,
                    description,
                    base_url,
                    client_id,
                    client_secret,
                    callback,
                    algorithm,
                    pkce,
                    protocol,
                    public_key,
                    signing,
                    ca_bundle,
                    proxy,
                    disabled: false,
                    paused: false,
                });
            }
            (Self::Present(now), E::ProviderChanged { changes, .. }) => now.take(changes),
            (Self::Present(now), E::ProviderDisabled { .. }) => now.disabled = true,
            (Self::Present(now), E::ProviderEnabled { .. }) => now.disabled = false,
            (Self::Present(now), E::ProviderPaused { .. }) => now.paused = true,
            (Self::Present(now), E::ProviderResumed { .. }) => now.paused = false,
            (_, E::ProviderRemoved { .. }) => *self = Self::Removed,
            (
                Self::Absent | Self::Removed,
                E::ProviderChanged { .. }
                | E::ProviderDisabled { .. }
                | E::ProviderEnabled { .. }
                | E::ProviderPaused { .. }
                | E::ProviderResumed { .. },
            ) => {}
        }
    }
}

impl Provider {
    /// Decides what follows from a command.
    pub fn decide(&self, command: ProviderCommand) -> Result<Vec<ProviderEvent>, ProviderError> {
        use ProviderCommand as C;
        use ProviderError as Refusal;
        use ProviderEvent as E;
        match (self, command) {
            (Self::Absent, C::AddProvider(added)) => Ok(vec![added.into_event()?]),
            // The same again, down to the place of its secret: an answer was lost.
            (Self::Present(now), C::AddProvider(added)) if now.is_as_added(&added) => Ok(vec![]),
            (Self::Present(_), C::AddProvider(_)) => Err(Refusal::AlreadyAdded),
            (Self::Removed, C::AddProvider(_)) => Err(Refusal::SlugRetired),
            (
                Self::Present(now),
                C::ChangeProvider {
                    changes,
                    linked_accounts,
                },
            ) => now.change(changes, linked_accounts),
            (Self::Present(now), C::DisableProvider) => Ok(once(
                !now.disabled,
                E::ProviderDisabled {
                    provider: now.provider.clone(),
                },
            )),
            (Self::Present(now), C::EnableProvider) => Ok(once(
                now.disabled,
                E::ProviderEnabled {
                    provider: now.provider.clone(),
                },
            )),
            (Self::Present(now), C::PauseProvider) => Ok(once(
                !now.paused,
                E::ProviderPaused {
                    provider: now.provider.clone(),
                },
            )),
            (Self::Present(now), C::ResumeProvider) => Ok(once(
                now.paused,
                E::ProviderResumed {
                    provider: now.provider.clone(),
                },
            )),
            (
                Self::Present(_),
                C::RemoveProvider {
                    linked_accounts: 1..,
                },
            ) => Err(Refusal::AccountsLinked),
            (Self::Present(now), C::RemoveProvider { linked_accounts: 0 }) => {
                Ok(vec![E::ProviderRemoved {
                    provider: now.provider.clone(),
                }])
            }
            (Self::Removed, C::RemoveProvider { .. }) => Ok(vec![]),
            (
                Self::Absent | Self::Removed,
                C::ChangeProvider { .. }
                | C::DisableProvider
                | C::EnableProvider
                | C::PauseProvider
                | C::ResumeProvider
                | C::RemoveProvider { .. },
            ) => Err(Refusal::NotFound),
        }
    }

    /// Returns the registration, if there is one.
    pub fn registration(&self) -> Option<&Registration> {
        match self {
            Self::Present(now) => Some(now),
            Self::Absent | Self::Removed => None,
        }
    }
}

fn once(needed: bool, event: ProviderEvent) -> Vec<ProviderEvent> {
    if needed { vec![event] } else { vec![] }
}
