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

/// `GET /rest/ssh/latest/settings`.
pub(super) async fn ssh_settings(Extension(_): Extension<Caller>) -> Response {
    Json(json!({
        "enabled": true,
        "baseUrl": "ssh://127.0.0.1:7999",
        "port": 7999,
        "fingerprint": {
            "algorithm": "MD5",
            "value": "97:8c:1b:f2:6f:14:6b:5c:3b:ec:aa:46:46:74:7c:40",
        },
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
