//! The Git servers, as their vendors built them: one adapter per product behind one trait.
//!
//! An adapter speaks the real protocol and judges every answer: what happened, who is to blame,
//! and not before when to ask again. It decides nothing else, stores nothing, and knows nothing
//! of commands or events.

pub mod azure_host_keys;
pub mod budget;
pub mod by_hand;
pub mod http;

mod bitbucket_server;
mod consent;
mod failure;
mod finding;
mod gitea;
mod github;
mod gitlab;
mod lanes;
mod outgoing;
mod pace;
mod remote;
mod signer;
mod ssh_place;
mod watched;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::keyring::PublicKey;
use domain::provider::{Protocol, ProviderKind};
use domain::{BaseUrl, ProviderSlug};
use url::Url;

pub use failure::{GrantVerdict, ProviderFailure};
pub use finding::Finding;
pub use http::{BadNetwork, Network, NoClient, NotAllowed, Outbound};
pub use outgoing::Outgoing;
pub use remote::{Added, KeyList, RemoteKey, RemoteKeyId};
pub use signer::Signer;
pub use ssh_place::{SshPlace, SshServer};

use crate::clock::{Clock, Ids};
use crate::telemetry::metrics::Metrics;
use crate::vault::Secret;
use http::Http;
use watched::Watched;

pub use pace::Pace;

/// The RSA pair of an application link (Bitbucket Server, OAuth 1.0a).
pub mod link_key {
    pub use super::bitbucket_server::key::{generate, public_pem};
}

/// Everything an adapter needs to know of a registered provider for OAuth.
#[derive(Debug)]
pub struct OauthApp {
    /// The provider, for messages.
    pub provider: ProviderSlug,
    /// Where it is; every endpoint derives from it.
    pub base_url: BaseUrl,
    /// How people grant access.
    pub protocol: Protocol,
    /// The app's id; for OAuth 1.0a the consumer key.
    pub client_id: String,
    /// The app's secret; for OAuth 1.0a our RSA private key, as PKCS#8 PEM (RFC 5958).
    pub client_secret: Secret,
    /// The redirect URL as it is registered with the app.
    pub redirect_url: Url,
    /// Whether to use PKCE, where an admin said so.
    pub pkce: Option<bool>,
    /// Whether keys are also to be good for signing commits.
    pub signing: bool,
    /// The way there.
    pub network: Network,
}

/// What decides which scopes a link needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wants {
    /// How people grant access.
    pub protocol: Protocol,
    /// Whether keys are also to be good for signing commits.
    pub signing: bool,
}

impl OauthApp {
    /// Returns what decides which scopes a link needs.
    pub const fn wants(&self) -> Wants {
        Wants {
            protocol: self.protocol,
            signing: self.signing,
        }
    }
}

/// What a link begins with.
#[derive(Debug)]
pub struct Begun {
    /// Where the person's browser goes.
    pub authorize_url: Url,
    /// What is to be kept with the flow: the PKCE verifier (RFC 7636), or the request token of
    /// OAuth 1.0a (RFC 5849 section 2.1).
    pub kept: Option<Secret>,
}

/// What a person's browser brought back.
#[derive(Debug)]
pub struct Came {
    /// The code; for OAuth 1.0a the verifier.
    pub code: Secret,
    /// For OAuth 1.0a, the request token that it verifies.
    pub token: Option<Secret>,
}

/// A key to be put at a provider.
#[derive(Debug, Clone, Copy)]
pub struct NewKey<'a> {
    /// What it is to be called there.
    pub title: &'a str,
    /// Its public half.
    pub key: &'a PublicKey,
    /// When the provider is to end it by itself, where it can.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What a provider gave for a code or a refresh token.
