//! A practice GitHub.com or GitHub Enterprise Server.
#![expect(
    clippy::result_large_err,
    reason = "a refusal is a whole answer, made once a call"
)]

mod answer;
mod applications;
mod apps;
mod authorize;
mod controls;
mod faults;
mod gate;
mod keys;
mod limits;
mod options;
mod people;
mod public;
mod scopes;
mod token;
mod tokens;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{any, delete, get, post};
use chrono::{DateTime, Utc};
use url::Url;

pub use apps::{App, RedirectRule, TokenLife};
pub use keys::Key;
pub use options::{Flavour, GitHubOptions, WritePace};
pub use people::User;

use crate::faults::{Fault, Faults};
use crate::journal::Journal;
use crate::server::{Port, Practice, Server};
use crate::{ForgeError, browser};
use world::World;

/// Where the API of every practice GitHub begins, as on Enterprise Server.
const API: &str = "/api/v3";

/// A running practice GitHub; dropping it stops it.
#[derive(Debug)]
pub struct GitHub {
    hub: Arc<Hub>,
    _server: Server,
}

/// What the handlers share.
#[derive(Debug)]
struct Hub {
    base: String,
    options: GitHubOptions,
    faults: Faults,
    journal: Journal,
    world: Mutex<World>,
}

impl Hub {
    fn now(&self) -> DateTime<Utc> {
        (self.options.clock)()
    }

    /// Opens the world as it is now: what ran out by itself is gone.
    fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        if self.options.flavour == Flavour::DotCom {
            world.forget_what_idled(self.now());
        }
        world
    }

    /// Returns the URL of something in the API.
    fn api(&self, path: &str) -> String {
        format!("{}{API}{path}", self.base)
    }
}

impl Practice for Hub {
    const API: &'static str = API;

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

impl GitHub {
    /// Starts one on a loopback port.
    pub async fn start(options: GitHubOptions) -> Result<Self, ForgeError> {
        let port = Port::bind(options.port).await?;
        let hub = Arc::new(Hub {
            base: format!("http://{}", port.address()?),
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

    /// Returns the base URL, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.hub.base
    }

    /// Returns the URL of something in the API: `github.api("/user/keys")`.
    pub fn api(&self, path: &str) -> String {
        self.hub.api(path)
    }

    /// Opens an authorize URL in a browser, signs `login` in, approves, and returns the callback
    /// URL that the browser is sent to.
    pub async fn approve(&self, authorize_url: &str, login: &str) -> Result<Url, ForgeError> {
        self.answer_consent(authorize_url, login, "1").await
    }

    /// Does as [`Self::approve`] does, but turns the app away.
    pub async fn deny(&self, authorize_url: &str, login: &str) -> Result<Url, ForgeError> {
        self.answer_consent(authorize_url, login, "0").await
    }

    async fn answer_consent(
        &self,
        authorize_url: &str,
        login: &str,
        authorize: &str,
    ) -> Result<Url, ForgeError> {
        let url =
            Url::parse(authorize_url).map_err(|_| ForgeError::Url(authorize_url.to_owned()))?;
        let page = browser::open(&url).await?;
        let Some(consent) = page.hidden(authorize::CONSENT) else {
            return page.sends_to();
        };
        let form = [
            (authorize::CONSENT, &*consent),
            ("login", login),
            ("authorize", authorize),
        ];
        let target = url
            .join(authorize::PATH)
            .map_err(|_| ForgeError::Url(url.to_string()))?;
        browser::submit(&target, &form).await?.sends_to()
    }
}

fn routes(hub: &Arc<Hub>) -> Router {
    let api = Router::new()
        .route("/user", get(public::me))
        .route("/user/keys", get(keys::list).post(keys::create))
        .route("/user/keys/{id}", get(keys::show).delete(keys::remove))
        .route("/user/ssh_signing_keys", get(keys::list).post(keys::create))
        .route(
            "/user/ssh_signing_keys/{id}",
            get(keys::show).delete(keys::remove),
        )
        .route("/users/{login}/keys", get(public::keys_of))
        .route("/meta", get(public::meta))
        .route("/rate_limit", get(public::rate_limit))
        .route(
            "/applications/{client_id}/token",
            post(applications::check)
                .patch(applications::reset)
                .delete(applications::delete_token),
        )
        .route(
            "/applications/{client_id}/grant",
            delete(applications::delete_grant),
        )
        .fallback(answer::not_found)
        .method_not_allowed_fallback(answer::not_found)
        .layer(from_fn_with_state(hub.clone(), gate::gate));
    Router::new()
        .nest(API, api)
        .route("/api/v3/", any(answer::not_found))
        .route(authorize::PATH, get(authorize::ask).post(authorize::decide))
        .route(token::PATH, post(token::exchange))
        .route("/{page}", get(public::key_page))
        .fallback(answer::no_page)
        .method_not_allowed_fallback(answer::no_page)
        .with_state(hub.clone())
}
