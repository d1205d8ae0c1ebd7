//! The SSH keys of the person who calls.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Hub;
use super::answer::{Page, is_json, not_json, not_permitted, refuse, refuse_field};
use super::gate::Caller;
use super::rest::may_not;
use super::rules::BitbucketDeletes;
use super::world::World;
use crate::ssh::PublicKey;

const DUPLICATE: &str = "com.atlassian.bitbucket.ssh.DuplicateSshKeyException";
const INVALID: &str = "com.atlassian.bitbucket.ssh.InvalidSshKeyException";
const UNSUPPORTED: &str = "com.atlassian.bitbucket.ssh.UnsupportedSshKeyException";
const NO_SUCH_KEY: &str = "com.atlassian.bitbucket.ssh.NoSuchSshKeyException";
const VALIDATION: &str = "javax.validation.ConstraintViolationException";
/// What an admin's restriction says, in the page and in the API.
const RESTRICTED: &str =
    "Your SSH key does not meet the key type or key length requirements set by your admin.";

/// A key as the tests and the demo see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BitbucketKey {
    /// Its id.
    pub id: u64,
    /// Its label.
    pub label: String,
    /// The line as it came.
    pub text: String,
    /// `SHA256:…`, as `ssh-keygen -l` shows it.
    pub fingerprint: String,
    /// Consumer key or client id of the app that created it; `None` if the person did.
    pub created_by: Option<String>,
    /// When it came.
    pub created_at: DateTime<Utc>,
    /// After how many days it is of no use.
    pub expiry_days: Option<u32>,
}

/// A key as the server keeps it.
#[derive(Clone, Debug)]
pub(super) struct StoredKey {
    pub(super) id: u64,
    pub(super) owner: u64,
    pub(super) text: String,
    pub(super) label: String,
    pub(super) key: PublicKey,
    pub(super) created_by: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) expiry_days: Option<u32>,
}

impl StoredKey {
    pub(super) fn seen(&self) -> BitbucketKey {
        BitbucketKey {
            id: self.id,
            label: self.label.clone(),
            text: self.text.clone(),
            fingerprint: self.key.fingerprint(),
            created_by: self.created_by.clone(),
            created_at: self.created_at,
            expiry_days: self.expiry_days,
        }
    }

    fn json(&self) -> Value {
        let mut key = json!({
            "id": self.id,
            "text": self.text,
            "label": self.label,
            "algorithmType": algorithm_type(&self.key),
            "bitLength": bit_length(&self.key),
            "createdDate": self.created_at.timestamp_millis(),
            "fingerprint": self.key.fingerprint(),
        });
        if let Some(days) = self.expiry_days {
            key["expiryDays"] = json!(days);
        }
        key
    }
}

fn algorithm_type(key: &PublicKey) -> &'static str {
    match key.algorithm() {
        "ssh-rsa" => "RSA",
        "ssh-dss" => "DSA",
        "ssh-ed25519" => "ED25519",
        other if other.starts_with("sk-ssh-") => "SK_ED25519",
        other if other.starts_with("sk-ecdsa-") => "SK_ECDSA",
        _ => "ECDSA",
    }
}

/// Counts the bits of the modulus, or of the curve.
fn bit_length(key: &PublicKey) -> usize {
    match key.algorithm() {
        "ssh-rsa" => modulus_bits(key).unwrap_or(0),
        "ssh-dss" => 1024,
        "ecdsa-sha2-nistp384" => 384,
        "ecdsa-sha2-nistp521" => 521,
        _ => 256,
    }
}

fn modulus_bits(key: &PublicKey) -> Option<usize> {
    let bytes = STANDARD.decode(key.blob()).ok()?;
    let mut rest = bytes.as_slice();
    let mut string = || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (string, after) = after.split_at_checked(length)?;
        rest = after;
        Some(string)
    };
    let (_algorithm, _exponent) = (string()?, string()?);
    let modulus = string()?;
    let first = modulus.iter().position(|byte| *byte != 0)?;
    let zeros = usize::try_from(modulus[first].leading_zeros()).ok()?;
    Some((modulus.len() - first) * 8 - zeros)
}

/// A key that somebody wants to add.
#[derive(Clone, Debug)]
pub(super) struct NewKey<'a> {
    pub(super) owner: u64,
    pub(super) text: &'a str,
    pub(super) label: Option<&'a str>,
    pub(super) expiry_days: Option<u32>,
    pub(super) created_by: Option<String>,
}

/// Why a key is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotAdded {
    NotAKey,
    Restricted,
    LivesTooLong,
    Taken,
}

impl NotAdded {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::NotAKey => "This is not a valid SSH key. Check that you copied the whole key.",
            Self::Restricted => RESTRICTED,
            Self::LivesTooLong => "The expiry exceeds the maximum expiry set by your admin.",
            Self::Taken => "This SSH key is already in use.",
        }
    }

    fn answer(self) -> Response {
        let (status, field, exception) = match self {
            Self::NotAKey => (StatusCode::BAD_REQUEST, Some("text"), INVALID),
            Self::Restricted => (StatusCode::BAD_REQUEST, None, UNSUPPORTED),
            Self::LivesTooLong => (StatusCode::BAD_REQUEST, Some("expiryDays"), VALIDATION),
            Self::Taken => (StatusCode::CONFLICT, None, DUPLICATE),
        };
        refuse_field(status, field, self.words(), exception)
    }
}

