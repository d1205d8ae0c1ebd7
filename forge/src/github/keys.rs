//! The SSH keys of the person who calls: for signing in, and for signing.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, MatchedPath, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Hub;
use super::answer::{hidden, invalid_key, missing_field, object, stamp};
use super::tokens::Caller;
use super::world::World;
use crate::ssh::PublicKey;

const IN_USE: &str = "key is already in use";
const NOT_A_KEY: &str = "key is invalid. You must supply a key in OpenSSH public key format";
const NOT_ALLOWED: &str = "key is invalid. It must begin with 'ssh-ed25519', 'ssh-rsa', \
    'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', or 'ecdsa-sha2-nistp521'. Check that you're \
    copying the public half of the key";

const MOST_PER_PAGE: usize = 100;
const PER_PAGE: usize = 30;

/// A key as the tests and the demo see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its id.
    pub id: u64,
    /// Its title.
    pub title: String,
    /// Algorithm and blob, without a comment.
    pub key: String,
    /// `SHA256:…`, as `ssh-keygen -l` shows it.
    pub fingerprint: String,
    /// The client id of the app that created it; `None` if the person did.
    pub created_by: Option<String>,
    /// When it came.
    pub created_at: DateTime<Utc>,
    /// When it last opened a door.
    pub last_used: Option<DateTime<Utc>>,
}

/// The two lists of keys; the same key may stand in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    SignIn,
    Signing,
}

impl Purpose {
    fn of(route: &MatchedPath) -> Self {
        if route.as_str().contains("/ssh_signing_keys") {
            Self::Signing
        } else {
            Self::SignIn
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::SignIn => "/user/keys",
            Self::Signing => "/user/ssh_signing_keys",
        }
    }

    /// DSA has been of no use since 2022-03-15; security keys are documented for signing only.
    fn takes(self, key: &PublicKey) -> bool {
        match key.algorithm() {
            "ssh-rsa" | "ssh-ed25519" => true,
            other if other.starts_with("ecdsa-sha2-nistp") => true,
            other => self == Self::Signing && other.starts_with("sk-"),
        }
    }
}

/// A key as the server keeps it.
#[derive(Clone, Debug)]
pub(super) struct StoredKey {
    pub(super) id: u64,
    pub(super) owner: u64,
    pub(super) purpose: Purpose,
    pub(super) title: String,
    pub(super) key: PublicKey,
    pub(super) created_by: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) last_used: Option<DateTime<Utc>>,
}

impl StoredKey {
    fn json(&self, hub: &Hub) -> Value {
        let created_at = stamp(self.created_at);
        let key = self.key.bare();
        match self.purpose {
            Purpose::SignIn => json!({
                "id": self.id,
                "key": key,
                "url": hub.api(&format!("/user/keys/{}", self.id)),
                "title": self.title,
                "created_at": created_at,
                "verified": true,
                "read_only": false,
                "last_used": self.last_used.map(stamp),
            }),
            Purpose::Signing => json!({
                "id": self.id,
                "key": key,
                "title": self.title,
                "created_at": created_at,
            }),
        }
    }

    pub(super) fn seen(&self) -> Key {
        Key {
            id: self.id,
            title: self.title.clone(),
            key: self.key.bare(),
            fingerprint: self.key.fingerprint(),
            created_by: self.created_by.clone(),
            created_at: self.created_at,
            last_used: self.last_used,
        }
    }
}

/// A key that somebody wants to add.
#[derive(Clone, Debug)]
pub(super) struct NewKey<'a> {
    pub(super) owner: u64,
    pub(super) purpose: Purpose,
    pub(super) title: &'a str,
    pub(super) line: &'a str,
    pub(super) created_by: Option<String>,
}

impl World {
    /// Adds a key, or says in the words of GitHub why not.
    pub(super) fn add_key(
        &mut self,
        new: NewKey<'_>,
        now: DateTime<Utc>,
    ) -> Result<StoredKey, &'static str> {
        let key = PublicKey::parse(new.line).map_err(|_| NOT_A_KEY)?;
        if !new.purpose.takes(&key) {
            return Err(NOT_ALLOWED);
        }
        let held = self
            .keys
            .iter()
            .any(|other| other.purpose == new.purpose && other.key.blob() == key.blob());
        let deployed = new.purpose == Purpose::SignIn
            && self.deploy_keys.iter().any(|blob| blob == key.blob());
        if held || deployed {
            return Err(IN_USE);
        }
        let stored = StoredKey {
            id: self.next_id(),
            owner: new.owner,
            purpose: new.purpose,
            title: new.title.to_owned(),
            key,
            created_by: new.created_by,
            created_at: now,
            last_used: None,
        };
        self.keys.push(stored.clone());
        Ok(stored)
    }

    fn own_key(&self, caller: &Caller, purpose: Purpose, id: &str) -> Option<&StoredKey> {
        let id: u64 = id.parse().ok()?;
        self.keys_of(caller.person, purpose)
            .find(|key| key.id == id)
    }
}

