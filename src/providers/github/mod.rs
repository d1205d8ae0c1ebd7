//! GitHub: github.com, Enterprise Cloud with data residency, and Enterprise Server.

mod endpoints;
mod judge;
mod keys;
mod probe;
mod scopes;
mod signing;
mod token;

use std::sync::Arc;

use async_trait::async_trait;
use domain::keyring::PublicKey;
use domain::{Blame, ReasonCode};
use reqwest::header::{ACCEPT, HeaderName};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use url::Url;

use super::http::{Call, Http};
use super::{
    Added, Begun, Came, Finding, GitProvider, GrantVerdict, Identity, KeyList, NewKey, OauthApp,
    ProviderFailure, RemoteKey, RemoteKeyId, Signer, Tokens, Wants, consent,
};
use crate::clock::Ids;
use crate::vault::Secret;
use endpoints::Endpoints;
use judge::{Caller, judge};

const VERSION: HeaderName = HeaderName::from_static("x-github-api-version");
/// Pinned: what an answer looks like must not change under us.
const PINNED: &str = "2022-11-28";

/// The adapter.
pub(super) struct GitHub {
    http: Http,
    ids: Arc<dyn Ids>,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    suspended_at: Option<String>,
}

#[derive(Deserialize)]
struct Published {
    #[serde(default)]
    ssh_keys: Vec<String>,
}

#[derive(Serialize)]
struct Revoked<'a> {
    access_token: &'a str,
}

impl GitHub {
    pub(super) fn new(http: Http, ids: Arc<dyn Ids>) -> Self {
        Self { http, ids }
    }

    /// Begins a call to the API.
    fn api(&self, app: &OauthApp, method: Method, url: Url) -> Call<'_> {
        self.http
            .call(&app.network, method, url)
            .header(ACCEPT, "application/vnd.github+json")
            .header(VERSION, PINNED)
    }

    /// Begins a call to the token endpoint.
    fn token(&self, app: &OauthApp, fields: &[(&str, &str)]) -> Call<'_> {
        let mut form = vec![
            ("client_id", app.client_id.as_str()),
            ("client_secret", app.client_secret.expose_str()),
        ];
        form.extend_from_slice(fields);
        self.http
            .call(
                &app.network,
                Method::POST,
                Endpoints::of(&app.base_url).token(),
            )
            .header(ACCEPT, "application/json")
            .form(&form)
            .hides(&app.client_secret)
    }
}

