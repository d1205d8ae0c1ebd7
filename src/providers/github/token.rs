//! What the token endpoint says: GitHub reports errors there with status 200.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Blame, ReasonCode};
use reqwest::StatusCode;
use serde::Deserialize;

use super::judge::{Caller, judge};
use super::scopes;
use crate::providers::http::Answer;
use crate::providers::{GrantVerdict, ProviderFailure, Tokens};
use crate::vault::Secret;

/// Every field that the endpoint may answer with, in JSON or as a form. Wiped with the answer's
/// own body only after the secrets are taken over.
#[derive(Default, Deserialize)]
struct Fields {
    access_token: Option<String>,
    token_type: Option<String>,
    scope: Option<String>,
    expires_in: Option<u32>,
    refresh_token: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

impl Fields {
    fn read(answer: &Answer) -> Option<Self> {
        // Without our `Accept` header, which a proxy may lose, the answer is a form.
        answer.json().or_else(|| Self::from_form(answer.body()))
    }

    fn from_form(body: &[u8]) -> Option<Self> {
        let mut fields = Self::default();
        for (name, value) in url::form_urlencoded::parse(body) {
            let value = value.into_owned();
            match &*name {
                "access_token" => fields.access_token = Some(value),
                "token_type" => fields.token_type = Some(value),
                "scope" => fields.scope = Some(value),
                "expires_in" => fields.expires_in = value.parse().ok(),
                "refresh_token" => fields.refresh_token = Some(value),
                "error" => fields.error = Some(value),
                "error_description" => fields.error_description = Some(value),
                _ => {}
            }
        }
        let spoken = fields.access_token.is_some() || fields.error.is_some();
        spoken.then_some(fields)
    }
}

/// Reads the tokens out of an answer, or judges it.
pub(super) fn tokens(answer: &Answer, now: DateTime<Utc>) -> Result<Tokens, ProviderFailure> {
    let status = answer.status;
    let spoken = status.is_success() || status.is_client_error();
    let Some(fields) = spoken.then(|| Fields::read(answer)).flatten() else {
        return Err(judge(answer, &Caller::App, now));
    };
    if let Some(error) = &fields.error {
        let words = fields.error_description.as_deref().unwrap_or(error);
        return Err(refused(answer, error, words));
    }
    let bearer = fields
        .token_type
        .as_deref()
        .is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
    let access = fields
        .access_token
        .filter(|token| status.is_success() && bearer && fits_a_header(token))
        .map(Secret::from);
    let Some(access) = access else {
        return Err(judge(answer, &Caller::App, now));
    };
    let scopes = fields
        .scope
        .filter(|_| scopes::has_scopes(&access))
        .map(|scope| scopes::parse(&scope));
    Ok(Tokens {
        refresh: fields
            .refresh_token
            .filter(|token| !token.is_empty())
            .map(Secret::from),
        expires_at: fields
            .expires_in
            .filter(|seconds| *seconds > 0)
            .map(|seconds| now + TimeDelta::seconds(seconds.into())),
        scopes,
        access,
    })
}

fn fits_a_header(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic())
}

/// Judges an error by its code.
fn refused(answer: &Answer, error: &str, words: &str) -> ProviderFailure {
    // GitHub answers an unknown client id as if the page were not there.
    let unknown_app = answer.status == StatusCode::NOT_FOUND && error == "Not Found";
    let judged = verdict(error).or(unknown_app.then_some(APP_UNKNOWN));
    let Some((blame, code, grant)) = judged else {
        let words = format!("{error}: {words}");
        return answer.failure(Blame::Provider, ReasonCode::ProviderProtocol, &words);
    };
    answer.failure(blame, code, words).grant(grant)
}

type Verdict = (Blame, ReasonCode, GrantVerdict);

const APP_UNKNOWN: Verdict = (
    Blame::App,
    ReasonCode::AppCredentialsInvalid,
    GrantVerdict::Unknown,
);

/// Returns what an error code means, at the token endpoint or at the callback; nothing for one
/// that is not known.
pub(super) fn verdict(error: &str) -> Option<Verdict> {
    use GrantVerdict::{Lost, Unknown};
    use ReasonCode as R;
    Some(match error {
        // The code or the refresh token is used up, run out or made up: only a new link helps.
        "bad_verification_code" | "bad_refresh_token" | "invalid_grant" => {
            (Blame::Grant, R::GrantExpired, Lost)
        }
        "unverified_user_email" => (Blame::Grant, R::GrantRevoked, Lost),
        "access_denied" => (Blame::Grant, R::ScopeMissing, Lost),
        "incorrect_client_credentials" | "invalid_client" | "unauthorized_client" => APP_UNKNOWN,
        "redirect_uri_mismatch" => (Blame::App, R::RedirectUriMismatch, Unknown),
        "application_suspended" => (Blame::App, R::AppSuspended, Unknown),
        "unsupported_grant_type" | "invalid_request" => (Blame::Us, R::ProviderProtocol, Unknown),
        "temporarily_unavailable" | "server_error" => (Blame::Provider, R::ProviderError, Unknown),
        _ => return None,
    })
}
