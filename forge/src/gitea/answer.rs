//! Answers in the words of Gitea.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Hub;
use crate::html;

/// Returns a time the way the API writes it.
pub(super) fn stamp(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Refuses with a message.
pub(super) fn refuse(hub: &Hub, status: StatusCode, message: &str) -> Response {
    let body = json!({ "message": message, "url": format!("{}/api/swagger", hub.base) });
    (status, Json(body)).into_response()
}

/// Refuses what was sent.
pub(super) fn invalid(hub: &Hub, message: &str) -> Response {
    refuse(hub, StatusCode::UNPROCESSABLE_ENTITY, message)
}

/// Answers what is not there.
pub(super) fn missing(hub: &Hub) -> Response {
    refuse(hub, StatusCode::NOT_FOUND, "not found")
}

/// Answers a page that is not there.
pub(super) async fn no_page() -> Response {
    page(
        StatusCode::NOT_FOUND,
        "Page Not Found",
        "<h1>404 Not Found</h1>",
    )
}

/// Answers with a page for people.
pub(super) fn page(status: StatusCode, title: &str, body: &str) -> Response {
    (status, Html(html::page(title, body))).into_response()
}

/// Sends the browser on.
pub(super) fn send_to(url: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, url.to_owned())]).into_response()
}

/// Reads a JSON object.
pub(super) fn object(hub: &Hub, body: &[u8]) -> Result<Value, Response> {
    match serde_json::from_slice(body) {
        Ok(object @ Value::Object(_)) => Ok(object),
        _ => Err(invalid(hub, "[]: DeserializationError")),
    }
}
