//! The people with an account.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Hub;
use super::answer::{Page, refuse};
use super::gate::Caller;

const NO_SUCH_USER: &str = "com.atlassian.bitbucket.user.NoSuchUserException";

/// A person with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BitbucketUser {
    /// Stays for ever.
    pub id: u64,
    /// What they sign in with; may hold `@`.
    pub name: String,
    /// What stands in URLs; not always the name.
    pub slug: String,
}

/// A person as the server keeps them.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) slug: String,
    pub(super) display_name: String,
    pub(super) active: bool,
}

/// Makes the slug of a name: `jane@example` becomes `jane_example`.
pub(super) fn slug_of(name: &str) -> String {
    name.chars()
        .map(|letter| match letter {
            letter if letter.is_ascii_alphanumeric() => letter.to_ascii_lowercase(),
            '-' | '.' | '_' => letter,
            _ => '_',
        })
        .collect()
}

impl Person {
    pub(super) fn seen(&self) -> BitbucketUser {
        BitbucketUser {
            id: self.id,
            name: self.name.clone(),
            slug: self.slug.clone(),
        }
    }

    fn json(&self, hub: &Hub) -> Value {
        json!({
            "name": self.name,
            "emailAddress": format!("{}@practice.example", self.slug),
            "active": self.active,
            "displayName": self.display_name,
            "id": self.id,
            "slug": self.slug,
            "type": "NORMAL",
            "links": { "self": [{ "href": format!("{}/users/{}", hub.base, self.slug) }] },
        })
    }
}

/// What `GET /rest/api/latest/users` is asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    filter: Option<String>,
    #[serde(flatten)]
    page: Page,
}

/// `GET /rest/api/latest/users?filter=`: everybody whose name, display name or address holds it.
pub(super) async fn find(
    State(hub): State<Arc<Hub>>,
    Extension(_): Extension<Caller>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let filter = wanted.filter.unwrap_or_default().to_lowercase();
    let rows = hub
        .world()
        .people
        .values()
        .filter(|person| {
            person.active
                && (person.name.to_lowercase().contains(&filter)
                    || person.display_name.to_lowercase().contains(&filter))
        })
        .map(|person| person.json(&hub))
        .collect();
    Json(wanted.page.cut(rows)).into_response()
}

/// `GET /rest/api/latest/users/{slug}`: by slug only, never by name.
pub(super) async fn show(
    State(hub): State<Arc<Hub>>,
    Extension(_): Extension<Caller>,
    Path(slug): Path<String>,
) -> Response {
    let world = hub.world();
    let found = world.people.values().find(|person| person.slug == slug);
    match found {
        Some(person) => Json(person.json(&hub)).into_response(),
        None => refuse(
            StatusCode::NOT_FOUND,
            &format!("{slug} does not exist."),
            NO_SUCH_USER,
        ),
    }
}
