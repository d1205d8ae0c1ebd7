//! The adapter and a server for it to talk to.

use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use domain::keyring::PublicKey;
use domain::provider::{Protocol, ProviderKind};
use domain::{BaseUrl, Blame, ReasonCode};
use forge::{BitbucketOptions, BitbucketServer, HandClock};
use lanyard::clock::{Clock, FixedClock, SeededIds};
use lanyard::providers::{
    Added, Begun, Came, Finding, GitProvider, GrantVerdict, Network, NewKey, OauthApp, Outbound,
    ProviderFailure, Providers, RemoteKey, Tokens, link_key,
};
use lanyard::vault::Secret;
use url::Url;

pub(super) use crate::support::link_key::{our_key, pem};

pub(super) const CALLBACK: &str = "http://127.0.0.1:8080/oauth/callback/bitbucket";
pub(super) const CONSUMER: &str = "Lanyard";

pub(super) fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 9, 1, 12, 0, 0).unwrap()
}

/// So many seconds after noon.
pub(super) fn after(seconds: i64) -> DateTime<Utc> {
    noon() + TimeDelta::seconds(seconds)
}

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

pub(super) fn query(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    pairs
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// An Ed25519 key, another one for each number.
pub(super) fn key(number: u8) -> PublicKey {
    let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    blob.extend([number; 32]);
    PublicKey {
        line: format!("ssh-ed25519 {}", STANDARD.encode(blob)),
        fingerprint: format!("SHA256:{number}"),
    }
}

/// Asserts who is to blame for what, and what it says of the grant.
#[track_caller]
pub(super) fn assert_blames(
    failure: &ProviderFailure,
    blame: Blame,
    code: ReasonCode,
    grant: GrantVerdict,
) {
    let said = (failure.failure.blame, failure.failure.code, failure.grant);
    assert_eq!(said, (blame, code, grant), "{failure:?}");
}

/// The words of a failure.
pub(super) fn words(failure: &ProviderFailure) -> &str {
    failure.failure.detail.as_deref().unwrap_or_default()
}

/// What a test of a provider found of one thing.
#[track_caller]
pub(super) fn finding<'a>(findings: &'a [Finding], check: &str) -> &'a Finding {
    let found = findings.iter().find(|finding| finding.check == check);
    found.unwrap_or_else(|| panic!("nothing of {check} in {findings:?}"))
}

/// One request that a canned server got.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) line: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

/// A server that answers as a test says, for answers that no practice Bitbucket gives.
pub(super) struct Canned {
    pub(super) app: OauthApp,
    pub(super) adapter: Arc<dyn GitProvider>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Canned {
    pub(super) async fn answering(
        protocol: Protocol,
        answer: impl Fn(&Seen) -> Response + Send + Sync + 'static,
    ) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (answer, log) = (Arc::new(answer), seen.clone());
        let serve = async move |request: Request| {
            let (head, body) = request.into_parts();
            let body = to_bytes(body, 1 << 20).await.unwrap();
            let seen = Seen {
                line: format!("{} {}", head.method, head.uri),
                headers: head.headers,
                body: String::from_utf8(body.to_vec()).unwrap(),
            };
            let response = answer(&seen);
            log.lock().unwrap().push(seen);
            response
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().fallback(serve);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let base_url: BaseUrl = format!("http://{address}").parse().unwrap();
        Self {
            app: app(&base_url, protocol),
            adapter: adapter(&base_url, Arc::new(FixedClock::at(noon()))),
            seen,
        }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// An answer with a status, headers and a body.
pub(super) fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<String>) -> Response {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into().into()).unwrap()
}

/// A refusal in Bitbucket's envelope.
pub(super) fn envelope(status: u16, exception: &str, words: &str) -> Response {
    let body = serde_json::json!({
        "errors": [{ "context": null, "message": words, "exceptionName": exception }],
    });
    answer(status, &[], body.to_string())
}
