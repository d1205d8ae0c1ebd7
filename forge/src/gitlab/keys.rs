//! The SSH keys of the person who calls.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{fields, invalid, refuse, stamp, unfit};
use super::tokens::Caller;
use super::world::World;
use super::{GitLabDuplicate, Hub};
use crate::ssh::PublicKey;

const LONGEST_TITLE: usize = 255;
const LONGEST_KEY: usize = 5000;
const MOST_PER_PAGE: usize = 100;
const PER_PAGE: usize = 20;
const USAGES: [&str; 3] = ["auth_and_signing", "auth", "signing"];

/// A key as the tests and the demo see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitLabKey {
    /// Its id.
    pub id: u64,
    /// Its title.
    pub title: String,
    /// Algorithm and blob, without a comment.
    pub key: String,
    /// `SHA256:…`, as `ssh-keygen -l` shows it.
    pub fingerprint: String,
    /// `auth`, `signing` or `auth_and_signing`.
    pub usage: String,
    /// The id of the application that created it; `None` if the person did.
    pub created_by: Option<String>,
    /// When it came.
    pub created_at: DateTime<Utc>,
    /// When it runs out.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A key as the server keeps it.
#[derive(Clone, Debug)]
pub(super) struct StoredKey {
    pub(super) id: u64,
    pub(super) owner: u64,
    pub(super) title: String,
    pub(super) key: PublicKey,
    pub(super) usage: String,
    pub(super) created_by: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) expires_at: Option<DateTime<Utc>>,
}

impl StoredKey {
    /// Returns the key with its comment replaced (`publishable_key` in `app/models/key.rb`).
    pub(super) fn line(&self, hub: &Hub, owner: &str) -> String {
        format!("{} {owner} ({})", self.key.bare(), hub.options.host)
    }

    fn json(&self, hub: &Hub, owner: &str) -> Value {
        let mut key = json!({
            "id": self.id,
            "title": self.title,
            "created_at": stamp(self.created_at),
            "expires_at": self.expires_at.map(stamp),
            "key": self.line(hub, owner),
        });
        if hub.options.usage_type {
            key["usage_type"] = json!(self.usage);
        }
        key
    }

    pub(super) fn seen(&self) -> GitLabKey {
        GitLabKey {
            id: self.id,
            title: self.title.clone(),
            key: self.key.bare(),
            fingerprint: self.key.fingerprint(),
            usage: self.usage.clone(),
            created_by: self.created_by.clone(),
            created_at: self.created_at,
            expires_at: self.expires_at,
        }
    }
}

/// A key that somebody wants to add.
#[derive(Clone, Debug)]
pub(super) struct NewKey<'a> {
    pub(super) owner: u64,
    pub(super) title: &'a str,
    pub(super) line: &'a str,
    pub(super) usage: &'a str,
    pub(super) created_by: Option<String>,
    pub(super) expires_at: Option<DateTime<Utc>>,
}

/// What is wrong with a key, field by field, in the words of GitLab.
pub(super) type Faults = Vec<(&'static str, String)>;

impl World {
    /// Adds a key, or says in the words of GitLab why not: all that is wrong at once.
    pub(super) fn add_key(
        &mut self,
        new: NewKey<'_>,
        duplicate: GitLabDuplicate,
        now: DateTime<Utc>,
    ) -> Result<StoredKey, Faults> {
        let mut faults = Faults::new();
        if new.title.trim().is_empty() {
            faults.push(("title", "can't be blank".to_owned()));
        }
        if new.title.chars().count() > LONGEST_TITLE {
            let words = format!("is too long (maximum is {LONGEST_TITLE} characters)");
            faults.push(("title", words));
        }
        let parsed = PublicKey::parse(new.line).ok();
        if let Some(words) = self.policy.faults_of_type(parsed.as_ref()) {
            faults.push(("key", words));
        }
        if new.line.len() > LONGEST_KEY {
            let words = format!("is too long (maximum is {LONGEST_KEY} characters)");
            faults.push(("key", words));
        }
        let Some(key) = parsed else {
            faults.push(("key", "is invalid".to_owned()));
            faults.push(("fingerprint_sha256", "cannot be generated".to_owned()));
            return Err(faults);
        };
        if self.holds(&key) {
            let taken = || "has already been taken".to_owned();
            match duplicate {
                GitLabDuplicate::Sha256 => faults.push(("fingerprint_sha256", taken())),
                GitLabDuplicate::Older => {
                    faults.push(("fingerprint", taken()));
                    faults.push(("key", taken()));
                }
            }
        }
        let rest = self.policy.faults(&key, new.expires_at, now);
        faults.extend(rest.into_iter().map(|words| ("key", words)));
        if !faults.is_empty() {
            return Err(faults);
        }
        let stored = StoredKey {
            id: self.next_id(),
            owner: new.owner,
            title: new.title.to_owned(),
            key,
            usage: new.usage.to_owned(),
            created_by: new.created_by,
            created_at: now,
            expires_at: new.expires_at,
        };
        self.keys.push(stored.clone());
        Ok(stored)
    }

    /// Says whether anybody holds a key: a person, or a project as its deploy key.
    fn holds(&self, key: &PublicKey) -> bool {
        self.keys.iter().any(|held| held.key.blob() == key.blob())
            || self.deploy_keys.iter().any(|blob| blob == key.blob())
    }

    fn own_key(&self, caller: &Caller, id: u64) -> Option<&StoredKey> {
        self.keys_of(caller.person).find(|key| key.id == id)
    }

    fn name_of(&self, person: u64) -> String {
        self.people
            .get(&person)
            .map_or_else(String::new, |person| person.name.clone())
    }
}

/// Which page of a list is asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Paging {
    page: Option<usize>,
    per_page: Option<usize>,
}

