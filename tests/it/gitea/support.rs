//! The adapter and a server for it to talk to.

use std::sync::Arc;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::BaseUrl;
use domain::keyring::PublicKey;
use domain::provider::{Protocol, ProviderKind};
use forge::{Gitea, GiteaApp, GiteaOptions, HandClock};
use lanyard::clock::{FixedClock, SeededIds};
use lanyard::providers::{
    Added, Begun, Came, GitProvider, Network, NewKey, OauthApp, Outbound, ProviderFailure,
    Providers, RemoteKey, Tokens,
};
use lanyard::vault::Secret;

use crate::support::adapter::CannedServer;
pub(super) use crate::support::adapter::{after, answer, assert_blames, finding, noon, query};

pub(super) const CALLBACK: &str = "http://127.0.0.1:8080/oauth/callback/gitea";

/// The adapter, allowed to call one practice server over plain http.
pub(super) fn adapter(base_url: &BaseUrl) -> Arc<dyn GitProvider> {
    let outbound = Outbound::to_practice([base_url.authority()]);
    let clock = Arc::new(FixedClock::at(noon()));
    Providers::new(&outbound, clock, Arc::new(SeededIds::new(7)))
        .unwrap()
        .get(ProviderKind::Gitea)
        .unwrap()
}

pub(super) fn app(base_url: &BaseUrl, client_id: &str, client_secret: &str) -> OauthApp {
    OauthApp {
        provider: "gitea".parse().unwrap(),
        base_url: base_url.clone(),
        protocol: Protocol::Oauth2,
        client_id: client_id.to_owned(),
        client_secret: client_secret.into(),
        redirect_url: CALLBACK.parse().unwrap(),
        pkce: None,
        signing: false,
        network: Network::default(),
    }
}

/// A practice Gitea with one application and one person, Ada, and the adapter.
pub(super) struct Play {
    pub(super) gitea: Gitea,
    pub(super) clock: HandClock,
    pub(super) base_url: BaseUrl,
    pub(super) app: OauthApp,
    pub(super) adapter: Arc<dyn GitProvider>,
}

impl Play {
    pub(super) async fn gitea() -> Self {
        Self::with(GiteaOptions::gitea()).await
    }

    pub(super) async fn forgejo() -> Self {
        Self::with(GiteaOptions::forgejo()).await
    }

    /// Each product, at a root and below a path.
    pub(super) async fn all() -> [Self; 3] {
        [
            Self::gitea().await,
            Self::forgejo().await,
            Self::with(GiteaOptions::gitea().below("/git")).await,
        ]
    }

    pub(super) async fn with(options: GiteaOptions) -> Self {
        let clock = HandClock::at(noon());
        let gitea = Gitea::start(options.with_clock(clock.clock()))
            .await
            .unwrap();
        let GiteaApp {
            client_id,
            client_secret,
        } = gitea.register_app("Lanyard", CALLBACK);
        gitea.add_user("ada");
        let base_url: BaseUrl = gitea.base_url().parse().unwrap();
        Self {
            app: app(&base_url, &client_id, &client_secret),
            adapter: adapter(&base_url),
            gitea,
            clock,
            base_url,
        }
    }

    /// Sends a person's browser through the consent page; returns what begun it and the code.
    pub(super) async fn consent(&self, login: &str) -> (Begun, Came) {
        let begun = self.adapter.begin(&self.app, "the-state").await.unwrap();
        let url = begun.authorize_url.as_str();
        let back = self.gitea.approve(url, login).await.unwrap();
        assert_eq!(query(&back, "state").as_deref(), Some("the-state"));
        let code = query(&back, "code").unwrap().into();
        (begun, Came { code, token: None })
    }

    /// Links a person and returns the tokens.
    pub(super) async fn link(&self, login: &str) -> Tokens {
        let (begun, came) = self.consent(login).await;
        let kept = begun.kept.as_ref();
        let tokens = self.adapter.exchange(&self.app, &came, kept).await;
        tokens.unwrap()
    }

    /// Ada's access token.
    pub(super) async fn ada(&self) -> Secret {
        self.link("ada").await.access
    }

    pub(super) async fn list(&self, access: &Secret) -> Result<Vec<RemoteKey>, ProviderFailure> {
        self.adapter.list_keys(&self.app, access).await
    }

    pub(super) async fn add(
        &self,
        access: &Secret,
        title: &str,
        key: &PublicKey,
    ) -> Result<Added, ProviderFailure> {
        let new = NewKey {
            title,
            key,
            expires_at: None,
        };
        self.adapter.add_key(&self.app, access, &new).await
    }

    /// Adds a key that was not there before.
    pub(super) async fn put(&self, access: &Secret, title: &str, key: &PublicKey) -> RemoteKey {
        match self.add(access, title, key).await.unwrap() {
            Added::Created(there) => there,
            Added::AlreadyThere => panic!("it was there before"),
        }
    }
}

/// An Ed25519 key, another one for each number.
pub(super) fn key(number: u8) -> PublicKey {
    let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    blob.extend([number; 32]);
    of_line(&format!("ssh-ed25519 {}", STANDARD.encode(blob)))
}

pub(super) fn of_line(line: &str) -> PublicKey {
    PublicKey {
        line: line.to_owned(),
        fingerprint: "SHA256:of-no-account".to_owned(),
    }
}

/// Tokens of which nothing counts but the one that gets the next.
pub(super) fn refreshing(refresh: &Secret) -> Tokens {
    Tokens {
        access: "eyJ.old.x".into(),
        refresh: Some(refresh.clone()),
        token_secret: None,
        expires_at: None,
        scopes: None,
    }
}

/// A server that answers as a test says, for answers that no practice Gitea gives.
pub(super) struct Canned {
    pub(super) app: OauthApp,
    pub(super) adapter: Arc<dyn GitProvider>,
    /// A token like those of Gitea.
    pub(super) token: Secret,
    server: CannedServer,
}

impl Canned {
    /// Answers by method and path.
    pub(super) async fn answering(
        answer: impl Fn(&str) -> Response + Send + Sync + 'static,
    ) -> Self {
        let server = CannedServer::answering(move |seen| answer(&seen.line)).await;
        let base_url = &server.base_url;
        Self {
            app: app(base_url, "the-client", "the-client-secret"),
            adapter: adapter(base_url),
            token: "eyJ.a.b".into(),
            server,
        }
    }

    /// The methods and paths of what it was asked.
    pub(super) fn seen(&self) -> Vec<String> {
        let seen = self.server.seen().into_iter();
        seen.map(|seen| seen.line).collect()
    }
}
