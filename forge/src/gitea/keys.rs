//! The SSH keys of the person who calls.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{invalid, missing, object, refuse, stamp};
use super::world::{Caller, World};
use super::{GiteaOptions, Hub};
use crate::ssh::{KeyRefusal, PublicKey};

const PER_PAGE: usize = 30;

/// A key as the tests and the demo see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GiteaKey {
    /// Its id.
    pub id: u64,
    /// Its title.
    pub title: String,
    /// Algorithm and blob, without a comment.
    pub key: String,
    /// `SHA256:…`, as `ssh-keygen -l` shows it.
    pub fingerprint: String,
    /// The client id of the application that created it; `None` if somebody else did.
    pub created_by: Option<String>,
    /// When it came.
    pub created_at: DateTime<Utc>,
    /// Whether it is proven, and so trusted to sign commits.
    pub verified: bool,
}

/// A key as the server keeps it.
#[derive(Clone, Debug)]
pub(super) struct StoredKey {
    pub(super) id: u64,
    pub(super) owner: u64,
    pub(super) title: String,
    pub(super) key: PublicKey,
    pub(super) created_by: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    /// Whether it came from a directory, which alone may take it away.
    pub(super) external: bool,
    /// Whether a signature of it was seen.
    pub(super) verified: bool,
}

impl StoredKey {
    /// Returns it as the API shows it; who owns it is shown to its owner only.
    pub(super) fn json(&self, hub: &Hub, world: &World, caller: &Caller) -> Value {
        let line = match self.key.comment() {
            "" => self.key.bare(),
            comment => format!("{} {comment}", self.key.bare()),
        };
        let mut body = json!({
            "id": self.id,
            "key": line,
            "url": hub.api(&format!("/user/keys/{}", self.id)),
            "title": self.title,
            "fingerprint": self.key.fingerprint(),
            "created_at": stamp(self.created_at),
            "updated_at": stamp(self.created_at),
        });
        if hub.options.proofs.is_some() {
            body["verified"] = self.verified.into();
        }
        let owner = world
            .people
            .get(&self.owner)
            .filter(|owner| owner.id == caller.person.id);
        if let Some(owner) = owner {
            body["user"] = owner.json(hub);
            body["key_type"] = "user".into();
        }
        body
    }

    pub(super) fn seen(&self) -> GiteaKey {
        GiteaKey {
            id: self.id,
            title: self.title.clone(),
            key: self.key.bare(),
            fingerprint: self.key.fingerprint(),
            created_by: self.created_by.clone(),
            created_at: self.created_at,
            verified: self.verified,
        }
    }
}

/// A key that somebody wants to add.
#[derive(Clone, Debug)]
pub(super) struct NewKey<'a> {
    pub(super) owner: u64,
    pub(super) title: &'a str,
    pub(super) line: &'a str,
    pub(super) created_by: Option<String>,
    pub(super) external: bool,
}

/// Why a key is not added.
#[derive(Debug)]
pub(super) enum NoKey {
    /// The person's or the server's fault: 422 with these words.
    Said(String),
    /// Not a key at all: old versions answer 500.
    NotAKey(String),
}

impl World {
    /// Adds a key, or says in the words of Gitea why not.
    pub(super) fn add_key(
        &mut self,
        new: NewKey<'_>,
        options: &GiteaOptions,
        now: DateTime<Utc>,
    ) -> Result<StoredKey, NoKey> {
        if !self.ssh {
            return Err(NoKey::Said("SSH is disabled".to_owned()));
        }
        let key = PublicKey::parse(new.line).map_err(|refusal| match refusal {
            KeyRefusal::UnknownAlgorithm => NoKey::Said("Unable to verify key content".to_owned()),
            other => NoKey::NotAKey(format!("Invalid key content: {other}")),
        })?;
        allowed(&key, options).map_err(NoKey::Said)?;
        let held = self.keys.iter().any(|other| other.key.blob() == key.blob());
        if held || self.deploy_keys.iter().any(|blob| blob == key.blob()) {
            let said = "Key content has been used as non-deploy key";
            return Err(NoKey::Said(said.to_owned()));
        }
        if self
            .keys_of(new.owner)
            .any(|other| other.title == new.title)
        {
            return Err(NoKey::Said("Key title has been used".to_owned()));
        }
        let stored = StoredKey {
            id: self.next_id(),
            owner: new.owner,
            title: new.title.to_owned(),
            key,
            created_by: new.created_by,
            created_at: now,
            external: new.external,
            verified: false,
        };
        self.keys.push(stored.clone());
        Ok(stored)
    }
}

/// Says why a key is too weak or of a kind that is not taken (`[ssh.minimum_key_sizes]`).
fn allowed(key: &PublicKey, options: &GiteaOptions) -> Result<(), String> {
    match key.algorithm() {
        "ssh-dss" => Err("Invalid key content: key type is not allowed: dsa".to_owned()),
        "ssh-rsa" => {
            let bits = modulus_bits(key.blob()).unwrap_or(0);
            let least = options.least_rsa_bits;
            let enough = bits >= least;
            enough.then_some(()).ok_or_else(|| {
                format!("Invalid key content: key length is not enough: got {bits}, needs {least}")
            })
        }
        _ => Ok(()),
    }
}