#[derive(Debug)]
pub struct Tokens {
    /// Speaks for the person at the provider's API.
    pub access: Secret,
    /// Gets the next pair; absent where the provider gives none. For OAuth 1.0a, the session
    /// handle.
    pub refresh: Option<Secret>,
    /// The secret beside an OAuth 1.0a token.
    pub token_secret: Option<Secret>,
    /// When the access token runs out; absent for one that does not.
    pub expires_at: Option<DateTime<Utc>>,
    /// The scopes granted, as the provider names them, sorted; absent where it does not say.
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
    fn scopes(&self, wants: Wants) -> &'static [&'static str];

    /// Says which needed scopes are missing from those granted. Of what the provider did not say
    /// nothing is missing: the first call tells (tokens of GitHub Apps have permissions instead).
    fn missing_scopes(&self, wants: Wants, granted: Option<&[String]>) -> Vec<String>;

    /// Builds the address at which the person agrees. Only OAuth 1.0a calls the provider for it.
    async fn begin(&self, app: &OauthApp, state: &str) -> Result<Begun, ProviderFailure>;

    /// Judges the `error` that the person's browser came back with instead of a code. Calls
    /// nobody, and keeps no word of it: anybody can make a browser come back.
    fn turned_away(&self, error: &str) -> ProviderFailure;

    /// Exchanges what the browser brought back for tokens.
    async fn exchange(
        &self,
        app: &OauthApp,
        came: &Came,
        kept: Option<&Secret>,
    ) -> Result<Tokens, ProviderFailure>;

    /// Gets the next tokens. What the answer omits stays as it was.
    async fn refresh(&self, app: &OauthApp, tokens: &Tokens) -> Result<Tokens, ProviderFailure>;

    /// Asks whom a token speaks for.
    async fn identify(&self, app: &OauthApp, access: &Secret) -> Result<Identity, ProviderFailure>;

    /// Lists the person's keys, every page of them.
    async fn list_keys(
        &self,
        app: &OauthApp,
        access: &Secret,
    ) -> Result<Vec<RemoteKey>, ProviderFailure>;

    /// Lists the person's keys, unless the provider says by `tag`, from the last time, that nothing
    /// changed.
    async fn list_keys_since(
        &self,
        app: &OauthApp,
        access: &Secret,
        _tag: Option<&str>,
    ) -> Result<KeyList, ProviderFailure> {
        let keys = self.list_keys(app, access).await?;
        Ok(KeyList::Keys { keys, tag: None })
    }

    /// Adds a key.
    async fn add_key(
        &self,
        app: &OauthApp,
        access: &Secret,
        new: &NewKey<'_>,
    ) -> Result<Added, ProviderFailure>;

    /// Removes a key; says whether it was there.
    async fn remove_key(
        &self,
        app: &OauthApp,
        access: &Secret,
        key: &RemoteKeyId,
    ) -> Result<bool, ProviderFailure>;

    /// Makes a key good for signing commits too, where that is a list of its own or needs a proof,
    /// for which `signer` signs. Twice is once.
    async fn put_signing_key(
        &self,
        _app: &OauthApp,
        _access: &Secret,
        _new: &NewKey<'_>,
        _signer: &dyn Signer,
    ) -> Result<(), ProviderFailure> {
        Ok(())
    }

    /// Takes a key from the list of those that are good for signing. Twice is once.
    async fn drop_signing_key(
        &self,
        _app: &OauthApp,
        _access: &Secret,
        _key: &PublicKey,
    ) -> Result<(), ProviderFailure> {
        Ok(())
    }

    /// Says whether what was granted suffices to make a key good for signing, as far as can be told.
    fn may_sign(&self, _granted: Option<&[String]>) -> bool {
        false
    }

    /// Says whether the keys for signing are a list of their own, from which a key is taken apart.
    fn lists_signing_keys(&self) -> bool {
        false
    }

    /// Asks whether the server at hand has a way to make keys good for signing, where that is not
    /// true of every one of its kind.
    async fn can_sign(&self, _app: &OauthApp) -> Result<bool, ProviderFailure> {
        Ok(true)
    }

    /// Fetches the keys of the SSH server, type and base64, where the product publishes them.
    async fn published_host_keys(&self, _app: &OauthApp) -> Result<Vec<String>, ProviderFailure> {
        Ok(Vec::new())
    }

    /// Asks for the SSH server that belongs to the product, where it tells of it to whoever is
    /// signed in.
    async fn ssh_server(
        &self,
        _app: &OauthApp,
        _access: &Secret,
    ) -> Result<Option<SshServer>, ProviderFailure> {
        Ok(None)
    }

    /// Says whether a pair can be revoked while a newer one of the same person goes on. Where that
    /// cannot be, a pair that is replaced is left to run out.
    fn revokes_apart(&self) -> bool {
        false
    }

    /// Revokes the tokens of one link, and only these.
    async fn revoke(&self, app: &OauthApp, tokens: &Tokens) -> Result<(), ProviderFailure>;

    /// Tries whether the provider is there, is this product, and knows the app; says what it
    /// found, each finding with what to do.
    async fn test(&self, app: &OauthApp) -> Vec<Finding>;
}

/// Every kind of Git server, over one HTTP client.
pub struct Providers {
    http: Http,
    github: Arc<dyn GitProvider>,
    bitbucket_server: Arc<dyn GitProvider>,
    gitlab: Arc<dyn GitProvider>,
    gitea: Arc<dyn GitProvider>,
    metrics: Metrics,
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
            github: Arc::new(github::GitHub::new(http.clone(), ids.clone())),
            gitlab: Arc::new(gitlab::GitLab::new(http.clone(), ids.clone())),
            bitbucket_server: Arc::new(bitbucket_server::BitbucketServer::new(
                http.clone(),
                ids.clone(),
            )),
            gitea: Arc::new(gitea::Gitea::new(http.clone(), ids)),
            metrics: Metrics::default(),
            http,
        })
    }

    /// Returns the same with one adapter in the place of all, for a simulation that has no network.
    #[must_use]
    pub fn played_by(&self, adapter: &Arc<dyn GitProvider>) -> Self {
        Self {
            http: self.http.clone(),
            github: adapter.clone(),
            bitbucket_server: adapter.clone(),
            gitlab: adapter.clone(),
            gitea: adapter.clone(),
            metrics: self.metrics.clone(),
        }
    }

    /// Counts what is asked of providers among other numbers.
    #[must_use]
    pub fn counted_in(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Returns the adapter of a kind; none where people carry their keys by hand.
    pub fn get(&self, kind: ProviderKind) -> Option<Arc<dyn GitProvider>> {
        let adapter = match kind {
            ProviderKind::Github => self.github.clone(),
            ProviderKind::Gitlab => self.gitlab.clone(),
            ProviderKind::BitbucketServer => self.bitbucket_server.clone(),
            ProviderKind::Gitea => self.gitea.clone(),
            ProviderKind::AzureDevops | ProviderKind::Ssh => return None,
        };
        Some(Arc::new(Watched::new(adapter, self.metrics.clone())))
    }

    /// Returns where calls may go.
    pub fn outbound(&self) -> &Outbound {
        self.http.outbound()
    }

    /// Says whether calls can be made on a way: its certificates and its proxy can be read.
    pub fn check_network(&self, network: &Network) -> Result<(), BadNetwork> {
        self.http.check_network(network)
    }

    /// Says why a base URL would never be called, before a provider is registered with it.
    pub fn check(&self, base_url: &BaseUrl) -> Result<(), NotAllowed> {
        self.http.check(&base_url.url())
    }
}
