//! Answers in the words of GitHub.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::html;

const DOCUMENTATION: &str = "https://docs.github.com/rest";

/// Returns a time the way the API writes it.
pub(super) fn stamp(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Refuses with a message.
pub(super) fn refuse(status: StatusCode, message: &str) -> Response {
    let body = json!({
        "message": message,
        "documentation_url": DOCUMENTATION,
        "status": status.as_str(),
    });
    (status, Json(body)).into_response()
}

/// Refuses a body, with one entry in `errors`.
pub(super) fn invalid(error: &Value) -> Response {
    let body = json!({
        "message": "Validation Failed",
        "errors": [error],
        "documentation_url": DOCUMENTATION,
        "status": "422",
    });
    (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
}

/// Refuses a public key.
pub(super) fn invalid_key(message: &str) -> Response {
    invalid(&json!({
        "resource": "PublicKey",
        "code": "custom",
        "field": "key",
        "message": message,
    }))
}

/// Refuses a body without a field.
pub(super) fn missing_field(resource: &str, field: &str) -> Response {
    invalid(&json!({ "resource": resource, "code": "missing_field", "field": field }))
}

/// Answers what is not there, or must not be seen.
pub(super) async fn not_found() -> Response {
    hidden()
}

/// Answers what is not there, or must not be seen.
pub(super) fn hidden() -> Response {
    refuse(StatusCode::NOT_FOUND, "Not Found")
}

/// Answers a page that is not there.
pub(super) async fn no_page() -> Response {
    missing_page()
}

/// Answers a page that is not there.
pub(super) fn missing_page() -> Response {
    page(
        StatusCode::NOT_FOUND,
        "Page not found",
        "<h1>404</h1><p>This is not the page.</p>",
    )
}

/// Answers with a page for people.
pub(super) fn page(status: StatusCode, title: &str, body: &str) -> Response {
    (status, Html(html::page(title, body))).into_response()
}

/// Sends the browser on.
pub(super) fn send_to(url: &str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, url.to_owned())]).into_response()
}

/// Reads a JSON object.
pub(super) fn object(body: &[u8]) -> Result<Value, Response> {
    match serde_json::from_slice(body) {
        Ok(object @ Value::Object(_)) => Ok(object),
        Ok(_) => Err(refuse(
            StatusCode::BAD_REQUEST,
            "Body should be a JSON object",
        )),
        Err(_) => Err(refuse(StatusCode::BAD_REQUEST, "Problems parsing JSON")),
    }
}
