//! What needs no token, and who the token speaks for.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::answer::no_page;
use super::world::Caller;
use super::{Hub, authorize, token};

/// `GET /user`.
pub(super) async fn me(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
) -> Response {
    Json(caller.person.json(&hub)).into_response()
}

/// `GET /version`.
pub(super) async fn version(State(hub): State<Arc<Hub>>) -> Response {
    Json(json!({ "version": hub.options.version })).into_response()
}

/// `GET /api/healthz`.
pub(super) async fn health(State(hub): State<Arc<Hub>>) -> Response {
    let time = hub.now().to_rfc3339();
    let pass = json!([{ "status": "pass", "time": time }]);
    let body = json!({
        "status": "pass",
        "description": "Practice",
        "checks": { "cache:ping": pass, "database:ping": pass },
    });
    (StatusCode::OK, Json(body)).into_response()
}

/// `GET /.well-known/openid-configuration`: where the server believes that it stands.
pub(super) async fn discovery(State(hub): State<Arc<Hub>>) -> Response {
    if !hub.options.oauth {
        return no_page().await;
    }
    let base = hub.root_url();
    Json(json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}{}", authorize::PATH),
        "token_endpoint": format!("{base}{}", token::PATH),
        "jwks_uri": format!("{base}/login/oauth/keys"),
        "userinfo_endpoint": format!("{base}/login/oauth/userinfo"),
        "introspection_endpoint": format!("{base}{}", token::INTROSPECT),
        "response_types_supported": ["code", "id_token"],
        "code_challenge_methods_supported": ["plain", "S256"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
    }))
    .into_response()
}
