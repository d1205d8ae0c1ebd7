//! The adapter and a server for it to talk to.

use std::sync::Arc;

use axum::response::Response;
use domain::BaseUrl;
use domain::keyring::PublicKey;
use domain::provider::{Protocol, ProviderKind};
use forge::{GitLab, GitLabApp, GitLabOptions, HandClock};
use lanyard::clock::{Clock, FixedClock, SeededIds};
use lanyard::providers::{
    Added, Begun, Came, GitProvider, Network, OauthApp, Outbound, ProviderFailure, Providers,
    RemoteKey, Tokens,
};
use lanyard::vault::Secret;

use crate::support::adapter::CannedServer;
pub(super) use crate::support::adapter::{
    Seen, after, answer, assert_blames, came, finding, key, new_key, noon, query,
};

pub(super) const CALLBACK: &str = "http://127.0.0.1:8080/oauth/callback/gitlab";

/// The adapter, allowed to call one practice server over plain http.
pub(super) fn adapter(base_url: &BaseUrl) -> Arc<dyn GitProvider> {
    let outbound = Outbound::to_practice([base_url.authority()]);
    reaching(&outbound, Arc::new(FixedClock::at(noon())))
}

pub(super) fn reaching(outbound: &Outbound, clock: Arc<dyn Clock>) -> Arc<dyn GitProvider> {
    Providers::new(outbound, clock, Arc::new(SeededIds::new(7)))
        .unwrap()
        .get(ProviderKind::Gitlab)
        .unwrap()
}

pub(super) fn app(base_url: &BaseUrl, client_id: &str, client_secret: &str) -> OauthApp {
    OauthApp {
        provider: "gitlab".parse().unwrap(),
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

/// A practice GitLab with one application and one person, Ada, and the adapter.
pub(super) struct Play {
    pub(super) gitlab: GitLab,
    pub(super) clock: HandClock,
    pub(super) base_url: BaseUrl,
    pub(super) app: OauthApp,
    pub(super) adapter: Arc<dyn GitProvider>,
}

impl Play {
    pub(super) async fn start() -> Self {
        Self::with(GitLabOptions::self_managed()).await
    }

    pub(super) async fn with(options: GitLabOptions) -> Self {
        let clock = HandClock::at(noon());
        let gitlab = GitLab::start(options.with_clock(clock.clock()))
            .await
            .unwrap();
        let GitLabApp {
            client_id,
            client_secret,
        } = gitlab.register_app("Lanyard", CALLBACK, "api read_user");
        gitlab.add_user("ada");
        let base_url: BaseUrl = gitlab.base_url().parse().unwrap();
        Self {
            app: app(&base_url, &client_id, &client_secret),
            adapter: adapter(&base_url),
            gitlab,
            clock,
            base_url,
        }
    }

    /// Sends a person's browser through the consent page; returns what begun it and the code.
    pub(super) async fn consent(&self, login: &str) -> (Begun, Came) {
        let begun = self.adapter.begin(&self.app, "the-state").await.unwrap();
        let back = self
            .gitlab
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

    pub(super) fn passes(&self, seconds: u64) {
        self.clock.advance(std::time::Duration::from_secs(seconds));
    }

    pub(super) async fn list(&self, access: &Secret) -> Result<Vec<RemoteKey>, ProviderFailure> {
        self.adapter.list_keys(&self.app, access).await
    }

    pub(super) async fn add(
        &self,
        access: &Secret,
        key: &PublicKey,
    ) -> Result<Added, ProviderFailure> {
        let new = new_key("Lanyard", key);
        self.adapter.add_key(&self.app, access, &new).await
    }

    /// Puts a key there and returns it as it came back.
    pub(super) async fn created(&self, access: &Secret, key: &PublicKey) -> RemoteKey {
        match self.add(access, key).await {
            Ok(Added::Created(remote)) => remote,
            other => panic!("no key was created: {other:?}"),
        }
    }
}

/// Tokens that nobody gave.
pub(super) fn made_up() -> Tokens {
    Tokens {
        access: "the-access-token".into(),
        refresh: Some("the-refresh-token".into()),
        token_secret: None,
        expires_at: None,
        scopes: None,
    }
}

/// A server that answers as a test says, for answers that no practice GitLab gives.
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
