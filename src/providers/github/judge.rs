//! What an answer of the API means that is not the one hoped for.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Blame, ReasonCode};
use reqwest::StatusCode;
use serde::Deserialize;

use super::scopes;
use crate::providers::http::Answer;
use crate::providers::{GrantVerdict, ProviderFailure};

/// How long to keep still when GitHub does not say how long: its own advice.
const PAUSE: TimeDelta = TimeDelta::seconds(60);

/// The body of a refusal. GitHub's always has a message: what has none is somebody else's, and
/// must not cost anybody a grant.
#[derive(Debug, Deserialize)]
pub(super) struct Refusal {
    pub(super) message: String,
    #[serde(default)]
    pub(super) errors: Vec<Fault>,
}

/// One thing that is wrong with what was sent. GitHub also knows faults that are plain text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Fault {
    Field {
        #[serde(default)]
        field: Option<String>,
        #[serde(default)]
        message: Option<String>,
    },
    Words(String),
    Other(serde::de::IgnoredAny),
}

impl Fault {
    pub(super) fn words(&self) -> &str {
        match self {
            Self::Field { message, .. } => message.as_deref().unwrap_or_default(),
            Self::Words(words) => words,
            Self::Other(_) => "",
        }
    }
}

/// With what a call was made.
#[derive(Debug)]
pub(super) enum Caller<'a> {
    /// Nothing.
    Nobody,
    /// A person's token with these scopes, as the answer says, and the scope that it needs.
    Person {
        /// What the token has.
        granted: Option<Vec<String>>,
        /// What the call needs.
        needs: Option<&'a str>,
    },
    /// The app's id and secret.
    App,
}

impl Caller<'_> {
    /// Returns the scope that the call needs and the token lacks, as far as can be told.
    pub(super) fn lacks(&self) -> Option<&str> {
        match self {
            Self::Person {
                granted: Some(granted),
                needs: Some(needs),
            } if !scopes::covers(granted, needs) => Some(needs),
            _ => None,
        }
    }
}

/// Judges an answer, row by row of GitHub's own documents.
pub(super) fn judge(answer: &Answer, caller: &Caller<'_>, now: DateTime<Utc>) -> ProviderFailure {
    let status = answer.status;
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        return broken(answer, now);
    }
    let refusal = answer.json::<Refusal>();
    if status == StatusCode::TOO_MANY_REQUESTS {
        let words = refusal.map(|refusal| refusal.message).unwrap_or_default();
        return throttled(answer, &words, now);
    }
    // From here on only GitHub's own words count, not those of a proxy before it.
    let Some(refusal) = refusal else {
        return answer.not_the_api();
    };
    let words = refusal.message.as_str();
    match status {
        StatusCode::UNAUTHORIZED => unauthorized(answer, caller, words),
        StatusCode::FORBIDDEN => forbidden(answer, caller, words, now),
        StatusCode::NOT_FOUND => match caller.lacks() {
            // GitHub hides what a token may not see.
            Some(scope) => scope_missing(answer, scope),
            None => answer.failure(Blame::Provider, ReasonCode::ProviderProtocol, words),
        },
        StatusCode::BAD_REQUEST
        | StatusCode::NOT_ACCEPTABLE
        | StatusCode::UNSUPPORTED_MEDIA_TYPE
        | StatusCode::UNPROCESSABLE_ENTITY => {
            let fault = refusal
                .errors
                .iter()
                .map(Fault::words)
                .find(|w| !w.is_empty());
            answer.failure(
                Blame::Us,
                ReasonCode::ProviderProtocol,
                fault.unwrap_or(words),
            )
        }
        _ => answer.not_the_api(),
    }
}

fn broken(answer: &Answer, now: DateTime<Utc>) -> ProviderFailure {
    let words = format!("status {}", answer.status.as_u16());
    answer
        .failure(Blame::Provider, ReasonCode::ProviderError, &words)
        .not_before(answer.retry_after(now))
}

fn unauthorized(answer: &Answer, caller: &Caller<'_>, words: &str) -> ProviderFailure {
    match caller {
        // Run out, revoked or never valid: GitHub does not say which.
        Caller::Person { .. } => answer
            .failure(Blame::Grant, ReasonCode::GrantRevoked, words)
            .grant(GrantVerdict::Expired),
        Caller::App => answer.failure(Blame::App, ReasonCode::AppCredentialsInvalid, words),
        Caller::Nobody => answer.failure(Blame::Provider, ReasonCode::ProviderProtocol, words),
    }
}

fn forbidden(
    answer: &Answer,
    caller: &Caller<'_>,
    words: &str,
    now: DateTime<Utc>,
) -> ProviderFailure {
    let lower = words.to_lowercase();
    if lower.contains("account was suspended") {
        return answer.failure(Blame::Grant, ReasonCode::AccountSuspended, words);
    }
    let limited = lower.contains("rate limit")
        || lower.contains("abuse detection")
        || lower.contains("login attempts exceeded")
        || answer.retry_after(now).is_some()
        || answer.limit_resets(now).is_some();
    if limited {
        return throttled(answer, words, now);
    }
    let sign_on = answer
        .header("x-github-sso")
        .is_some_and(|sso| sso.starts_with("required"));
    if sign_on {
        return answer.failure(Blame::Grant, ReasonCode::KeySsoUnauthorized, words);
    }
    // "…the `acme` organization has enabled OAuth App access restrictions, meaning that data access
    // to third-parties is limited."
    if lower.contains("access restrictions") {
        return answer.failure(Blame::Grant, ReasonCode::KeyOrgRestricted, words);
    }
    if let Some(scope) = caller.lacks() {
        return scope_missing(answer, scope);
    }
    // A GitHub App without the permission for keys: it has no scopes that could say so before.
    if lower.contains("not accessible by") {
        let words = format!(
            "{words}: an admin gives the GitHub App the account permission for the keys, then the \
             person links again"
        );
        return answer.failure(Blame::Grant, ReasonCode::ScopeMissing, &words);
    }
    answer.failure(Blame::Provider, ReasonCode::ProviderError, words)
}

fn throttled(answer: &Answer, words: &str, now: DateTime<Utc>) -> ProviderFailure {
    answer.throttled(words, now, PAUSE)
}

/// Names the scope that is missing.
pub(super) fn scope_missing(answer: &Answer, scope: &str) -> ProviderFailure {
    let words = format!("the scope {scope} was not granted");
    answer.failure(Blame::Grant, ReasonCode::ScopeMissing, &words)
}
