//! A person's keys. No route answers a private half.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::keyring::{Holder, RotationCause};
use domain::{KeyId, UserId};
use projections::key_placements::PlacementRow;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::{Asking, Subject, parse};
use super::extract::{Fields, InPath};
use super::fresh::Index;
use super::input::Reason;
use super::openapi::Doc;
use super::problem::Problem;
use super::sync::FailureBody;
use crate::app::App;
use crate::app::keys::KeyNow;

/// A key to be made.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct MakeKey {
    /// `personal`: a linked account's key is made with the link.
    #[schema(example = "personal")]
    holder: String,
}

/// Why and how a key is to be replaced.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct RotateKey {
    /// Why, for the history.
    reason: Option<String>,
    /// The old key must not be trusted any more: it is withdrawn first.
    compromised: Option<bool>,
}

/// One key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyBody {
    /// The key.
    key: String,
    /// What it is for: `account` or `personal`.
    holder: &'static str,
    /// The account that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    /// The provider of that account.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    /// Its algorithm.
    #[schema(example = "ed25519")]
    algorithm: &'static str,
    /// `current`, `replaced`, `compromised` or `retired`.
    standing: &'static str,
    /// Its public half, as in `authorized_keys`, without a comment.
    public_key: String,
    /// As OpenSSH prints it.
    #[schema(example = "SHA256:…")]
    fingerprint: String,
    /// The key that took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_by: Option<String>,
    /// When it was made.
    made_at: DateTime<Utc>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    retired_at: Option<DateTime<Utc>>,
    /// Where it is on its way to the provider or away from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    placement: Option<KeyPlacementBody>,
}

/// Where a key is on its way to the provider or away from it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyPlacementBody {
    /// Where it should be: `present` or `absent`.
    wanted: &'static str,
    /// `requested`, `failed`, `parked`, `published`, `withdrawn`, `released` or `left`.
    state: &'static str,
    /// How many tries have failed since it was requested.
    attempts: u32,
    /// When it is tried next.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_try_at: Option<DateTime<Utc>>,
    /// Why the last try failed, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureBody>,
}

/// A person's keys.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeysBody {
    /// The keys, oldest first.
    keys: Vec<KeyBody>,
}

/// A rotation that has begun.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RotationBody {
    /// The new key.
    key: String,
    /// The key that it replaces.
    replaced: String,
}

const HOLDERS: [(&str, Holder); 1] = [("personal", Holder::Personal)];

pub(super) async fn list(
    State(app): State<App>,
    Subject(user): Subject,
) -> Result<Json<KeysBody>, Problem> {
    let keys = app.list_keys(&user).await?.into_iter().map(body).collect();
    Ok(Json(KeysBody { keys }))
}

pub(super) fn list_doc() -> Doc {
    Doc::new("listKeys", "Lists a person's keys, and where each is")
        .says("Calls no provider.")
        .answers::<KeysBody>(200, "the keys, oldest first")
}

pub(super) async fn get(
    State(app): State<App>,
    Subject(user): Subject,
    InPath((_, key)): InPath<(String, String)>,
) -> Result<Response, Problem> {
    let (key, as_text) = match key.strip_suffix(".pub") {
        Some(key) => (key, true),
        None => (key.as_str(), false),
    };
    let found = app.key(&user, parse::<KeyId>("key", key)?).await?;
    if as_text {
        let line = public_line(&app, &user, &found);
        return Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], line).into_response());
    }
    Ok(Json(body(found)).into_response())
}

pub(super) fn get_doc() -> Doc {
    Doc::new("getKey", "Shows one key; with .pub at the end, its public half as OpenSSH writes it")
        .answers::<KeyBody>(200, "the key")
        .problems(&["key-not-found", "invalid-input"])
}

