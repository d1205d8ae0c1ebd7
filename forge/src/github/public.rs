//! Who am I, what everybody may see, and what the server says of itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::answer::{hidden, missing_page};
use super::keys::{Paging, Purpose, StoredKey};
use super::tokens::Caller;
use super::{Flavour, Hub};
use crate::ssh::PublicKey;

/// The host keys of the practice server. Nobody holds their private halves.
const HOST_KEYS: [(&str, &str); 3] = [
    (
        "SHA256_ED25519",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAideGQcQ73WAVeBJ2KlsNzXZzRjlMjdAXNyu9jaJKXW",
    ),
    (
        "SHA256_ECDSA",
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBE8n4tKqzcZ0V5Wv\
         PPjnNbykkNvTk/Np2SLHBAXuNGZ/sMg3iGYnOL7dNLTAkZAafMAqeoOSRa8v4xj0k/opxa8=",
    ),
    (
        "SHA256_RSA",
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQCsQ2+2HmqAkMmLY3I7r+r309ltC+31Uls+7Ab2GRGidPClFnXdPn\
         m+sW9whBxG9zXkTwoW5kAItJvilDhZbC9fLB6lqDASW4e5/SHRf+ZqqSjAIeMnh+/yfmawDRtAwcTLoSK1+9g5n+AM\
         v3cKBnhVc+rfEdPw8FwuyzoR4i0GljLtjSDRBw+0MEXt3NKUQgS6TI44lLIbvue69TvEjYC9fXWrsqhbSKuL7BpShp\
         Lw4XIee3UbTkxhw8UO0kQYwnQHaNqczXSAYUHfBmGRor0kvYyOwgDUsJ67Mvdo8pwiTqvFIQ+D97peqUNDN6gQuX+e\
         zioHluDR52i9hY11T8FSibA0AAuDERyDGe8eFqlUw8tDQhHWGD4PxhbW+rB0BqfYyj5wdHyPoBQErwe2k5YESjoCB0\
         ibkVAiq22EqHr2+m5TJtCPbp4i218bK+cV9jBGhAb8flNLVfwCvDuw6PghL8q6UygVJswIXza4/mRTPmQu92CDKfcA\
         HACAMO3t7j8=",
    ),
];

/// `GET /user`.
pub(super) async fn me(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
) -> Response {
    match hub.world().people.get(&caller.person) {
        Some(person) => Json(person.json(&hub, &caller.scopes)).into_response(),
        None => hidden(),
    }
}

/// `GET /users/{login}/keys`.
pub(super) async fn keys_of(
    State(hub): State<Arc<Hub>>,
    Path(login): Path<String>,
    Query(paging): Query<Paging>,
) -> Response {
    let world = hub.world();
    let Some(person) = world.person(&login) else {
        return hidden();
    };
    let row = |key: &StoredKey| json!({ "id": key.id, "key": key.key.bare() });
    let rows = world.keys_of(person.id, Purpose::SignIn).map(row).collect();
    let (rows, link) = paging.cut(rows, &hub.api(&format!("/users/{}/keys", person.login)));
    match link {
        Some(link) => ([(header::LINK, link)], Json(rows)).into_response(),
        None => Json(rows).into_response(),
    }
}

/// `GET /{login}.keys`, one key per line.
pub(super) async fn key_page(State(hub): State<Arc<Hub>>, Path(page): Path<String>) -> Response {
    let world = hub.world();
    let person = page
        .strip_suffix(".keys")
        .and_then(|login| world.person(login));
    let Some(person) = person else {
        return missing_page();
    };
    let keys = world.keys_of(person.id, Purpose::SignIn);
    keys.map(|key| key.key.bare() + "\n")
        .collect::<Vec<_>>()
        .concat()
        .into_response()
}

/// `GET /meta`.
pub(super) async fn meta(State(hub): State<Arc<Hub>>) -> Json<Value> {
    Json(match hub.options.flavour {
        Flavour::DotCom => {
            let keys = || {
                HOST_KEYS
                    .iter()
                    .filter_map(|(name, line)| PublicKey::parse(line).ok().map(|key| (*name, key)))
            };
            let fingerprints: serde_json::Map<_, _> = keys()
                .map(|(name, key)| {
                    let fingerprint = key.fingerprint();
                    let bare = fingerprint.strip_prefix("SHA256:").unwrap_or(&fingerprint);
                    (name.to_owned(), json!(bare))
                })
                .collect();
            json!({
                "verifiable_password_authentication": false,
                "ssh_key_fingerprints": fingerprints,
                "ssh_keys": keys().map(|(_, key)| key.bare()).collect::<Vec<_>>(),
            })
        }
        Flavour::Enterprise => json!({
            "verifiable_password_authentication": true,
            "installed_version": hub.options.enterprise_version,
        }),
    })
}

/// `GET /rate_limit`, which costs nothing.
pub(super) async fn rate_limit(
    State(hub): State<Arc<Hub>>,
    caller: Option<Extension<Caller>>,
) -> Response {
    let person = caller.map_or(0, |Extension(caller)| caller.person);
    match hub.world().spend(&hub.options, person, 0, hub.now()) {
        Some(allowance) => {
            let core = allowance.json();
            Json(json!({ "resources": { "core": core }, "rate": core })).into_response()
        }
        None => hidden(),
    }
}