/// Which page of a list is asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Paging {
    page: Option<String>,
    per_page: Option<String>,
}

impl Paging {
    fn page(&self) -> usize {
        number(self.page.as_deref()).unwrap_or(1)
    }

    fn per_page(&self) -> usize {
        number(self.per_page.as_deref())
            .unwrap_or(PER_PAGE)
            .min(MOST_PER_PAGE)
    }

    /// Returns the rows of the page and the `Link` header that leads to the others.
    pub(super) fn cut(&self, rows: Vec<Value>, url: &str) -> (Vec<Value>, Option<String>) {
        let (page, per_page) = (self.page(), self.per_page());
        let last = rows.len().div_ceil(per_page).max(1);
        let mut links = Vec::new();
        let mut link = |to: usize, rel: &str| {
            links.push(format!(
                "<{url}?page={to}&per_page={per_page}>; rel=\"{rel}\""
            ));
        };
        if page > 1 {
            link(page.min(last + 1) - 1, "prev");
        }
        if page < last {
            link(page + 1, "next");
            link(last, "last");
        }
        if page > 1 {
            link(1, "first");
        }
        let rows = rows
            .into_iter()
            .skip((page - 1).saturating_mul(per_page))
            .take(per_page);
        (
            rows.collect(),
            (!links.is_empty()).then(|| links.join(", ")),
        )
    }
}

fn number(text: Option<&str>) -> Option<usize> {
    text?.parse().ok().filter(|number| *number > 0)
}

/// `GET /user/keys` and `GET /user/ssh_signing_keys`.
pub(super) async fn list(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
    route: MatchedPath,
    Query(paging): Query<Paging>,
) -> Response {
    let purpose = Purpose::of(&route);
    let rows = hub
        .world()
        .keys_of(caller.person, purpose)
        .map(|key| key.json(&hub))
        .collect();
    let (rows, link) = paging.cut(rows, &hub.api(purpose.path()));
    match link {
        Some(link) => ([(header::LINK, link)], Json(rows)).into_response(),
        None => Json(rows).into_response(),
    }
}

/// `POST /user/keys` and `POST /user/ssh_signing_keys`.
pub(super) async fn create(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
    route: MatchedPath,
    body: Bytes,
) -> Response {
    let asked = match object(&body) {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    let Some(line) = asked["key"].as_str() else {
        return missing_field("PublicKey", "key");
    };
    let purpose = Purpose::of(&route);
    let new = NewKey {
        owner: caller.person,
        purpose,
        title: asked["title"].as_str().unwrap_or(""),
        line,
        created_by: Some(caller.client_id),
    };
    let added = hub.world().add_key(new, hub.now());
    match added {
        Ok(key) => {
            let location = hub.api(&format!("{}/{}", purpose.path(), key.id));
            let headers = [(header::LOCATION, location)];
            (StatusCode::CREATED, headers, Json(key.json(&hub))).into_response()
        }
        Err(message) => invalid_key(message),
    }
}

/// `GET /user/keys/{id}` and `GET /user/ssh_signing_keys/{id}`.
pub(super) async fn show(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
    route: MatchedPath,
    Path(id): Path<String>,
) -> Response {
    match hub.world().own_key(&caller, Purpose::of(&route), &id) {
        Some(key) => Json(key.json(&hub)).into_response(),
        None => hidden(),
    }
}

/// `DELETE /user/keys/{id}` and `DELETE /user/ssh_signing_keys/{id}`.
pub(super) async fn remove(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
    route: MatchedPath,
    Path(id): Path<String>,
) -> Response {
    let mut world = hub.world();
    let Some(id) = world
        .own_key(&caller, Purpose::of(&route), &id)
        .map(|key| key.id)
    else {
        return hidden();
    };
    world.keys.retain(|key| key.id != id);
    StatusCode::NO_CONTENT.into_response()
}
