//! A practice GitHub that an admin registered, and people who link their accounts there.

use std::sync::Arc;

use forge::{GitHub, GitHubOptions, RedirectRule, TokenLife};
use lanyard::clock::Clock;
use serde_json::{Value, json};
use url::Url;

use super::actors::{Actor, Answer};
use super::app::{PUBLIC_URL, TestApp};

/// A practice GitHub Enterprise Server, registered as `github`.
pub(crate) struct Practice<'a> {
    app: &'a TestApp,
    pub(crate) github: GitHub,
    pub(crate) client_id: String,
}

/// A browser on its way: where it is sent, and its cookie.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    pub(crate) authorize_url: String,
    pub(crate) cookie: String,
}

impl<'a> Practice<'a> {
    /// Starts a server and has an admin register it.
    pub(crate) async fn new(app: &'a TestApp) -> Self {
        Self::with(app, "own").await
    }

    /// Starts a server and has an admin register it, with its own redirect URL or the shared one.
    pub(crate) async fn with(app: &'a TestApp, callback: &str) -> Self {
        let clock = app.clock.clone();
        let options = GitHubOptions::enterprise().with_clock(Arc::new(move || clock.now()));
        let github = GitHub::start(options).await.unwrap();
        let redirect = match callback {
            "own" => format!("{PUBLIC_URL}/oauth/callback/github"),
            _ => format!("{PUBLIC_URL}/oauth/callback"),
        };
        let registered = github.register_app("Lanyard", &redirect, RedirectRule::Exact);
        github.tokens_last(&registered.client_id, TokenLife::EightHours);
        let body = json!({
            "provider": "github", "kind": "github", "name": "GitHub", "callback": callback,
            "base_url": github.base_url(), "client_id": registered.client_id,
            "client_secret": registered.client_secret,
        });
        let admin = app.admin().await;
        admin.post("/api/v1/providers", body).await.is(201);
        Self {
            app,
            github,
            client_id: registered.client_id,
        }
    }

    /// Begins a link; returns the path that a browser starts with.
    pub(crate) async fn begins(&self, person: &Actor<'_>, more: Value) -> String {
        let mut body = json!({ "provider": "github" });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let begun = person.post("/api/v1/users/me/accounts", body).await.is(201);
        let start = begun["start_url"].as_str().unwrap();
        start.strip_prefix(PUBLIC_URL).unwrap().to_owned()
    }

    /// Starts in a browser: gets a cookie, and is sent to the provider.
    pub(crate) async fn starts(&self, path: &str) -> Browser {
        let sent = self.app.anyone().get(path).await;
        assert_eq!(sent.status, 303, "{sent:?}");
        let cookie = sent.header("set-cookie").split(';').next().unwrap();
        Browser {
            authorize_url: sent.header("location").to_owned(),
            cookie: cookie.to_owned(),
        }
    }

    /// Agrees at the provider; returns the path that the browser comes back with.
    pub(crate) async fn agrees(&self, browser: &Browser, login: &str) -> String {
        let back = self.github.approve(&browser.authorize_url, login).await;
        path_of(&back.unwrap())
    }

    /// Comes back with the browser's cookie.
    pub(crate) async fn comes_back(&self, browser: &Browser, path: &str) -> Answer {
        let cookie = [("cookie", browser.cookie.as_str())];
        self.app.anyone().send("GET", path, None, &cookie).await
    }

    /// Links an account from the first step to the last; returns its id.
    pub(crate) async fn links(&self, person: &Actor<'_>, login: &str) -> String {
        let start = self.begins(person, json!({})).await;
        let browser = self.starts(&start).await;
        let back = self.agrees(&browser, login).await;
        let done = self.comes_back(&browser, &back).await;
        assert_eq!(done.status, 303, "{done:?}");
        assert_eq!(done.header("location"), "/oauth/linked");
        let accounts = person.sees("/api/v1/users/me/accounts").await.is(200);
        let accounts = accounts["accounts"].as_array().unwrap();
        let account = accounts.iter().find(|account| account["login"] == login);
        account.unwrap()["account"].as_str().unwrap().to_owned()
    }
}

/// Returns the path and the query of a URL.
pub(crate) fn path_of(url: &Url) -> String {
    url[url::Position::BeforePath..].to_owned()
}
