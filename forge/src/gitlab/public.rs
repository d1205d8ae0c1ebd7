//! Who am I, what everybody may see, and what the server says of itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Hub;
use super::answer::{missing_page, unauthorized};
use super::tokens::Caller;

/// `GET /user`.
pub(super) async fn me(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
) -> Response {
    match hub.world().people.get(&caller.person) {
        Some(person) => Json(person.json(&hub)).into_response(),
        None => unauthorized(),
    }
}

/// `GET /version` and `GET /metadata`.
pub(super) async fn version(State(hub): State<Arc<Hub>>) -> Json<Value> {
    Json(json!({
        "version": hub.options.version,
        "revision": "4e9ac1d2f0b",
        "enterprise": hub.options.version.ends_with("-ee"),
    }))
}

/// `GET /<login>.keys`: the keys for signing in, one a line, for everybody to read.
pub(super) async fn key_page(State(hub): State<Arc<Hub>>, Path(page): Path<String>) -> Response {
    let world = hub.world();
    let person = page
        .strip_suffix(".keys")
        .and_then(|login| world.person(login));
    let Some(person) = person else {
        return missing_page();
    };
    world
        .keys_of(person.id)
        .filter(|key| key.usage != "signing")
        .map(|key| key.line(&hub, &person.name) + "\n")
        .collect::<Vec<_>>()
        .concat()
        .into_response()
}
