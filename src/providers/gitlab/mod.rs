//! GitLab: gitlab.com, and GitLab that somebody runs themselves, at the root of a host or below
//! it.
//!
//! Written after GitLab's documentation (`doc/api/oauth2.md`, `doc/api/user_keys.md`), its source
//! where the documentation is silent, and Doorkeeper, which serves its OAuth.

mod endpoints;
mod host_keys;
mod judge;
mod keys;
mod probe;
mod scopes;
mod token;

use std::sync::Arc;

use async_trait::async_trait;
use domain::{Blame, ReasonCode};
use reqwest::{Method, StatusCode};
use serde::Deserialize;

use super::http::{Answer, Call, Http};
use super::{
    Added, Begun, Came, Finding, GitProvider, GrantVerdict, Identity, NewKey, OauthApp,
    ProviderFailure, RemoteKey, RemoteKeyId, Tokens, Wants, consent,
};
use crate::clock::Ids;
use crate::vault::Secret;
use endpoints::Endpoints;
use judge::{Caller, judge, maintenance};

/// The adapter.
pub(super) struct GitLab {
    http: Http,
    ids: Arc<dyn Ids>,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    username: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    state: Option<String>,
}

/// What Doorkeeper says of a live token.
#[derive(Deserialize)]
struct Info {
    #[serde(default)]
    scope: Vec<String>,
}

impl GitLab {
    pub(super) fn new(http: Http, ids: Arc<dyn Ids>) -> Self {
        Self { http, ids }
    }

    /// Begins a call of the app itself.
    fn as_app(&self, app: &OauthApp, url: url::Url, fields: &[(&str, &str)]) -> Call<'_> {
        let mut form = vec![
            ("client_id", app.client_id.as_str()),
            ("client_secret", app.client_secret.expose_str()),
        ];
        form.extend_from_slice(fields);
        self.http
            .call(&app.network, Method::POST, url)
            .form(&form)
            .hides(&app.client_secret)
    }

    /// Begins a call to the token endpoint. Every one names the redirect URI of the authorize
    /// page again, the refresh too (`doc/api/oauth2.md`).
    fn token(&self, app: &OauthApp, fields: &[(&str, &str)]) -> Call<'_> {
        let redirect = ("redirect_uri", app.redirect_url.as_str());
        let fields = [&[redirect], fields].concat();
        self.as_app(app, Endpoints::of(&app.base_url).token(), &fields)
    }

    /// Asks what a token is good for.
    async fn info(&self, app: &OauthApp, access: &Secret) -> Result<Answer, ProviderFailure> {
        let url = Endpoints::of(&app.base_url).token_info();
        let call = self.http.call(&app.network, Method::GET, url);
        call.bearer(access).send().await
    }
}

/// Says whether another try may be answered otherwise.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        )
}

