//! What an answer of the API means that is not the one hoped for.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Blame, ReasonCode};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::providers::http::Answer;
use crate::providers::{GrantVerdict, ProviderFailure};

/// How long to keep still when GitLab does not say how long: its limits are of one minute.
const PAUSE: TimeDelta = TimeDelta::seconds(60);
/// How long to keep still when our address is banned: as long as GitLab.com bans one.
const BANNED: TimeDelta = TimeDelta::minutes(15);
/// No wait that a provider asks for is longer: what asks for more is broken.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(24);

/// What the API calls accounts that it keeps out
/// (`lib/gitlab/auth/user_access_denied_reason.rb`).
const KEPT_OUT: [&str; 7] = [
    "account has been blocked",
    "pending approval",
    "account has been deactivated",
    "must accept the terms",
    "email address is not confirmed",
    "password expired",
    "internal users",
];

/// The body of a refusal: `message` in GitLab's own words, `error` in those of Grape, Doorkeeper
/// and the bearer middleware. What has neither is somebody else's, and must not cost anybody a
/// grant.
#[derive(Debug, Deserialize)]
pub(super) struct Refusal {
    #[serde(default)]
    pub(super) message: Option<Value>,
    #[serde(default)]
    pub(super) error: Option<String>,
    #[serde(default)]
    error_description: Option<String>,
    #[serde(default)]
    scope: Option<String>,
}

impl Refusal {
    /// Reads it, if it is one.
    pub(super) fn of(answer: &Answer) -> Option<Self> {
        let refusal = answer.json::<Self>()?;
        (refusal.message.is_some() || refusal.error.is_some()).then_some(refusal)
    }

    /// Returns its words: those of `message`, which may stand per field, or of the error.
    pub(super) fn words(&self) -> String {
        match &self.message {
            Some(Value::String(words)) => words.clone(),
            Some(Value::Object(fields)) => {
                let said = fields.iter().map(|(field, words)| match words {
                    Value::Array(list) => {
                        let list = list.iter().filter_map(Value::as_str);
                        format!("{field} {}", list.collect::<Vec<_>>().join(", "))
                    }
                    other => format!("{field} {other}"),
                });
                said.collect::<Vec<_>>().join("; ")
            }
            Some(_) | None => self
                .error_description
                .as_ref()
                .or(self.error.as_ref())
                .cloned()
                .unwrap_or_default(),
        }
    }
}

/// With what a call was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// A person's token.
    Person,
    /// The app's id and secret.
    App,
}

/// Judges an answer, row by row of what GitLab's source says.
pub(super) fn judge(answer: &Answer, caller: Caller, now: DateTime<Utc>) -> ProviderFailure {
    let status = answer.status;
    let refusal = Refusal::of(answer);
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        return broken(answer, refusal.as_ref(), now);
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        // The limits before the application answer in plain text, those within it in JSON.
        let words = refusal.map_or_else(String::new, |refusal| refusal.words());
        return throttled(answer, &words, now);
    }
    // From here on only GitLab's own words count, not those of a proxy before it.
    let Some(refusal) = refusal else {
        if status == StatusCode::FORBIDDEN && answer.body().trim_ascii() == b"Forbidden" {
            let words = "this server's address is banned there for a while";
            return answer
                .failure(Blame::Provider, ReasonCode::ProviderRateLimited, words)
                .not_before(Some(answer.retry_after(now).unwrap_or(now + BANNED)));
        }
        return answer.not_the_api();
    };
    match status {
        StatusCode::UNAUTHORIZED => unauthorized(answer, caller, &refusal),
        StatusCode::FORBIDDEN => forbidden(answer, caller, &refusal),
        StatusCode::BAD_REQUEST
        | StatusCode::METHOD_NOT_ALLOWED
        | StatusCode::NOT_ACCEPTABLE
        | StatusCode::UNSUPPORTED_MEDIA_TYPE
        | StatusCode::UNPROCESSABLE_ENTITY => {
            answer.failure(Blame::Us, ReasonCode::ProviderProtocol, &refusal.words())
        }
        StatusCode::NOT_FOUND => answer.failure(
            Blame::Provider,
            ReasonCode::ProviderProtocol,
            &refusal.words(),
        ),
        _ => answer.not_the_api(),
    }
}

fn broken(answer: &Answer, refusal: Option<&Refusal>, now: DateTime<Utc>) -> ProviderFailure {
    let words = refusal.map_or_else(String::new, Refusal::words);
    if words.to_lowercase().contains("maintenance mode") {
        return maintenance(answer, now);
    }
    answer.broken(now)
}

/// Judges a write while GitLab only lets people read. Reading, and the token endpoint, go on.
pub(super) fn maintenance(answer: &Answer, now: DateTime<Utc>) -> ProviderFailure {
    let words = "GitLab is in maintenance mode: it can be read, and not changed";
    answer.in_maintenance(words, now)
}

fn unauthorized(answer: &Answer, caller: Caller, refusal: &Refusal) -> ProviderFailure {
    let words = refusal.words();
    if caller == Caller::App {
        return answer.failure(Blame::Provider, ReasonCode::ProviderProtocol, &words);
    }
    let ran_out = words.to_lowercase().contains("expired");
    let code = if ran_out {
        ReasonCode::GrantExpired
    } else {
        // Revoked, by somebody or by a refresh that went on elsewhere, or never known.
        ReasonCode::GrantRevoked
    };
    answer
        .failure(Blame::Grant, code, &words)
        .grant(GrantVerdict::Expired)
}

fn forbidden(answer: &Answer, caller: Caller, refusal: &Refusal) -> ProviderFailure {
    let words = refusal.words();
    if refusal.error.as_deref() == Some("insufficient_scope") {
        let scope = refusal.scope.as_deref().unwrap_or(super::scopes::API);
        let words = format!("the scope {scope} was not granted");
        return answer.failure(Blame::Grant, ReasonCode::ScopeMissing, &words);
    }
    if caller == Caller::App && refusal.error.as_deref() == Some("unauthorized_client") {
        return answer.failure(Blame::App, ReasonCode::AppCredentialsInvalid, &words);
    }
    let lower = words.to_lowercase();
    if KEPT_OUT.iter().any(|state| lower.contains(state)) {
        return answer.failure(Blame::Grant, ReasonCode::AccountSuspended, &words);
    }
    answer.failure(Blame::Provider, ReasonCode::ProviderError, &words)
}

fn throttled(answer: &Answer, words: &str, now: DateTime<Utc>) -> ProviderFailure {
    match (answer.retry_after(now), minute_ends(answer, now)) {
        (None, Some(ends)) => answer
            .failure(Blame::Provider, ReasonCode::ProviderRateLimited, words)
            .not_before(Some(ends)),
        _ => answer.throttled(words, now, PAUSE),
    }
}

/// Returns when a used-up limit begins anew: seconds since 1970 (`lib/gitlab/rack_attack.rb`).
fn minute_ends(answer: &Answer, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let seconds = answer.header("ratelimit-reset")?.trim().parse().ok()?;
    let until = DateTime::from_timestamp(seconds, 0)?;
    Some(until.clamp(now, now + LONGEST_WAIT))
}
