//! The adapter and a server for it to talk to.

use std::sync::{Arc, Mutex};

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
use forge::{GitLab, GitLabApp, GitLabOptions, HandClock};
use lanyard::clock::{Clock, FixedClock, SeededIds};
use lanyard::providers::{
    Added, Begun, Came, Finding, GitProvider, GrantVerdict, Network, NewKey, OauthApp, Outbound,
    ProviderFailure, Providers, RemoteKey, Tokens,
};
use lanyard::vault::Secret;
use url::Url;

pub(super) const CALLBACK: &str = "http://127.0.0.1:8080/oauth/callback/gitlab";

pub(super) fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 9, 1, 12, 0, 0).unwrap()
}

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

/// What a browser brings back of an OAuth 2.0 flow.
pub(super) fn came(code: Secret) -> Came {
    Came { code, token: None }
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

/// A key to be put there.
pub(super) fn new_key<'a>(title: &'a str, key: &'a PublicKey) -> NewKey<'a> {
    NewKey {
        title,
        key,
        expires_at: None,
    }
}

/// So many seconds after noon.
pub(super) fn after(seconds: i64) -> DateTime<Utc> {
    noon() + TimeDelta::seconds(seconds)
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

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The fields of a form.
    pub(super) fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.body.as_bytes())
            .into_owned()
            .collect()
    }
}

/// A server that answers as a test says, for answers that no practice GitLab gives.
pub(super) struct Canned {
    pub(super) base_url: BaseUrl,
    pub(super) app: OauthApp,
    pub(super) adapter: Arc<dyn GitProvider>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Canned {
    pub(super) async fn answering(
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
            app: app(&base_url, "the-client", "the-client-secret"),
            adapter: adapter(&base_url),
            base_url,
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
