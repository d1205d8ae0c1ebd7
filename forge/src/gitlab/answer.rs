//! Answers in the words of GitLab.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use url::form_urlencoded::parse;

use crate::html;

/// Returns a time the way the API writes it.
pub(super) fn stamp(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Refuses as GitLab's own helpers do: `{"message": …}`.
pub(super) fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}

/// Refuses as Grape does before GitLab has looked: `{"error": …}`.
pub(super) fn unfit(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

/// Refuses what a model would not take: a list of words per field.
pub(super) fn invalid(faults: &[(&str, String)]) -> Response {
    let mut message = Map::new();
    for (field, words) in faults {
        let list = message.entry(*field).or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(json!(words));
        }
    }
    (StatusCode::BAD_REQUEST, Json(json!({ "message": message }))).into_response()
}

/// Refuses who brings no credentials, or some that nobody knows.
pub(super) fn unauthorized() -> Response {
    refuse(StatusCode::UNAUTHORIZED, "401 Unauthorized")
}

/// Refuses a token that was good once (`lib/api/api_guard.rb`).
pub(super) fn invalid_token(description: &str) -> Response {
    let challenge = format!(
        "Bearer realm=\"Protected by OAuth 2.0\", error=\"invalid_token\", \
         error_description=\"{description}\""
    );
    let body = json!({ "error": "invalid_token", "error_description": description });
    (
        StatusCode::UNAUTHORIZED,
        [(header::WWW_AUTHENTICATE, challenge)],
        Json(body),
    )
        .into_response()
}

/// Refuses a token without a scope that opens the route. There is no `WWW-Authenticate` here,
/// which GitLab's source regrets.
pub(super) fn insufficient_scope(scopes: &[&str]) -> Response {
    let body = json!({
        "error": "insufficient_scope",
        "error_description":
            "The request requires higher privileges than provided by the access token.",
        "scope": scopes.join(" "),
    });
    (StatusCode::FORBIDDEN, Json(body)).into_response()
}

/// Answers a route that the API does not have.
pub(super) async fn no_route() -> Response {
    unfit(StatusCode::NOT_FOUND, "404 Not Found")
}

/// Answers a method that a route does not have.
pub(super) async fn no_method() -> Response {
    unfit(StatusCode::METHOD_NOT_ALLOWED, "405 Not Allowed")
}

/// Answers a page that is not there.
pub(super) async fn no_page() -> Response {
    missing_page()
}

/// Answers a page that is not there.
pub(super) fn missing_page() -> Response {
    let body = "<h1>404: Page not found</h1><p>Make sure the address is correct.</p>";
    page(StatusCode::NOT_FOUND, "Page not found", body)
}

/// Answers with a page for people.
pub(super) fn page(status: StatusCode, title: &str, body: &str) -> Response {
    (status, Html(html::page(title, body))).into_response()
}

/// Sends the browser on.
pub(super) fn send_to(url: &str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, url.to_owned())]).into_response()
}

/// Reads the fields of a body, JSON or form, as Rails and Grape read both.
pub(super) fn fields(kind: Option<&str>, body: &[u8]) -> Option<Map<String, Value>> {
    let kind = kind.unwrap_or("");
    if kind.starts_with("application/json") {
        if body.is_empty() {
            return Some(Map::new());
        }
        return serde_json::from_slice(body).ok();
    }
    if kind.starts_with("application/x-www-form-urlencoded") {
        let pairs = parse(body).into_owned();
        return Some(pairs.map(|(name, value)| (name, value.into())).collect());
    }
    Some(Map::new())
}
