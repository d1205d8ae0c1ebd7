//! OAuth 2.0 for incoming links, 7.21 and later.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Blame, ReasonCode};
use reqwest::header::ACCEPT;
use serde::Deserialize;

use super::calls::What;
use super::endpoints::Endpoints;
use super::judge::judge;
use super::{BitbucketServer, SCOPES};
use crate::providers::consent;
use crate::providers::http::{Answer, Call};
use crate::providers::{Begun, Came, GrantVerdict, OauthApp, ProviderFailure, Tokens};
use crate::vault::Secret;

/// What the token endpoint gives, or why not. Its secrets move on into [`Secret`]s, which wipe
/// them.
#[derive(Default, Deserialize)]
struct Fields {
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    expires_in: Option<serde_json::Value>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    error_description: Option<String>,
}

impl BitbucketServer {
    /// Builds the address at which the person agrees. Calls nobody.
    pub(super) fn begin_coded(&self, app: &OauthApp, state: &str) -> Begun {
        let authorize = Endpoints::of(&app.base_url).authorize();
        let pkce = app.pkce.unwrap_or(true);
        consent::begin(&*self.ids, app, authorize, SCOPES, pkce, state)
    }

    /// Begins a call to the token endpoint. The redirect URL is needed at every one of them.
    pub(super) fn token(&self, app: &OauthApp, fields: &[(&str, &str)]) -> Call<'_> {
        let mut form = vec![
            ("client_id", app.client_id.as_str()),
            ("client_secret", app.client_secret.expose_str()),
            ("redirect_uri", app.redirect_url.as_str()),
        ];
        form.extend_from_slice(fields);
        let url = Endpoints::of(&app.base_url).token();
        self.calls
            .begin(app, What::Post(&url))
            .header(ACCEPT, "application/json")
            .form(&form)
            .hides(&app.client_secret)
    }

    pub(super) async fn exchange_coded(
        &self,
        app: &OauthApp,
        came: &Came,
        kept: Option<&Secret>,
    ) -> Result<Tokens, ProviderFailure> {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", came.code.expose_str()),
        ];
        if let Some(verifier) = kept {
            fields.push(("code_verifier", verifier.expose_str()));
        }
        let mut call = self.token(app, &fields).hides(&came.code);
        if let Some(verifier) = kept {
            call = call.hides(verifier);
        }
        let mut tokens = self.tokens(app, &call.send().await?)?;
        // Left out, the scopes are those that were asked for (RFC 6749, 5.1).
        tokens
            .scopes
            .get_or_insert_with(|| SCOPES.iter().map(|asked| (*asked).to_owned()).collect());
        Ok(tokens)
    }

    pub(super) async fn refresh_coded(
        &self,
        app: &OauthApp,
        tokens: &Tokens,
    ) -> Result<Tokens, ProviderFailure> {
        let Some(refresh) = &tokens.refresh else {
            return Err(ProviderFailure::new(Blame::Grant, ReasonCode::GrantExpired)
                .grant(GrantVerdict::Lost)
                .detail("there is no refresh token"));
        };
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose_str()),
        ];
        let answer = self.token(app, &fields).hides(refresh).send().await?;
        self.tokens(app, &answer)
    }

    /// Reads tokens out of an answer, or judges it.
    pub(super) fn tokens(
        &self,
        app: &OauthApp,
        answer: &Answer,
    ) -> Result<Tokens, ProviderFailure> {
        let now = self.calls.now();
        let url = Endpoints::of(&app.base_url).token();
        let spoken = answer.status.is_success() || answer.status.is_client_error();
        let Some(fields) = spoken.then(|| answer.json::<Fields>()).flatten() else {
            return Err(judge(answer, url.as_str(), now));
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
            .map(Secret::from)
            .filter(|token| answer.status.is_success() && bearer && fits_a_header(token));
        let Some(access) = access else {
            return Err(judge(answer, url.as_str(), now));
        };
        Ok(Tokens {
            access,
            refresh: fields
                .refresh_token
                .filter(|token| !token.is_empty())
                .map(Secret::from),
            token_secret: None,
            expires_at: fields.expires_in.and_then(|life| later(now, &life)),
            scopes: fields.scope.map(|scope| scopes(&scope)),
        })
    }
}

fn fits_a_header(token: &Secret) -> bool {
    !token.expose().is_empty() && token.expose().iter().all(u8::is_ascii_graphic)
}

/// Seconds, as a number or as a text.
fn later(now: DateTime<Utc>, life: &serde_json::Value) -> Option<DateTime<Utc>> {
    let seconds = life
        .as_u64()
        .or_else(|| life.as_str().and_then(|text| text.parse().ok()))?;
    let seconds = u32::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
    Some(now + TimeDelta::seconds(seconds.into()))
}

fn scopes(text: &str) -> Vec<String> {
    let mut scopes: Vec<String> = text
        .split([' ', ','])
        .filter(|scope| !scope.is_empty())
        .map(str::to_owned)
        .collect();
    scopes.sort();
    scopes.dedup();
    scopes
}

/// Judges an error by its code.
fn refused(answer: &Answer, error: &str, words: &str) -> ProviderFailure {
    let Some((blame, code, grant)) = verdict(error, words) else {
        let words = format!("{error}: {words}");
        return answer.failure(Blame::Provider, ReasonCode::ProviderProtocol, &words);
    };
    answer.failure(blame, code, words).grant(grant)
}

type Verdict = (Blame, ReasonCode, GrantVerdict);

/// Returns what an error code means, at the token endpoint or at the callback; nothing for one
/// that is not known.
pub(super) fn verdict(error: &str, words: &str) -> Option<Verdict> {
    use GrantVerdict::{Lost, Unknown};
    use ReasonCode as R;
    Some(match error {
        // The code (it lives ten seconds) or the refresh token is used up, run out or made up.
        "invalid_grant" => (Blame::Grant, R::GrantExpired, Lost),
        "access_denied" => (Blame::Grant, R::ScopeMissing, Lost),
        "invalid_client" | "unauthorized_client" => (Blame::App, R::AppCredentialsInvalid, Unknown),
        "invalid_request" if words.to_lowercase().contains("redirect") => {
            (Blame::App, R::RedirectUriMismatch, Unknown)
        }
        // The link was made without the scope that we need.
        "invalid_scope" => (Blame::App, R::AppScopeMissing, Unknown),
        "invalid_request" | "unsupported_grant_type" | "unsupported_response_type" => {
            (Blame::Us, R::ProviderProtocol, Unknown)
        }
        "temporarily_unavailable" | "server_error" => (Blame::Provider, R::ProviderError, Unknown),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_life_is_seconds_in_either_form() {
        let now = Utc.with_ymd_and_hms(2026, 9, 1, 12, 0, 0).unwrap();
        let hour = Some(now + TimeDelta::hours(1));
        assert_eq!(later(now, &json!(3600)), hour);
        assert_eq!(later(now, &json!("3600")), hour);
        for odd in [
            json!(0),
            json!(-1),
            json!(null),
            json!("soon"),
            json!(1_u64 << 40),
        ] {
            assert_eq!(later(now, &odd), None, "{odd}");
        }
    }

    #[test]
    fn scopes_are_sorted_and_once_each() {
        assert_eq!(
            scopes("REPO_READ ACCOUNT_WRITE  REPO_READ"),
            ["ACCOUNT_WRITE", "REPO_READ"]
        );
        assert!(scopes("").is_empty());
    }
}
