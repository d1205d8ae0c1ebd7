//! The way out: the one HTTP client, which goes only where it may and waits only so long.

mod address;
mod answer;
mod outbound;
mod ssh;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, redirect};
use serde::Serialize;
use url::Url;
use zeroize::Zeroizing;

pub use answer::Answer;
pub use outbound::{NotAllowed, Outbound};
pub use ssh::NoSsh;

use super::ProviderFailure;
use crate::clock::Clock;
use crate::vault::Secret;
use outbound::{Resolver, Rules};

const AGENT: &str = concat!("lanyard/", env!("CARGO_PKG_VERSION"));
const CONNECT: Duration = Duration::from_secs(5);
const PROBE: Duration = Duration::from_secs(15);
const CALL: Duration = Duration::from_secs(30);
/// A thousand keys of the longest kind fit twice.
const MOST_BYTES: usize = 1 << 20;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be made: {0}")]
pub struct NoClient(#[from] reqwest::Error);

/// The HTTP client; made once per process, cloned freely.
#[derive(Clone)]
pub struct Http {
    client: Client,
    rules: Arc<Rules>,
    clock: Arc<dyn Clock>,
}

impl Http {
    /// Makes the client.
    pub fn new(outbound: &Outbound, clock: Arc<dyn Clock>) -> Result<Self, NoClient> {
        // Refused only when one is installed already: the same one.
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let rules = Arc::new(Rules::new(outbound));
        let mut client = Client::builder()
            .user_agent(AGENT)
            .connect_timeout(CONNECT)
            .timeout(CALL)
            // A redirect would carry the token along.
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .dns_resolver(Resolver(rules.clone()));
        if let Some(proxy) = &outbound.proxy {
            client = client.proxy(reqwest::Proxy::all(proxy.clone())?);
        }
        Ok(Self {
            client: client.build()?,
            rules,
            clock,
        })
    }

    /// Returns the time now.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Says why a URL must not be called, without calling it.
    pub fn check(&self, url: &Url) -> Result<(), NotAllowed> {
        self.rules.check(url)
    }

    /// Begins a call.
    pub fn call(&self, method: Method, url: Url) -> Call<'_> {
        Call {
            request: self.client.request(method, url.clone()),
            http: self,
            url,
            secrets: Vec::new(),
        }
    }
}

/// One call on its way.
pub struct Call<'a> {
    http: &'a Http,
    request: RequestBuilder,
    url: Url,
    secrets: Vec<Secret>,
}

impl Call<'_> {
    /// Waits as long as for a probe, not as for a call.
    #[must_use]
    pub fn probe(mut self) -> Self {
        self.request = self.request.timeout(PROBE);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.request = self.request.header(name, HeaderValue::from_static(value));
        self
    }

    /// Speaks with a token.
    #[must_use]
    pub fn bearer(mut self, token: &Secret) -> Self {
        self.request = self.request.bearer_auth(token.expose_str());
        self.hides(token)
    }

    /// Speaks with a name and a password.
    #[must_use]
    pub fn basic(mut self, name: &str, password: &Secret) -> Self {
        self.request = self.request.basic_auth(name, Some(password.expose_str()));
        self.hides(password)
    }

    /// Sends a form.
    #[must_use]
    pub fn form(mut self, fields: &[(&str, &str)]) -> Self {
        self.request = self.request.form(fields);
        self
    }

    /// Sends JSON.
    #[must_use]
    pub fn json(mut self, body: &impl Serialize) -> Self {
        self.request = self.request.json(body);
        self
    }

    /// Keeps a secret that is sent in the body out of everything that is kept of the answer.
    #[must_use]
    pub fn hides(mut self, secret: &Secret) -> Self {
        self.secrets.push(secret.clone());
        self
    }

    /// Sends it, and reads the whole answer, up to its greatest length.
    pub async fn send(self) -> Result<Answer, ProviderFailure> {
        self.http.check(&self.url).map_err(transport::not_allowed)?;
        let mut response = self
            .request
            .send()
            .await
            .map_err(|error| transport::failure(&error))?;
        let mut body = Zeroizing::new(Vec::new());
        let mut whole = true;
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| transport::failure(&error))?
        {
            let room = MOST_BYTES - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                whole = false;
                break;
            }
        }
        Ok(Answer {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body,
            whole,
            secrets: self.secrets,
        })
    }
}
