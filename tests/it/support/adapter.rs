//! What the tests of every adapter share: times, keys, judgements, and a server that answers as a
//! test says.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use domain::keyring::PublicKey;
use domain::{BaseUrl, Blame, ReasonCode};
use lanyard::providers::{Came, Finding, GrantVerdict, NewKey, ProviderFailure, Signer};
use lanyard::sshsig;
use lanyard::vault::Secret;
use url::Url;

pub(crate) fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 9, 1, 12, 0, 0).unwrap()
}

/// So many seconds after noon.
pub(crate) fn after(seconds: i64) -> DateTime<Utc> {
    noon() + TimeDelta::seconds(seconds)
}

pub(crate) fn query(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    pairs
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// An Ed25519 key, another one for each number.
pub(crate) fn key(number: u8) -> PublicKey {
    let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    blob.extend([number; 32]);
    PublicKey {
        line: format!("ssh-ed25519 {}", STANDARD.encode(blob)),
        fingerprint: format!("SHA256:{number}"),
    }
}

/// A key to be put there.
pub(crate) fn new_key<'a>(title: &'a str, key: &'a PublicKey) -> NewKey<'a> {
    NewKey {
        title,
        key,
        expires_at: None,
    }
}

/// Signs with the private half of a key, and remembers in which namespaces it was asked to.
#[derive(Default)]
pub(crate) struct Signs {
    private: Option<Secret>,
    asked: Mutex<Vec<String>>,
}

impl Signs {
    pub(crate) fn with(private: &Secret) -> Self {
        Self {
            private: Some(private.clone()),
            asked: Mutex::default(),
        }
    }

    /// Where nothing is to be signed.
    pub(crate) fn nothing() -> Self {
        Self::default()
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Signer for Signs {
    async fn sign(&self, namespace: &str, text: &str) -> Result<String, ProviderFailure> {
        self.asked.lock().unwrap().push(namespace.to_owned());
        let private = self.private.as_ref().expect("nothing is to be signed");
        Ok(sshsig::sign(private, namespace, text.as_bytes()).unwrap())
    }
}

/// What a browser brings back of an OAuth 2.0 flow.
pub(crate) fn came(code: Secret) -> Came {
    Came { code, token: None }
}

/// Asserts who is to blame for what, and what it says of the grant.
#[track_caller]
pub(crate) fn assert_blames(
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
pub(crate) fn finding<'a>(findings: &'a [Finding], check: &str) -> &'a Finding {
    let found = findings.iter().find(|finding| finding.check == check);
    found.unwrap_or_else(|| panic!("nothing of {check} in {findings:?}"))
}

/// One request that a canned server got.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The fields of a form.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.body.as_bytes())
            .into_owned()
            .collect()
    }
}

/// A server that answers as a test says, for answers that no practice server gives.
pub(crate) struct CannedServer {
    pub(crate) base_url: BaseUrl,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl CannedServer {
    pub(crate) async fn answering(
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
        Self {
            base_url: format!("http://{address}").parse().unwrap(),
            seen,
        }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// An answer with a status, headers and a body.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<String>) -> Response {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into().into()).unwrap()
}
