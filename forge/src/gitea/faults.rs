//! How Gitea, or what stands before it, words what goes wrong.

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Hub;
use super::answer::{page, refuse};
use crate::faults::{Fault, RetryAfter};

const JSON: &str = "application/json;charset=utf-8";
const MAINTENANCE: &str = "<h1>Down for maintenance</h1><p>Please come back in a while.</p>";
const BAD_GATEWAY: &str = "<center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center>";
const SIGN_IN: &str = "<h1>Sign in</h1><p>Your network wants to know who you are.</p>";

/// Returns the answer that a fault is.
pub(super) fn word(hub: &Hub, fault: &Fault) -> Response {
    match fault {
        Fault::Unavailable => refuse(hub, StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        Fault::Maintenance => maintenance(),
        Fault::MislabelledMaintenance => {
            let mut answer = maintenance();
            answer
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
            answer
        }
        // In production Gitea does not say what went wrong.
        Fault::ServerError => refuse(hub, StatusCode::INTERNAL_SERVER_ERROR, ""),
        Fault::Html => page(StatusCode::OK, "Sign in", SIGN_IN),
        Fault::Firewall => page(StatusCode::FORBIDDEN, "Denied", "<h1>Access denied</h1>"),
        Fault::BrokenJson => labelled("{\"id\":1,\"login\":\"".into()),
        Fault::Huge(mebibytes) => labelled(vec![b' '; mebibytes << 20].into()),
        Fault::BadCredentials => super::gate::dead_token(hub),
        Fault::OAuthError(code) => {
            let body = json!({ "error": code, "error_description": "something is wrong" });
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
        // Gitea has no limits of its own; a proxy before it may have them.
        Fault::TooManyRequests(retry_after) => too_many(429, *retry_after),
        Fault::SecondaryLimit {
            status,
            retry_after,
        } => too_many(*status, *retry_after),
        Fault::OutOfBudget { status, resets_in } => {
            too_many(*status, Some(RetryAfter::Seconds(resets_in.as_secs())))
        }
        Fault::LockedOut => page(StatusCode::FORBIDDEN, "Forbidden", "<h1>403 Forbidden</h1>"),
        Fault::BadGateway
        | Fault::Dropped(_)
        | Fault::Silent(_)
        | Fault::LostAnswer
        | Fault::Repeated
        | Fault::AcceptLost
        | Fault::Slow(_)
        | Fault::Held => page(StatusCode::BAD_GATEWAY, "502 Bad Gateway", BAD_GATEWAY),
    }
}

fn labelled(body: Body) -> Response {
    ([(header::CONTENT_TYPE, JSON)], body).into_response()
}

fn maintenance() -> Response {
    page(StatusCode::SERVICE_UNAVAILABLE, "Maintenance", MAINTENANCE)
}

fn too_many(status: u16, retry_after: Option<RetryAfter>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::TOO_MANY_REQUESTS);
    let refusal = page(status, "Slow down", "<h1>Too Many Requests</h1>");
    match retry_after {
        Some(wait) => ([(header::RETRY_AFTER, wait.header())], refusal).into_response(),
        None => refusal,
    }
}
