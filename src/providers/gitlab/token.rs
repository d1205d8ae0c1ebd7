//! What the token endpoint says: Doorkeeper's words.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Blame, ReasonCode};
use serde::Deserialize;
use serde_json::Value;

use super::judge::{Caller, judge};
use super::scopes;
use crate::providers::http::Answer;
use crate::providers::{GrantVerdict, ProviderFailure, Tokens};
use crate::vault::Secret;

/// What the endpoint may answer with. Its secrets move on into [`Secret`]s, which wipe them.
///
/// Lenient in all that is not needed: an odd field must not cost the tokens that stand beside it.
#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    token_type: Value,
    #[serde(default)]
    expires_in: Value,
    #[serde(default)]
    scope: Value,
}

/// How Doorkeeper refuses.
#[derive(Deserialize)]
struct Refused {
    error: String,
    #[serde(default)]
    error_description: Option<String>,
}

/// Reads the tokens out of an answer, or judges it.
pub(super) fn tokens(answer: &Answer, now: DateTime<Utc>) -> Result<Tokens, ProviderFailure> {
    if answer.status.is_client_error()
        && let Some(refused) = answer.json::<Refused>()
    {
        return Err(judge_refused(answer, &refused));
    }
    if !answer.status.is_success() {
        return Err(judge(answer, Caller::App, now));
    }
    let fields = answer.expect::<Fields>()?;
    let bearer = fields
        .token_type
        .as_str()
        .is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
    let access = fields
        .access_token
        .filter(|token| bearer && fits_a_header(token))
        .map(Secret::from)
        .ok_or_else(|| answer.not_the_api())?;
    Ok(Tokens {
        access,
        refresh: fields
            .refresh_token
            .filter(|token| !token.is_empty())
            .map(Secret::from),
        token_secret: None,
        expires_at: fields
            .expires_in
            .as_i64()
            .filter(|seconds| (1..=i64::from(u32::MAX)).contains(seconds))
            .map(|seconds| now + TimeDelta::seconds(seconds)),
        scopes: fields.scope.as_str().map(scopes::parse),
    })
}

fn fits_a_header(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic())
}

fn judge_refused(answer: &Answer, refused: &Refused) -> ProviderFailure {
    let Refused { error, .. } = refused;
    let words = refused.error_description.as_deref().unwrap_or(error);
    let Some((blame, code, grant)) = verdict(error) else {
        let words = format!("{error}: {words}");
        return answer.failure(Blame::Provider, ReasonCode::ProviderProtocol, &words);
    };
    answer.failure(blame, code, words).grant(grant)
}

/// Who is to blame, for what, and what is left of the grant.
pub(super) type Verdict = (Blame, ReasonCode, GrantVerdict);

/// Returns what an error code means, at the token endpoint or at the callback; nothing for one
/// that is not known (Doorkeeper, `config/locales/en.yml`).
pub(super) fn verdict(error: &str) -> Option<Verdict> {
    use GrantVerdict::{Lost, Unknown};
    use ReasonCode as R;
    Some(match error {
        // The code or the refresh token is used up, run out or made up, or another refresh was
        // faster: whoever asked looks whether the stored tokens have moved on.
        "invalid_grant" => (Blame::Grant, R::GrantExpired, Lost),
        "access_denied" => (Blame::Grant, R::ScopeMissing, Lost),
        "unconfirmed_email" => (Blame::Grant, R::AccountSuspended, Unknown),
        // The application is gone, or its secret was renewed.
        "invalid_client" | "unauthorized_client" => (Blame::App, R::AppCredentialsInvalid, Unknown),
        "invalid_redirect_uri" => (Blame::App, R::RedirectUriMismatch, Unknown),
        // The scope is not ticked at the application.
        "invalid_scope" => (Blame::App, R::AppScopeMissing, Unknown),
        "invalid_request"
        | "unsupported_grant_type"
        | "unsupported_response_type"
        | "invalid_code_challenge_method" => (Blame::Us, R::ProviderProtocol, Unknown),
        "temporarily_unavailable" | "server_error" => (Blame::Provider, R::ProviderError, Unknown),
        _ => return None,
    })
}
