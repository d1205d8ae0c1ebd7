//! What an app may do with its own tokens, with its client id and secret.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Hub;
use super::answer::{hidden, invalid, missing_field, object, stamp};
use super::gate::CallingApp;
use super::tokens::{Order, Token};
use super::world::World;
use crate::dice::hex;
use crate::server::AskedBy;

const RESOURCE: &str = "OauthAccess";

/// What each call names: the app in the path, its token in the body.
fn named(app: &CallingApp, client_id: &str, body: &[u8]) -> Result<String, Response> {
    if app.0 != client_id {
        return Err(hidden());
    }
    match object(body)?["access_token"].as_str() {
        Some(token) => Ok(token.to_owned()),
        None => Err(missing_field(RESOURCE, "access_token")),
    }
}

fn unknown() -> Response {
    invalid(&json!({ "resource": RESOURCE, "code": "invalid", "field": "access_token" }))
}

/// `POST /applications/{client_id}/token`: is it alive?
pub(super) async fn check(
    State(hub): State<Arc<Hub>>,
    Extension(app): Extension<CallingApp>,
    Path(client_id): Path<String>,
    body: Bytes,
) -> Response {
    let secret = match named(&app, &client_id, &body) {
        Ok(secret) => secret,
        Err(refusal) => return refusal,
    };
    let world = hub.world();
    match world.live_token(&secret, &client_id, hub.now()) {
        Some(token) => described(&hub, &world, token, &secret),
        None => hidden(),
    }
}

/// `PATCH /applications/{client_id}/token`: the token dies, another takes its place.
pub(super) async fn reset(
    State(hub): State<Arc<Hub>>,
    Extension(app): Extension<CallingApp>,
    Path(client_id): Path<String>,
    body: Bytes,
) -> Response {
    let secret = match named(&app, &client_id, &body) {
        Ok(secret) => secret,
        Err(refusal) => return refusal,
    };
    let now = hub.now();
    let mut world = hub.world();
    let Some(old) = world.live_token(&secret, &client_id, now).cloned() else {
        return unknown();
    };
    let Some(life) = world.apps.get(&client_id).map(|app| app.life) else {
        return hidden();
    };
    world.tokens.remove(&secret);
    let order = Order {
        person: old.person,
        client_id: old.client_id,
        scopes: old.scopes,
        life,
    };
    let fresh = world.issue(order, now);
    match world.live_token(&fresh, &client_id, now) {
        Some(token) => described(&hub, &world, token, &fresh),
        None => hidden(),
    }
}

/// `DELETE /applications/{client_id}/token`: this token dies; keys stay.
pub(super) async fn delete_token(
    State(hub): State<Arc<Hub>>,
    Extension(app): Extension<CallingApp>,
    Path(client_id): Path<String>,
    body: Bytes,
) -> Response {
    let secret = match named(&app, &client_id, &body) {
        Ok(secret) => secret,
        Err(refusal) => return refusal,
    };
    let mut world = hub.world();
    let Some(token) = world.live_token(&secret, &client_id, hub.now()).cloned() else {
        return unknown();
    };
    world.tokens.remove(&secret);
    gone(&world, token.person)
}

/// `DELETE /applications/{client_id}/grant`: every token of this person and app dies, and with
/// them every SSH key that the app created.
pub(super) async fn delete_grant(
    State(hub): State<Arc<Hub>>,
    Extension(app): Extension<CallingApp>,
    Path(client_id): Path<String>,
    body: Bytes,
) -> Response {
    let secret = match named(&app, &client_id, &body) {
        Ok(secret) => secret,
        Err(refusal) => return refusal,
    };
    let mut world = hub.world();
    let Some(token) = world.live_token(&secret, &client_id, hub.now()).cloned() else {
        return unknown();
    };
    world.revoke_grant(token.person, &client_id);
    gone(&world, token.person)
}

fn gone(world: &World, person: u64) -> Response {
    by(world, person, StatusCode::NO_CONTENT.into_response())
}

fn by(world: &World, person: u64, mut answer: Response) -> Response {
    if let Some(person) = world.people.get(&person) {
        answer
            .extensions_mut()
            .insert(AskedBy(person.login.clone()));
    }
    answer
}

fn described(hub: &Hub, world: &World, token: &Token, secret: &str) -> Response {
    let user = world
        .people
        .get(&token.person)
        .map(|who| who.json(hub, &token.scopes));
    let name = world
        .apps
        .get(&token.client_id)
        .map(|app| app.name.as_str());
    let hashed = hex(&Sha256::digest(secret));
    let body: Value = json!({
        "id": token.id,
        "url": hub.api(&format!("/authorizations/{}", token.id)),
        "app": { "name": name, "url": hub.base, "client_id": token.client_id },
        "token": secret,
        "hashed_token": hashed,
        "token_last_eight": &secret[secret.len() - 8..],
        "note": null,
        "note_url": null,
        "created_at": stamp(token.created_at),
        "updated_at": stamp(token.last_used),
        "scopes": token.scopes.iter().collect::<Vec<_>>(),
        "fingerprint": null,
        "expires_at": token.expires_at.map(stamp),
        "user": user,
    });
    by(world, token.person, Json(body).into_response())
}
