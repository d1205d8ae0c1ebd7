//! People's keys: their public halves, and where they are.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::keyring::{Holder, RotationCause};
use domain::{KeyId, UserId};
use projections::keys::KeyRow;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::caller::{Asking, Subject, parse};
use super::extract::{Fields, InPath, Params};
use super::fresh::Index;
use super::openapi::Doc;
use super::problem::Problem;
use super::sync::{PlacementBody, known_placement};
use super::words::Reason;
use crate::app::App;
use crate::app::keys::{KnownKey, MadeKey};

/// A key to be made.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct MakeKey {
    /// What it is for: `personal`. Keys of accounts are made when they are linked.
    #[schema(example = "personal")]
    holder: String,
}

/// A rotation.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct RotateKey {
    /// Why, in your words.
    reason: Option<String>,
    /// Whether the old key must not be trusted any more: it is then withdrawn first, and there is
    /// a moment without a key.
    compromised: Option<bool>,
}

/// A key. Its private half never leaves the server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyBody {
    /// The key's id.
    key: String,
    /// The person.
    user: String,
    /// `account`, or `personal`.
    holder: &'static str,
    /// The account that it is for, if it is for one.
    account: Option<String>,
    /// Its algorithm.
    #[schema(example = "ed25519")]
    algorithm: &'static str,
    /// Its public half: type and blob.
    #[schema(example = "ssh-ed25519 AAAA…")]
    public_key: String,
    /// Its fingerprint, as OpenSSH prints it.
    #[schema(example = "SHA256:…")]
    fingerprint: String,
    /// `current`, `replaced`, `compromised` or `retired`.
    status: &'static str,
    /// The key that takes its place, if one does.
    replaced_by: Option<String>,
    /// When it was made.
    #[serde(with = "domain::time")]
    made_at: DateTime<Utc>,
    /// When it came to its end.
    #[serde(with = "domain::time::optional")]
    retired_at: Option<DateTime<Utc>>,
    /// Where it is or should be.
    placements: Vec<PlacementBody>,
}

/// A person's keys.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeysBody {
    /// Oldest first.
    keys: Vec<KeyBody>,
}

/// A key that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MadeKeyBody {
    /// The key's id.
    key: String,
    /// Its algorithm.
    algorithm: &'static str,
    /// Its public half: type and blob.
    public_key: String,
    /// Its fingerprint, as OpenSSH prints it.
    fingerprint: String,
}

pub(super) async fn list(
    State(app): State<App>,
    Subject(user): Subject,
    Params(mut input): Params,
) -> Result<Json<KeysBody>, Problem> {
    let ended = input.flag("retired");
    let ended = input.finish(ended)?.unwrap_or(false);
    let known = app.list_keys(&user, ended).await?;
    Ok(Json(KeysBody {
        keys: known.into_iter().map(body).collect(),
    }))
}

pub(super) fn list_doc() -> Doc {
    Doc::new(
        "listKeys",
        "Lists a person's keys and where they are; calls no provider",
    )
    .says("`me` stands for whoever asks.")
    .asks("retired", "true: also the keys that have come to their end")
    .answers::<KeysBody>(200, "the keys, oldest first")
    .problems(&["invalid-input"])
}

pub(super) async fn get(
    State(app): State<App>,
    Subject(user): Subject,
    InPath((_, key)): InPath<(String, String)>,
) -> Result<Response, Problem> {
    let (key, as_line) = match key.strip_suffix(".pub") {
        Some(key) => (key, true),
        None => (key.as_str(), false),
    };
    let known = app.key(&user, parse::<KeyId>("key", key)?).await?;
    if !as_line {
        return Ok(Json(body(known)).into_response());
    }
    let KeyRow {
        public_key, holder, ..
    } = &known.row;
    let at = match (holder, known.placements.first()) {
        (Holder::Account(_), Some(placed)) => placed.row.provider.as_str(),
        (Holder::Account(_), None) => "account",
        (Holder::Personal, _) => "personal",
    };
    let line = format!("{} lanyard-{user}-{at}\n", public_key.line);
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((kind, line).into_response())
}

