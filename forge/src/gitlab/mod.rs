//! A practice GitLab: gitlab.com, or one of somebody's own, at the root of its host or below it.
//!
//! Its rules are those of GitLab's source (`gitlabhq/gitlabhq`: `lib/api/api_guard.rb`,
//! `app/models/key.rb`, `lib/gitlab/middleware/read_only/controller.rb` and what is named beside
//! each rule) and of Doorkeeper, which serves its OAuth.
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
mod limits;
mod options;
mod people;
mod policy;
mod public;
mod token;
mod tokens;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use url::Url;

pub use apps::GitLabApp;
pub use keys::GitLabKey;
pub use options::{GitLabDuplicate, GitLabOptions};
pub use people::{GitLabAccount, GitLabUser};

use crate::faults::{Fault, Faults};
use crate::journal::Journal;
use crate::server::{Port, Practice, Server};
use crate::{ForgeError, browser};
use world::World;

/// Where the API begins, below the root.
const API: &str = "/api/v4";

/// A running practice GitLab; dropping it stops it.
#[derive(Debug)]
pub struct GitLab {
    hub: Arc<Hub>,
    _server: Server,
}

/// What the handlers share.
#[derive(Debug)]
struct Hub {
    base: String,
    options: GitLabOptions,
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

    /// Returns the URL of something in the API.
    fn api(&self, path: &str) -> String {
        format!("{}{API}{path}", self.base)
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
        faults::word(fault, self.now())
    }
}

impl GitLab {
    /// Starts one on a loopback port.
    pub async fn start(options: GitLabOptions) -> Result<Self, ForgeError> {
        let port = Port::bind(options.port).await?;
        let hub = Arc::new(Hub {
            base: format!("http://{}{}", port.address()?, options.root),
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

    /// Returns the base URL with its relative root, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.hub.base
    }

    /// Returns the URL of something in the API: `gitlab.api("/user/keys")`.
    pub fn api(&self, path: &str) -> String {
        self.hub.api(path)
    }

    /// Opens an authorize URL in a browser, signs `login` in, approves, and returns the callback
    /// URL that the browser is sent to.
    pub async fn approve(&self, authorize_url: &str, login: &str) -> Result<Url, ForgeError> {
        self.answer_consent(authorize_url, login, "1").await
    }

    /// Does as [`Self::approve`] does, but turns the application away.
    pub async fn deny(&self, authorize_url: &str, login: &str) -> Result<Url, ForgeError> {
        self.answer_consent(authorize_url, login, "0").await
    }

    async fn answer_consent(
        &self,
        authorize_url: &str,
        login: &str,
        authorize: &str,
    ) -> Result<Url, ForgeError> {
        let unusable = || ForgeError::Url(authorize_url.to_owned());
        let url = Url::parse(authorize_url).map_err(|_| unusable())?;
        let page = browser::open(&url).await?;
        let Some(consent) = page.hidden(authorize::CONSENT) else {
            return page.sends_to();
        };
        let form = [
            (authorize::CONSENT, &*consent),
            ("login", login),
            ("authorize", authorize),
        ];
        let target = format!("{}{}", self.hub.base, authorize::PATH);
        let target = Url::parse(&target).map_err(|_| unusable())?;
        browser::submit(&target, &form).await?.sends_to()
    }
}

fn routes(hub: &Arc<Hub>) -> Router {
    let api = Router::new()
        .route("/user", get(public::me))
        .route("/user/keys", get(keys::list).post(keys::create))
        .route("/user/keys/{id}", get(keys::show).delete(keys::remove))
        .route("/version", get(public::version))
        .route("/metadata", get(public::version))
        .fallback(answer::no_route)
        .method_not_allowed_fallback(answer::no_method)
        .layer(from_fn_with_state(hub.clone(), gate::gate));
    let whole = Router::new()
        .nest(API, api)
        .route(authorize::PATH, get(authorize::ask).post(authorize::decide))
        .route(token::PATH, post(token::exchange))
        .route(token::REVOKE, post(token::revoke))
        .route(token::INFO, get(token::info))
        .route("/{page}", get(public::key_page))
        .fallback(answer::no_page)
        .method_not_allowed_fallback(answer::no_page)
        .layer(from_fn_with_state(hub.clone(), gate::maintenance));
    let whole = if hub.options.root.is_empty() {
        whole
    } else {
        Router::new()
            .nest(&hub.options.root, whole)
            .fallback(answer::no_page)
    };
    whole.with_state(hub.clone())
}