/// Counts the bits of an RSA modulus: the third string of the blob.
fn modulus_bits(blob: &str) -> Option<usize> {
    let bytes = STANDARD.decode(blob).ok()?;
    let mut rest = &*bytes;
    let mut last: &[u8] = &[];
    for _ in 0..3 {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        (last, rest) = after.split_at_checked(length)?;
    }
    let significant = last.iter().skip_while(|byte| **byte == 0);
    let first = significant.clone().next()?;
    let spare = usize::try_from(first.leading_zeros()).ok()?;
    Some(significant.count() * 8 - spare)
}

/// Which part of the list is asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    page: Option<String>,
    limit: Option<String>,
    fingerprint: Option<String>,
}

impl Wanted {
    fn page(&self) -> usize {
        number(self.page.as_deref()).unwrap_or(1)
    }

    fn limit(&self, options: &GiteaOptions) -> usize {
        let most = options.most_per_page;
        number(self.limit.as_deref()).unwrap_or(PER_PAGE).min(most)
    }
}

fn number(text: Option<&str>) -> Option<usize> {
    text?.parse().ok().filter(|number| *number > 0)
}

/// `GET /user/keys`. With a fingerprint it searches the keys of everybody: so does Gitea.
pub(super) async fn list(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let world = hub.world();
    let show = |key: &StoredKey| key.json(&hub, &world, &caller);
    let fingerprint = wanted
        .fingerprint
        .as_deref()
        .filter(|text| !text.is_empty());
    let (rows, total): (Vec<Value>, usize) = if let Some(fingerprint) = fingerprint {
        let found = world.keys.iter();
        let found = found.filter(|key| key.key.fingerprint() == fingerprint);
        let rows: Vec<Value> = found.map(show).collect();
        let total = rows.len();
        (rows, total)
    } else {
        let limit = wanted.limit(&hub.options);
        let (before, most) = if hub.options.pages {
            ((wanted.page() - 1).saturating_mul(limit), limit)
        } else {
            (0, usize::MAX)
        };
        let rows = world
            .keys_of(caller.person.id)
            .skip(before)
            .take(most)
            .map(show)
            .collect();
        (rows, world.keys_of(caller.person.id).count())
    };
    let counted = hub.options.counts;
    let counted = counted.then(|| [("x-total-count", total.to_string())]);
    match counted {
        Some(counted) => (counted, Json(rows)).into_response(),
        None => Json(rows).into_response(),
    }
}

/// `POST /user/keys`.
pub(super) async fn create(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Response {
    let asked = match object(&hub, &body) {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    let text = |name: &str| asked[name].as_str().filter(|text| !text.is_empty());
    let Some(title) = text("title") else {
        return invalid(&hub, "[Title]: Required");
    };
    let Some(line) = text("key") else {
        return invalid(&hub, "[Key]: Required");
    };
    if !caller.person.manages_keys {
        return refuse(&hub, StatusCode::NOT_FOUND, "Not Found");
    }
    let new = NewKey {
        owner: caller.person.id,
        title,
        line,
        created_by: Some(caller.client_id.clone()),
        external: false,
    };
    let now = hub.now();
    let mut world = hub.world();
    match world.add_key(new, &hub.options, now) {
        Ok(key) => (StatusCode::CREATED, Json(key.json(&hub, &world, &caller))).into_response(),
        Err(NoKey::NotAKey(_)) if hub.options.bad_key_status == 500 => {
            refuse(&hub, StatusCode::INTERNAL_SERVER_ERROR, "")
        }
        Err(NoKey::NotAKey(words) | NoKey::Said(words)) => invalid(&hub, &words),
    }
}

/// `GET /user/keys/{id}`: any key, whoever owns it.
pub(super) async fn show(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let world = hub.world();
    let found = world.keys.iter().find(|key| key.id.to_string() == id);
    match found {
        Some(key) => Json(key.json(&hub, &world, &caller)).into_response(),
        None => missing(&hub),
    }
}

/// `DELETE /user/keys/{id}`.
pub(super) async fn remove(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    if !caller.person.manages_keys {
        return refuse(&hub, StatusCode::NOT_FOUND, "Not Found");
    }
    let mut world = hub.world();
    let Some(key) = world.keys.iter().find(|key| key.id.to_string() == id) else {
        return missing(&hub);
    };
    if key.external {
        let words = "SSH Key is externally managed for this user";
        return refuse(&hub, StatusCode::FORBIDDEN, words);
    }
    if key.owner != caller.person.id {
        let words = "You do not have access to this key";
        return refuse(&hub, StatusCode::FORBIDDEN, words);
    }
    let id = key.id;
    world.keys.retain(|key| key.id != id);
    StatusCode::NO_CONTENT.into_response()
}
