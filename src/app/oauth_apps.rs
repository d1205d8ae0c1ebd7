//! The OAuth apps that admins registered: an adapter, and everything it needs to know.

use std::sync::Arc;

use domain::provider::{Callback, Provider, Registration};
use domain::{Blame, ProviderSlug, ReasonCode};
use url::Url;

use super::App;
use super::grants::AccessError;
use crate::providers::{GitProvider, Network, OauthApp, ProviderFailure};
use crate::vault::VaultError;

impl App {
    /// Returns a provider's adapter and its OAuth app, as the log has them now.
    pub async fn oauth_app(
        &self,
        provider: &ProviderSlug,
    ) -> Result<(Arc<dyn GitProvider>, OauthApp), AccessError> {
        let (state, _) = self.dispatch.load::<Provider>(provider).await?;
        let Some(registration) = state.registration() else {
            return Err(no_app("the provider was removed").into());
        };
        let oauth = self.oauth_app_of(registration).await?;
        let adapter = self.providers.get(registration.kind);
        Ok((
            adapter.ok_or_else(|| no_app("people paste their keys there"))?,
            oauth,
        ))
    }

    /// Opens the OAuth app of a registration.
    pub async fn oauth_app_of(&self, registration: &Registration) -> Result<OauthApp, AccessError> {
        let (Some(client_id), Some(secret)) = (&registration.client_id, registration.client_secret)
        else {
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
            provider: registration.provider.clone(),
            base_url: registration.base_url.clone(),
            protocol: registration.protocol,
            client_id: client_id.to_string(),
            client_secret,
            redirect_url: self.redirect_url(&registration.provider, registration.callback),
            pkce: registration.pkce,
            signing: registration.signing,
            network: network(registration),
        })
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

fn no_app(detail: &str) -> ProviderFailure {
    ProviderFailure::new(Blame::App, ReasonCode::AppCredentialsInvalid).detail(detail)
}
