//! OAuth 2.0 for incoming links (7.21 and later).

pub(super) mod authorize;
pub(super) mod token;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use url::Url;

use super::Hub;
use super::answer::{not_here, not_permitted};
use super::gate::Caller;
use super::world::World;

/// How long a code may be exchanged: ten seconds
/// (`atlassian.oauth2.provider.max.client.delay.seconds`).
const CODE_LIFE: TimeDelta = TimeDelta::seconds(10);
/// `atlassian.oauth2.provider.access.token.expiration.seconds`.
const ACCESS_LIFE: TimeDelta = TimeDelta::seconds(3600);
/// `atlassian.oauth2.provider.refresh.token.expiration.seconds`.
const REFRESH_LIFE: TimeDelta = TimeDelta::days(90);

/// The scopes that an incoming link may have.
const SCOPES: &[&str] = &[
    "PUBLIC_REPOS",
    "ACCOUNT_WRITE",
    "REPO_READ",
    "REPO_WRITE",
    "REPO_ADMIN",
    "PROJECT_ADMIN",
    "ADMIN_WRITE",
    "SYSTEM_ADMIN",
];

/// A question put to a person.
#[derive(Clone, Debug)]
pub(super) struct Consent {
    client_id: String,
    redirect: Url,
    scopes: Vec<String>,
    state: Option<String>,
    challenge: Option<Challenge>,
}

/// What the verifier must turn into.
#[derive(Clone, Debug)]
enum Challenge {
    Plain(String),
    S256(String),
}

/// An answer that an app may exchange for tokens, once.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) person: u64,
    pub(super) client_id: String,
    redirect: Url,
    scopes: Vec<String>,
    challenge: Option<Challenge>,
    expires_at: DateTime<Utc>,
}

/// An access token and its refresh token.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) person: u64,
    pub(super) client_id: String,
    scopes: Vec<String>,
    access: String,
    access_ends: DateTime<Utc>,
    refresh: String,
    refresh_ends: DateTime<Utc>,
}

impl Pair {
    /// Says whether the access token still opens the door.
    pub(super) fn is_live(&self, now: DateTime<Utc>) -> bool {
        now < self.access_ends
    }
}

impl World {
    /// Finds out who calls with a bearer token.
    pub(super) fn bearer(&self, token: &str, now: DateTime<Utc>) -> Option<Caller> {
        let pair = self
            .pairs
            .iter()
            .find(|pair| pair.access == token && pair.is_live(now))?;
        let person = self
            .people
            .get(&pair.person)
            .filter(|person| person.active)?;
        Some(Caller {
            person: person.id,
            name: person.name.clone(),
            app: pair.client_id.clone(),
            scopes: Some(pair.scopes.clone()),
        })
    }
}

/// Refuses in the words of OAuth 2.0.
fn refused(error: &str, description: &str) -> Response {
    let body = json!({ "error": error, "error_description": description });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

/// `GET /rest/oauth2/1.0/client`: for admins only, so 401 tells that there is OAuth 2.0 at all.
pub(super) async fn clients(State(hub): State<Arc<Hub>>) -> Response {
    if hub.options.oauth2 {
        not_permitted()
    } else {
        not_here()
    }
}
