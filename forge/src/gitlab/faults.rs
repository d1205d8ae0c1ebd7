//! How GitLab words what goes wrong.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};

use super::answer::{page, refuse, unauthorized};
use super::limits::{retry_later, spent, too_often};
use super::token;
use crate::faults::Fault;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const WHOOPS: &str = "<h1>502</h1><h3>Whoops, GitLab is taking too much time to respond.</h3>\
    <p>Try refreshing the page, or going back and attempting the action again.</p>";
const DEPLOYING: &str = "<h1>Deploy in progress</h1><p>Please try again in a few minutes.</p>";
const SIGN_IN: &str = "<h1>Sign in</h1><p>Your network wants to know who you are.</p>";

/// Returns the answer that a fault is.
pub(super) fn word(fault: &Fault, now: DateTime<Utc>) -> Response {
    match fault {
        Fault::Unavailable => refuse(StatusCode::SERVICE_UNAVAILABLE, "503 Service Unavailable"),
        Fault::Maintenance => deploying(),
        Fault::MislabelledMaintenance => {
            let mut answer = deploying();
            answer.headers_mut().insert(header::CONTENT_TYPE, JSON);
            answer
        }
        Fault::ServerError => refuse(
            StatusCode::INTERNAL_SERVER_ERROR,
            "500 Internal Server Error",
        ),
        Fault::Html => page(StatusCode::OK, "Sign in", SIGN_IN),
        Fault::Firewall => page(StatusCode::FORBIDDEN, "Denied", "<h1>Access denied</h1>"),
        Fault::BrokenJson => json("{\"id\":1,\"username\":\"".into()),
        Fault::Huge(mebibytes) => json(vec![b' '; mebibytes << 20].into()),
        Fault::BadCredentials => unauthorized(),
        Fault::OAuthError(code) => token::refused(code, "Something is wrong."),
        Fault::TooManyRequests(retry_after) => retry_later(*retry_after),
        Fault::OutOfBudget { resets_in, .. } => spent(now + *resets_in, now),
        Fault::SecondaryLimit {
            status,
            retry_after,
        } => too_often(*status, *retry_after),
        // GitLab.com bans an address for a quarter of an hour after many failed sign-ins.
        Fault::LockedOut => {
            let text = [(header::CONTENT_TYPE, "text/plain")];
            (StatusCode::FORBIDDEN, text, "Forbidden\n").into_response()
        }
        // The others are not answers of the server; what stands between says this.
        Fault::BadGateway
        | Fault::Dropped(_)
        | Fault::Silent(_)
        | Fault::LostAnswer
        | Fault::Repeated
        | Fault::AcceptLost
        | Fault::Slow(_)
        | Fault::Held => page(
            StatusCode::BAD_GATEWAY,
            "GitLab is not responding (502)",
            WHOOPS,
        ),
    }
}

fn json(body: Body) -> Response {
    ([(header::CONTENT_TYPE, JSON)], body).into_response()
}

fn deploying() -> Response {
    page(
        StatusCode::SERVICE_UNAVAILABLE,
        "Deploy in progress",
        DEPLOYING,
    )
}
