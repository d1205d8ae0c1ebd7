//! What every API call goes through: user agent, version, credentials, budget, scopes; and the
//! headers of every answer.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::answer::{hidden, refuse};
use super::limits::{Allowance, too_busy, used_up};
use super::scopes::{Access, access};
use super::tokens::{Caller, Denied};
use super::{API, Flavour, Hub};
use crate::dice::hex;
use crate::server::AskedBy;

const DEFAULT_VERSION: &str = "2022-11-28";
const NEWER_VERSION: &str = "2026-03-10";

/// The client id of the app that calls, in the extensions of a request.
#[derive(Clone, Debug)]
pub(super) struct CallingApp(pub(super) String);

/// What the gate learned about a call.
#[derive(Default)]
struct Visit {
    caller: Option<Caller>,
    accepted: Option<&'static [&'static str]>,
    allowance: Option<Allowance>,
}

/// Lets a call in, or not.
pub(super) async fn gate(
    State(hub): State<Arc<Hub>>,
    mut request: Request,
    next: Next,
) -> Response {
    let agent = request.headers().get(header::USER_AGENT);
    if agent.is_none_or(|agent| agent.as_bytes().trim_ascii().is_empty()) {
        return without_agent();
    }
    let mut visit = Visit::default();
    let wanted_tag = request.headers().get(header::IF_NONE_MATCH).cloned();
    let reading = *request.method() == Method::GET;
    let mut answer = match admit(&hub, &mut request, &mut visit) {
        Ok(()) => {
            let answer = next.run(request).await;
            if reading && answer.status() == StatusCode::OK {
                tag(answer, wanted_tag.as_ref()).await
            } else {
                answer
            }
        }
        Err(refusal) => refusal,
    };
    if answer.status() == StatusCode::NOT_MODIFIED
        && let Some(allowance) = visit.allowance
    {
        let person = visit.caller.as_ref().map_or(0, |caller| caller.person);
        hub.world().refund(person);
        visit.allowance = Some(allowance.refunded());
    }
    sign(&hub, &visit, answer.headers_mut());
    if let Some(caller) = visit.caller {
        answer.extensions_mut().insert(AskedBy(caller.login));
    }
    answer
}

fn admit(hub: &Hub, request: &mut Request, visit: &mut Visit) -> Result<(), Response> {
    check_version(hub, request.headers())?;
    let pattern = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("", MatchedPath::as_str);
    let pattern = pattern.strip_prefix(API).unwrap_or(pattern);
    let method = match *request.method() {
        Method::HEAD => &Method::GET,
        ref other => other,
    };
    let access = access(&format!("{method} {pattern}"));
    let free = pattern == "/rate_limit";
    let now = hub.now();
    let mut world = hub.world();
    match credentials(request.headers()) {
        Credentials::None => {}
        Credentials::Token(secret) => {
            let caller = world.caller(&secret, now).map_err(|denied| match denied {
                Denied::BadCredentials => refuse(StatusCode::UNAUTHORIZED, "Bad credentials"),
                Denied::Suspended => {
                    refuse(StatusCode::FORBIDDEN, "Sorry. Your account was suspended.")
                }
            })?;
            let wait = world.pace(&hub.options, &secret, request.method(), now);
            visit.caller = Some(caller);
            if let Some(wait) = wait {
                return Err(too_busy(403, Some(wait)));
            }
        }
        Credentials::App { client_id, secret } => {
            let known = world
                .apps
                .get(&client_id)
                .is_some_and(|app| app.knows_secret(&secret));
            if !known || access != Access::App {
                return Err(refuse(StatusCode::UNAUTHORIZED, "Bad credentials"));
            }
            request.extensions_mut().insert(CallingApp(client_id));
            return Ok(());
        }
        Credentials::Strange => {
            return Err(refuse(StatusCode::UNAUTHORIZED, "Bad credentials"));
        }
    }
    let person = visit.caller.as_ref().map_or(0, |caller| caller.person);
    visit.allowance = world.spend(&hub.options, person, u32::from(!free), now);
    drop(world);
    if !free && visit.allowance.is_some_and(Allowance::is_over) {
        return Err(used_up(hub.options.over_limit_status, person));
    }
    match (access, &visit.caller) {
        (Access::Open, _) => {}
        (Access::App, _) | (Access::Person(_), None) => {
            return Err(refuse(StatusCode::UNAUTHORIZED, "Requires authentication"));
        }
        (Access::Person(scopes), Some(caller)) => {
            visit.accepted = Some(scopes);
            if let Some(permissions) = caller.permissions {
                if !permissions.open(scopes) {
                    let words = "Resource not accessible by integration";
                    return Err(refuse(StatusCode::FORBIDDEN, words));
                }
            } else if !scopes.is_empty() && !scopes.iter().any(|scope| caller.scopes.cover(scope)) {
                return Err(hidden());
            }
        }
    }
    if let Some(caller) = visit.caller.clone() {
        request.extensions_mut().insert(caller);
    }
    Ok(())
}

