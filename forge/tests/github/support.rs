//! A practice GitHub with one app, and a client that talks to it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeZone, Utc};
use forge::{App, Flavour, GitHub, GitHubOptions, HandClock, RedirectRule};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, redirect};
use serde_json::{Value, json};
use url::Url;

pub(crate) const CALLBACK: &str = "http://127.0.0.1:8080/oauth/callback/github";
pub(crate) const SCOPES: &str = "admin:public_key admin:ssh_signing_key read:user";
pub(crate) const VERIFIER: &str = "a-verifier-that-is-long-enough-for-anybody-to-like";
pub(crate) const CHALLENGE: &str = "Q5Fi1MHcGmmQw_WDN9FB8A_8tbeef3PM3D4tYA66aNk";

pub(crate) const ED25519: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAideGQcQ73WAVeBJ2KlsNzXZzRjlMjdAXNyu9jaJKXW";
pub(crate) const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTY\
    AAABBBE8n4tKqzcZ0V5WvPPjnNbykkNvTk/Np2SLHBAXuNGZ/sMg3iGYnOL7dNLTAkZAafMAqeoOSRa8v4xj0k/opxa8=";

pub(crate) fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 9, 1, 12, 0, 0).unwrap()
}

/// A practice GitHub, its clock, one app and one person: Ada.
pub(crate) struct Play {
    pub(crate) github: GitHub,
    pub(crate) clock: HandClock,
    pub(crate) app: App,
    pub(crate) http: Client,
}

impl Play {
    pub(crate) async fn dot_com() -> Self {
        Self::with(GitHubOptions::dot_com(), RedirectRule::Exact).await
    }

    pub(crate) async fn enterprise() -> Self {
        Self::with(GitHubOptions::enterprise(), RedirectRule::Prefix).await
    }

    /// The app is a GitHub App.
    pub(crate) async fn github_app() -> Self {
        let play = Self::dot_com().await;
        let app = play.github.register_github_app("Lanyard", CALLBACK);
        Self { app, ..play }
    }

    pub(crate) async fn of(flavour: Flavour) -> Self {
        match flavour {
            Flavour::DotCom => Self::dot_com().await,
            Flavour::Enterprise => Self::enterprise().await,
        }
    }

    pub(crate) async fn with(options: GitHubOptions, rule: RedirectRule) -> Self {
        let clock = HandClock::at(noon());
        let github = GitHub::start(options.with_clock(clock.clock()))
            .await
            .unwrap();
        let app = github.register_app("Lanyard", CALLBACK, rule);
        github.add_user("ada");
        let http = Client::builder()
            .user_agent("lanyard-tests")
            .redirect(redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            github,
            clock,
            app,
            http,
        }
    }

    pub(crate) fn passes(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// The authorize URL with the usual parameters, then `more`.
    pub(crate) fn authorize(&self, more: &[(&str, &str)]) -> String {
        let base = format!("{}/login/oauth/authorize", self.github.base_url());
        let mut url = Url::parse_with_params(&base, [("client_id", &self.app.client_id)]).unwrap();
        url.query_pairs_mut().extend_pairs(more);
        url.into()
    }

    /// A code that `login` gave for `scopes`.
    pub(crate) async fn code(&self, login: &str, scopes: &str) -> String {
        let url = self.authorize(&[
            ("redirect_uri", CALLBACK),
            ("scope", scopes),
            ("state", "s"),
        ]);
        query(&self.github.approve(&url, login).await.unwrap(), "code").unwrap()
    }

    /// What the token endpoint says to these fields, besides the credentials of the app.
    pub(crate) async fn token(&self, fields: &[(&str, &str)]) -> Value {
        let mut form = vec![
            ("client_id", &*self.app.client_id),
            ("client_secret", &*self.app.client_secret),
        ];
        form.extend_from_slice(fields);
        self.token_as_is(&form).await
    }

    /// What the token endpoint says to these fields; always with status 200.
    pub(crate) async fn token_as_is(&self, form: &[(&str, &str)]) -> Value {
        let url = format!("{}/login/oauth/access_token", self.github.base_url());
        let answer = self
            .http
            .post(url)
            .header("accept", "application/json")
            .form(form)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.unwrap()
    }

    /// What the token endpoint gives for a new code.
    pub(crate) async fn link(&self, login: &str, scopes: &str) -> Value {
        let code = self.code(login, scopes).await;
        self.token(&[("code", &code)]).await
    }

    /// A token of `login` for `scopes`.
    pub(crate) async fn token_of(&self, login: &str, scopes: &str) -> String {
        self.link(login, scopes).await["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Ada's token for everything that Lanyard asks for.
    pub(crate) async fn ada(&self) -> String {
        self.token_of("ada", SCOPES).await
    }

    pub(crate) fn call(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.http
            .request(method, self.github.api(path))
            .bearer_auth(token)
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Response {
        self.call(Method::GET, path, token).send().await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str, token: &str) -> Response {
        self.call(Method::DELETE, path, token).send().await.unwrap()
    }

    pub(crate) fn posting(&self, token: &str, title: &str, key: &str) -> RequestBuilder {
        let body = json!({ "title": title, "key": key });
        self.call(Method::POST, "/user/keys", token).json(&body)
    }

    pub(crate) async fn post(&self, token: &str, title: &str, key: &str) -> Response {
        self.posting(token, title, key).send().await.unwrap()
    }

    /// Calls `/applications/{client_id}/{what}` for a token.
    pub(crate) async fn manage(&self, method: Method, what: &str, token: &str) -> Response {
        let path = format!("/applications/{}/{what}", self.app.client_id);
        self.http
            .request(method, self.github.api(&path))
            .basic_auth(&self.app.client_id, Some(&self.app.client_secret))
            .json(&json!({ "access_token": token }))
            .send()
            .await
            .unwrap()
    }
}

/// An Ed25519 key, another one for each number.
pub(crate) fn key(number: u8) -> String {
    let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    blob.extend([number; 32]);
    format!("ssh-ed25519 {}", STANDARD.encode(blob))
}

/// The code of a refusal of the token endpoint.
pub(crate) fn error_of(answer: &Value) -> &str {
    assert!(answer["error_description"].is_string() && answer["error_uri"].is_string());
    assert!(answer.get("access_token").is_none());
    answer["error"].as_str().unwrap()
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
pub(crate) async fn refused(answer: Response, status: u16) -> String {
    assert_eq!(answer.status().as_u16(), status);
    let body = json_of(answer).await;
    assert_eq!(body["status"], status.to_string());
    assert!(body["documentation_url"].is_string());
    body["message"].as_str().unwrap().to_owned()
}