impl Paging {
    /// Returns the rows of the page and the headers that lead to the others.
    fn cut(&self, rows: Vec<Value>, url: &str) -> (Vec<Value>, Vec<(HeaderName, String)>) {
        let page = self.page.unwrap_or(1).max(1);
        let per_page = match self.per_page.unwrap_or(PER_PAGE) {
            0 => PER_PAGE,
            asked => asked.min(MOST_PER_PAGE),
        };
        let total = rows.len();
        let pages = total.div_ceil(per_page).max(1);
        let next = (page < pages).then_some(page + 1);
        let before = (page > 1).then(|| page - 1);
        let link =
            |to: usize, rel: &str| format!("<{url}?page={to}&per_page={per_page}>; rel=\"{rel}\"");
        let mut links: Vec<String> = Vec::new();
        links.extend(before.map(|to| link(to, "prev")));
        links.extend(next.map(|to| link(to, "next")));
        links.push(link(1, "first"));
        links.push(link(pages, "last"));
        let shown = |number: Option<usize>| number.map_or_else(String::new, |n| n.to_string());
        let headers = [
            ("x-total", total.to_string()),
            ("x-total-pages", pages.to_string()),
            ("x-page", page.to_string()),
            ("x-per-page", per_page.to_string()),
            ("x-next-page", shown(next)),
            ("x-prev-page", shown(before)),
            ("link", links.join(", ")),
        ];
        let rows = rows
            .into_iter()
            .skip((page - 1).saturating_mul(per_page))
            .take(per_page)
            .collect();
        let named = |(name, value)| (HeaderName::from_static(name), value);
        (rows, headers.into_iter().map(named).collect())
    }
}

/// `GET /user/keys`.
pub(super) async fn list(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
    Query(paging): Query<Paging>,
) -> Response {
    let rows = {
        let world = hub.world();
        let name = world.name_of(caller.person);
        let rows = world
            .keys_of(caller.person)
            .map(|key| key.json(&hub, &name));
        rows.collect()
    };
    let (rows, headers) = paging.cut(rows, &hub.api("/user/keys"));
    let mut answer = Json(rows).into_response();
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

/// `POST /user/keys`.
pub(super) async fn create(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let Some(asked) = fields(kind, &body) else {
        let words = "message body does not match declared format";
        return unfit(StatusCode::BAD_REQUEST, words);
    };
    let (expires_at, usage) = match checked(&asked, hub.options.usage_type) {
        Ok(good) => good,
        Err(words) => return unfit(StatusCode::BAD_REQUEST, &words),
    };
    let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default();
    let new = NewKey {
        owner: caller.person,
        title: text("title"),
        line: text("key"),
        usage: &usage,
        created_by: Some(caller.client_id),
        expires_at,
    };
    let mut world = hub.world();
    match world.add_key(new, hub.options.duplicate, hub.now()) {
        Ok(key) => {
            let name = world.name_of(caller.person);
            (StatusCode::CREATED, Json(key.json(&hub, &name))).into_response()
        }
        Err(faults) => invalid(&faults),
    }
}

/// Checks what Grape checks before GitLab sees it; its words name every field at once.
fn checked(
    asked: &Map<String, Value>,
    usage_type: bool,
) -> Result<(Option<DateTime<Utc>>, String), String> {
    let mut wrong: Vec<String> = ["key", "title"]
        .into_iter()
        .filter(|name| !asked.contains_key(*name))
        .map(|name| format!("{name} is missing"))
        .collect();
    let expires_at = match asked.get("expires_at") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let read = value.as_str().and_then(day_or_time);
            if read.is_none() {
                wrong.push("expires_at is invalid".to_owned());
            }
            read
        }
    };
    let usage = match asked.get("usage_type").filter(|_| usage_type) {
        None => USAGES[0],
        Some(value) => {
            let known = USAGES.into_iter().find(|usage| value == usage);
            if known.is_none() {
                wrong.push("usage_type does not have a valid value".to_owned());
            }
            known.unwrap_or(USAGES[0])
        }
    };
    if wrong.is_empty() {
        Ok((expires_at, usage.to_owned()))
    } else {
        Err(wrong.join(", "))
    }
}

fn day_or_time(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(day.and_hms_opt(0, 0, 0)?.and_utc());
    }
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    Some(time.with_timezone(&Utc))
}

/// `GET /user/keys/{id}`.
pub(super) async fn show(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let Ok(id) = id.parse() else {
        return unfit(StatusCode::BAD_REQUEST, "key_id is invalid");
    };
    let world = hub.world();
    let name = world.name_of(caller.person);
    match world.own_key(&caller, id) {
        Some(key) => Json(key.json(&hub, &name)).into_response(),
        None => gone(),
    }
}

/// `DELETE /user/keys/{id}`.
pub(super) async fn remove(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let Ok(id) = id.parse() else {
        return unfit(StatusCode::BAD_REQUEST, "key_id is invalid");
    };
    let mut world = hub.world();
    if world.own_key(&caller, id).is_none() {
        return gone();
    }
    world.keys.retain(|key| key.id != id);
    StatusCode::NO_CONTENT.into_response()
}

fn gone() -> Response {
    refuse(StatusCode::NOT_FOUND, "404 Key Not Found")
}
