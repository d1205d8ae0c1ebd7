//! The adapter and a server for it to talk to.

use std::sync::{Arc, OnceLock};

use axum::response::Response;
use chrono::TimeDelta;
use domain::BaseUrl;
use domain::provider::{Protocol, ProviderKind};
use forge::{BitbucketOptions, BitbucketServer, HandClock};
use lanyard::clock::{Clock, FixedClock, SeededIds};
use lanyard::providers::{
    Added, Begun, Came, GitProvider, Network, NewKey, OauthApp, Outbound, ProviderFailure,
    Providers, RemoteKey, Tokens, link_key,
};
use lanyard::vault::Secret;
use url::Url;

use crate::support::adapter::CannedServer;
pub(super) use crate::support::adapter::{
    Seen, after, answer, assert_blames, finding, key, noon, query,
};

pub(super) use crate::support::link_key::{our_key, pem};

pub(super) const CALLBACK: &str = "http://127.0.0.1:8080/oauth/callback/bitbucket";
pub(super) const CONSUMER: &str = "Lanyard";

/// Another pair.
pub(super) fn another_key() -> &'static Secret {
    static KEY: OnceLock<Secret> = OnceLock::new();
    KEY.get_or_init(link_key::generate)
}

/// The adapter, allowed to call one practice server over plain http.
pub(super) fn adapter(base_url: &BaseUrl, clock: Arc<dyn Clock>) -> Arc<dyn GitProvider> {
    let outbound = Outbound::to_practice([base_url.authority()]);
    Providers::new(&outbound, clock, Arc::new(SeededIds::new(7)))
        .unwrap()
        .get(ProviderKind::BitbucketServer)
        .unwrap()
}

pub(super) fn app(base_url: &BaseUrl, protocol: Protocol) -> OauthApp {
    OauthApp {
        provider: "bitbucket".parse().unwrap(),
        base_url: base_url.clone(),
        protocol,
        client_id: CONSUMER.to_owned(),
        client_secret: our_key().clone(),
        redirect_url: CALLBACK.parse().unwrap(),
        pkce: None,
        signing: false,
        network: Network::default(),
    }
}

/// A practice Bitbucket with a link of the wanted era and one person, Ada, and the adapter.
pub(super) struct Play {
    pub(super) bitbucket: BitbucketServer,
    /// The server's clock.
    pub(super) clock: HandClock,
    /// Lanyard's clock.
    pub(super) ours: Arc<FixedClock>,
    pub(super) app: OauthApp,
    pub(super) adapter: Arc<dyn GitProvider>,
}

impl Play {
    pub(super) async fn signed() -> Self {
        Self::with(BitbucketOptions::server(), Protocol::Oauth1).await
    }

    pub(super) async fn coded() -> Self {
        Self::with(BitbucketOptions::data_center(), Protocol::Oauth2).await
    }

    /// One of each era, the older below a context path.
    pub(super) async fn both() -> [Self; 2] {
        let below = BitbucketOptions::server().below("/bitbucket");
        [
            Self::with(below, Protocol::Oauth1).await,
            Self::coded().await,
        ]
    }

    pub(super) async fn with(options: BitbucketOptions, protocol: Protocol) -> Self {
        let clock = HandClock::at(noon());
        let bitbucket = BitbucketServer::start(options.with_clock(clock.clock()))
            .await
            .unwrap();
        bitbucket.add_user("ada");
        let base_url: BaseUrl = bitbucket.base_url().parse().unwrap();
        let mut app = app(&base_url, protocol);
        match protocol {
            Protocol::Oauth1 => {
                assert!(bitbucket.link_application("Lanyard", CONSUMER, &pem(our_key())));
            }
            Protocol::Oauth2 => {
                let client = bitbucket.add_incoming_link("Lanyard", CALLBACK, &["ACCOUNT_WRITE"]);
                app.client_id = client.client_id;
                app.client_secret = client.client_secret.into();
            }
        }
        let ours = Arc::new(FixedClock::at(noon()));
        Self {
            adapter: adapter(&base_url, ours.clone()),
            bitbucket,
            clock,
            ours,
            app,
        }
    }

    /// Lets time pass, here and there.
    pub(super) fn passes(&self, seconds: i64) {
        self.ours.advance(TimeDelta::seconds(seconds));
        self.clock.set(self.ours.now());
    }

    /// Sends a person's browser through the consent page; returns what begun it and what came.
    pub(super) async fn consent(&self, name: &str) -> (Begun, Came) {
        let begun = self.adapter.begin(&self.app, "the-state").await.unwrap();
        let url = begun.authorize_url.as_str();
        let back = self.bitbucket.approve(url, name).await.unwrap();
        assert_eq!(query(&back, "state").as_deref(), Some("the-state"));
        (begun, came(&back))
    }

    /// Links a person and returns the tokens.
    pub(super) async fn link(&self, name: &str) -> Tokens {
        let (begun, came) = self.consent(name).await;
        self.exchange(&came, &begun).await.unwrap()
    }

    pub(super) async fn exchange(
        &self,
        came: &Came,
        begun: &Begun,
    ) -> Result<Tokens, ProviderFailure> {
        let kept = begun.kept.as_ref();
        self.adapter.exchange(&self.app, came, kept).await
    }

    pub(super) async fn refresh(&self, tokens: &Tokens) -> Result<Tokens, ProviderFailure> {
        self.adapter.refresh(&self.app, tokens).await
    }

    pub(super) async fn list(&self, access: &Secret) -> Result<Vec<RemoteKey>, ProviderFailure> {
        self.adapter.list_keys(&self.app, access).await
    }

    pub(super) async fn add(&self, access: &Secret, number: u8) -> Result<Added, ProviderFailure> {
        let key = key(number);
        let new = NewKey {
            title: "Lanyard",
            key: &key,
            expires_at: None,
        };
        self.adapter.add_key(&self.app, access, &new).await
    }

    /// Puts a key there that counts as ours.
    pub(super) async fn put(&self, access: &Secret, number: u8) -> RemoteKey {
        match self.add(access, number).await.unwrap() {
            Added::Created(key) => key,
            Added::AlreadyThere => panic!("the key {number} is there already"),
        }
    }
}

/// What a browser brings back, as the callback takes it.
pub(super) fn came(back: &Url) -> Came {
    let code = query(back, "code").or_else(|| query(back, "oauth_verifier"));
    Came {
        code: code.unwrap().into(),
        token: query(back, "oauth_token").map(Secret::from),
    }
}

/// The words of a failure.
pub(super) fn words(failure: &ProviderFailure) -> &str {
    failure.failure.detail.as_deref().unwrap_or_default()
}

/// A server that answers as a test says, for answers that no practice Bitbucket gives.
pub(super) struct Canned {
    pub(super) app: OauthApp,
    pub(super) adapter: Arc<dyn GitProvider>,
    server: CannedServer,
}

impl Canned {
    pub(super) async fn answering(
        protocol: Protocol,
        answer: impl Fn(&Seen) -> Response + Send + Sync + 'static,
    ) -> Self {
        let server = CannedServer::answering(answer).await;
        let base_url = &server.base_url;
        Self {
            app: app(base_url, protocol),
            adapter: adapter(base_url, Arc::new(FixedClock::at(noon()))),
            server,
        }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.server.seen()
    }
}

/// A refusal in Bitbucket's envelope.
pub(super) fn envelope(status: u16, exception: &str, words: &str) -> Response {
    let body = serde_json::json!({
        "errors": [{ "context": null, "message": words, "exceptionName": exception }],
    });
    answer(status, &[], body.to_string())
}