impl World {
    /// Adds a key, or says why not. A blob may be there once on the whole server.
    pub(super) fn add_key(
        &mut self,
        new: NewKey<'_>,
        now: DateTime<Utc>,
    ) -> Result<StoredKey, NotAdded> {
        let key = PublicKey::parse(new.text).map_err(|_| NotAdded::NotAKey)?;
        let rule = &self.rules.keys;
        let refused = rule.refused.iter().any(|name| name == key.algorithm());
        let short = key.algorithm() == "ssh-rsa" && bit_length(&key) < rule.shortest_rsa;
        if refused || short {
            return Err(NotAdded::Restricted);
        }
        if let (Some(most), Some(days)) = (rule.most_days, new.expiry_days)
            && days > most
        {
            return Err(NotAdded::LivesTooLong);
        }
        let expiry_days = new.expiry_days.or(rule.most_days);
        let held = self.keys.iter().any(|other| other.key.blob() == key.blob());
        if held || self.access_keys.iter().any(|blob| blob == key.blob()) {
            return Err(NotAdded::Taken);
        }
        // Without a label the comment becomes the label.
        let label = new
            .label
            .filter(|label| !label.is_empty())
            .unwrap_or_else(|| key.comment())
            .to_owned();
        let stored = StoredKey {
            id: self.next_id(),
            owner: new.owner,
            text: new.text.trim().to_owned(),
            label,
            key,
            created_by: new.created_by,
            created_at: now,
            expiry_days,
        };
        self.keys.push(stored.clone());
        Ok(stored)
    }

    /// Returns the keys of a person, oldest first.
    pub(super) fn keys_of(&self, person: u64) -> impl Iterator<Item = &StoredKey> {
        self.keys.iter().filter(move |key| key.owner == person)
    }
}

/// `GET /rest/ssh/latest/keys`.
pub(super) async fn list(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
    Query(page): Query<Page>,
) -> Response {
    let rows = hub
        .world()
        .keys_of(caller.person)
        .map(StoredKey::json)
        .collect();
    Json(page.cut(rows)).into_response()
}

/// `POST /rest/ssh/latest/keys`: needs `ACCOUNT_WRITE`.
pub(super) async fn create(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !is_json(&headers) {
        return not_json(&Method::POST);
    }
    if !caller.may("ACCOUNT_WRITE") {
        return not_permitted();
    }
    let asked: Value = match serde_json::from_slice(&body) {
        Ok(asked @ Value::Object(_)) => asked,
        _ => {
            return refuse(
                StatusCode::BAD_REQUEST,
                "The request is not valid JSON.",
                "",
            );
        }
    };
    let days = match &asked["expiryDays"] {
        Value::Null => None,
        number => match number.as_u64().and_then(|days| u32::try_from(days).ok()) {
            Some(days) if days > 0 => Some(days),
            _ => {
                let words = "expiryDays must be a positive number.";
                let field = Some("expiryDays");
                return refuse_field(StatusCode::BAD_REQUEST, field, words, VALIDATION);
            }
        },
    };
    let new = NewKey {
        owner: caller.person,
        text: asked["text"].as_str().unwrap_or(""),
        label: asked["label"].as_str(),
        expiry_days: days,
        created_by: Some(caller.app),
    };
    let added = hub.world().add_key(new, hub.now());
    match added {
        Ok(key) => (StatusCode::CREATED, Json(key.json())).into_response(),
        Err(refusal) => refusal.answer(),
    }
}

/// `GET /rest/ssh/latest/keys/{id}`.
pub(super) async fn show(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let world = hub.world();
    let found = world
        .keys_of(caller.person)
        .find(|key| key.id.to_string() == id);
    match found {
        Some(key) => Json(key.json()).into_response(),
        None => refuse(
            StatusCode::NOT_FOUND,
            &format!("No SSH key with id {id} exists."),
            NO_SUCH_KEY,
        ),
    }
}

/// Says what keeps this caller from deleting keys, if anything does.
fn delete_refused(hub: &Hub, caller: &Caller) -> Option<Response> {
    if !caller.may("ACCOUNT_WRITE") {
        return Some(not_permitted());
    }
    match hub.world().rules.deletes {
        BitbucketDeletes::Allowed => None,
        BitbucketDeletes::Refused(status) => Some(may_not(status)),
        BitbucketDeletes::InWord => Some(StatusCode::NO_CONTENT.into_response()),
    }
}

/// `DELETE /rest/ssh/latest/keys/{id}`: 204, whether it was there or not.
pub(super) async fn remove(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    if let Some(refusal) = delete_refused(&hub, &caller) {
        return refusal;
    }
    hub.world()
        .keys
        .retain(|key| key.owner != caller.person || key.id.to_string() != id);
    StatusCode::NO_CONTENT.into_response()
}

/// `DELETE /rest/ssh/latest/keys`: deletes every key of the person.
pub(super) async fn remove_all(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
) -> Response {
    if let Some(refusal) = delete_refused(&hub, &caller) {
        return refusal;
    }
    hub.world().keys.retain(|key| key.owner != caller.person);
    StatusCode::NO_CONTENT.into_response()
}
