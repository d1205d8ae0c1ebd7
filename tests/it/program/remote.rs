//! People and programs that speak to a server over the network.

use std::time::Duration;

use forge::GitHub;
use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::Server;
use crate::support::app::PUBLIC_URL;

/// Somebody who asks a server.
#[derive(Clone)]
pub(super) struct Remote {
    http: Client,
    url: String,
    token: String,
}

/// What they are told.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Told {
    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// Reads the place that what was done has in the log.
    pub(super) fn index(&self) -> u64 {
        let index = self.header("lanyard-index");
        index.parse().unwrap_or_else(|_| panic!("{self:?}"))
    }

    #[track_caller]
    pub(super) fn is(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

impl Remote {
    /// Somebody with a token, or with none.
    pub(super) fn new(url: &str, token: &str) -> Self {
        let http = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(30))
            .build()
            .unwrap();
        Self {
            http,
            url: url.to_owned(),
            token: token.to_owned(),
        }
    }

    /// The first admin of a new server, who has every role.
    pub(super) async fn first_admin(server: &Server) -> Self {
        let body = json!({ "secret": server.first_secret(), "user": "root" });
        let nobody = Self::new(&server.url(), "");
        let made = nobody.post("/api/v1/tokens/first", body).await.unwrap();
        let token = made.is(201)["token"].as_str().unwrap().to_owned();
        Self { token, ..nobody }
    }

    /// The same person at another server.
    pub(super) fn at(&self, server: &Server) -> Self {
        Self::new(&server.url(), &self.token)
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    pub(super) async fn get(&self, path: &str) -> reqwest::Result<Told> {
        self.send(Method::GET, path, None, &[]).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> reqwest::Result<Told> {
        self.send(Method::POST, path, Some(body), &[]).await
    }

    /// Makes a token of a name.
    pub(super) async fn make_token(&self, name: &str) -> reqwest::Result<Told> {
        let body = json!({ "user": "ada", "name": name, "roles": ["member"] });
        self.post("/api/v1/tokens", body).await
    }

    /// Registers a provider of a name, with a secret.
    pub(super) async fn add_provider(&self, name: &str) -> reqwest::Result<Told> {
        let body = json!({
            "provider": name, "kind": "github", "name": name,
            "base_url": format!("https://{name}.example.com"),
            "client_id": "Iv1.0123456789abcdef", "client_secret": format!("secret-of-{name}"),
        });
        self.post("/api/v1/providers", body).await
    }

    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> reqwest::Result<Told> {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        Ok(Told {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            text: answer.text().await?,
        })
    }

    /// Registers a practice server under the name `github`; returns the app's secret.
    pub(super) async fn registers(&self, github: &GitHub) -> String {
        let callback = format!("{PUBLIC_URL}/oauth/callback/github");
        let app = github.register_app("Lanyard", &callback, forge::RedirectRule::Exact);
        github.tokens_last(&app.client_id, forge::TokenLife::Forever);
        let body = json!({
            "provider": "github", "kind": "github", "name": "GitHub",
            "base_url": github.base_url(), "client_id": app.client_id,
            "client_secret": app.client_secret,
        });
        let added = self.post("/api/v1/providers", body).await.unwrap();
        added.is(201);
        app.client_secret
    }

    /// Links an account at `github` in a browser; returns the id of the request that did it.
    pub(super) async fn links(&self, github: &GitHub, login: &str) -> String {
        github.add_user(login);
        let body = json!({ "provider": "github" });
        let begun = self.post("/api/v1/users/me/accounts", body).await.unwrap();
        let begun = begun.is(201);
        let start = begun["start_url"].as_str().unwrap();
        let start = start.strip_prefix(PUBLIC_URL).unwrap();
        let browser = Self::new(&self.url, "");
        let sent = browser.get(start).await.unwrap();
        let cookie = sent.header(SET_COOKIE.as_str()).split(';').next().unwrap();
        let authorize = sent.header(LOCATION.as_str());
        let back = github.approve(authorize, login).await.unwrap();
        let back = &back[url::Position::BeforePath..];
        let headers = [(COOKIE.as_str(), cookie)];
        let done = browser.send(Method::GET, back, None, &headers).await;
        let done = done.unwrap();
        assert_eq!(done.header("location"), "/oauth/linked", "{done:?}");
        done.header("x-request-id").to_owned()
    }
}
