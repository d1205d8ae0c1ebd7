//! A practice GitLab with one application, and a client that talks to it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeZone, Utc};
use forge::{GitLab, GitLabApp, GitLabOptions, HandClock};
use reqwest::{Client, Method, RequestBuilder, Response, redirect};
use serde_json::{Value, json};
use url::Url;

pub(crate) const CALLBACK: &str = "http://127.0.0.1:8080/oauth/callback/gitlab";
pub(crate) const VERIFIER: &str = "a-verifier-that-is-long-enough-for-anybody-to-like";
pub(crate) const CHALLENGE: &str = "Q5Fi1MHcGmmQw_WDN9FB8A_8tbeef3PM3D4tYA66aNk";

pub(crate) const ED25519: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAideGQcQ73WAVeBJ2KlsNzXZzRjlMjdAXNyu9jaJKXW";
pub(crate) const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTY\
    AAABBBE8n4tKqzcZ0V5WvPPjnNbykkNvTk/Np2SLHBAXuNGZ/sMg3iGYnOL7dNLTAkZAafMAqeoOSRa8v4xj0k/opxa8=";

pub(crate) fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 9, 1, 12, 0, 0).unwrap()
}

/// A practice GitLab, its clock, one application and one person: Ada.
pub(crate) struct Play {
    pub(crate) gitlab: GitLab,
    pub(crate) clock: HandClock,
    pub(crate) app: GitLabApp,
    pub(crate) http: Client,
}

impl Play {
    pub(crate) async fn start() -> Self {
        Self::with(GitLabOptions::self_managed()).await
    }

    pub(crate) async fn with(options: GitLabOptions) -> Self {
        let clock = HandClock::at(noon());
        let gitlab = GitLab::start(options.with_clock(clock.clock()))
            .await
            .unwrap();
        let app = gitlab.register_app("Lanyard", CALLBACK, "api read_user");
        gitlab.add_user("ada");
        let http = Client::builder()
            .redirect(redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            gitlab,
            clock,
            app,
            http,
        }
    }

    pub(crate) fn passes(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.gitlab.base_url())
    }

    /// The authorize URL with what every link has, then `more`; a later field wins.
    pub(crate) fn authorize(&self, more: &[(&str, &str)]) -> String {
        let usual = [
            ("client_id", &*self.app.client_id),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "api"),
            ("state", "s"),
        ];
        let kept = usual
            .iter()
            .filter(|(name, _)| more.iter().all(|(other, _)| other != name));
        let fields = kept.chain(more);
        Url::parse_with_params(&self.url("/oauth/authorize"), fields)
            .unwrap()
            .into()
    }

    /// A code that `login` gave for `scope`.
    pub(crate) async fn code(&self, login: &str, scope: &str) -> String {
        let url = self.authorize(&[("scope", scope)]);
        query(&self.gitlab.approve(&url, login).await.unwrap(), "code").unwrap()
    }

    /// Posts these fields to the token endpoint, besides the credentials of the application.
    pub(crate) async fn post_token(&self, fields: &[(&str, &str)]) -> Response {
        let mut form = vec![
            ("client_id", &*self.app.client_id),
            ("client_secret", &*self.app.client_secret),
        ];
        form.extend_from_slice(fields);
        self.post_form("/oauth/token", &form).await
    }

    pub(crate) async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> Response {
        let call = self.http.post(self.url(path)).form(form);
        call.send().await.unwrap()
    }

    /// Exchanges a code.
    pub(crate) async fn exchange(&self, code: &str) -> Response {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
        ];
        self.post_token(&fields).await
    }

    /// Refreshes.
    pub(crate) async fn refresh(&self, token: &str) -> Response {
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("redirect_uri", CALLBACK),
        ];
        self.post_token(&fields).await
    }

    /// A pair of `login` for `scope`: access token and refresh token.
    pub(crate) async fn pair_of(&self, login: &str, scope: &str) -> (String, String) {
        let code = self.code(login, scope).await;
        pair(&json_of(self.exchange(&code).await).await)
    }

    pub(crate) async fn token_of(&self, login: &str, scope: &str) -> String {
        self.pair_of(login, scope).await.0
    }

    /// Ada's token for everything that Lanyard asks for.
    pub(crate) async fn ada(&self) -> String {
        self.token_of("ada", "api").await
    }

    pub(crate) fn call(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.http
            .request(method, self.gitlab.api(path))
            .bearer_auth(token)
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Response {
        self.call(Method::GET, path, token).send().await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str, token: &str) -> Response {
        let call = self.call(Method::DELETE, path, token);
        call.header("content-type", "application/json")
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn post_json(&self, token: &str, body: &Value) -> Response {
        let call = self.call(Method::POST, "/user/keys", token);
        call.json(body).send().await.unwrap()
    }

    pub(crate) async fn post(&self, token: &str, title: &str, key: &str) -> Response {
        self.post_json(token, &json!({ "title": title, "key": key }))
            .await
    }
}

/// An Ed25519 key, another one for each number.
pub(crate) fn key(number: u8) -> String {
    let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    blob.extend([number; 32]);
    format!("ssh-ed25519 {}", STANDARD.encode(blob))
}

/// The access token and the refresh token of an answer.
pub(crate) fn pair(answer: &Value) -> (String, String) {
    let token = |name: &str| answer[name].as_str().unwrap().to_owned();
    (token("access_token"), token("refresh_token"))
}

/// Asserts that Doorkeeper refused, in all its ways of saying so, and returns the description.
pub(crate) async fn doorkeeper(answer: Response, status: u16, code: &str) -> String {
    assert_eq!(answer.status().as_u16(), status);
    let challenge = header(&answer, "www-authenticate").unwrap().to_owned();
    let start = format!("Bearer realm=\"Doorkeeper\", error=\"{code}\", error_description=\"");
    assert!(challenge.starts_with(&start), "{challenge}");
    assert_eq!(header(&answer, "cache-control"), Some("no-store"));
    let body = json_of(answer).await;
    assert_eq!(body["error"], code);
    body["error_description"].as_str().unwrap().to_owned()
}

/// A parameter of a callback.
pub(crate) fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

pub(crate) fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    answer
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap())
}

pub(crate) async fn json_of(answer: Response) -> Value {
    answer.json().await.unwrap()
}

/// Asserts the status and returns `message`.
pub(crate) async fn refused(answer: Response, status: u16) -> Value {
    assert_eq!(answer.status().as_u16(), status);
    json_of(answer).await["message"].clone()
}
