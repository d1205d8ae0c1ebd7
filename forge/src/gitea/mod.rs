//! A practice Gitea or Forgejo.
#![expect(
    clippy::result_large_err,
    reason = "a refusal is a whole answer, made once a call"
)]

mod answer;
mod apps;
mod authorize;
mod controls;
mod faults;
mod gate;
mod keys;
mod options;
mod people;
mod proofs;
mod public;
mod scopes;
mod token;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use url::Url;

pub use apps::GiteaApp;
pub use keys::GiteaKey;
pub use options::{GiteaFlavour, GiteaOptions, GiteaRefresh, GiteaRegrant};
pub use people::GiteaUser;

use crate::faults::{Fault, Faults};
use crate::journal::Journal;
use crate::server::{Port, Practice, Server};
use crate::{ForgeError, browser};
use world::World;

/// Where the API begins.
const API: &str = "/api/v1";

/// A running practice Gitea or Forgejo; dropping it stops it.
#[derive(Debug)]
pub struct Gitea {
    hub: Arc<Hub>,
    _server: Server,
}

/// What the handlers share.
#[derive(Debug)]
struct Hub {
    base: String,
    options: GiteaOptions,
    faults: Faults,
    journal: Journal,
    world: Mutex<World>,
    /// What an admin wrote as `ROOT_URL`, if not where the server is.
    root_url: Mutex<Option<String>>,
}

impl Hub {
    fn now(&self) -> DateTime<Utc> {
        (self.options.clock)()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the URL of something in the API.
    fn api(&self, path: &str) -> String {
        format!("{}{API}{path}", self.base)
    }

    fn root_url(&self) -> String {
        let wrong = self.root_url.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.clone().unwrap_or_else(|| self.base.clone())
    }
}

impl Practice for Hub {
    const API: &'static str = API;

    fn root(&self) -> &str {
        &self.options.root
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
        faults::word(self, fault)
    }
}

impl Gitea {
    /// Starts one on a loopback port.
    pub async fn start(options: GiteaOptions) -> Result<Self, ForgeError> {
        let port = Port::bind(options.port).await?;
        let hub = Arc::new(Hub {
            base: format!("http://{}{}", port.address()?, options.root),
            options,
            faults: Faults::none(),
            journal: Journal::new(),
            world: Mutex::new(World::new()),
            root_url: Mutex::new(None),
        });
        let server = Server::start(port, hub.clone(), routes(&hub));
        Ok(Self {
            hub,
            _server: server,
        })
    }

    /// Returns the base URL, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.hub.base
    }

    /// Returns the URL of something in the API: `gitea.api("/user/keys")`.
    pub fn api(&self, path: &str) -> String {
        self.hub.api(path)
    }

    /// Opens an authorize URL in a browser, signs `login` in, approves, and returns the callback
    /// URL that the browser is sent to.
    pub async fn approve(&self, authorize_url: &str, login: &str) -> Result<Url, ForgeError> {
        self.answer_consent(authorize_url, login, "true").await
    }

    /// Does as [`Self::approve`] does, but turns the application away. Who let it in before is
    /// not asked.
    pub async fn deny(&self, authorize_url: &str, login: &str) -> Result<Url, ForgeError> {
        self.answer_consent(authorize_url, login, "false").await
    }

    async fn answer_consent(
        &self,
        authorize_url: &str,
        login: &str,
        granted: &str,
    ) -> Result<Url, ForgeError> {
        let unusable = |url: &str| ForgeError::Url(url.to_owned());
        let url = Url::parse(authorize_url).map_err(|_| unusable(authorize_url))?;
        let page = browser::open(&url).await?;
        let Some(consent) = page.hidden(authorize::CONSENT) else {
            return page.sends_to();
        };
        let form = [
            (authorize::CONSENT, &*consent),
            ("login", login),
            ("granted", granted),
        ];
        let target = format!("{}{}", self.hub.base, authorize::PATH);
        let target = Url::parse(&target).map_err(|_| unusable(&target))?;
        browser::submit(&target, &form).await?.sends_to()
    }
}

fn routes(hub: &Arc<Hub>) -> Router {
    let mut api = Router::new()
        .route("/version", get(public::version))
        .route("/user", get(public::me))
        .route("/user/keys", get(keys::list).post(keys::create))
        .route("/user/keys/{id}", get(keys::show).delete(keys::remove));
    if hub.options.proofs.is_some() {
        api = api
            .route("/user/ssh_key_token", get(proofs::ask))
            .route("/user/ssh_key_verify", post(proofs::show));
    }
    let api = api
        .fallback(gate::no_route)
        .method_not_allowed_fallback(gate::no_method)
        .layer(from_fn_with_state(hub.clone(), gate::gate));
    let mut site = Router::new()
        .nest(API, api)
        .route("/api/healthz", get(public::health))
        .route("/.well-known/openid-configuration", get(public::discovery))
        .route(authorize::PATH, get(authorize::ask).post(authorize::decide))
        .route(token::PATH, post(token::exchange))
        .route(token::INTROSPECT, post(token::introspect))
        .fallback(answer::no_page);
    if !hub.options.root.is_empty() {
        site = Router::new()
            .nest(&hub.options.root, site)
            .fallback(answer::no_page);
    }
    site.with_state(hub.clone())
}
