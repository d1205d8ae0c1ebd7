//! Proofs of keys: who signs a text of the server's with a key is trusted to sign commits with it
//! (Forgejo, `routers/api/v1/user/key.go` and `models/asymkey/ssh_key_verify.go`).

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::Hub;
use super::answer::{invalid, missing, object, refuse};
use super::people::Person;
use super::world::Caller;
use crate::dice::hex;
use crate::sshsig::is_signed;

/// Returns what a person signs: another text each minute. The one that is given out is that of the
/// next minute (`VerificationToken`), so it is good until the end of it.
fn text(hub: &Hub, person: &Person, minutes: i64) -> String {
    let minute = hub.now().timestamp().div_euclid(60) + minutes;
    let told = format!("{minute}:{}:{}:{}", person.joined, person.login, person.id);
    hex(&Sha256::digest(told))
}

/// `GET /user/ssh_key_token`.
pub(super) async fn ask(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
) -> Response {
    if !caller.person.manages_keys {
        return refuse(&hub, StatusCode::NOT_FOUND, "Not Found");
    }
    text(&hub, &caller.person, 1).into_response()
}

/// `POST /user/ssh_key_verify`.
pub(super) async fn show(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Response {
    let asked = match object(&hub, &body) {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    let given = |name: &str| asked[name].as_str().filter(|text| !text.is_empty());
    let Some(fingerprint) = given("fingerprint") else {
        return invalid(&hub, "[Fingerprint]: Required");
    };
    let Some(signature) = given("signature") else {
        return invalid(&hub, "[Signature]: Required");
    };
    if !caller.person.manages_keys {
        return refuse(&hub, StatusCode::NOT_FOUND, "Not Found");
    }
    let texts = [1, 0].map(|minutes| text(&hub, &caller.person, minutes));
    let namespace = hub.options.proofs.as_deref().unwrap_or_default();
    let mut world = hub.world();
    let mut keys = world.keys.iter_mut();
    let known = keys
        .find(|stored| stored.owner == caller.person.id && stored.key.fingerprint() == fingerprint);
    let Some(known) = known else {
        return missing(&hub);
    };
    let is_proof = |text: &String| is_signed(signature, &known.key, namespace, text.as_bytes());
    if !texts.iter().any(is_proof) {
        let words = format!(
            "The provided SSH key, signature and token do not match or the token is out of date. \
             Provide a valid signature for the token: {}",
            texts[0]
        );
        return invalid(&hub, &words);
    }
    known.verified = true;
    let known = known.clone();
    Json(known.json(&hub, &world, &caller)).into_response()
}
