//! The adapter and a server for it to talk to.

use std::sync::Arc;

use axum::response::Response;
use domain::BaseUrl;
use domain::provider::{Protocol, ProviderKind};
use forge::{App, GitHub, GitHubOptions, HandClock, RedirectRule};
use lanyard::clock::{FixedClock, SeededIds};
use lanyard::providers::{
    Begun, Came, GitProvider, Network, OauthApp, Outbound, Providers, Tokens,
};
use lanyard::vault::Secret;

use crate::support::adapter::CannedServer;
pub(super) use crate::support::adapter::{
    Seen, after, answer, assert_blames, came, finding, key, new_key, noon, query,
};

pub(super) const CALLBACK: &str = "http://127.0.0.1:8080/oauth/callback/github";

/// The adapter, allowed to call one practice server over plain http.
pub(super) fn adapter(base_url: &BaseUrl) -> Arc<dyn GitProvider> {
    let outbound = Outbound::to_practice([base_url.authority()]);
    reaching(&outbound)
}

pub(super) fn reaching(outbound: &Outbound) -> Arc<dyn GitProvider> {
    let clock = Arc::new(FixedClock::at(noon()));
    Providers::new(outbound, clock, Arc::new(SeededIds::new(7)))
        .unwrap()
        .get(ProviderKind::Github)
        .unwrap()
}

pub(super) fn app(base_url: &BaseUrl, client_id: &str, client_secret: &str) -> OauthApp {
    OauthApp {
        provider: "github".parse().unwrap(),
        base_url: base_url.clone(),
        client_id: client_id.to_owned(),
        client_secret: client_secret.into(),
        redirect_url: CALLBACK.parse().unwrap(),
        protocol: Protocol::Oauth2,
        pkce: None,
        signing: false,
        network: Network::default(),
    }
}

/// A practice GitHub with one app and one person, Ada, and the adapter.
pub(super) struct Play {
    pub(super) github: GitHub,
    pub(super) clock: HandClock,
    pub(super) base_url: BaseUrl,
    pub(super) app: OauthApp,
    pub(super) adapter: Arc<dyn GitProvider>,
}

impl Play {
    pub(super) async fn dot_com() -> Self {
        Self::with(GitHubOptions::dot_com(), RedirectRule::Exact).await
    }

    pub(super) async fn enterprise() -> Self {
        Self::with(GitHubOptions::enterprise(), RedirectRule::Prefix).await
    }

    pub(super) async fn with(options: GitHubOptions, rule: RedirectRule) -> Self {
        let clock = HandClock::at(noon());
        let github = GitHub::start(options.with_clock(clock.clock()))
            .await
            .unwrap();
        let App {
            client_id,
            client_secret,
        } = github.register_app("Lanyard", CALLBACK, rule);
        github.add_user("ada");
        let base_url: BaseUrl = github.base_url().parse().unwrap();
        Self {
            app: app(&base_url, &client_id, &client_secret),
            adapter: adapter(&base_url),
            github,
            clock,
            base_url,
        }
    }

    /// Sends a person's browser through the consent page; returns what begun it and the code.
    pub(super) async fn consent(&self, login: &str) -> (Begun, Came) {
        let begun = self.adapter.begin(&self.app, "the-state").await.unwrap();
        let back = self
            .github
            .approve(begun.authorize_url.as_str(), login)
            .await
            .unwrap();
        assert_eq!(query(&back, "state").as_deref(), Some("the-state"));
        (begun, came(query(&back, "code").unwrap().into()))
    }

    /// Links a person and returns the tokens.
    pub(super) async fn link(&self, login: &str) -> Tokens {
        let (begun, code) = self.consent(login).await;
        self.adapter
            .exchange(&self.app, &code, begun.kept.as_ref())
            .await
            .unwrap()
    }

    /// Ada's access token.
    pub(super) async fn ada(&self) -> Secret {
        self.link("ada").await.access
    }
}

/// Tokens of which nothing counts but the one that gets the next.
pub(super) fn refreshing(refresh: &Secret) -> Tokens {
    Tokens {
        access: "gho_old".into(),
        refresh: Some(refresh.clone()),
        token_secret: None,
        expires_at: None,
        scopes: None,
    }
}

/// A server that answers as a test says, for answers that no practice GitHub gives.
pub(super) struct Canned {
    pub(super) base_url: BaseUrl,
    pub(super) app: OauthApp,
    pub(super) adapter: Arc<dyn GitProvider>,
    server: CannedServer,
}

impl Canned {
    pub(super) async fn answering(
        answer: impl Fn(&Seen) -> Response + Send + Sync + 'static,
    ) -> Self {
        let server = CannedServer::answering(answer).await;
        let base_url = &server.base_url;
        Self {
            app: app(base_url, "the-client", "the-client-secret"),
            adapter: adapter(base_url),
            base_url: base_url.clone(),
            server,
        }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.server.seen()
    }
}
