//! Bitbucket Server and Data Center, with application links of both eras: OAuth 1.0a signed with
//! RSA-SHA1, and OAuth 2.0 from 7.21 on. The app's protocol tells which.

mod calls;
mod endpoints;
mod identity;
mod judge;
pub(super) mod key;
mod keys;
mod oauth1;
mod oauth2;
mod probe;
mod problem;
mod signature;
mod ssh;

use std::sync::Arc;

use async_trait::async_trait;
use domain::provider::Protocol;
use domain::{Blame, ReasonCode};
use reqwest::header::{ACCEPT, HeaderName};

use super::http::{Answer, Http};
use super::{
    Added, Begun, Came, Finding, GitProvider, GrantVerdict, Identity, NewKey, OauthApp,
    ProviderFailure, RemoteKey, RemoteKeyId, SshServer, Tokens, Wants,
};
use crate::clock::Ids;
use crate::vault::Secret;
use calls::{Calls, What};

const XSRF: HeaderName = HeaderName::from_static("x-atlassian-token");
/// What adding a key needs; a token of OAuth 1.0a may do all that its person may.
const SCOPES: &[&str] = &["ACCOUNT_WRITE"];

/// The adapter.
pub(super) struct BitbucketServer {
    calls: Calls,
    ids: Arc<dyn Ids>,
}

impl BitbucketServer {
    pub(super) fn new(http: Http, ids: Arc<dyn Ids>) -> Self {
        Self {
            calls: Calls::new(http),
            ids,
        }
    }

    /// Speaks for a person.
    async fn ask(
        &self,
        app: &OauthApp,
        what: What<'_>,
        access: &Secret,
    ) -> Result<Answer, ProviderFailure> {
        let call = match app.protocol {
            Protocol::Oauth1 => self.signed(app, what, &[("oauth_token", access)])?,
            Protocol::Oauth2 => self.calls.begin(app, what).bearer(access),
        };
        // Not from a browser: some versions suspect every write of being sent by another page.
        call.header(ACCEPT, "application/json")
            .header(XSRF, "no-check")
            .send()
            .await
    }
}

/// The person said no.
fn denied() -> ProviderFailure {
    ProviderFailure::new(Blame::Grant, ReasonCode::ScopeMissing).grant(GrantVerdict::Lost)
}

#[async_trait]
impl GitProvider for BitbucketServer {
    fn scopes(&self, wants: Wants) -> &'static [&'static str] {
        match wants.protocol {
            Protocol::Oauth1 => &[],
            Protocol::Oauth2 => SCOPES,
        }
    }

    fn missing_scopes(&self, wants: Wants, granted: Option<&[String]>) -> Vec<String> {
        let Some(granted) = granted else {
            return Vec::new();
        };
        self.scopes(wants)
            .iter()
            .filter(|asked| !granted.iter().any(|given| given == *asked))
            .map(|asked| (*asked).to_owned())
            .collect()
    }

    async fn begin(&self, app: &OauthApp, state: &str) -> Result<Begun, ProviderFailure> {
        match app.protocol {
            Protocol::Oauth1 => self.begin_signed(app, state).await,
            Protocol::Oauth2 => Ok(self.begin_coded(app, state)),
        }
    }

    fn turned_away(&self, error: &str) -> ProviderFailure {
        if error == oauth1::DENIED {
            return denied();
        }
        let known = oauth2::verdict(error, "");
        let (blame, code, grant) = known.unwrap_or((
            Blame::Provider,
            ReasonCode::ProviderProtocol,
            GrantVerdict::Unknown,
        ));
        ProviderFailure::new(blame, code).grant(grant)
    }

    async fn exchange(
        &self,
        app: &OauthApp,
        came: &Came,
        kept: Option<&Secret>,
    ) -> Result<Tokens, ProviderFailure> {
        match app.protocol {
            Protocol::Oauth1 => self.exchange_signed(app, came, kept).await,
            Protocol::Oauth2 => self.exchange_coded(app, came, kept).await,
        }
    }

    async fn refresh(&self, app: &OauthApp, tokens: &Tokens) -> Result<Tokens, ProviderFailure> {
        match app.protocol {
            Protocol::Oauth1 => self.renew(app, tokens).await,
            Protocol::Oauth2 => self.refresh_coded(app, tokens).await,
        }
    }

    async fn identify(&self, app: &OauthApp, access: &Secret) -> Result<Identity, ProviderFailure> {
        self.who(app, access).await
    }

    async fn list_keys(
        &self,
        app: &OauthApp,
        access: &Secret,
    ) -> Result<Vec<RemoteKey>, ProviderFailure> {
        self.keys(app, access).await
    }

    async fn add_key(
        &self,
        app: &OauthApp,
        access: &Secret,
        new: &NewKey<'_>,
    ) -> Result<Added, ProviderFailure> {
        self.add(app, access, new).await
    }

    async fn remove_key(
        &self,
        app: &OauthApp,
        access: &Secret,
        key: &RemoteKeyId,
    ) -> Result<bool, ProviderFailure> {
        self.remove(app, access, key).await
    }

    async fn ssh_server(
        &self,
        app: &OauthApp,
        access: &Secret,
    ) -> Result<Option<SshServer>, ProviderFailure> {
        Ok(Some(self.settings_of_ssh(app, access).await?))
    }

    /// Bitbucket has nothing that revokes, in either era: our copies of the tokens are destroyed,
    /// and the person is told what else there is to do.
    async fn revoke(&self, _: &OauthApp, _: &Tokens) -> Result<(), ProviderFailure> {
        Err(ProviderFailure::new(Blame::Grant, ReasonCode::RemoveByHand).detail(
            "Bitbucket lets nobody but the person take an app away: under Authorized applications \
             in their profile",
        ))
    }

    async fn test(&self, app: &OauthApp) -> Vec<Finding> {
        self.probe(app).await
    }
}
