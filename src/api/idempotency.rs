//! `Idempotency-Key`: a POST that is sent twice is done once.
//!
//! A key belongs to a person and a route and lives for a day. The answer is kept sealed: it may
//! show a token, and a copy of the database must not.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::UserId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::extract::read;
use super::frame::{Asked, log};
use super::problem::Problem;
use crate::app::App;
use crate::app::digest::sha256_hex;
use crate::app::idempotency::{Claim, Done, Kept};
use crate::app::tokens::Principal;
use crate::vault::{Owner, Purpose};

/// The header with the caller's key.
pub const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The header that tells an answer that was given before.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The headers of an answer that are kept with it.
const KEPT_HEADERS: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::LOCATION,
    header::ETAG,
    super::fresh::INDEX,
];

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct Answer {
    headers: Vec<(String, String)>,
    body: String,
}

/// Lets a request pass once per key.
pub(super) async fn once(
    app: &App,
    principal: &Principal,
    request: Request,
    next: Next,
) -> Response {
    let Some(key) = request.headers().get(KEY) else {
        return next.run(request).await;
    };
    let key = match key.to_str() {
        Ok(key) if (1..=200).contains(&key.len()) => key.to_owned(),
        Ok(_) | Err(_) => {
            return Problem::field("Idempotency-Key", "must have 1 to 200 ASCII characters")
                .into_response();
        }
    };
    match keyed(app, &principal.user, key, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn keyed(
    app: &App,
    user: &UserId,
    key: String,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let body = read(&parts.headers, body).await?;
    // The address names what is done: a replay of one thing never answers for another.
    let route = format!("{} {}", parts.method, parts.uri.path());
    let context = format!("idempotency/{route}/{key}");
    let claim = Claim {
        principal: user.to_string(),
        route,
        key,
        body_hash: sha256_hex(&body),
    };
    match app.claim(&claim).await? {
        Kept::New => {}
        Kept::Running => return Err(Problem::new("request-in-flight").retry_after(1)),
        Kept::OtherBody => return Err(Problem::new("idempotency-key-reused")),
        Kept::Done(done) => return replay(app, user, &context, done).await,
    }
    let id = parts.extensions.get::<Asked>().map(|asked| asked.request);
    let id = id.unwrap_or_default();
    // On a task of its own: a caller that goes away does not leave the key in flight.
    let (app, user) = (app.clone(), user.clone());
    let task = tokio::spawn(async move {
        let response = next.run(Request::from_parts(parts, Body::from(body))).await;
        keep(&app, &user, &context, &claim, id, response).await
    });
    task.await.map_err(Problem::internal)?
}

async fn replay(app: &App, user: &UserId, context: &str, done: Done) -> Result<Response, Problem> {
    let owner = Owner::Person(user.clone());
    let opened = app
        .vault
        .open_box(&owner, Purpose::Personal, context, &done.answer)
        .await?;
    let answer: Answer = serde_json::from_slice(opened.expose()).map_err(Problem::internal)?;
    let mut response = Body::from(answer.body).into_response();
    *response.status_mut() = StatusCode::from_u16(done.status).map_err(Problem::internal)?;
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(&value)) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

/// Keeps an answer for the next time; one of a failure of ours is not kept, so that the same
/// request may be tried again.
async fn keep(
    app: &App,
    user: &UserId,
    context: &str,
    claim: &Claim,
    id: Uuid,
    mut response: Response,
) -> Result<Response, Problem> {
    let status = response.status();
    if status.is_server_error() {
        app.release(claim).await?;
        return Ok(response);
    }
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        // Kept with the id of the request that was first.
        log(&problem);
        response = problem.render(id);
    }
    let (parts, body) = response.into_parts();
    let body = read(&axum::http::HeaderMap::new(), body).await?;
    let answer = Answer {
        headers: KEPT_HEADERS
            .iter()
            .filter_map(|name| {
                let value = parts.headers.get(name)?.to_str().ok()?;
                Some((name.to_string(), value.to_owned()))
            })
            .collect(),
        body: String::from_utf8(body.to_vec()).map_err(Problem::internal)?,
    };
    let text = serde_json::to_string(&answer).map_err(Problem::internal)?;
    let owner = Owner::Person(user.clone());
    let sealed = app
        .vault
        .seal_box(&owner, Purpose::Personal, context, &text.into())
        .await?;
    let done = Done {
        status: parts.status.as_u16(),
        answer: sealed,
    };
    app.settle(claim, done).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}
