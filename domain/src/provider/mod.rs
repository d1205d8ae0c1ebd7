//! A Git provider: registered by an admin, changed, stopped, removed.

mod command;
mod error;
mod event;
mod kind;
#[cfg(test)]
mod tests;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use command::{AddProvider, Choice, ProviderChanges, ProviderCommand};
pub use error::ProviderError;
pub use event::ProviderEvent;
pub use kind::{Callback, ProviderKind};

use crate::keyring::Algorithm;
use crate::{BaseUrl, ClientId, Description, DisplayName, ProviderSlug, SecretRef};

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

/// A registered provider as it now is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    /// Its short name.
    pub provider: ProviderSlug,
    /// Which product it runs.
    pub kind: ProviderKind,
    /// What people call it.
    pub name: DisplayName,
    /// A few words about it.
    pub description: Description,
    /// Where it is.
    pub base_url: BaseUrl,
    /// The id of the OAuth app.
    pub client_id: Option<ClientId>,
    /// Where the vault keeps the app's secret.
    pub client_secret: Option<SecretRef>,
    /// Which redirect URL the app is registered with.
    pub callback: Callback,
    /// The algorithm of new keys here, where it is not the deployment's default.
    pub algorithm: Option<Algorithm>,
    /// Whether to use PKCE, where it is not left to what the product is known to support.
    pub pkce: Option<bool>,
    /// Whether an admin stopped new links and key sync.
    pub disabled: bool,
    /// Whether an operator stopped key sync.
    pub paused: bool,
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

fn accept(kind: ProviderKind, algorithm: Option<Algorithm>) -> Result<(), ProviderError> {
    match algorithm {
        Some(algorithm) if !kind.accepts(algorithm) => {
            Err(ProviderError::AlgorithmNotAccepted { kind, algorithm })
        }
        Some(_) | None => Ok(()),
    }
}

impl AddProvider {
    fn into_event(self) -> Result<ProviderEvent, ProviderError> {
        accept(self.kind, self.algorithm)?;
        match self.kind {
            ProviderKind::Github if self.client_id.is_none() || self.client_secret.is_none() => {
                return Err(ProviderError::AppMissing);
            }
            ProviderKind::Github => {}
        }
        Ok(ProviderEvent::ProviderAdded {
            provider: self.provider,
            kind: self.kind,
            name: self.name,
            description: self.description,
            base_url: self.base_url,
            client_id: self.client_id,
            client_secret: self.client_secret,
            callback: self.callback,
            algorithm: self.algorithm,
            pkce: self.pkce,
        })
    }
}

impl Registration {
    fn is_as_added(&self, added: &AddProvider) -> bool {
        let AddProvider {
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
        } = added;
        self.provider == *provider
            && self.kind == *kind
            && self.name == *name
            && self.description == *description
            && self.base_url == *base_url
            && self.client_id == *client_id
            && self.client_secret == *client_secret
            && self.callback == *callback
            && self.algorithm == *algorithm
            && self.pkce == *pkce
    }

    fn change(
        &self,
        changes: ProviderChanges,
        linked_accounts: u64,
    ) -> Result<Vec<ProviderEvent>, ProviderError> {
        let changes = changes.without_what_already_is(self);
        accept(self.kind, changes.algorithm.and_then(Choice::own))?;
        if changes.base_url.is_some() && linked_accounts > 0 {
            return Err(ProviderError::BaseUrlFixed);
        }
        if changes == ProviderChanges::default() {
            return Ok(vec![]);
        }
        Ok(vec![ProviderEvent::ProviderChanged {
            provider: self.provider.clone(),
            changes,
        }])
    }

    fn take(&mut self, changes: ProviderChanges) {
        let ProviderChanges {
            name,
            description,
            base_url,
            client_id,
            client_secret,
            callback,
            algorithm,
            pkce,
        } = changes;
        if let Some(name) = name {
            self.name = name;
        }
        if let Some(description) = description {
            self.description = description;
        }
        if let Some(base_url) = base_url {
            self.base_url = base_url;
        }
        if client_id.is_some() {
            self.client_id = client_id;
        }
        if client_secret.is_some() {
            self.client_secret = client_secret;
        }
        if let Some(callback) = callback {
            self.callback = callback;
        }
        if let Some(algorithm) = algorithm {
            self.algorithm = algorithm.own();
        }
        if let Some(pkce) = pkce {
            self.pkce = pkce.own();
        }
    }
}

impl ProviderChanges {
    fn without_what_already_is(self, now: &Registration) -> Self {
        Self {
            name: self.name.filter(|name| *name != now.name),
            description: self.description.filter(|words| *words != now.description),
            base_url: self.base_url.filter(|url| *url != now.base_url),
            client_id: self
                .client_id
                .filter(|id| Some(id) != now.client_id.as_ref()),
            client_secret: self
                .client_secret
                .filter(|at| Some(*at) != now.client_secret),
            callback: self.callback.filter(|callback| *callback != now.callback),
            algorithm: self
                .algorithm
                .filter(|choice| choice.own() != now.algorithm),
            pkce: self.pkce.filter(|choice| choice.own() != now.pkce),
        }
    }
}
