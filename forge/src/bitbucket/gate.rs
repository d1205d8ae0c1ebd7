//! What every call goes through: the state of the server, credentials, the rate limit; and the
//! headers of every answer.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use url::form_urlencoded::byte_serialize;

use super::answer::{Page, bad_token, login_first, not_permitted, page, refuse};
use super::oauth1::{self, message};
use super::rules::BitbucketState;
use super::{API, Hub};
use crate::server::AskedBy;

/// Who calls, on whose behalf.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) person: u64,
    pub(super) name: String,
    /// Consumer key or client id.
    pub(super) app: String,
    /// What the token is for; `None` is everything the person may do (OAuth 1.0a).
    pub(super) scopes: Option<Vec<String>>,
}

impl Caller {
    /// Says whether the token is good for something that needs a scope.
    pub(super) fn may(&self, scope: &str) -> bool {
        self.scopes
            .as_ref()
            .is_none_or(|scopes| scopes.iter().any(|given| given == scope))
    }
}

/// Lets a call in, or not.
pub(super) async fn gate(
    State(hub): State<Arc<Hub>>,
    mut request: Request,
    next: Next,
) -> Response {
    // The context path is gone by now.
    let inside = request.uri().path().to_owned();
    let inside = inside.as_str();
    let state = hub.world().rules.state;
    let (caller, mut answer) = if *request.method() == Method::POST && !says_how_much(&request) {
        (None, how_much())
    } else if inside == "/status" {
        (None, next.run(request).await)
    } else if state == BitbucketState::Running {
        match admit(&hub, &request, inside) {
            Ok(Some(caller)) => {
                request.extensions_mut().insert(caller.clone());
                (Some(caller), next.run(request).await)
            }
            Ok(None) if needs_a_caller(inside) => (None, to_nobody(&hub, &request)),
            Ok(None) => (None, next.run(request).await),
            Err(refusal) => (None, refusal),
        }
    } else {
        (None, unusable(state))
    };
    sign(&hub, caller.as_ref(), answer.headers_mut());
    if let Some(caller) = caller {
        answer.extensions_mut().insert(AskedBy(caller.name));
    }
    answer
}

/// Says whether a request tells how much comes with it.
fn says_how_much(request: &Request) -> bool {
    let headers = request.headers();
    headers.contains_key(header::CONTENT_LENGTH) || headers.contains_key(header::TRANSFER_ENCODING)
}

/// Answers as the strict front ends do that Bitbucket often stands behind (RFC 9110, 15.5.12).
fn how_much() -> Response {
    page(
        StatusCode::LENGTH_REQUIRED,
        "411 Length Required",
        "<h1>411 Length Required</h1>",
    )
}

/// The API answers nobody unknown, but for what an installer or an OAuth client has to ask.
fn needs_a_caller(inside: &str) -> bool {
    let Some(resource) = inside.strip_prefix(API) else {
        return false;
    };
    !resource.starts_with("/oauth2/") && !resource.ends_with("/application-properties")
}

/// Answers who is not signed in.
fn to_nobody(hub: &Hub, request: &Request) -> Response {
    let open = hub.world().rules.public_access && *request.method() == Method::GET;
    if open && request.uri().path().ends_with("/keys") {
        Json(Page::default().cut(Vec::new())).into_response()
    } else {
        not_permitted()
    }
}

fn unusable(state: BitbucketState) -> Response {
    let words = format!("<h1>Bitbucket is not available</h1><p>{}</p>", state.word());
    page(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", &words)
}

fn admit(hub: &Hub, request: &Request, inside: &str) -> Result<Option<Caller>, Response> {
    let headers = request.headers();
    let Some(credentials) = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
    else {
        return Ok(None);
    };
    let (scheme, value) = credentials.split_once(' ').unwrap_or((credentials, ""));
    if scheme.eq_ignore_ascii_case("oauth") {
        if oauth1::is_servlet(inside) {
            return Ok(None);
        }
        return signed_by(hub, request);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(bad_token());
    }
    // Since 8.9.22, 8.19.12 and 9.3.2 a bearer token is heeded below these two only.
    if !inside.starts_with("/rest/") && !inside.starts_with("/scm/") {
        return match inside {
            "/login" => Ok(None),
            _ => Err(login_first(hub, inside)),
        };
    }
    bearer(hub, value.trim())
}

fn bearer(hub: &Hub, token: &str) -> Result<Option<Caller>, Response> {
    let now = hub.now();
    let mut world = hub.world();
    if !world.rules.bearer_tokens {
        return Ok(None);
    }
    let Some(caller) = world.bearer(token, now) else {
        return if world.rules.public_access {
            Ok(None)
        } else {
            Err(bad_token())
        };
    };
    if world.rules.spend(caller.person, now) {
        Ok(Some(caller))
    } else {
        Err(refuse(
            StatusCode::TOO_MANY_REQUESTS,
            "You've exceeded the allowed number of requests.",
            "",
        ))
    }
}

fn signed_by(hub: &Hub, request: &Request) -> Result<Option<Caller>, Response> {
    // Bodies of the API are JSON, and JSON is not signed.
    let message =
        message::Message::read(hub, request.method(), request.uri(), request.headers(), b"");
    if message.get("oauth_token").is_none() {
        return Ok(None);
    }
    let now = hub.now();
    let caller = message
        .caller(&mut hub.world(), now)
        .map_err(|problem| problem.answer(&hub.base))?;
    Ok(Some(caller))
}

/// Writes the headers that every answer has.
fn sign(hub: &Hub, caller: Option<&Caller>, headers: &mut HeaderMap) {
    let mut write = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    let request_id = format!("@{}", hub.world().dice.letters(12));
    write("x-arequestid", &request_id);
    if let Some(caller) = caller {
        let name: String = byte_serialize(caller.name.as_bytes()).collect();
        write("x-ausername", &name);
        write("x-auserid", &caller.person.to_string());
        write("x-asessionid", &request_id[1..7]);
    }
}
