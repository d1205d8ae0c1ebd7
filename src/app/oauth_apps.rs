//! The OAuth apps that admins registered: an adapter, and everything it needs to know.

use std::sync::Arc;

use domain::provider::{Callback, Protocol, Provider, ProviderCommand, ProviderKind, Registration};
use domain::{Blame, Failure, ProviderSlug, ReasonCode, SecretRef};
use url::Url;

use super::grants::AccessError;
use super::{App, Caller, CommandError};
use crate::providers::{GitProvider, Network, OauthApp, ProviderFailure, Wants};
use crate::vault::VaultError;

/// Why an app is called: not every success says that the app is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// A person is sent to agree.
    Begin,
    /// What they brought back is exchanged for tokens.
    Exchange,
    /// Tokens are refreshed.
    Refresh,
    /// Keys are listed, put there or taken away.
    Keys,
}

impl Use {
    /// Says whether a success says that an app is accepted that was refused for `refused`.
    fn proves(self, protocol: Protocol, refused: ReasonCode) -> bool {
        match (self, protocol) {
            (Self::Exchange, _) => true,
            (Self::Refresh, _) => !matches!(
                refused,
                ReasonCode::RedirectUriMismatch | ReasonCode::AppScopeMissing
            ),
            // Every call is signed with the app's key.
            (Self::Begin | Self::Keys, Protocol::Oauth1) => true,
            // The person's token does without the app's secret.
            (Self::Begin | Self::Keys, Protocol::Oauth2) => false,
        }
    }
}

impl App {
    /// Returns a provider's registration as the log has it now.
    pub async fn registered(&self, provider: &ProviderSlug) -> Result<Registration, AccessError> {
        let (state, _) = self.dispatch.load::<Provider>(provider).await?;
        match state {
            Provider::Present(registration) => Ok(registration),
            Provider::Absent | Provider::Removed => Err(no_app("the provider was removed").into()),
        }
    }

    /// Says which scopes that a provider's keys need now are missing from those granted, as far as
    /// was said which: an admin may have come to want more since.
    pub async fn missing_scopes(
        &self,
        provider: &ProviderSlug,
        granted: Option<&[String]>,
    ) -> Result<Vec<String>, CommandError> {
        let (state, _) = self.dispatch.load::<Provider>(provider).await?;
        let Some(known) = state.registration() else {
            return Ok(Vec::new());
        };
        let wants = Wants {
            protocol: known.protocol,
            signing: known.signing,
        };
        Ok(self.missing_at(known.kind, wants, granted))
    }

    /// The same where it is known what is wanted.
    pub fn missing_at(
        &self,
        kind: ProviderKind,
        wants: Wants,
        granted: Option<&[String]>,
    ) -> Vec<String> {
        let adapter = self.providers.get(kind);
        adapter.map_or_else(Vec::new, |adapter| adapter.missing_scopes(wants, granted))
    }

    /// Calls a provider with its app. While there are two secrets, a call that is refused with one
    /// is made once more with the other. A refused app is an alarm, once; it is nobody's link.
    pub async fn with_app<T, F>(
        &self,
        registration: &Registration,
        caller: &Caller,
        call: impl Fn(Arc<dyn GitProvider>, Arc<OauthApp>) -> F,
    ) -> Result<T, AccessError>
    where
        F: Future<Output = Result<T, ProviderFailure>>,
    {
        let adapter = self.providers.get(registration.kind);
        let adapter = adapter.ok_or_else(|| no_app("people paste their keys there"))?;
        let mut refused = None;
        for secret in secrets(registration) {
            let done = match self.open_app(registration, secret).await {
                Ok(oauth) => call(adapter.clone(), Arc::new(oauth)).await,
                Err(AccessError::Provider(failure)) => Err(failure),
                Err(error) => return Err(error),
            };
            match done {
                Ok(done) => return Ok(done),
                Err(failure) if failure.failure.code == ReasonCode::AppCredentialsInvalid => {
                    refused.get_or_insert(failure);
                }
                Err(failure) => {
                    self.note_refused(registration, &failure.failure, caller)
                        .await;
                    return Err(failure.into());
                }
            }
        }
        let failure = refused.unwrap_or_else(|| no_app("no OAuth app is registered"));
        self.note_refused(registration, &failure.failure, caller)
            .await;
        Err(failure.into())
    }

    /// Raises the alarm, if a failure says that the provider refuses the app. What failed has
    /// failed already, so a fault of ours in doing so is only logged.
    pub(super) async fn note_refused(
        &self,
        registration: &Registration,
        failure: &Failure,
        caller: &Caller,
    ) {
        let known = registration.refused.as_ref().map(|known| known.code);
        if !is_refusal(failure) || known == Some(failure.code) {
            return;
        }
        let command = ProviderCommand::RecordAppRefused {
            failure: failure.clone(),
        };
        self.note(registration, command, caller).await;
    }

