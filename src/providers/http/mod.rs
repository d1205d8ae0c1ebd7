//! The way out: the one HTTP client, which goes only where it may and waits only so long.

mod address;
mod answer;
mod network;
mod outbound;
mod ssh;
mod transport;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::ProxyUrl;
use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, IF_NONE_MATCH,
};
use reqwest::{Certificate, Client, Method, RequestBuilder, redirect};
use serde::Serialize;
use url::Url;
use zeroize::Zeroizing;

pub use answer::Answer;
pub use network::Network;
pub use outbound::{NotAllowed, Outbound};
pub use ssh::NoSsh;

use super::{ProviderFailure, budget};
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

/// Why no call could be made on a provider's own way.
#[derive(Debug, thiserror::Error)]
pub enum BadNetwork {
    /// The proxy stands where no call may go.
    #[error("{0}")]
    Proxy(NotAllowed),
    /// The certificates cannot be read.
    #[error("holds no certificates that can be read")]
    CaBundle,
}

/// How many ways there are clients for at once.
const MOST_WAYS: usize = 100;

/// The HTTP client; made once per process, cloned freely.
#[derive(Clone)]
pub struct Http {
    client: Client,
    /// Clients of the providers that have a way of their own.
    ways: Arc<Mutex<HashMap<Network, Client>>>,
    outbound: Arc<Outbound>,
    rules: Arc<Rules>,
    clock: Arc<dyn Clock>,
}

impl Http {
    /// Makes the client.
    pub fn new(outbound: &Outbound, clock: Arc<dyn Clock>) -> Result<Self, NoClient> {
        // Refused only when one is installed already: the same one.
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let rules = Arc::new(Rules::new(outbound));
        Ok(Self {
            client: client(outbound, &rules, &Network::default())?,
            ways: Arc::default(),
            outbound: Arc::new(outbound.clone()),
            rules,
            clock,
        })
    }

    /// Returns the client for a way, made at its first use.
    fn client(&self, network: &Network) -> Result<Client, NoClient> {
        if *network == Network::default() {
            return Ok(self.client.clone());
        }
        let mut ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = ways.get(network) {
            return Ok(client.clone());
        }
        let client = client(&self.outbound, &self.rules, network)?;
        if ways.len() >= MOST_WAYS {
            // Those in use come back at their next call.
            ways.clear();
        }
        ways.insert(network.clone(), client.clone());
        Ok(client)
    }

    /// Says why no call could be made on a way.
    pub fn check_network(&self, network: &Network) -> Result<(), BadNetwork> {
        self.check_proxy(network).map_err(BadNetwork::Proxy)?;
        // A parsed proxy is always taken: what is left are the certificates.
        let made = self.client(network);
        made.map(drop).map_err(|_| BadNetwork::CaBundle)
    }

    fn check_proxy(&self, network: &Network) -> Result<(), NotAllowed> {
        match &network.proxy {
            Some(proxy) => self.rules.check_proxy(&proxy.url()),
            None => Ok(()),
        }
    }

    /// Returns where calls may go.
    pub fn outbound(&self) -> &Outbound {
        &self.outbound
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
    pub fn call(&self, network: &Network, method: Method, url: Url) -> Call<'_> {
        let client = self.client(network);
        Call {
            request: client.map(|client| client.request(method, url.clone())),
            http: self,
            proxy: self.check_proxy(network).map(|()| network.proxy.is_some()),
            url,
            secrets: Vec::new(),
        }
    }
}

