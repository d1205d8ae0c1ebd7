//! What every call goes through: maintenance mode first, then budget, credentials, scopes and the
//! state of the account.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::answer::{insufficient_scope, invalid_token, refuse, unauthorized};
use super::limits::Allowance;
use super::tokens::Caller;
use super::{API, Hub, token};
use crate::server::{AskedBy, Practice as _};

/// What may read: the person, and with `read_api` everything.
const READ: &[&str] = &["read_user", "api", "read_api"];
const WRITE: &[&str] = &["api"];

/// Which scopes open a route, named by method and path without root and API prefix; `None` for
/// one that is open to everybody.
fn access(route: &str) -> Option<&'static [&'static str]> {
    Some(match route {
        "GET /user"
        | "GET /user/keys"
        | "GET /user/keys/{id}"
        | "GET /version"
        | "GET /metadata" => READ,
        "POST /user/keys" | "DELETE /user/keys/{id}" => WRITE,
        _ => return None,
    })
}

/// Turns writes away while the server is in maintenance mode; the token endpoint stays.
///
/// A request whose body is not labelled JSON counts as one of a browser and is sent to the front
/// page instead (`lib/gitlab/middleware/read_only/controller.rb`).
pub(super) async fn maintenance(
    State(hub): State<Arc<Hub>>,
    request: Request,
    next: Next,
) -> Response {
    let writes = ![Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    let path = request.uri().path();
    let spared = path.strip_prefix(hub.root()).unwrap_or(path) == token::PATH;
    if !writes || spared || !hub.world().maintenance {
        return next.run(request).await;
    }
    let json = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/json"));
    if json {
        let words = "GitLab Maintenance: system is in maintenance mode";
        return refuse(StatusCode::SERVICE_UNAVAILABLE, words);
    }
    let front = [(header::LOCATION, format!("{}/", hub.base))];
    (StatusCode::MOVED_PERMANENTLY, front).into_response()
}

/// Lets a call into the API, or not.
pub(super) async fn gate(
    State(hub): State<Arc<Hub>>,
    mut request: Request,
    next: Next,
) -> Response {
    let mut visit = Visit::default();
    let mut answer = match admit(&hub, &mut request, &mut visit) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal,
    };
    let headers = answer.headers_mut();
    if let Ok(id) = hub.world().dice.hex(26).to_uppercase().parse() {
        headers.insert("x-request-id", id);
    }
    headers.insert("x-gitlab-meta", META);
    if let Some(allowance) = visit.allowance {
        allowance.write(headers);
    }
    if let Some(login) = visit.login {
        answer.extensions_mut().insert(AskedBy(login));
    }
    answer
}

const META: header::HeaderValue = header::HeaderValue::from_static("{\"version\":\"1\"}");

/// What the gate learned about a call.
#[derive(Default)]
struct Visit {
    login: Option<String>,
    allowance: Option<Allowance>,
}

fn admit(hub: &Hub, request: &mut Request, visit: &mut Visit) -> Result<(), Response> {
    let now = hub.now();
    let mut world = hub.world();
    let secret = bearer(request.headers());
    let token = secret.and_then(|secret| world.tokens.get(secret)).cloned();
    let person = token
        .as_ref()
        .filter(|token| token.is_live(now))
        .map_or(0, |token| token.person);
    visit.allowance = world.spend(&hub.options, person, now);
    if let Some(allowance) = visit.allowance.filter(|allowance| allowance.is_over()) {
        return Err(allowance.refuse(now));
    }
    let Some(scopes) = access(&route(hub, request)) else {
        return Ok(());
    };
    // The order is GitLab's: expired before revoked before the scopes before the account.
    let token = token.ok_or_else(unauthorized)?;
    if token.has_expired(now) {
        return Err(invalid_token(
            "Token is expired. You can either do re-authorization or token refresh.",
        ));
    }
    if token.revoked {
        return Err(invalid_token(
            "Token was revoked. You have to re-authorize from the user.",
        ));
    }
    if !token.scopes.iter().any(|held| scopes.contains(&&**held)) {
        return Err(insufficient_scope(scopes));
    }
    let person = world.people.get(&token.person).ok_or_else(unauthorized)?;
    visit.login = Some(person.login.clone());
    if let Some(reason) = person.account.denial(&person.login, &hub.base) {
        let words = format!("403 Forbidden - {reason}");
        return Err(refuse(StatusCode::FORBIDDEN, &words));
    }
    let caller = Caller {
        person: person.id,
        client_id: token.client_id,
    };
    drop(world);
    request.extensions_mut().insert(caller);
    Ok(())
}

fn route(hub: &Hub, request: &Request) -> String {
    let pattern = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("", MatchedPath::as_str);
    let pattern = pattern.strip_prefix(hub.root()).unwrap_or(pattern);
    let pattern = pattern.strip_prefix(API).unwrap_or(pattern);
    let method = match *request.method() {
        Method::HEAD => &Method::GET,
        ref other => other,
    };
    format!("{method} {pattern}")
}

/// Returns the token of a call; OAuth tokens come as bearer tokens only.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
