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

use crate::breaker::Outage;

pub use command::{AddProvider, Choice, ProviderChanges, ProviderCommand};
pub use error::ProviderError;
pub use event::ProviderEvent;
pub use kind::{Callback, HostKeySource, OnMissing, Protocol, ProviderKind};
pub use registration::{Registration, Staged};

/// The life of one provider.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "nearly every provider is there")]
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
                    on_missing,
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
                    on_missing,
                    hook_secret: None,
                    redirect_url: None,
                    disabled: false,
                    paused: false,
                    staged: None,
                    leaving: false,
                    forced: false,
                    refused: None,
                    host_keys: vec![],
                    outage: None,
                });
            }
            (Self::Present(now), E::ProviderChanged { changes, .. }) => now.take(changes),
            (Self::Present(now), E::ProviderDisabled { .. }) => now.disabled = true,
            (Self::Present(now), E::ProviderEnabled { .. }) => now.disabled = false,
            (Self::Present(now), E::ProviderPaused { .. }) => now.paused = true,
            (Self::Present(now), E::ProviderResumed { .. }) => now.paused = false,
            (
                Self::Present(now),
                E::ProviderSecretStaged {
                    secret, public_key, ..
                },
            ) => {
                now.staged = Some(Staged { secret, public_key });
            }
            (Self::Present(now), E::ProviderSecretConfirmed { .. }) => now.confirm(),
            (Self::Present(now), E::ProviderSecretDropped { .. }) => now.staged = None,
            (Self::Present(now), E::ProviderRemovalRequested { force, .. }) => {
                now.leaving = true;
                now.forced |= force;
            }
            (Self::Present(now), E::ProviderRemovalCancelled { .. }) => {
                now.leaving = false;
                now.forced = false;
            }
            (Self::Present(now), E::ProviderAppRefused { failure, .. }) => {
                now.refused = Some(failure);
            }
            (Self::Present(now), E::ProviderAppAccepted { .. }) => now.refused = None,
            (Self::Present(now), E::ProviderHostKeysRecorded { keys, .. }) => now.host_keys = keys,
            (Self::Present(now), E::BreakerOpened { failure, since, .. }) => {
                now.outage = Some(Outage {
                    since,
                    failure,
                    probed: false,
                });
            }
            (Self::Present(now), E::BreakerHalfOpened { .. }) => {
                if let Some(outage) = &mut now.outage {
                    outage.probed = true;
                }
            }
            (Self::Present(now), E::BreakerClosed { .. }) => now.outage = None,
            (Self::Present(now), E::HookSecretSet { secret, .. }) => now.hook_secret = Some(secret),
            (Self::Present(now), E::ProviderRedirectNoted { redirect_url, .. }) => {
                now.redirect_url = Some(redirect_url);
            }
            (_, E::ProviderRemoved { .. }) => *self = Self::Removed,
            (
                Self::Absent | Self::Removed,
                E::ProviderChanged { .. }
                | E::ProviderDisabled { .. }
                | E::ProviderEnabled { .. }
                | E::ProviderPaused { .. }
                | E::ProviderResumed { .. }
                | E::ProviderSecretStaged { .. }
                | E::ProviderSecretConfirmed { .. }
                | E::ProviderSecretDropped { .. }
                | E::ProviderRemovalRequested { .. }
                | E::ProviderRemovalCancelled { .. }
                | E::ProviderAppRefused { .. }
                | E::ProviderAppAccepted { .. }
                | E::ProviderHostKeysRecorded { .. }
                | E::BreakerOpened { .. }
                | E::BreakerHalfOpened { .. }
                | E::BreakerClosed { .. }
                | E::HookSecretSet { .. }
                | E::ProviderRedirectNoted { .. },
            )
            // What stays there is nothing that a decision asks for.
            | (_, E::ProviderGrantLeft { .. }) => {}
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
            (Self::Present(now), C::StageSecret { secret, public_key }) => {
                now.stage(secret, public_key)
            }
            (Self::Present(now), C::ConfirmSecret) if now.staged.is_none() => {
                Err(Refusal::NoSecretStaged)
            }
            (Self::Present(now), C::ConfirmSecret) => Ok(vec![E::ProviderSecretConfirmed {
                provider: now.provider.clone(),
            }]),
            (Self::Present(now), C::DropSecret) => Ok(once(
                now.staged.is_some(),
                E::ProviderSecretDropped {
                    provider: now.provider.clone(),
                },
            )),
            (Self::Present(now), C::RequestRemoval { force }) => Ok(once(
                !now.leaving || force && !now.forced,
                E::ProviderRemovalRequested {
                    provider: now.provider.clone(),
                    force,
                },
            )),
            (Self::Present(now), C::CancelRemoval) => Ok(once(
                now.leaving,
                E::ProviderRemovalCancelled {
                    provider: now.provider.clone(),
                },
            )),
            // One alarm, however many calls are refused.
            (Self::Present(now), C::RecordAppRefused { failure }) => Ok(once(
                now.refused.as_ref().map(|known| known.code) != Some(failure.code),
                E::ProviderAppRefused {
                    provider: now.provider.clone(),
                    failure,
                },
            )),
            (Self::Present(now), C::RecordAppAccepted) => Ok(once(
                now.refused.is_some(),
                E::ProviderAppAccepted {
                    provider: now.provider.clone(),
                },
            )),
            (Self::Present(now), C::RecordHostKeys { source, keys }) => Ok(once(
                now.host_keys != keys,
                E::ProviderHostKeysRecorded {
                    provider: now.provider.clone(),
                    source,
                    keys,
                },
            )),
            (
                Self::Present(now),
                C::RecordBreakerOpened {
                    failure,
                    attempts,
                    at,
                },
            ) => Ok(once(
                now.outage.is_none(),
                E::BreakerOpened {
                    provider: now.provider.clone(),
                    failure,
                    attempts,
                    since: at,
                },
            )),
            (Self::Present(now), C::RecordBreakerHalfOpened) => Ok(now.half_opened()),
            (Self::Present(now), C::RecordBreakerClosed) => Ok(now.closed()),
            (Self::Present(now), C::SetHookSecret { secret }) => now.hooks(secret),
            (Self::Present(now), C::RecordRedirect { redirect_url }) => Ok(once(
                now.redirect_url.as_ref() != Some(&redirect_url),
                E::ProviderRedirectNoted {
                    provider: now.provider.clone(),
                    redirect_url,
                },
            )),
            // Also where the provider is gone: the grant is not.
            (
                _,
                C::RecordGrantLeft {
                    provider,
                    user,
                    account,
                    failure,
                },
            ) => Ok(vec![E::ProviderGrantLeft {
                provider,
                user,
                account,
                failure,
            }]),
            // Reports that come too late say nothing.
            (
                Self::Absent | Self::Removed,
                C::RecordAppRefused { .. }
                | C::RecordAppAccepted
                | C::RecordRedirect { .. }
                | C::RecordBreakerOpened { .. }
                | C::RecordBreakerHalfOpened
                | C::RecordBreakerClosed,
            ) => Ok(vec![]),
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
                | C::StageSecret { .. }
                | C::ConfirmSecret
                | C::DropSecret
                | C::RequestRemoval { .. }
                | C::CancelRemoval
                | C::RecordHostKeys { .. }
                | C::SetHookSecret { .. }
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