pub(super) async fn make(
    State(app): State<App>,
    asking: Asking,
    Subject(user): Subject,
    Fields(mut input): Fields,
) -> Result<impl IntoResponse, Problem> {
    let holder = match input.word("holder", &HOLDERS) {
        Ok(Some(holder)) => Ok(holder),
        Ok(None) => Err(input.reject("holder", "is required")),
        Err(rejected) => Err(rejected),
    };
    input.finish(holder)?;
    let (key, executed) = app.make_personal_key(&user, &asking.caller()).await?;
    let (_, made) = executed.state.current(Holder::Personal).ok_or_else(|| {
        Problem::internal("a keyring that took a personal key has none")
    })?;
    let body = KeyBody {
        key: key.to_string(),
        holder: "personal",
        account: None,
        provider: None,
        algorithm: made.algorithm.as_str(),
        standing: "current",
        public_key: made.public_key.line.clone(),
        fingerprint: made.public_key.fingerprint.clone(),
        replaced_by: None,
        made_at: app.now(),
        retired_at: None,
        placement: None,
    };
    let status = if executed.events.is_empty() { StatusCode::OK } else { StatusCode::CREATED };
    let location = [(header::LOCATION, format!("/api/v1/users/{user}/keys/{key}"))];
    Ok((status, location, Index(executed.index), Json(body)))
}

pub(super) fn make_doc() -> Doc {
    Doc::new("makeKey", "Makes the personal key, for hosts that Lanyard has no API for")
        .says("Where there is one already, it is answered with 200.")
        .takes::<MakeKey>()
        .answers::<KeyBody>(201, "the key")
        .problems(&["invalid-input"])
}

pub(super) async fn rotate(
    State(app): State<App>,
    asking: Asking,
    Subject(user): Subject,
    InPath((_, key)): InPath<(String, String)>,
    Fields(mut input): Fields,
) -> Result<impl IntoResponse, Problem> {
    let replaced = parse::<KeyId>("key", &key)?;
    let reason = input.optional::<Reason>("reason");
    let compromised = input.flag("compromised");
    let (reason, compromised) = input.finish((|| Ok((reason?, compromised?)))())?;
    let cause = match compromised {
        Some(true) => RotationCause::Compromised,
        Some(false) | None => RotationCause::Requested,
    };
    let caller = asking.caller_because(reason.map(|reason| reason.0));
    let (key, executed) = app.rotate_key(&user, replaced, cause, &caller).await?;
    let body = RotationBody { key: key.to_string(), replaced: replaced.to_string() };
    let location = [(header::LOCATION, format!("/api/v1/users/{user}/keys/{key}"))];
    Ok((StatusCode::ACCEPTED, location, Index(executed.index), Json(body)))
}

pub(super) fn rotate_doc() -> Doc {
    Doc::new("rotateKey", "Puts a new key in the place of one")
        .says(
            "It goes on in the background: the new key is published before the old one is \
             withdrawn, unless that is said to be compromised.",
        )
        .takes::<RotateKey>()
        .answers::<RotationBody>(202, "the rotation has begun")
        .problems(&["key-not-found", "key-rotation-under-way", "invalid-input"])
}

/// Writes the public half as `ssh-keygen` does: with a comment that says whose it is.
fn public_line(app: &App, user: &UserId, known: &KeyNow) -> String {
    let host = app.public_url.host_str().unwrap_or("lanyard");
    let place = known.provider.as_ref().map_or("personal", |provider| provider.as_str());
    format!("{} {user}@{host} {place}\n", known.row.public_key.line)
}

fn body(known: KeyNow) -> KeyBody {
    let KeyNow { row, provider, placement } = known;
    let (holder, account) = match row.holder {
        Holder::Account(account) => ("account", Some(account.to_string())),
        Holder::Personal => ("personal", None),
    };
    KeyBody {
        key: row.key.to_string(),
        holder,
        account,
        provider: provider.map(|provider| provider.to_string()),
        algorithm: row.algorithm.as_str(),
        standing: row.standing.as_str(),
        public_key: row.public_key.line,
        fingerprint: row.public_key.fingerprint,
        replaced_by: row.replaced_by.map(|key| key.to_string()),
        made_at: row.made_at,
        retired_at: row.retired_at,
        placement: placement.map(placed),
    }
}

fn placed(row: PlacementRow) -> KeyPlacementBody {
    KeyPlacementBody {
        wanted: row.wanted.as_str(),
        state: row.status.as_str(),
        attempts: row.attempts,
        next_try_at: row.due_at,
        failure: row.failure.map(Into::into),
    }
}
