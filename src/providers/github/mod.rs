//! GitHub: github.com, Enterprise Cloud with data residency, and Enterprise Server.

mod endpoints;
mod judge;
mod keys;
mod probe;
mod scopes;
mod token;

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::keyring::PublicKey;
use domain::{BaseUrl, Blame, ReasonCode};
use oauth2::basic::BasicClient;
use oauth2::{
    AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
};
use reqwest::header::{ACCEPT, HeaderName};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

use super::http::{Call, Http};
use super::{
    Added, Begun, Finding, GitProvider, Identity, OauthApp, ProviderFailure, RemoteKey,
    RemoteKeyId, Tokens,
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

#[derive(Serialize)]
struct Revoked<'a> {
    access_token: &'a str,
}

impl GitHub {
    pub(super) fn new(http: Http, ids: Arc<dyn Ids>) -> Self {
        Self { http, ids }
    }

    /// Begins a call to the API.
    fn api(&self, method: Method, url: Url) -> Call<'_> {
        self.http
            .call(method, url)
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
            .call(Method::POST, Endpoints::of(&app.base_url).token())
            .header(ACCEPT, "application/json")
            .form(&form)
            .hides(&app.client_secret)
    }

    /// Makes a PKCE verifier of 256 bits.
    fn verifier(&self) -> Secret {
        let mut random = Zeroizing::new([0; 32]);
        self.ids.fill(&mut *random);
        URL_SAFE_NO_PAD.encode(*random).into()
    }
}

#[async_trait]
impl GitProvider for GitHub {
    fn scopes(&self) -> &'static [&'static str] {
        scopes::ASKED
    }

    fn missing_scopes(&self, granted: &[String]) -> Vec<String> {
        scopes::ASKED
            .iter()
            .filter(|asked| !scopes::covers(granted, asked))
            .map(|asked| (*asked).to_owned())
            .collect()
    }

    fn begin(&self, app: &OauthApp, state: &str) -> Begun {
        let endpoints = Endpoints::of(&app.base_url);
        let client = BasicClient::new(ClientId::new(app.client_id.clone()))
            .set_auth_uri(AuthUrl::from_url(endpoints.authorize()))
            .set_redirect_uri(RedirectUrl::from_url(app.redirect_url.clone()));
        let mut request = client
            .authorize_url(|| CsrfToken::new(state.to_owned()))
            // Without scopes GitHub would silently grant those of the last time.
            .add_scopes(
                scopes::ASKED
                    .iter()
                    .map(|asked| Scope::new((*asked).to_owned())),
            );
        let pkce = app.pkce.unwrap_or_else(|| endpoints.knows_pkce());
        let verifier = pkce.then(|| self.verifier());
        if let Some(verifier) = &verifier {
            let verifier = PkceCodeVerifier::new(verifier.expose_str().to_owned());
            request =
                request.set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        }
        let (authorize_url, _) = request.url();
        Begun {
            authorize_url,
            verifier,
        }
    }

    fn turned_away(&self, error: &str) -> ProviderFailure {
        let known = token::verdict(error);
        let (blame, code, grant) = known.unwrap_or((
            Blame::Provider,
            ReasonCode::ProviderProtocol,
            super::GrantVerdict::Unknown,
        ));
        ProviderFailure::new(blame, code).grant(grant)
    }

    async fn exchange(
        &self,
        app: &OauthApp,
        code: &Secret,
        verifier: Option<&Secret>,
    ) -> Result<Tokens, ProviderFailure> {
        let mut fields = vec![
            ("code", code.expose_str()),
            ("redirect_uri", app.redirect_url.as_str()),
        ];
        if let Some(verifier) = verifier {
            fields.push(("code_verifier", verifier.expose_str()));
        }
        let mut call = self.token(app, &fields).hides(code);
        if let Some(verifier) = verifier {
            call = call.hides(verifier);
        }
        token::tokens(&call.send().await?, self.http.now())
    }

    async fn refresh(&self, app: &OauthApp, refresh: &Secret) -> Result<Tokens, ProviderFailure> {
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose_str()),
        ];
        let answer = self.token(app, &fields).hides(refresh).send().await?;
        token::tokens(&answer, self.http.now())
    }

    async fn identify(
        &self,
        base_url: &BaseUrl,
        access: &Secret,
    ) -> Result<Identity, ProviderFailure> {
        let url = Endpoints::of(base_url).api(&["user"]);
        let answer = self.api(Method::GET, url).bearer(access).send().await?;
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
        base_url: &BaseUrl,
        access: &Secret,
    ) -> Result<Vec<RemoteKey>, ProviderFailure> {
        self.keys(base_url, access).await
    }

    async fn add_key(
        &self,
        base_url: &BaseUrl,
        access: &Secret,
        title: &str,
        key: &PublicKey,
    ) -> Result<Added, ProviderFailure> {
        self.add(base_url, access, title, key).await
    }

    async fn remove_key(
        &self,
        base_url: &BaseUrl,
        access: &Secret,
        key: &RemoteKeyId,
    ) -> Result<bool, ProviderFailure> {
        self.remove(base_url, access, key).await
    }

    /// Deletes the token, never the grant: with the grant GitHub deletes every SSH key that the
    /// app ever made for the person.
    async fn revoke(&self, app: &OauthApp, tokens: &Tokens) -> Result<(), ProviderFailure> {
        let url = Endpoints::of(&app.base_url).api(&["applications", &app.client_id, "token"]);
        let answer = self
            .api(Method::DELETE, url)
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
        if answer.status == StatusCode::NO_CONTENT
            || dead && answer.json::<judge::Refusal>().is_some()
        {
            return Ok(());
        }
        Err(judge(&answer, &Caller::App, self.http.now()))
    }

    async fn test(&self, app: &OauthApp) -> Vec<Finding> {
        self.probe(app).await
    }
}
