//! What an answer of the API means that is not the one hoped for.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Blame, ReasonCode};
use reqwest::StatusCode;
use serde::Deserialize;

use crate::providers::http::Answer;
use crate::providers::{GrantVerdict, ProviderFailure};

/// How long to keep still when whoever slows us down does not say how long.
const PAUSE: TimeDelta = TimeDelta::seconds(60);

/// The body of a refusal. Gitea's always has a message, which may be empty: what has none is
/// somebody else's, and must not cost anybody a grant.
#[derive(Debug, Deserialize)]
pub(super) struct Refusal {
    pub(super) message: String,
}

/// With what a call was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// A person's token, for something that needs this scope.
    Person(&'static str),
    /// The app's id and secret.
    App,
}

/// Judges an answer.
pub(super) fn judge(answer: &Answer, caller: Caller, now: DateTime<Utc>) -> ProviderFailure {
    let status = answer.status;
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        return answer.broken(now);
    }
    let refusal = answer.json::<Refusal>();
    // Gitea itself has no limits; a proxy before it may have them.
    if status == StatusCode::TOO_MANY_REQUESTS || answer.retry_after(now).is_some() {
        let words = refusal.map(|refusal| refusal.message).unwrap_or_default();
        return answer.throttled(&words, now, PAUSE);
    }
    // From here on only Gitea's own words count, not those of a proxy before it.
    let Some(refusal) = refusal else {
        return answer.not_the_api();
    };
    let words = refusal.message.as_str();
    match (status, caller) {
        // Run out, revoked or never valid: Gitea does not say which.
        (StatusCode::UNAUTHORIZED, Caller::Person(_)) => answer
            .failure(Blame::Grant, ReasonCode::GrantRevoked, words)
            .grant(GrantVerdict::Expired),
        (StatusCode::UNAUTHORIZED, Caller::App) => {
            answer.failure(Blame::App, ReasonCode::AppCredentialsInvalid, words)
        }
        (StatusCode::FORBIDDEN, Caller::Person(scope)) => forbidden(answer, scope, words),
        (StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY, _) => {
            answer.failure(Blame::Us, ReasonCode::ProviderProtocol, words)
        }
        _ => answer.failure(Blame::Provider, ReasonCode::ProviderProtocol, words),
    }
}

fn forbidden(answer: &Answer, scope: &str, words: &str) -> ProviderFailure {
    let lower = words.to_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    if says(&["required scope"]) {
        let words = format!("the scope {scope} was not granted");
        return answer.failure(Blame::Grant, ReasonCode::ScopeMissing, &words);
    }
    // The account: blocked, not activated, or kept out until its owner has done something.
    if says(&[
        "prohibited from signing in",
        "not activated",
        "must change your password",
        "two-factor",
        "two factor",
        "2fa",
    ]) {
        return answer.failure(Blame::Grant, ReasonCode::AccountSuspended, words);
    }
    answer.failure(Blame::Provider, ReasonCode::ProviderError, words)
}