fn client(outbound: &Outbound, rules: &Arc<Rules>, network: &Network) -> Result<Client, NoClient> {
    let mut client = Client::builder()
        .user_agent(AGENT)
        .connect_timeout(CONNECT)
        .timeout(CALL)
        // A redirect would carry the token along.
        .redirect(redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .dns_resolver(Resolver(rules.clone()));
    let own = network.proxy.as_ref().map(ProxyUrl::as_str);
    let proxy = match own {
        Some(proxy) => Some(reqwest::Proxy::all(proxy)?),
        None => outbound
            .proxy
            .clone()
            .map(reqwest::Proxy::all)
            .transpose()?,
    };
    if let Some(proxy) = proxy {
        client = client.proxy(proxy);
    }
    if let Some(bundle) = &network.ca_bundle {
        let certificates = Certificate::from_pem_bundle(bundle.as_str().as_bytes())?;
        client = client.tls_certs_merge(certificates);
    }
    Ok(client.build()?)
}

/// One call on its way.
pub struct Call<'a> {
    http: &'a Http,
    request: Result<RequestBuilder, NoClient>,
    /// Whether it goes through a proxy of the provider's own, if that may be called.
    proxy: Result<bool, NotAllowed>,
    url: Url,
    secrets: Vec<Secret>,
}

impl Call<'_> {
    fn change(mut self, change: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Self {
        self.request = self.request.map(change);
        self
    }

    /// Waits as long as for a probe, not as for a call.
    #[must_use]
    pub fn probe(self) -> Self {
        self.change(|request| request.timeout(PROBE))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(self, name: HeaderName, value: &'static str) -> Self {
        self.change(|request| request.header(name, HeaderValue::from_static(value)))
    }

    /// Adds a header whose value is made for this call.
    #[must_use]
    pub fn says(self, name: HeaderName, value: &str) -> Self {
        self.change(|request| request.header(name, value))
    }

    /// Asks only for what is not as it was when the provider gave this tag.
    #[must_use]
    pub fn unless_is(self, tag: &str) -> Self {
        match HeaderValue::from_str(tag) {
            Ok(tag) => self.change(|request| request.header(IF_NONE_MATCH, tag)),
            // Then everything is asked for.
            Err(_) => self,
        }
    }

    /// Speaks with a token.
    #[must_use]
    pub fn bearer(self, token: &Secret) -> Self {
        self.change(|request| request.bearer_auth(token.expose_str()))
            .hides(token)
    }

    /// Speaks with a name and a password.
    #[must_use]
    pub fn basic(self, name: &str, password: &Secret) -> Self {
        self.change(|request| request.basic_auth(name, Some(password.expose_str())))
            .hides(password)
    }

    /// Speaks with an `Authorization` header that is whole already (OAuth 1.0a).
    #[must_use]
    pub fn authorization(self, value: &Secret) -> Self {
        let header = HeaderValue::from_bytes(value.expose());
        self.change(|request| match header {
            Ok(mut header) => {
                header.set_sensitive(true);
                request.header(AUTHORIZATION, header)
            }
            // Without it the call is refused, which is better than a panic over a secret.
            Err(_) => request,
        })
        .hides(value)
    }

    /// Says that nothing is sent. A POST says so too (RFC 9110, 8.6), which hyper leaves out; strict
    /// servers answer 411 then.
    #[must_use]
    pub fn nothing(self) -> Self {
        self.header(CONTENT_LENGTH, "0")
    }

    /// Sends a form.
    #[must_use]
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        self.change(|request| request.form(fields))
    }

    /// Sends JSON.
    #[must_use]
    pub fn json(self, body: &impl Serialize) -> Self {
        self.change(|request| request.json(body))
    }

    /// Sends JSON that is written already, to the byte.
    #[must_use]
    pub fn json_text(self, body: &str) -> Self {
        let json = HeaderValue::from_static("application/json");
        self.change(|request| request.header(CONTENT_TYPE, json).body(body.to_owned()))
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
        if self.proxy.map_err(transport::proxy_not_allowed)? {
            let judged = self.http.rules.check_behind_proxy(&self.url).await;
            judged.map_err(transport::not_allowed)?;
        }
        let request = self.request.map_err(|_| transport::no_client())?;
        let mut response = request
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
        let answer = Answer {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body,
            whole,
            secrets: self.secrets,
        };
        if let Some(until) = answer.limit_resets(self.http.now()) {
            budget::used_up(until);
        }
        Ok(answer)
    }
}
