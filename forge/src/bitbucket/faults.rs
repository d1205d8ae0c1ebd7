//! How Bitbucket words what goes wrong.

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::answer::{bad_token, page, refuse};
use super::oauth1::problem::Problem;
use crate::faults::{Fault, RetryAfter};

const JSON: &str = "application/json;charset=UTF-8";

/// Returns the answer that a fault is.
pub(super) fn word(fault: &Fault, base: &str) -> Response {
    match fault {
        Fault::Unavailable => refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "The system is overloaded.",
            "com.atlassian.bitbucket.throttle.ResourceBusyException",
        ),
        Fault::Maintenance => maintenance(),
        Fault::MislabelledMaintenance => {
            let mut answer = maintenance();
            answer
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
            answer
        }
        Fault::ServerError => refuse(
            StatusCode::INTERNAL_SERVER_ERROR,
            "An error occurred while processing the request.",
            "java.lang.NullPointerException",
        ),
        Fault::Html => page(StatusCode::OK, "Sign in", "<h1>Sign in</h1>"),
        Fault::Firewall => page(StatusCode::FORBIDDEN, "Denied", "<h1>Access denied</h1>"),
        Fault::BrokenJson => json("{\"size\":1,\"values\":[".into()),
        Fault::Huge(mebibytes) => json(vec![b' '; mebibytes << 20].into()),
        Fault::BadCredentials => bad_token(),
        // A word of OAuth 1.0a is answered as such, any other as OAuth 2.0 does.
        Fault::OAuthError(code) => Problem::named(code).map_or_else(
            || {
                let body = json!({ "error": code, "error_description": "Something is wrong." });
                (StatusCode::BAD_REQUEST, Json(body)).into_response()
            },
            |problem| problem.answer(base),
        ),
        Fault::TooManyRequests(wait) => too_many(*wait),
        Fault::OutOfBudget { .. } => too_many(None),
        Fault::SecondaryLimit { retry_after, .. } => too_many(*retry_after),
        Fault::LockedOut => {
            let reason = "CAPTCHA_CHALLENGE; login-url=/login";
            let name = "x-authentication-denied-reason";
            let refusal = refuse(
                StatusCode::FORBIDDEN,
                "CAPTCHA required. Your Bitbucket account has been marked as requiring a CAPTCHA.",
                "com.atlassian.bitbucket.auth.CaptchaRequiredAuthenticationException",
            );
            ([(name, reason)], refusal).into_response()
        }
        // The others are not answers of the server; what stands between says this.
        _ => page(StatusCode::BAD_GATEWAY, "502", "<h1>502 Bad Gateway</h1>"),
    }
}

fn json(body: Body) -> Response {
    ([(header::CONTENT_TYPE, JSON)], body).into_response()
}

fn maintenance() -> Response {
    let body = "<h1>Bitbucket is down for maintenance</h1>";
    page(StatusCode::SERVICE_UNAVAILABLE, "Maintenance", body)
}

fn too_many(retry_after: Option<RetryAfter>) -> Response {
    let refusal = refuse(
        StatusCode::TOO_MANY_REQUESTS,
        "You've exceeded the allowed number of requests.",
        "",
    );
    match retry_after {
        Some(wait) => ([(header::RETRY_AFTER, wait.header())], refusal).into_response(),
        None => refusal,
    }
}