#[async_trait]
impl GitProvider for GitLab {
    fn scopes(&self, _: Wants) -> &'static [&'static str] {
        scopes::ASKED
    }

    fn missing_scopes(&self, wants: Wants, granted: Option<&[String]>) -> Vec<String> {
        let Some(granted) = granted else {
            return Vec::new();
        };
        self.scopes(wants)
            .iter()
            .filter(|asked| granted.iter().all(|granted| granted != *asked))
            .map(|asked| (*asked).to_owned())
            .collect()
    }

    async fn begin(&self, app: &OauthApp, state: &str) -> Result<Begun, ProviderFailure> {
        let authorize = Endpoints::of(&app.base_url).authorize();
        let pkce = app.pkce.unwrap_or(true);
        let scopes = self.scopes(app.wants());
        Ok(consent::begin(
            &*self.ids, app, authorize, scopes, pkce, state,
        ))
    }

    fn turned_away(&self, error: &str) -> ProviderFailure {
        let (blame, code, grant) = token::verdict(error).unwrap_or((
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
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", came.code.expose_str()),
        ];
        if let Some(verifier) = kept {
            fields.push(("code_verifier", verifier.expose_str()));
        }
        let mut call = self.token(app, &fields).hides(&came.code);
        if let Some(verifier) = kept {
            call = call.hides(verifier);
        }
        token::tokens(&call.send().await?, self.http.now())
    }

    async fn refresh(&self, app: &OauthApp, tokens: &Tokens) -> Result<Tokens, ProviderFailure> {
        let Some(refresh) = &tokens.refresh else {
            let lost = ProviderFailure::new(Blame::Grant, ReasonCode::GrantRevoked);
            return Err(lost.grant(GrantVerdict::Lost));
        };
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose_str()),
        ];
        let answer = self.token(app, &fields).hides(refresh).send().await?;
        token::tokens(&answer, self.http.now())
    }

    async fn identify(&self, app: &OauthApp, access: &Secret) -> Result<Identity, ProviderFailure> {
        let url = Endpoints::of(&app.base_url).api(&["user"]);
        let call = self.http.call(&app.network, Method::GET, url);
        let answer = call.bearer(access).send().await?;
        if answer.status != StatusCode::OK {
            return Err(judge(&answer, Caller::Person, self.http.now()));
        }
        let user = answer.expect::<User>()?;
        if user.state.as_deref().is_some_and(|state| state != "active") {
            let words = "the account is not active";
            return Err(answer.failure(Blame::Grant, ReasonCode::AccountSuspended, words));
        }
        let info = self.info(app, access).await?;
        // That it cannot be said now does not mean that nothing was granted.
        if is_passing(info.status) {
            return Err(judge(&info, Caller::Person, self.http.now()));
        }
        let scopes = (info.status == StatusCode::OK)
            .then(|| info.json::<Info>())
            .flatten()
            .map(|info| scopes::sorted(info.scope.iter().map(String::as_str)));
        Ok(Identity {
            external_id: user.id.to_string(),
            login: user.username,
            name: user.name.filter(|name| !name.is_empty()),
            scopes,
        })
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

    async fn published_host_keys(&self, app: &OauthApp) -> Result<Vec<String>, ProviderFailure> {
        let published = host_keys::published(&app.base_url).iter();
        Ok(published.map(|key| (*key).to_owned()).collect())
    }

    /// Each code makes a pair of its own (Doorkeeper), and revoking ends one.
    fn revokes_apart(&self) -> bool {
        true
    }

    /// Revokes one pair: the refresh token dies with its access token. Keys stay.
    ///
    /// Doorkeeper answers 200 when it is to revoke a pair whose access token has run out, and
    /// leaves its refresh token good (`tokens_controller.rb`). So it is asked first, and such a
    /// pair is told apart: who keeps the tokens gets the next ones, and comes again with these.
    async fn revoke(&self, app: &OauthApp, tokens: &Tokens) -> Result<(), ProviderFailure> {
        let now = self.http.now();
        let info = self.info(app, &tokens.access).await?;
        if info.status == StatusCode::UNAUTHORIZED && judge::Refusal::of(&info).is_some() {
            return match &tokens.refresh {
                None => Ok(()),
                Some(_) => Err(judge(&info, Caller::Person, now)),
            };
        }
        if info.status != StatusCode::OK || info.json::<Info>().is_none() {
            return Err(judge(&info, Caller::App, now));
        }
        let access = &tokens.access;
        let endpoints = Endpoints::of(&app.base_url);
        let answer = self
            .as_app(app, endpoints.revoke(), &[("token", access.expose_str())])
            .hides(access)
            .send()
            .await?;
        if answer.status == StatusCode::OK && answer.json::<serde_json::Map<_, _>>().is_some() {
            return Ok(());
        }
        // In maintenance mode a form counts as one of a browser, which is sent to the front page.
        if answer
            .redirect()
            .is_some_and(|target| endpoints.is_front(&target))
        {
            return Err(maintenance(&answer, now));
        }
        Err(judge(&answer, Caller::App, now))
    }

    async fn test(&self, app: &OauthApp) -> Vec<Finding> {
        self.probe(app).await
    }
}
