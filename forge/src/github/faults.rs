//! How GitHub words what goes wrong.

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};

use super::answer::{page, refuse};
use super::limits::{spent, too_busy};
use crate::faults::{Fault, RetryAfter};

const JSON: &str = "application/json; charset=utf-8";
const UNICORN: &str = "<h1>Unicorn!</h1><p>We couldn't respond to your request in time.</p>";
const MAINTENANCE: &str = "<h1>Down for maintenance</h1><p>Please come back in a while.</p>";
const SIGN_IN: &str = "<h1>Sign in</h1><p>Your network wants to know who you are.</p>";

/// Returns the answer that a fault is.
pub(super) fn word(fault: &Fault, now: DateTime<Utc>) -> Response {
    match fault {
        Fault::Unavailable => refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "No server is currently available to service your request.",
        ),
        Fault::Maintenance => maintenance(),
        Fault::MislabelledMaintenance => {
            let mut answer = maintenance();
            answer
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
            answer
        }
        Fault::ServerError => refuse(StatusCode::INTERNAL_SERVER_ERROR, "Server Error"),
        Fault::Html => page(StatusCode::OK, "Sign in", SIGN_IN),
        Fault::Firewall => page(StatusCode::FORBIDDEN, "Denied", "<h1>Access denied</h1>"),
        Fault::BrokenJson => json("{\"id\":1,\"login\":\"".into()),
        Fault::Huge(mebibytes) => json(vec![b' '; mebibytes << 20].into()),
        Fault::BadCredentials => refuse(StatusCode::UNAUTHORIZED, "Bad credentials"),
        Fault::OAuthError(code) => {
            Json(serde_json::json!({ "error": code, "error_description": "Something is wrong." }))
                .into_response()
        }
        Fault::TooManyRequests(retry_after) => too_many(*retry_after),
        Fault::OutOfBudget { status, resets_in } => spent(*status, now + *resets_in),
        Fault::SecondaryLimit {
            status,
            retry_after,
        } => too_busy(*status, *retry_after),
        Fault::LockedOut => refuse(
            StatusCode::FORBIDDEN,
            "Maximum number of login attempts exceeded. Please try again later.",
        ),
        // The others are not answers of the server; what stands between says this.
        Fault::BadGateway
        | Fault::Dropped(_)
        | Fault::Silent(_)
        | Fault::LostAnswer
        | Fault::Repeated
        | Fault::AcceptLost
        | Fault::Slow(_)
        | Fault::Held => page(StatusCode::BAD_GATEWAY, "Unicorn!", UNICORN),
    }
}

fn json(body: Body) -> Response {
    ([(header::CONTENT_TYPE, JSON)], body).into_response()
}

fn maintenance() -> Response {
    page(StatusCode::SERVICE_UNAVAILABLE, "Maintenance", MAINTENANCE)
}

fn too_many(retry_after: Option<RetryAfter>) -> Response {
    let refusal = refuse(StatusCode::TOO_MANY_REQUESTS, "Too many requests.");
    match retry_after {
        Some(wait) => ([(header::RETRY_AFTER, wait.header())], refusal).into_response(),
        None => refusal,
    }
}
