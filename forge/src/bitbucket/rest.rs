//! The small resources: state, properties, settings, and who one is.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Hub;
use super::answer::AUTHORISATION;
use super::gate::Caller;

/// `GET /status`: asks for no credentials, and maintenance is 200.
pub(super) async fn status(State(hub): State<Arc<Hub>>) -> Response {
    let state = hub.world().rules.state;
    let status = StatusCode::from_u16(state.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(json!({ "state": state.word() }))).into_response()
}

/// `GET /rest/api/latest/application-properties`: 200 for anybody; who asks stands in the headers.
pub(super) async fn application_properties(State(hub): State<Arc<Hub>>) -> Response {
    let version = &hub.options.version;
    let build: Vec<String> = version
        .split('.')
        .map(|part| format!("{part:0>3}"))
        .collect();
    let build = build.concat();
    Json(json!({
        "version": version,
        "buildNumber": build.trim_start_matches('0'),
        "buildDate": "1735689600000",
        "displayName": "Bitbucket",
    }))
    .into_response()
}

/// `GET /rest/ssh/latest/settings`: told to whoever is signed in.
pub(super) async fn ssh_settings(
    State(hub): State<Arc<Hub>>,
    Extension(_): Extension<Caller>,
) -> Response {
    let ssh = hub.world().rules.ssh.clone();
    let hash = if ssh.fingerprint.matches(':').count() == 15 {
        "MD5"
    } else {
        "SHA256"
    };
    Json(json!({
        "enabled": ssh.enabled,
        "accessKeysEnabled": ssh.enabled,
        "baseUrl": ssh.base_url,
        "port": ssh.port,
        "fingerprint": { "algorithm": hash, "value": ssh.fingerprint },
    }))
    .into_response()
}

/// `GET /plugins/servlet/applinks/whoami`: 200 for anybody, empty for nobody.
pub(super) async fn whoami(caller: Option<Extension<Caller>>) -> Response {
    caller
        .map_or_else(String::new, |Extension(caller)| caller.name)
        .into_response()
}

/// What a person is told who lacks a right.
pub(super) fn may_not(status: u16) -> Response {
    super::answer::refuse(
        StatusCode::from_u16(status).unwrap_or(StatusCode::UNAUTHORIZED),
        "The currently authenticated user has insufficient permissions.",
        AUTHORISATION,
    )
}
