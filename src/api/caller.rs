//! Who is asking, and may they: the guard in front of every route.

use std::sync::Arc;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::{Actor, ActorKind, Means, Role, UserId};

use super::access::May;
use super::frame::Asked;
use super::problem::Problem;
use super::{fresh, idempotency};
use crate::app::tokens::Principal;
use crate::app::{App, Caller};

/// Whoever asks: known, and allowed to.
#[derive(Debug, Clone)]
pub struct Asking {
    /// Who.
    pub principal: Arc<Principal>,
    subject: Option<UserId>,
    asked: Asked,
}

impl Asking {
    /// Speaks for them.
    pub fn caller(&self) -> Caller {
        self.caller_because(None)
    }

    /// Speaks for them, and says why in their words.
    pub fn caller_because(&self, reason: Option<String>) -> Caller {
        let actor = Actor {
            kind: ActorKind::Person,
            id: self.principal.user.to_string(),
            roles: self.principal.roles.clone(),
            means: Means::Token(self.principal.token),
        };
        self.asked.by(actor, reason)
    }

    /// Says whether they have a role.
    pub fn is(&self, role: Role) -> bool {
        self.principal.roles.contains(&role)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asking {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let known = parts.extensions.get::<Self>().cloned();
        known.ok_or_else(|| Problem::internal("a route for everybody asks who is asking"))
    }
}

/// The person that the path is about: `{user}`, with `me` for whoever asks.
#[derive(Debug)]
pub struct Subject(pub UserId);

impl<S: Send + Sync> FromRequestParts<S> for Subject {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let asking = parts.extensions.get::<Asking>();
        asking
            .and_then(|asking| asking.subject.clone())
            .map(Self)
            .ok_or_else(|| Problem::internal("a route without {user} asks for its subject"))
    }
}

/// What the guard of one route knows.
#[derive(Clone)]
pub(super) struct Guarded {
    pub(super) app: App,
    pub(super) may: May,
    pub(super) path: &'static str,
}

/// Lets a request pass if whoever sends it may.
pub(super) async fn guard(
    State(guarded): State<Guarded>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Response {
    let Ok(params) = params else {
        let problem = Problem::new("malformed-request").detail("the path is not UTF-8");
        return problem.into_response();
    };
    if let Err(problem) = admit(&guarded, &params, &mut request).await {
        return problem.into_response();
    }
    if request.method() == Method::GET
        && let Err(problem) = fresh::wait(&guarded.app, request.uri()).await
    {
        return problem.into_response();
    }
    let asking = request.extensions().get::<Asking>();
    match asking.filter(|_| request.method() == Method::POST).cloned() {
        Some(asking) => {
            let once = idempotency::once(&guarded.app, &asking.principal, request, next);
            // Boxed: all that a POST needs would be part of the future of each request.
            Box::pin(once).await
        }
        None => next.run(request).await,
    }
}

async fn admit(
    guarded: &Guarded,
    params: &RawPathParams,
    request: &mut Request,
) -> Result<(), Problem> {
    if guarded.may == May::Anyone {
        return Ok(());
    }
    let principal = authenticate(&guarded.app, request.headers()).await?;
    let named = params.iter().find(|(name, _)| *name == "user");
    let subject = match named {
        None => None,
        Some((_, "me")) => Some(principal.user.clone()),
        Some((_, user)) => Some(parse::<UserId>("user", user)?),
    };
    let own = subject.as_ref() == Some(&principal.user);
    if !guarded.may.allows(&principal.roles, own) {
        return Err(Problem::new("forbidden").because(format!(
            "{} as {:?} on {}",
            principal.user, principal.roles, guarded.path
        )));
    }
    let asked = request
        .extensions()
        .get::<Asked>()
        .cloned()
        .ok_or_else(|| Problem::internal("a request without its frame"))?;
    request.extensions_mut().insert(Asking {
        principal,
        subject,
        asked,
    });
    Ok(())
}

async fn authenticate(app: &App, headers: &HeaderMap) -> Result<Arc<Principal>, Problem> {
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (sent.next(), sent.next()) else {
        return Err(Problem::new("unauthenticated"));
    };
    let token = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let Some(token) = token else {
        return Err(Problem::new("unauthenticated").detail("only bearer tokens are accepted"));
    };
    app.authenticate(token)
        .await?
        .ok_or_else(|| Problem::new("unauthenticated").detail("the token is not current"))
}

/// Parses a part of the path.
pub fn parse<T>(field: &'static str, text: &str) -> Result<T, Problem>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text.parse()
        .map_err(|error: T::Err| Problem::field(field, error.to_string()))
}