    /// Ends the alarm, if there is one and a success of this use says that the app is accepted.
    /// To be called once everything that the provider gave is stored.
    pub async fn note_accepted(&self, registration: &Registration, how: Use, caller: &Caller) {
        let protocol = registration.protocol;
        let proven = |refused: &Failure| how.proves(protocol, refused.code);
        if registration.refused.as_ref().is_some_and(proven) {
            self.note(registration, ProviderCommand::RecordAppAccepted, caller)
                .await;
        }
    }

    pub(super) async fn note(
        &self,
        registration: &Registration,
        command: ProviderCommand,
        caller: &Caller,
    ) {
        let provider = &registration.provider;
        let noted = self
            .dispatch
            .execute::<Provider>(provider, command, caller)
            .await;
        if let Err(error) = noted {
            tracing::warn!(provider.slug = %provider, %error, "the state of the app is not recorded");
        }
    }

    /// Opens the OAuth app of a registration.
    pub async fn oauth_app_of(&self, registration: &Registration) -> Result<OauthApp, AccessError> {
        self.oauth_app_with(registration, registration.client_secret)
            .await
    }

    /// Opens the OAuth app of a registration with one of its secrets.
    pub(super) async fn oauth_app_with(
        &self,
        registration: &Registration,
        secret: Option<SecretRef>,
    ) -> Result<OauthApp, AccessError> {
        let Some(secret) = secret else {
            return Err(no_app("no OAuth app is registered").into());
        };
        self.open_app(registration, secret).await
    }

    async fn open_app(
        &self,
        registration: &Registration,
        secret: SecretRef,
    ) -> Result<OauthApp, AccessError> {
        let Some(client_id) = &registration.client_id else {
            return Err(no_app("no OAuth app is registered").into());
        };
        let client_secret = match self.vault.open_secret(secret).await {
            Ok((client_secret, _)) => client_secret,
            Err(VaultError::NotFound | VaultError::Destroyed) => {
                return Err(no_app("the client secret is gone").into());
            }
            Err(error) => return Err(error.into()),
        };
        Ok(OauthApp {
            client_id: client_id.to_string(),
            client_secret,
            ..self.app_without_secret(registration)
        })
    }

    /// Returns what is known of a registration's app to everybody: enough to ask for what a provider
    /// publishes, however wrong its id and secret are.
    pub(super) fn app_without_secret(&self, registration: &Registration) -> OauthApp {
        OauthApp {
            provider: registration.provider.clone(),
            base_url: registration.base_url.clone(),
            protocol: registration.protocol,
            client_id: String::new(),
            client_secret: "".into(),
            redirect_url: self.redirect_url(&registration.provider, registration.callback),
            pkce: registration.pkce,
            signing: registration.signing,
            network: network(registration),
        }
    }

    /// Returns the redirect URL that an admin registers with the OAuth app.
    ///
    /// # Panics
    ///
    /// Never: a public URL takes a path.
    pub fn redirect_url(&self, provider: &ProviderSlug, callback: Callback) -> Url {
        let base = self.public_url.as_str().trim_end_matches('/');
        let url = match callback {
            Callback::Own => format!("{base}/oauth/callback/{provider}"),
            Callback::Shared => format!("{base}/oauth/callback"),
        };
        url.parse().expect("a path on a URL is a URL")
    }
}

/// Returns the way to a provider.
pub fn network(registration: &Registration) -> Network {
    Network {
        ca_bundle: registration.ca_bundle.clone(),
        proxy: registration.proxy.clone(),
    }
}

/// Returns the secrets that may be the right one, the first first.
fn secrets(registration: &Registration) -> impl Iterator<Item = SecretRef> {
    let staged = registration.staged.as_ref().map(|staged| staged.secret);
    registration.client_secret.into_iter().chain(staged)
}

/// Says whether a failure means that the provider refuses the app: an admin is needed.
fn is_refusal(failure: &Failure) -> bool {
    failure.blame == Blame::App
        && matches!(
            failure.code,
            ReasonCode::AppCredentialsInvalid
                | ReasonCode::AppSuspended
                | ReasonCode::RedirectUriMismatch
                | ReasonCode::AppScopeMissing
                | ReasonCode::ClockSkew
        )
}

fn no_app(detail: &str) -> ProviderFailure {
    ProviderFailure::new(Blame::App, ReasonCode::AppCredentialsInvalid).detail(detail)
}
