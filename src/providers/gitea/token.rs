//! What the token endpoint says. Every refusal has status 400, and the same code may mean the
//! app or the person: only the description tells (`routers/web/auth/oauth2_provider.go` in the
//! sources of Gitea and Forgejo).

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Blame, ReasonCode};
use serde::Deserialize;

use super::judge::{Caller, judge};
use crate::providers::http::Answer;
use crate::providers::{GrantVerdict, ProviderFailure, Tokens};
use crate::vault::Secret;

/// What the endpoint may answer with. Its secrets move on into [`Secret`]s, which wipe them.
#[derive(Deserialize)]
struct Given {
    access_token: String,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Option<u32>,
    #[serde(default)]
    refresh_token: Option<String>,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
    #[serde(default)]
    error_description: String,
}

/// Reads the tokens out of an answer, or judges it. Gitea never says which scopes it granted.
pub(super) fn tokens(answer: &Answer, now: DateTime<Utc>) -> Result<Tokens, ProviderFailure> {
    let spoken = answer.status.is_success() || answer.status.is_client_error();
    if let Some(refused) = spoken.then(|| answer.json::<Refused>()).flatten() {
        return Err(judged(answer, &refused));
    }
    let given = answer
        .status
        .is_success()
        .then(|| answer.json::<Given>())
        .flatten();
    let Some(given) = given else {
        return Err(judge(answer, Caller::App, now));
    };
    let bearer = given
        .token_type
        .as_deref()
        .is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
    let access = Secret::from(given.access_token);
    let refresh = given.refresh_token.map(Secret::from);
    if !bearer || !fits_a_header(&access) {
        return Err(answer.not_the_api());
    }
    Ok(Tokens {
        access,
        refresh: refresh.filter(|token| !token.expose().is_empty()),
        token_secret: None,
        expires_at: given
            .expires_in
            .filter(|seconds| *seconds > 0)
            .map(|seconds| now + TimeDelta::seconds(seconds.into())),
        scopes: None,
    })
}

fn fits_a_header(token: &Secret) -> bool {
    let token = token.expose();
    !token.is_empty() && token.iter().all(u8::is_ascii_graphic)
}

fn judged(answer: &Answer, refused: &Refused) -> ProviderFailure {
    let Refused {
        error,
        error_description: words,
    } = refused;
    let Some((blame, code, grant)) = verdict(error, words) else {
        let words = format!("{error}: {words}");
        return answer.failure(Blame::Provider, ReasonCode::ProviderProtocol, &words);
    };
    let words = if words.is_empty() { error } else { words };
    answer.failure(blame, code, words).grant(grant)
}

type Verdict = (Blame, ReasonCode, GrantVerdict);

/// Returns what a refusal means, at the token endpoint or, without words, at the callback;
/// nothing for one that is not known.
pub(super) fn verdict(error: &str, words: &str) -> Option<Verdict> {
    use GrantVerdict::{Lost, Unknown};
    use ReasonCode as R;
    let lower = words.to_lowercase();
    let says = |part: &str| lower.contains(part);
    Some(match error {
        // Said after a failed write to the server's database.
        "invalid_grant" if says("cannot increase") => (Blame::Provider, R::ProviderError, Unknown),
        // The person revoked the app in their settings; or the app was replaced by another.
        "invalid_grant" if says("does not exist") || says("different client") => {
            (Blame::Grant, R::GrantRevoked, Lost)
        }
        "invalid_grant" | "unauthorized_client" if says("redirect") => {
            (Blame::App, R::RedirectUriMismatch, Unknown)
        }
        "invalid_grant" => (Blame::Grant, R::GrantExpired, Lost),
        // Somebody used it before us, or the answer to our own use was lost.
        "unauthorized_client" if says("already used") => (Blame::Grant, R::GrantLostRotation, Lost),
        // A refresh token that ran out or is none; a code that is used up or made up; a verifier
        // that is not the one of this flow.
        "unauthorized_client"
            if says("parse refresh token") || says("is not authorized") || says("pkce") =>
        {
            (Blame::Grant, R::GrantExpired, Lost)
        }
        "invalid_client" | "unauthorized_client" => (Blame::App, R::AppCredentialsInvalid, Unknown),
        "access_denied" => (Blame::Grant, R::ScopeMissing, Lost),
        "invalid_scope"
        | "invalid_request"
        | "unsupported_grant_type"
        | "unsupported_response_type" => (Blame::Us, R::ProviderProtocol, Unknown),
        "temporarily_unavailable" | "server_error" => (Blame::Provider, R::ProviderError, Unknown),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use GrantVerdict::{Lost, Unknown};

    use super::*;

    /// Every refusal that the sources of Gitea and Forgejo have.
    #[test]
    fn the_description_tells_the_app_from_the_person() {
        for (error, words, expected) in [
            (
                "invalid_client",
                "cannot load client with client id: \"x\"",
                (Blame::App, ReasonCode::AppCredentialsInvalid, Unknown),
            ),
            (
                "invalid_client",
                "invalid client secret",
                (Blame::App, ReasonCode::AppCredentialsInvalid, Unknown),
            ),
            (
                "unauthorized_client",
                "invalid empty client secret",
                (Blame::App, ReasonCode::AppCredentialsInvalid, Unknown),
            ),
            (
                "unauthorized_client",
                "unexpected redirect URI",
                (Blame::App, ReasonCode::RedirectUriMismatch, Unknown),
            ),
            (
                "invalid_grant",
                "redirect_uri differs from the original authorization request",
                (Blame::App, ReasonCode::RedirectUriMismatch, Unknown),
            ),
            (
                "unauthorized_client",
                "client is not authorized",
                (Blame::Grant, ReasonCode::GrantExpired, Lost),
            ),
            (
                "unauthorized_client",
                "failed PKCE code challenge",
                (Blame::Grant, ReasonCode::GrantExpired, Lost),
            ),
            (
                "unauthorized_client",
                "unable to parse refresh token",
                (Blame::Grant, ReasonCode::GrantExpired, Lost),
            ),
            (
                "unauthorized_client",
                "token was already used",
                (Blame::Grant, ReasonCode::GrantLostRotation, Lost),
            ),
            (
                "invalid_grant",
                "grant does not exist",
                (Blame::Grant, ReasonCode::GrantRevoked, Lost),
            ),
            (
                "invalid_grant",
                "refresh token belongs to a different client",
                (Blame::Grant, ReasonCode::GrantRevoked, Lost),
            ),
            (
                "invalid_grant",
                "authorization code expired",
                (Blame::Grant, ReasonCode::GrantExpired, Lost),
            ),
            (
                "invalid_grant",
                "cannot increase the grant counter",
                (Blame::Provider, ReasonCode::ProviderError, Unknown),
            ),
            (
                "unsupported_grant_type",
                "Only refresh_token or authorization_code grant type is supported",
                (Blame::Us, ReasonCode::ProviderProtocol, Unknown),
            ),
        ] {
            assert_eq!(verdict(error, words), Some(expected), "{words}");
        }
        assert_eq!(verdict("strange", "words"), None);
    }
}
