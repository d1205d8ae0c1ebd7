//! The Git servers, as their vendors built them: one adapter per product behind one trait.
//!
//! An adapter speaks the real protocol and judges every answer: what happened, who is to blame,
//! and not before when to ask again. It decides nothing else, stores nothing, and knows nothing
//! of commands or events.

pub mod http;

mod failure;
mod github;
mod pace;
mod remote;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::keyring::PublicKey;
use domain::provider::ProviderKind;
use domain::{BaseUrl, ProviderSlug};
use url::Url;

pub use failure::{GrantVerdict, ProviderFailure};
pub use http::{NoClient, NotAllowed, Outbound};
pub use remote::{Added, RemoteKey, RemoteKeyId};

use crate::clock::{Clock, Ids};
use crate::vault::Secret;
use http::Http;

pub use pace::Pace;

/// Everything an adapter needs to know of a registered provider for OAuth.
#[derive(Debug)]
pub struct OauthApp {
    /// The provider, for messages.
    pub provider: ProviderSlug,
    /// Where it is; every endpoint derives from it.
    pub base_url: BaseUrl,
    /// The app's id.
    pub client_id: String,
    /// The app's secret.
    pub client_secret: Secret,
    /// The redirect URL as it is registered with the app.
    pub redirect_url: Url,
    /// Whether to use PKCE, where an admin said so.
    pub pkce: Option<bool>,
}

/// What a link begins with.
#[derive(Debug)]
pub struct Begun {
    /// Where the person's browser goes.
    pub authorize_url: Url,
    /// The PKCE verifier (RFC 7636), to be kept with the flow.
    pub verifier: Option<Secret>,
}

/// What a provider gave for a code or a refresh token.
#[derive(Debug)]
pub struct Tokens {
    /// Speaks for the person at the provider's API.
    pub access: Secret,
    /// Gets the next pair; absent where the provider gives none.
    pub refresh: Option<Secret>,
    /// When the access token runs out; absent for one that does not.
    pub expires_at: Option<DateTime<Utc>>,
    /// The scopes granted, as the provider names them, sorted; absent where the answer says none.
    pub scopes: Option<Vec<String>>,
}

/// Who a token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider's immutable number for the person: the identity of the link.
    pub external_id: String,
    /// The login: may be renamed, and reused by others.
    pub login: String,
    /// The display name.
    pub name: Option<String>,
    /// The scopes that the provider says the token has, sorted.
    pub scopes: Option<Vec<String>>,
}

/// One kind of Git server.
#[async_trait]
pub trait GitProvider: Send + Sync {
    /// Lists the scopes that a link asks for.
    fn scopes(&self) -> &'static [&'static str];

    /// Says which needed scopes are missing from those granted.
    fn missing_scopes(&self, granted: &[String]) -> Vec<String>;

    /// Builds the address at which the person agrees. Calls nobody.
    fn begin(&self, app: &OauthApp, state: &str) -> Begun;

    /// Judges the `error` that the person's browser came back with instead of a code. Calls
    /// nobody, and keeps no word of it: anybody can make a browser come back.
    fn turned_away(&self, error: &str) -> ProviderFailure;

    /// Exchanges a code for tokens.
    async fn exchange(
        &self,
        app: &OauthApp,
        code: &Secret,
        verifier: Option<&Secret>,
    ) -> Result<Tokens, ProviderFailure>;

    /// Gets the next tokens for a refresh token. What the answer omits stays as it was.
    async fn refresh(&self, app: &OauthApp, refresh: &Secret) -> Result<Tokens, ProviderFailure>;

    /// Asks whom a token speaks for.
    async fn identify(
        &self,
        base_url: &BaseUrl,
        access: &Secret,
    ) -> Result<Identity, ProviderFailure>;

    /// Lists the person's keys, every page of them.
    async fn list_keys(
        &self,
        base_url: &BaseUrl,
        access: &Secret,
    ) -> Result<Vec<RemoteKey>, ProviderFailure>;

    /// Adds a key.
    async fn add_key(
        &self,
        base_url: &BaseUrl,
        access: &Secret,
        title: &str,
        key: &PublicKey,
    ) -> Result<Added, ProviderFailure>;

    /// Removes a key; says whether it was there.
    async fn remove_key(
        &self,
        base_url: &BaseUrl,
        access: &Secret,
        key: &RemoteKeyId,
    ) -> Result<bool, ProviderFailure>;

    /// Revokes the tokens of one link, and only these.
    async fn revoke(&self, app: &OauthApp, tokens: &Tokens) -> Result<(), ProviderFailure>;

    /// Tries whether the provider is there, is this product, and knows the app; says what it
    /// found, each finding with what to do.
    async fn test(&self, app: &OauthApp) -> Vec<Finding>;
}

/// One thing that a test of a provider found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at: `connection`, `product`, `version`, `app`, `clock`, `redirect_url`.
    pub check: &'static str,
    /// Whether it is in order.
    pub ok: bool,
    /// What was found, in words.
    pub found: String,
    /// What to do about it; empty where all is well.
    pub fix: String,
}

/// Every kind of Git server, over one HTTP client.
pub struct Providers {
    http: Http,
    github: Arc<github::GitHub>,
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Providers")
    }
}

impl Providers {
    /// Makes the client and the adapters; once per process.
    pub fn new(
        outbound: &Outbound,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Result<Self, NoClient> {
        let http = Http::new(outbound, clock)?;
        Ok(Self {
            github: Arc::new(github::GitHub::new(http.clone(), ids)),
            http,
        })
    }

    /// Returns the adapter of a kind.
    pub fn get(&self, kind: ProviderKind) -> Arc<dyn GitProvider> {
        match kind {
            ProviderKind::Github => self.github.clone(),
        }
    }

    /// Says why a base URL would never be called, before a provider is registered with it.
    pub fn check(&self, base_url: &BaseUrl) -> Result<(), NotAllowed> {
        self.http.check(&base_url.url())
    }
}
