//! A practice Gitea with one application, and a client that talks to it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeZone, Utc};
use forge::{Gitea, GiteaApp, GiteaOptions, HandClock};
use reqwest::{Client, Method, RequestBuilder, Response, redirect};
use serde_json::{Value, json};
use url::Url;

pub(crate) const CALLBACK: &str = "http://127.0.0.1:8080/oauth/callback/gitea";
pub(crate) const SCOPES: &str = "write:user";
pub(crate) const VERIFIER: &str = "a-verifier-that-is-long-enough-for-anybody-to-like";
pub(crate) const CHALLENGE: &str = "Q5Fi1MHcGmmQw_WDN9FB8A_8tbeef3PM3D4tYA66aNk";

pub(crate) const ED25519: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAideGQcQ73WAVeBJ2KlsNzXZzRjlMjdAXNyu9jaJKXW";
pub(crate) const FINGERPRINT: &str = "SHA256:oJCfD0YJwHwuagEM2T7qhYB+48F8weG2lrSxO3eYZ1k";

pub(crate) fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 9, 1, 12, 0, 0).unwrap()
}

/// A practice Gitea, its clock, one application and one person: Ada.
pub(crate) struct Play {
    pub(crate) gitea: Gitea,
    pub(crate) clock: HandClock,
    pub(crate) app: GiteaApp,
    pub(crate) http: Client,
}

impl Play {
    pub(crate) async fn gitea() -> Self {
        Self::with(GiteaOptions::gitea()).await
    }

    pub(crate) async fn forgejo() -> Self {
        Self::with(GiteaOptions::forgejo()).await
    }

    pub(crate) async fn with(options: GiteaOptions) -> Self {
        let clock = HandClock::at(noon());
        let gitea = Gitea::start(options.with_clock(clock.clock()))
            .await
            .unwrap();
        let app = gitea.register_app("Lanyard", CALLBACK);
        gitea.add_user("ada");
        let http = Client::builder()
            .redirect(redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            gitea,
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
        let usual = [
            ("client_id", &*self.app.client_id),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
        ];
        self.authorize_as_is(&[&usual, more].concat())
    }

    pub(crate) fn authorize_as_is(&self, fields: &[(&str, &str)]) -> String {
        let base = format!("{}/login/oauth/authorize", self.gitea.base_url());
        Url::parse_with_params(&base, fields).unwrap().into()
    }

    /// A code that `login` gave for `scopes`.
    pub(crate) async fn code(&self, login: &str, scopes: &str) -> String {
        let url = self.authorize(&[("scope", scopes), ("state", "s")]);
        query(&self.gitea.approve(&url, login).await.unwrap(), "code").unwrap()
    }

    /// What the token endpoint says to these fields, besides the credentials of the application.
    pub(crate) async fn token(&self, fields: &[(&str, &str)]) -> Response {
        let app = [
            ("client_id", &*self.app.client_id),
            ("client_secret", &*self.app.client_secret),
        ];
        self.token_as_is(&[&app, fields].concat()).await
    }

    pub(crate) async fn token_as_is(&self, form: &[(&str, &str)]) -> Response {
        let url = format!("{}/login/oauth/access_token", self.gitea.base_url());
        self.http.post(url).form(form).send().await.unwrap()
    }

    /// What the token endpoint says to a code.
    pub(crate) async fn spend(&self, code: &str, more: &[(&str, &str)]) -> Response {
        let usual = [
            ("grant_type", "authorization_code"),
            ("redirect_uri", CALLBACK),
            ("code", code),
        ];
        self.token(&[&usual, more].concat()).await
    }

    /// What the token endpoint says to a refresh token.
    pub(crate) async fn refresh(&self, refresh: &str) -> Response {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh)])
            .await
    }

    /// Both tokens of `login` for `scopes`.
    pub(crate) async fn link(&self, login: &str, scopes: &str) -> Pair {
        let code = self.code(login, scopes).await;
        pair(self.spend(&code, &[]).await).await
    }

    /// Ada's token for everything that Lanyard asks for.
    pub(crate) async fn ada(&self) -> String {
        self.link("ada", SCOPES).await.access
    }

    pub(crate) fn call(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.http
            .request(method, self.gitea.api(path))
            .bearer_auth(token)
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Response {
        self.call(Method::GET, path, token).send().await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str, token: &str) -> Response {
        self.call(Method::DELETE, path, token).send().await.unwrap()
    }

    pub(crate) async fn post(&self, token: &str, title: &str, key: &str) -> Response {
        let body = json!({ "title": title, "key": key });
        let call = self.call(Method::POST, "/user/keys", token).json(&body);
        call.send().await.unwrap()
    }
}

/// An access token and its refresh token.
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// Reads the tokens of an answer that has them.
pub(crate) async fn pair(answer: Response) -> Pair {
    assert_eq!(answer.status(), 200);
    let body = json_of(answer).await;
    assert_eq!(body["token_type"], "bearer");
    assert_eq!(body["expires_in"], 3600);
    // Gitea does not say which scopes it granted.
    assert_eq!(body.as_object().unwrap().len(), 4);
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    Pair {
        access: text("access_token"),
        refresh: text("refresh_token"),
    }
}

/// An Ed25519 key, another one for each number.
pub(crate) fn key(number: u8) -> String {
    let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    blob.extend([number; 32]);
    format!("ssh-ed25519 {}", STANDARD.encode(blob))
}

/// The code and the description of a refusal of the token endpoint.
pub(crate) async fn error_of(answer: Response) -> (String, String) {
    assert_eq!(answer.status(), 400);
    let body = json_of(answer).await;
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("error"), text("error_description"))
}

/// A parameter of a callback.
pub(crate) fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

pub(crate) async fn json_of(answer: Response) -> Value {
    answer.json().await.unwrap()
}

/// Asserts the status and returns `message`.
pub(crate) async fn refused(answer: Response, status: u16) -> String {
    assert_eq!(answer.status().as_u16(), status);
    json_of(answer).await["message"]
        .as_str()
        .unwrap()
        .to_owned()
}
