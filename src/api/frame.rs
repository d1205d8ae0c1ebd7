//! What surrounds every request: its id, its trace, the headers of every answer, and the one
//! place where a problem is written and its cause logged.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::{Actor, ActorKind, Means};
use futures::FutureExt;
use tracing::Instrument;
use uuid::Uuid;

use super::problem::Problem;
use crate::app::{App, Caller};
use crate::telemetry::traces;

/// The header with the request's id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is known of every request.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its id.
    pub request: Uuid,
    /// The sender's address.
    pub address: Option<Arc<str>>,
    /// The sender's user agent, cut to what is worth keeping.
    pub agent: Option<Arc<str>>,
}

impl Asked {
    /// Speaks for a person who proved who they are by `means`.
    pub fn by(&self, actor: Actor, reason: Option<String>) -> Caller {
        Caller {
            actor,
            address: self.address.as_deref().map(str::to_owned),
            agent: self.agent.as_deref().map(str::to_owned),
            request: Some(self.request),
            reason,
            correlation: self.request,
            causation: None,
        }
    }

    /// Speaks for nobody yet: whoever it is, is found out on the way.
    pub fn by_nobody(&self) -> Caller {
        let actor = Actor {
            kind: ActorKind::System,
            id: "callback".to_owned(),
            roles: Vec::new(),
            means: Means::Internal,
        };
        self.by(actor, None)
    }

    /// Speaks for whoever copied the one-time secret from the server's own terminal.
    pub fn by_first_secret(&self) -> Caller {
        let actor = Actor {
            kind: ActorKind::Terminal,
            id: "first-secret".to_owned(),
            roles: Vec::new(),
            means: Means::FirstSecret,
        };
        self.by(actor, None)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let known = parts.extensions.get::<Self>().cloned();
        known.ok_or_else(|| Problem::internal("a request without its frame"))
    }
}

/// Surrounds a request.
pub async fn frame(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let asked = Asked {
        request: app.new_id(),
        address: request
            .extensions()
            .get::<ConnectInfo<SocketAddr>>()
            .map(|from| from.0.ip().to_string().into()),
        agent: request
            .headers()
            .get(header::USER_AGENT)
            .and_then(|agent| agent.to_str().ok())
            .map(|agent| agent.chars().take(200).collect::<String>().into()),
    };
    let id = asked.request;
    let secure = app.public_url.scheme() == "https";
    request.extensions_mut().insert(asked);
    // Neither path nor query: the path of a link holds its ticket, the query of a callback a code.
    let span = tracing::info_span!(
        "request",
        request.id = %id,
        http.method = %request.method(),
        http.route = tracing::field::Empty,
        http.status = tracing::field::Empty,
        otel.kind = "server",
    );
    traces::follow_sender(&span, request.headers(), id);
    let began = Instant::now();
    let answered = AssertUnwindSafe(next.run(request))
        .catch_unwind()
        .instrument(span.clone())
        .await;
    let _entered = span.enter();
    let mut response =
        answered.unwrap_or_else(|_| Problem::internal("the handler panicked").into_response());
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        log(&problem);
        let was = std::mem::take(response.headers_mut());
        response = problem.render(id);
        if let Some(allow) = was.get(header::ALLOW) {
            response.headers_mut().insert(header::ALLOW, allow.clone());
        }
    }
    span.record("http.status", response.status().as_u16());
    tracing::debug!(
        http.status = response.status().as_u16(),
        http.micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
        "answered"
    );
    dress(&mut response, id, secure);
    response
}

/// Notes the route in the request's span, once the router has found it.
pub async fn note_route(path: MatchedPath, request: Request, next: Next) -> Response {
    tracing::Span::current().record("http.route", path.as_str());
    next.run(request).await
}

/// Logs a cause, once.
pub(crate) fn log(problem: &Problem) {
    let cause = problem.cause();
    let status = problem.status.as_u16();
    match status {
        503 => tracing::warn!(problem.code, problem.cause = cause, "not now"),
        500.. => tracing::error!(problem.code, problem.cause = cause, "failed"),
        _ => tracing::debug!(problem.code, problem.cause = cause, "refused"),
    }
}

/// Adds the headers that every answer has.
fn dress(response: &mut Response, id: Uuid, secure: bool) {
    let headers = response.headers_mut();
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let defaults = [
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ];
    for (name, value) in defaults {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if secure {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=63072000; includeSubDomains"),
        );
    }
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(REQUEST_ID, id);
    }
}
