//! Gitea and Forgejo.

mod endpoints;
mod judge;
mod keys;
mod probe;
mod scopes;
mod signing;
mod title;
mod token;

use std::sync::Arc;

use async_trait::async_trait;
use domain::{Blame, ReasonCode};
use reqwest::header::ACCEPT;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use url::Url;

use super::http::{Call, Http};
use super::{
    Added, Begun, Came, Finding, GitProvider, GrantVerdict, Identity, NewKey, OauthApp,
    ProviderFailure, RemoteKey, RemoteKeyId, Signer, Tokens, Wants, consent,
};
use crate::clock::Ids;
use crate::vault::Secret;
use endpoints::Endpoints;
use judge::{Caller, judge};

/// The adapter.
pub(super) struct Gitea {
    http: Http,
    ids: Arc<dyn Ids>,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
    #[serde(default)]
    full_name: Option<String>,
}

/// What the app is told of a token (RFC 7662).
#[derive(Deserialize)]
struct Introspection {
    active: bool,
    #[serde(default)]
    scope: String,
}

impl Gitea {
    pub(super) fn new(http: Http, ids: Arc<dyn Ids>) -> Self {
        Self { http, ids }
    }

    /// Begins a call to the API.
    fn api(&self, app: &OauthApp, method: Method, url: Url) -> Call<'_> {
        self.http
            .call(&app.network, method, url)
            .header(ACCEPT, "application/json")
    }

    /// Begins a call to the token endpoint.
    fn token(&self, app: &OauthApp, fields: &[(&str, &str)]) -> Call<'_> {
        let mut form = vec![
            ("client_id", app.client_id.as_str()),
            ("client_secret", app.client_secret.expose_str()),
        ];
        form.extend_from_slice(fields);
        let url = Endpoints::of(&app.base_url).token();
        self.http
            .call(&app.network, Method::POST, url)
            .header(ACCEPT, "application/json")
            .form(&form)
            .hides(&app.client_secret)
    }

    /// Asks which scopes a grant has. A server that kept the scopes of an older grant says it
    /// nowhere else. Nothing depends on the answer but what the person is told.
    async fn granted(&self, app: &OauthApp, access: &Secret) -> Option<Vec<String>> {
        let url = Endpoints::of(&app.base_url).introspect();
        let answer = self
            .http
            .call(&app.network, Method::POST, url)
            .header(ACCEPT, "application/json")
            .basic(&app.client_id, &app.client_secret)
            .form(&[("token", access.expose_str())])
            .hides(access)
            .probe()
            .send()
            .await
            .ok()?;
        let told = (answer.status == StatusCode::OK)
            .then(|| answer.json::<Introspection>())
            .flatten()?;
        told.active.then(|| scopes::parse(&told.scope))
    }
}

#[async_trait]
impl GitProvider for Gitea {
    fn scopes(&self, _: Wants) -> &'static [&'static str] {
        scopes::ASKED
    }

    fn missing_scopes(&self, wants: Wants, granted: Option<&[String]>) -> Vec<String> {
        let Some(granted) = granted else {
            return Vec::new();
        };
        self.scopes(wants)
            .iter()
            .filter(|asked| !scopes::covers(granted, asked))
            .map(|asked| (*asked).to_owned())
            .collect()
    }

    async fn begin(&self, app: &OauthApp, state: &str) -> Result<Begun, ProviderFailure> {
        let authorize = Endpoints::of(&app.base_url).authorize();
        // Known since Gitea 1.8, its first release with OAuth.
        let pkce = app.pkce.unwrap_or(true);
        let scopes = self.scopes(app.wants());
        Ok(consent::begin(
            &*self.ids, app, authorize, scopes, pkce, state,
        ))
    }

    fn turned_away(&self, error: &str) -> ProviderFailure {
        let unknown = (
            Blame::Provider,
            ReasonCode::ProviderProtocol,
            GrantVerdict::Unknown,
        );
        let (blame, code, grant) = token::verdict(error, "").unwrap_or(unknown);
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
            ("redirect_uri", app.redirect_url.as_str()),
        ];
        if let Some(verifier) = kept {
            fields.push(("code_verifier", verifier.expose_str()));
        }
        let mut call = self.token(app, &fields).hides(&came.code);
        if let Some(verifier) = kept {
            call = call.hides(verifier);
        }
        let mut tokens = token::tokens(&call.send().await?, self.http.now())?;
        tokens.scopes = self.granted(app, &tokens.access).await;
        Ok(tokens)
    }

    async fn refresh(&self, app: &OauthApp, tokens: &Tokens) -> Result<Tokens, ProviderFailure> {
        let Some(refresh) = &tokens.refresh else {
            let gone = ProviderFailure::new(Blame::Grant, ReasonCode::GrantExpired);
            return Err(gone.grant(GrantVerdict::Lost));
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
        let call = self.api(app, Method::GET, url).bearer(access);
        let answer = call.send().await?;
        if answer.status != StatusCode::OK {
            let caller = Caller::Person(scopes::READ);
            return Err(judge(&answer, caller, self.http.now()));
        }
        let user = answer.expect::<User>()?;
        // Numbers begin at 1; -1 and below are ghosts and robots.
        if user.id == 0 {
            return Err(answer.not_the_api());
        }
        Ok(Identity {
            external_id: user.id.to_string(),
            login: user.login,
            name: user.full_name.filter(|name| !name.is_empty()),
            scopes: None,
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

    async fn put_signing_key(
        &self,
        app: &OauthApp,
        access: &Secret,
        new: &NewKey<'_>,
        signer: &dyn Signer,
    ) -> Result<(), ProviderFailure> {
        self.prove(app, access, new, signer).await
    }

    /// It is the same list as for signing in, and needs the same scope.
    fn may_sign(&self, granted: Option<&[String]>) -> bool {
        granted.is_none_or(|granted| scopes::covers(granted, scopes::KEYS))
    }

    async fn can_sign(&self, app: &OauthApp) -> Result<bool, ProviderFailure> {
        self.takes_proofs(app).await
    }

    /// Says that it cannot be done: Gitea has no endpoint for it. Only the person can, in their
    /// settings.
    async fn revoke(&self, _: &OauthApp, _: &Tokens) -> Result<(), ProviderFailure> {
        let words = "Gitea lets no app revoke its tokens; the person can, under Settings, \
                     Applications, Authorized OAuth2 Applications";
        Err(ProviderFailure::new(Blame::Grant, ReasonCode::RemoveByHand).detail(words))
    }

    async fn test(&self, app: &OauthApp) -> Vec<Finding> {
        self.probe(app).await
    }
}
