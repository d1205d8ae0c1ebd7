//! What the token endpoint says: GitHub reports errors there with status 200.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Blame, ReasonCode};
use reqwest::StatusCode;
use serde_json::{Map, Value};

use super::judge::{Caller, judge};
use super::scopes;
use crate::providers::http::Answer;
use crate::providers::{GrantVerdict, ProviderFailure, Tokens};
use crate::vault::Secret;

/// What the endpoint may answer with. Its secrets move on into [`Secret`]s, which wipe them.
#[derive(Default)]
struct Fields {
    access_token: Option<String>,
    token_type: Option<String>,
    scope: Option<String>,
    expires_in: Option<String>,
    refresh_token: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

impl Fields {
    fn read(answer: &Answer) -> Option<Self> {
        let mut fields = Self::default();
        // Field by field: an odd one must not cost the tokens that stand beside it.
        if let Some(object) = answer.json::<Map<String, Value>>() {
            for (name, value) in object {
                match value {
                    Value::String(text) => fields.take(&name, text),
                    Value::Number(number) if name == "expires_in" => {
                        fields.take(&name, number.to_string());
                    }
                    _ => {}
                }
            }
        } else {
            // Without our `Accept` header, which a proxy may lose, the answer is a form.
            for (name, value) in url::form_urlencoded::parse(answer.body()) {
                fields.take(&name, value.into_owned());
            }
        }
        let spoken = fields.access_token.is_some() || fields.error.is_some();
        spoken.then_some(fields)
    }

    fn take(&mut self, name: &str, value: String) {
        let field = match name {
            "access_token" => &mut self.access_token,
            "token_type" => &mut self.token_type,
            "scope" => &mut self.scope,
            "expires_in" => &mut self.expires_in,
            "refresh_token" => &mut self.refresh_token,
            "error" => &mut self.error,
            "error_description" => &mut self.error_description,
            _ => return,
        };
        *field = Some(value);
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
        token_secret: None,
        refresh: fields
            .refresh_token
            .filter(|token| !token.is_empty())
            .map(Secret::from),
        expires_at: fields
            .expires_in
            .and_then(|seconds| seconds.parse::<u32>().ok())
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
