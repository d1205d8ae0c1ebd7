//! Answers in the words of Bitbucket.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{API, Hub};
use crate::html::{self, escape};

/// The hidden field that ties a form to the question it came with.
pub(super) const TICKET: &str = "atl_token";

pub(super) const AUTHENTICATION: &str = "com.atlassian.bitbucket.auth.AuthenticationException";
pub(super) const AUTHORISATION: &str = "com.atlassian.bitbucket.AuthorisationException";
const PER_PAGE: usize = 25;
const MOST_PER_PAGE: usize = 1000;

/// Refuses in the envelope that every refusal of the REST API comes in.
pub(super) fn refuse(status: StatusCode, message: &str, exception: &str) -> Response {
    refuse_field(status, None, message, exception)
}

/// Refuses because of a field.
pub(super) fn refuse_field(
    status: StatusCode,
    field: Option<&str>,
    message: &str,
    exception: &str,
) -> Response {
    let name = (!exception.is_empty()).then_some(exception);
    let body =
        json!({ "errors": [{ "context": field, "message": message, "exceptionName": name }] });
    (status, Json(body)).into_response()
}

/// Refuses whoever is not signed in, or may not.
pub(super) fn not_permitted() -> Response {
    refuse(
        StatusCode::UNAUTHORIZED,
        "You are not permitted to access this resource",
        AUTHORISATION,
    )
}

/// Refuses a bearer token that is dead, or was never alive.
pub(super) fn bad_token() -> Response {
    refuse(
        StatusCode::UNAUTHORIZED,
        "Authentication failed. Please check your credentials and try again.",
        AUTHENTICATION,
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

/// `GET /login`.
pub(super) async fn login_page() -> Response {
    page(StatusCode::OK, "Log in", "<h1>Log in</h1>")
}

/// Sends whoever is not signed in to the login page.
pub(super) fn login_first(hub: &Hub, path: &str) -> Response {
    let next: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
    send_to(&format!("{}/login?next={next}", hub.base))
}

/// Answers what is not there: the API in JSON, all else by asking to log in.
pub(super) async fn nothing_here(State(hub): State<Arc<Hub>>, uri: Uri) -> Response {
    if uri.path().starts_with(API) {
        return not_here();
    }
    login_first(&hub, uri.path())
}

/// Answers a resource of the API that is not there.
pub(super) fn not_here() -> Response {
    let body = json!({ "status-code": 404, "message": "null for uri" });
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

/// Answers a method that a resource does not have.
pub(super) async fn wrong_method() -> Response {
    let body = json!({ "status-code": 405, "message": "HTTP 405 Method Not Allowed" });
    (StatusCode::METHOD_NOT_ALLOWED, Json(body)).into_response()
}

/// Answers what lies outside the context path: another program, or none.
pub(super) async fn outside_the_context() -> Response {
    page(
        StatusCode::NOT_FOUND,
        "404",
        "<h1>HTTP Status 404 - Not Found</h1>",
    )
}

/// Says whether a body is JSON by its label; forms are refused as cross-site requests.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/json"))
}

/// Refuses a body that is not JSON.
pub(super) fn not_json(method: &Method) -> Response {
    let body = json!({ "status-code": 415, "message": format!("HTTP 415 for {method}") });
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, Json(body)).into_response()
}

/// Which page of a list is asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Page {
    start: Option<String>,
    limit: Option<String>,
}

impl Page {
    /// Returns one page, and where the next one begins.
    pub(super) fn cut(&self, rows: Vec<Value>) -> Value {
        let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok());
        let start: usize = number(&self.start).unwrap_or(0);
        let limit = number(&self.limit)
            .filter(|limit| *limit > 0)
            .unwrap_or(PER_PAGE)
            .min(MOST_PER_PAGE);
        let last = start.saturating_add(limit) >= rows.len();
        let values: Vec<Value> = rows.into_iter().skip(start).take(limit).collect();
        let mut page = json!({
            "size": values.len(),
            "limit": limit,
            "isLastPage": last,
            "values": values,
            "start": start,
        });
        if !last {
            page["nextPageStart"] = json!(start + limit);
        }
        page
    }
}

/// The form in which a person answers a question of either era.
pub(super) fn consent_form(app: &str, ticket: &str, people: &[String], asks: &str) -> String {
    let options: Vec<String> = people
        .iter()
        .map(|name| format!("<option value=\"{0}\">{0}</option>", escape(name)))
        .collect();
    format!(
        "<h1>Authorize</h1>\n<p>Would you like to give <strong>{app}</strong> {asks}?</p>\n\
         <form method=\"post\">\n<input type=\"hidden\" name=\"{TICKET}\" value=\"{ticket}\">\n\
         <p><label>Log in as <select name=\"user\">{options}</select></label></p>\n\
         <p><button class=\"go\" name=\"decision\" value=\"approve\">Allow</button>\n\
         <button name=\"decision\" value=\"deny\">Deny</button></p>\n</form>\n\
         <p><small>This is a practice server.</small></p>",
        app = escape(app),
        ticket = escape(ticket),
        asks = escape(asks),
        options = options.concat(),
    )
}

/// The fields of a form that a page was answered with.
pub(super) type Fields = HashMap<String, String>;
