//! What an answer of the API means that is not the one hoped for.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Blame, ReasonCode};
use reqwest::StatusCode;
use serde::Deserialize;

use super::identity::asked_by;
use super::problem::{Problem, Step};
use crate::providers::http::Answer;
use crate::providers::{GrantVerdict, ProviderFailure};

/// How long to keep still when Bitbucket does not say how long, which it never does: its bucket
/// fills by the second.
const PAUSE: TimeDelta = TimeDelta::seconds(60);

/// The envelope of a refusal.
#[derive(Debug, Deserialize)]
pub(super) struct Refusal {
    errors: Vec<Fault>,
}

/// One thing that is wrong.
#[derive(Debug, Deserialize)]
struct Fault {
    #[serde(default)]
    message: Option<String>,
    #[serde(default, rename = "exceptionName")]
    exception: Option<String>,
}

impl Refusal {
    /// Reads the envelope; nothing if the answer has none.
    pub(super) fn read(answer: &Answer) -> Option<Self> {
        answer
            .json::<Self>()
            .filter(|refusal| !refusal.errors.is_empty())
    }

    /// Returns the first words.
    pub(super) fn words(&self) -> &str {
        let words = self
            .errors
            .iter()
            .filter_map(|fault| fault.message.as_deref());
        words.into_iter().next().unwrap_or_default()
    }

    /// Says whether an exception has this name, whatever its package.
    pub(super) fn is(&self, name: &str) -> bool {
        let mut names = self
            .errors
            .iter()
            .filter_map(|fault| fault.exception.as_deref());
        names.any(|exception| exception.rsplit('.').next() == Some(name))
    }
}

/// Judges an answer to a call to `url` that was made at `now`.
pub(super) fn judge(answer: &Answer, url: &str, now: DateTime<Utc>) -> ProviderFailure {
    if let Some(problem) = Problem::read(answer) {
        return problem.judge(answer, Step::Api, url, now);
    }
    let status = answer.status;
    if status == StatusCode::TOO_MANY_REQUESTS {
        return throttled(answer, now);
    }
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        return answer.broken(now);
    }
    if let Some(target) = answer.redirect() {
        return sent_away(answer, &target, now);
    }
    // From here on only Bitbucket's own words count, not those of a proxy before it.
    let Some(refusal) = Refusal::read(answer) else {
        return answer.not_the_api();
    };
    let words = refusal.words();
    match status {
        StatusCode::UNAUTHORIZED if asked_by(answer).is_some() => missing_right(answer, words),
        // Nobody is signed in: the token has run out, was revoked, or is not heeded.
        StatusCode::UNAUTHORIZED => answer
            .failure(Blame::Grant, ReasonCode::GrantRevoked, words)
            .grant(GrantVerdict::Expired),
        StatusCode::FORBIDDEN if refusal.is("CaptchaRequiredAuthenticationException") => {
            answer.failure(Blame::Grant, ReasonCode::AccountSuspended, words)
        }
        StatusCode::FORBIDDEN => missing_right(answer, words),
        StatusCode::BAD_REQUEST | StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            answer.failure(Blame::Us, ReasonCode::ProviderProtocol, words)
        }
        _ => answer.failure(Blame::Provider, ReasonCode::ProviderProtocol, words),
    }
}

fn missing_right(answer: &Answer, words: &str) -> ProviderFailure {
    answer.failure(Blame::Grant, ReasonCode::ScopeMissing, words)
}

/// The limit is off at first; who switches it on limits bearer tokens.
fn throttled(answer: &Answer, now: DateTime<Utc>) -> ProviderFailure {
    let refusal = Refusal::read(answer);
    let words = refusal.as_ref().map_or("", Refusal::words);
    answer.throttled(words, now, PAUSE)
}

/// Judges a redirect. Bitbucket sends to its login page whoever it does not take the token of,
/// which is the admin's to mend and costs nobody their link.
fn sent_away(answer: &Answer, target: &str, now: DateTime<Utc>) -> ProviderFailure {
    let last = target.trim_end_matches('/').rsplit('/').next();
    match last {
        Some("login") => answer.failure(
            Blame::App,
            ReasonCode::ProviderProtocol,
            "Bitbucket asks to log in: it does not accept the token here",
        ),
        Some("maintenance") => answer.in_maintenance("Bitbucket is in maintenance", now),
        _ => answer.not_the_api(),
    }
}