pub(super) fn get_doc() -> Doc {
    Doc::new("getKey", "Shows a key and where it is")
        .says("With `.pub` after the id: the OpenSSH line of its public half, as text/plain.")
        .answers::<KeyBody>(200, "the key")
        .problems(&["key-not-found"])
}

pub(super) async fn make(
    State(app): State<App>,
    asking: Asking,
    Subject(user): Subject,
    Fields(mut input): Fields,
) -> Result<impl IntoResponse, Problem> {
    let holder = match input.word("holder", &[("personal", ())]) {
        Ok(None) => Err(input.reject("holder", "is required")),
        other => other,
    };
    input.finish(holder)?;
    let made = app.make_personal_key(&user, &asking.caller()).await?;
    let status = match made.index {
        Some(_) => StatusCode::CREATED,
        None => StatusCode::OK,
    };
    Ok((status, answer(&user, made)))
}

pub(super) fn make_doc() -> Doc {
    Doc::new("makePersonalKey", "Makes the person's personal key")
        .says("For hosts that Lanyard has no API for. Whoever has one keeps it: 200.")
        .takes::<MakeKey>()
        .answers::<MadeKeyBody>(201, "the key")
        .answers::<MadeKeyBody>(200, "the key that was there already")
        .problems(&["invalid-input"])
}

pub(super) async fn rotate(
    State(app): State<App>,
    asking: Asking,
    Subject(user): Subject,
    InPath((_, key)): InPath<(String, String)>,
    Fields(mut input): Fields,
) -> Result<impl IntoResponse, Problem> {
    let key = parse::<KeyId>("key", &key)?;
    let reason = input.optional::<Reason>("reason");
    let compromised = input.flag("compromised");
    let (reason, compromised) = input.finish((|| Ok((reason?, compromised?)))())?;
    let cause = match compromised {
        Some(true) => RotationCause::Compromised,
        Some(false) | None => RotationCause::Requested,
    };
    let caller = asking.caller_because(reason.map(|reason| reason.0));
    let made = app.rotate_key(&user, key, cause, &caller).await?;
    Ok((StatusCode::ACCEPTED, answer(&user, made)))
}

pub(super) fn rotate_doc() -> Doc {
    Doc::new("rotateKey", "Makes a new key in the place of one")
        .says(
            "The new key is published before the old one is withdrawn, which stays for a grace \
             (`rotation_grace_hours` of the settings); with `compromised` the old one goes first, \
             at once.",
        )
        .takes::<RotateKey>()
        .answers::<MadeKeyBody>(202, "the new key; `Location` shows where it is")
        .problems(&["invalid-input", "key-not-found", "key-rotation-under-way"])
}

fn answer(user: &UserId, made: MadeKey) -> impl IntoResponse + use<> {
    let place = format!("/api/v1/users/{user}/keys/{}", made.key);
    let body = MadeKeyBody {
        key: made.key.to_string(),
        algorithm: made.algorithm.as_str(),
        public_key: made.public_key.line,
        fingerprint: made.public_key.fingerprint,
    };
    ([(header::LOCATION, place)], Index(made.index), Json(body))
}

fn body(known: KnownKey) -> KeyBody {
    let KnownKey { row, placements } = known;
    let (holder, account) = match row.holder {
        Holder::Account(account) => ("account", Some(account.to_string())),
        Holder::Personal => ("personal", None),
    };
    KeyBody {
        key: row.key.to_string(),
        user: row.user.to_string(),
        holder,
        account,
        algorithm: row.algorithm.as_str(),
        public_key: row.public_key.line,
        fingerprint: row.public_key.fingerprint,
        status: row.standing.as_str(),
        replaced_by: row.replaced_by.map(|key| key.to_string()),
        made_at: row.made_at,
        retired_at: row.retired_at,
        placements: placements.into_iter().map(known_placement).collect(),
    }
}
