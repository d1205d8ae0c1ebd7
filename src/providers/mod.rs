//! The Git servers, as their vendors built them: one adapter per product behind one trait.
//!
//! An adapter speaks the real protocol and judges every answer: what happened, who is to blame,
//! and not before when to ask again. It decides nothing else, stores nothing, and knows nothing
//! of commands or events.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::keyring::PublicKey;
use domain::{BaseUrl, Failure, ProviderSlug};
use url::Url;

use crate::vault::Secret;

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

/// The provider's own id of a key. Never empty, never more than one path segment: a delete
/// without an id would delete every key at some products.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RemoteKeyId(String);

impl RemoteKeyId {
    /// Takes an id of letters and digits only.
    pub fn new(id: impl Into<String>) -> Option<Self> {
        let id = id.into();
        let fits = (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
        fits.then_some(Self(id))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RemoteKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key as the provider lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteKey {
    /// The provider's own id of it.
    pub id: RemoteKeyId,
    /// What it is called there.
    pub title: String,
    /// Type and blob, without the comment: providers strip or rewrite it.
    pub line: String,
}

/// What adding a key came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    /// It is there now.
    Created(RemoteKey),
    /// The provider has the key already, on this account or another: only a list can tell.
    AlreadyThere,
}

/// What an adapter makes of a call that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .failure.code.as_str())]
pub struct ProviderFailure {
    /// Who is to blame, and for what.
    pub failure: Failure,
    /// What the caller should do with the grant.
    pub grant: GrantVerdict,
    /// Not to be tried again before this time, as the provider asked.
    pub not_before: Option<DateTime<Utc>>,
}

/// What a failed call says about the grant it was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantVerdict {
    /// Nothing.
    Unknown,
    /// The access token no longer works; a refresh token may get another.
    Expired,
    /// Only a new link helps.
    Lost,
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
    /// What was looked at: `connection`, `product`, `version`, `app`, `clock`.
    pub check: &'static str,
    /// Whether it is in order.
    pub ok: bool,
    /// What was found, in words.
    pub found: String,
    /// What to do about it; empty where all is well.
    pub fix: String,
}