#[async_trait]
impl GitProvider for GitHub {
    fn scopes(&self, wants: Wants) -> &'static [&'static str] {
        if wants.signing {
            scopes::ASKED_FOR_SIGNING
        } else {
            scopes::ASKED
        }
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
        let endpoints = Endpoints::of(&app.base_url);
        let pkce = app.pkce.unwrap_or_else(|| endpoints.knows_pkce());
        // Without scopes GitHub would silently grant those of the last time.
        let scopes = self.scopes(app.wants());
        Ok(consent::begin(
            &*self.ids,
            app,
            endpoints.authorize(),
            scopes,
            pkce,
            state,
        ))
    }

    fn turned_away(&self, error: &str) -> ProviderFailure {
        let known = token::verdict(error);
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
        let mut fields = vec![
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
        token::tokens(&call.send().await?, self.http.now())
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
        let answer = self
            .api(app, Method::GET, url)
            .bearer(access)
            .send()
            .await?;
        let granted = scopes::of_answer(&answer, access);
        if answer.status != StatusCode::OK {
            let needs = None;
            return Err(judge(
                &answer,
                &Caller::Person { granted, needs },
                self.http.now(),
            ));
        }
        let user = answer.expect::<User>()?;
        if user.suspended_at.is_some() {
            let words = "the account is suspended";
            return Err(answer.failure(Blame::Grant, ReasonCode::AccountSuspended, words));
        }
        Ok(Identity {
            external_id: user.id.to_string(),
            login: user.login,
            name: user.name.filter(|name| !name.is_empty()),
            scopes: granted,
        })
    }

    async fn list_keys(
        &self,
        app: &OauthApp,
        access: &Secret,
    ) -> Result<Vec<RemoteKey>, ProviderFailure> {
        match self.both_since(app, access, None).await? {
            KeyList::Keys { keys, .. } => Ok(keys),
            KeyList::Same => Err(keys::strays(
                "the list is said to be as it was, and nobody asked",
            )),
        }
    }

    async fn list_keys_since(
        &self,
        app: &OauthApp,
        access: &Secret,
        tag: Option<&str>,
    ) -> Result<KeyList, ProviderFailure> {
        self.both_since(app, access, tag).await
    }

    async fn add_key(
        &self,
        app: &OauthApp,
        access: &Secret,
        new: &NewKey<'_>,
    ) -> Result<Added, ProviderFailure> {
        self.add(&keys::SIGN_IN, app, access, new).await
    }

    async fn remove_key(
        &self,
        app: &OauthApp,
        access: &Secret,
        key: &RemoteKeyId,
    ) -> Result<bool, ProviderFailure> {
        self.remove(&keys::SIGN_IN, app, access, key).await
    }

    async fn put_signing_key(
        &self,
        app: &OauthApp,
        access: &Secret,
        new: &NewKey<'_>,
        _: &dyn Signer,
    ) -> Result<(), ProviderFailure> {
        self.put_signing(app, access, new).await
    }

    async fn drop_signing_key(
        &self,
        app: &OauthApp,
        access: &Secret,
        key: &PublicKey,
    ) -> Result<(), ProviderFailure> {
        self.drop_signing(app, access, key).await
    }

    fn may_sign(&self, granted: Option<&[String]>) -> bool {
        granted.is_none_or(|granted| scopes::covers(granted, scopes::SIGNING))
    }

    fn lists_signing_keys(&self) -> bool {
        true
    }

    /// github.com and `*.ghe.com` publish them; Enterprise Server's answer has none.
    async fn published_host_keys(&self, app: &OauthApp) -> Result<Vec<String>, ProviderFailure> {
        let url = Endpoints::of(&app.base_url).api(&["meta"]);
        let answer = self.api(app, Method::GET, url).send().await?;
        if answer.status != StatusCode::OK {
            return Err(judge(&answer, &Caller::Nobody, self.http.now()));
        }
        Ok(answer.expect::<Published>()?.ssh_keys)
    }

    /// One token of several goes, and what the app made for the person stays.
    fn revokes_apart(&self) -> bool {
        true
    }

    /// Deletes the token, never the grant: with the grant GitHub deletes every SSH key that the
    /// app ever made for the person. A token that has run out is not known any more, while its
    /// refresh token goes on: who keeps the tokens gets the next ones, and comes again with these.
    async fn revoke(&self, app: &OauthApp, tokens: &Tokens) -> Result<(), ProviderFailure> {
        let url = Endpoints::of(&app.base_url).api(&["applications", &app.client_id, "token"]);
        let answer = self
            .api(app, Method::DELETE, url)
            .basic(&app.client_id, &app.client_secret)
            .json(&Revoked {
                access_token: tokens.access.expose_str(),
            })
            .hides(&tokens.access)
            .send()
            .await?;
        let dead = matches!(
            answer.status,
            StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY
        );
        let dead = dead && answer.json::<judge::Refusal>().is_some();
        if dead && tokens.refresh.is_some() {
            let words = "the token is not known any more";
            return Err(answer
                .failure(Blame::Grant, ReasonCode::GrantRevoked, words)
                .grant(GrantVerdict::Expired));
        }
        if dead || answer.status == StatusCode::NO_CONTENT {
            return Ok(());
        }
        Err(judge(&answer, &Caller::App, self.http.now()))
    }

    async fn test(&self, app: &OauthApp) -> Vec<Finding> {
        self.probe(app).await
    }
}
