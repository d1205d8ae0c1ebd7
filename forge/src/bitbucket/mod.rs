//! A practice Bitbucket Server (Data Center), with application links of both eras.
//!
//! Sources of its rules: Atlassian's REST and OAuth pages for 7.21 to 10.1, the OAuth provider that
//! Atlassian ported to the Jenkins plugin, the status map of `net.oauth`, and RFC 5849.
#![expect(
    clippy::result_large_err,
    reason = "a refusal is a whole answer, made once a call"
)]

mod answer;
mod controls;
mod faults;
mod gate;
mod keys;
mod links;
mod oauth1;
mod oauth2;
mod options;
mod people;
mod rest;
mod rules;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use url::Url;

pub use keys::BitbucketKey;
pub use links::BitbucketClient;
pub use options::BitbucketOptions;
pub use people::BitbucketUser;
pub use rules::{BitbucketDeletes, BitbucketKeyRule, BitbucketRate, BitbucketSsh, BitbucketState};

use crate::faults::{Fault, Faults};
use crate::journal::Journal;
use crate::server::{Port, Practice, Server};
use crate::{ForgeError, browser};
use world::World;

/// Where the REST API of every Bitbucket begins, below the context path.
const API: &str = "/rest";

/// A running practice Bitbucket Server; dropping it stops it.
#[derive(Debug)]
pub struct BitbucketServer {
    hub: Arc<Hub>,
    _server: Server,
}

/// What the handlers share.
#[derive(Debug)]
struct Hub {
    /// With the context path, without a slash at the end.
    base: String,
    options: BitbucketOptions,
    faults: Faults,
    journal: Journal,
    world: Mutex<World>,
}

impl Hub {
    fn now(&self) -> DateTime<Utc> {
        (self.options.clock)()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Practice for Hub {
    const API: &'static str = API;

    fn root(&self) -> &str {
        &self.options.context
    }

    fn now(&self) -> DateTime<Utc> {
        self.now()
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }

    fn journal(&self) -> &Journal {
        &self.journal
    }

    fn word(&self, fault: &Fault) -> Response {
        faults::word(fault, &self.base)
    }
}

impl BitbucketServer {
    /// Starts one on a loopback port.
    pub async fn start(options: BitbucketOptions) -> Result<Self, ForgeError> {
        let port = Port::bind(options.port).await?;
        let hub = Arc::new(Hub {
            base: format!("http://{}{}", port.address()?, options.context),
            options,
            faults: Faults::none(),
            journal: Journal::new(),
            world: Mutex::new(World::new()),
        });
        let server = Server::start(port, hub.clone(), routes(&hub));
        Ok(Self {
            hub,
            _server: server,
        })
    }

    /// Returns the base URL with its context path, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.hub.base
    }

    /// Returns the URL of something below the base URL: `bitbucket.url("/status")`.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.hub.base)
    }

    /// Opens an authorize URL of either era in a browser, signs `name` in, approves, and returns
    /// the callback URL that the browser is sent to.
    pub async fn approve(&self, authorize_url: &str, name: &str) -> Result<Url, ForgeError> {
        self.answer_consent(authorize_url, name, "approve").await
    }

    /// Does as [`Self::approve`] does, but turns the app away.
    pub async fn deny(&self, authorize_url: &str, name: &str) -> Result<Url, ForgeError> {
        self.answer_consent(authorize_url, name, "deny").await
    }

    async fn answer_consent(
        &self,
        authorize_url: &str,
        name: &str,
        decision: &str,
    ) -> Result<Url, ForgeError> {
        let unusable = || ForgeError::Url(authorize_url.to_owned());
        let url = Url::parse(authorize_url).map_err(|_| unusable())?;
        let page = browser::open(&url).await?;
        let Some(ticket) = page.hidden(answer::TICKET) else {
            return page.sends_to();
        };
        let form = [
            (answer::TICKET, &*ticket),
            ("user", name),
            ("decision", decision),
        ];
        let mut target = url;
        target.set_query(None);
        browser::submit(&target, &form).await?.sends_to()
    }
}

fn routes(hub: &Arc<Hub>) -> Router {
    let mut inside = Router::new()
        .route("/status", get(rest::status))
        .route("/login", get(answer::login_page))
        .route(oauth1::REQUEST_TOKEN, post(oauth1::flow::request_token))
        .route(
            oauth1::AUTHORIZE,
            get(oauth1::flow::ask).post(oauth1::flow::decide),
        )
        .route(oauth1::ACCESS_TOKEN, post(oauth1::flow::access_token))
        .route("/plugins/servlet/applinks/whoami", get(rest::whoami));
    for version in ["latest", "1.0"] {
        let path = |resource: &str, rest: &str| format!("{API}/{resource}/{version}{rest}");
        inside = inside
            .route(
                &path("api", "/application-properties"),
                get(rest::application_properties),
            )
            .route(&path("api", "/users"), get(people::find))
            .route(&path("api", "/users/{slug}"), get(people::show))
            .route(
                &path("ssh", "/keys"),
                get(keys::list).post(keys::create).delete(keys::remove_all),
            )
            .route(
                &path("ssh", "/keys/{id}"),
                get(keys::show).delete(keys::remove),
            )
            .route(&path("ssh", "/settings"), get(rest::ssh_settings))
            .route(&path("oauth2", "/client"), get(oauth2::clients))
            .route(
                &path("oauth2", "/authorize"),
                get(oauth2::authorize::ask).post(oauth2::authorize::decide),
            )
            .route(&path("oauth2", "/token"), post(oauth2::token::give));
    }
    let inside = inside
        .fallback(answer::nothing_here)
        .method_not_allowed_fallback(answer::wrong_method)
        .layer(from_fn_with_state(hub.clone(), gate::gate));
    let mounted = if hub.options.context.is_empty() {
        inside
    } else {
        Router::new()
            .nest(&hub.options.context, inside)
            .fallback(answer::outside_the_context)
    };
    mounted.with_state(hub.clone())
}