fn without_agent() -> Response {
    let body = "Request forbidden by administrative rules. Please make sure your request has a \
                User-Agent header.";
    (StatusCode::FORBIDDEN, Html(body)).into_response()
}

fn check_version(hub: &Hub, headers: &HeaderMap) -> Result<(), Response> {
    let Some(version) = headers.get("x-github-api-version") else {
        return Ok(());
    };
    let newer = hub.options.flavour == Flavour::DotCom && version == NEWER_VERSION;
    if version == DEFAULT_VERSION || newer {
        return Ok(());
    }
    Err(refuse(
        StatusCode::BAD_REQUEST,
        "The version you specified is not a supported version.",
    ))
}

enum Credentials {
    None,
    Token(String),
    App { client_id: String, secret: String },
    Strange,
}

fn credentials(headers: &HeaderMap) -> Credentials {
    let Some(header) = headers.get(header::AUTHORIZATION) else {
        return Credentials::None;
    };
    let Some((scheme, value)) = header.to_str().ok().and_then(|text| text.split_once(' ')) else {
        return Credentials::Strange;
    };
    if scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token") {
        return Credentials::Token(value.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Credentials::Strange;
    }
    let pair = STANDARD
        .decode(value.trim())
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    match pair.as_deref().and_then(|pair| pair.split_once(':')) {
        Some((client_id, secret)) => Credentials::App {
            client_id: client_id.to_owned(),
            secret: secret.to_owned(),
        },
        None => Credentials::Strange,
    }
}

/// Gives an answer its `ETag`, or says that the caller has it already.
async fn tag(answer: Response, wanted: Option<&HeaderValue>) -> Response {
    let (mut head, body) = answer.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let strong = format!("\"{}\"", hex(&Sha256::digest(&bytes)));
    let known = wanted
        .and_then(|wanted| wanted.to_str().ok())
        .is_some_and(|wanted| {
            wanted
                .split(',')
                .map(str::trim)
                .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == strong)
        });
    if let Ok(value) = HeaderValue::try_from(format!("W/{strong}")) {
        head.headers.insert(header::ETAG, value);
    }
    head.headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, max-age=60, s-maxage=60"),
    );
    if known {
        head.status = StatusCode::NOT_MODIFIED;
        head.headers.remove(header::CONTENT_TYPE);
        head.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(head, Body::empty());
    }
    Response::from_parts(head, Body::from(bytes))
}

/// Writes the headers that every answer has.
fn sign(hub: &Hub, visit: &Visit, headers: &mut HeaderMap) {
    let mut write = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    write(
        "x-github-request-id",
        &hub.world().dice.hex(20).to_uppercase(),
    );
    write("x-github-media-type", "github.v3; format=json");
    if hub.options.flavour == Flavour::Enterprise {
        write(
            "x-github-enterprise-version",
            &hub.options.enterprise_version,
        );
    }
    // The tokens of GitHub Apps have no scopes, and no answer says a word of any.
    if let Some(caller) = &visit.caller
        && caller.permissions.is_none()
    {
        write("x-oauth-scopes", &caller.scopes.joined(", "));
        write(
            "x-accepted-oauth-scopes",
            &visit.accepted.unwrap_or_default().join(", "),
        );
    }
    if let Some(allowance) = visit.allowance {
        allowance.write(headers);
    }
}
