//! OAuth 1.0a: three steps to a token, and one to the next (RFC 5849, with the revision of the
//! session extension that Atlassian's provider speaks).

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Blame, ReasonCode};
use rsa::RsaPrivateKey;
use url::{Url, form_urlencoded};

use super::calls::What;
use super::endpoints::Endpoints;
use super::judge::judge;
use super::problem::{Problem, Step};
use super::{BitbucketServer, key, signature};
use crate::providers::http::{Answer, Call};
use crate::providers::{Begun, Came, GrantVerdict, OauthApp, ProviderFailure, Tokens};
use crate::vault::Secret;

/// What comes back instead of a verifier when a person says no.
pub(super) const DENIED: &str = "denied";

/// What the endpoints for applications give: a form. Its secrets move on into [`Secret`]s.
#[derive(Default)]
struct Given {
    token: Option<Secret>,
    token_secret: Option<Secret>,
    callback_confirmed: bool,
    handle: Option<Secret>,
    expires_in: Option<u32>,
}

impl Given {
    fn read(body: &[u8]) -> Self {
        let mut given = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            let secret = || Some(Secret::from(value.as_ref())).filter(|_| !value.is_empty());
            match name.as_ref() {
                "oauth_token" => given.token = secret(),
                "oauth_token_secret" => given.token_secret = secret(),
                "oauth_callback_confirmed" => given.callback_confirmed = value == "true",
                "oauth_session_handle" => given.handle = secret(),
                "oauth_expires_in" => given.expires_in = value.parse().ok(),
                _ => {}
            }
        }
        given
    }
}

/// A request token, kept with the flow until the browser comes back.
struct Kept {
    token: Secret,
    secret: Secret,
}

impl Kept {
    fn write(token: &Secret, secret: Option<&Secret>) -> Secret {
        form_urlencoded::Serializer::new(String::new())
            .append_pair("oauth_token", token.expose_str())
            .append_pair("oauth_token_secret", secret.map_or("", Secret::expose_str))
            .finish()
            .into()
    }

    fn read(kept: &Secret) -> Option<Self> {
        let given = Given::read(kept.expose());
        Some(Self {
            token: given.token?,
            secret: given.token_secret.unwrap_or_else(|| Secret::from("")),
        })
    }
}

/// Reads the key that an app signs with.
pub(super) fn signing_key(app: &OauthApp) -> Result<RsaPrivateKey, ProviderFailure> {
    key::read(&app.client_secret).ok_or_else(|| {
        ProviderFailure::new(Blame::Us, ReasonCode::Internal)
            .detail("the RSA key of the application link cannot be read")
    })
}

impl BitbucketServer {
    /// Begins a signed call. `own` are the parameters beyond those that every call has; their
    /// values are secrets.
    pub(super) fn signed(
        &self,
        app: &OauthApp,
        what: What<'_>,
        own: &[(&str, &Secret)],
    ) -> Result<Call<'_>, ProviderFailure> {
        let key = signing_key(app)?;
        let timestamp = self.calls.now().timestamp().to_string();
        let nonce = self.nonce();
        let mut parameters = vec![
            ("oauth_consumer_key", app.client_id.as_str()),
            ("oauth_signature_method", "RSA-SHA1"),
            ("oauth_timestamp", timestamp.as_str()),
            ("oauth_nonce", nonce.as_str()),
            ("oauth_version", "1.0"),
        ];
        parameters.extend(own.iter().map(|(name, value)| (*name, value.expose_str())));
        let header = signature::header(&key, what.method().as_str(), what.url(), &parameters);
        let header = header.ok_or_else(|| {
            ProviderFailure::new(Blame::Us, ReasonCode::Internal)
                .detail("the call could not be signed")
        })?;
        let mut call = self.calls.begin(app, what).authorization(&header);
        for (_, value) in own {
            call = call.hides(value);
        }
        Ok(call)
    }

    /// Returns 128 bits as letters and digits: no two calls of one second share them.
    fn nonce(&self) -> String {
        let mut random = [0; 16];
        self.ids.fill(&mut random);
        format!("{:032x}", u128::from_be_bytes(random))
    }

    /// Gets a request token. The state goes inside the callback: OAuth 1.0a has no other place.
    pub(super) async fn ask_for_request_token(
        &self,
        app: &OauthApp,
        state: &str,
        probe: bool,
    ) -> Result<Answer, ProviderFailure> {
        let mut callback = app.redirect_url.clone();
        callback.query_pairs_mut().append_pair("state", state);
        let callback = Secret::from(callback.as_str());
        let url = Endpoints::of(&app.base_url).request_token();
        let own = [("oauth_callback", &callback)];
        let mut call = self.signed(app, What::Sign(&url), &own)?;
        if probe {
            call = call.probe();
        }
        call.send().await
    }

    pub(super) async fn begin_signed(
        &self,
        app: &OauthApp,
        state: &str,
    ) -> Result<Begun, ProviderFailure> {
        let endpoints = Endpoints::of(&app.base_url);
        let answer = self.ask_for_request_token(app, state, false).await?;
        let given = self.given(&answer, &endpoints.request_token())?;
        // Without the word the server is of the first OAuth 1.0, where anybody can slip a person
        // a token of their own (RFC 5849, 2.1).
        let token = given.token.filter(|_| given.callback_confirmed);
        let token = token.ok_or_else(|| answer.not_the_api())?;
        Ok(Begun {
            authorize_url: endpoints.authorize_request(token.expose_str()),
            kept: Some(Kept::write(&token, given.token_secret.as_ref())),
        })
    }

    pub(super) async fn exchange_signed(
        &self,
        app: &OauthApp,
        came: &Came,
        kept: Option<&Secret>,
    ) -> Result<Tokens, ProviderFailure> {
        let lost = |code| ProviderFailure::new(Blame::Grant, code).grant(GrantVerdict::Lost);
        if came.code.expose_str() == DENIED {
            return Err(super::denied());
        }
        let kept = kept
            .and_then(Kept::read)
            .ok_or_else(|| lost(ReasonCode::GrantExpired))?;
        if came
            .token
            .as_ref()
            .is_some_and(|token| *token != kept.token)
        {
            let words = "the browser came back with another request token than it left with";
            return Err(lost(ReasonCode::GrantExpired).detail(words));
        }
        let own = [("oauth_token", &kept.token), ("oauth_verifier", &came.code)];
        self.access_token(app, &own, &kept.secret).await
    }

    /// Gets the next token for the session handle. The old token dies, and the handle with it.
    pub(super) async fn renew(
        &self,
        app: &OauthApp,
        tokens: &Tokens,
    ) -> Result<Tokens, ProviderFailure> {
        let Some(handle) = &tokens.refresh else {
            return Err(ProviderFailure::new(Blame::Grant, ReasonCode::GrantExpired)
                .grant(GrantVerdict::Lost)
                .detail("Bitbucket gave no session handle: the token cannot be renewed"));
        };
        let own = [
            ("oauth_token", &tokens.access),
            ("oauth_session_handle", handle),
        ];
        let no_secret = Secret::from("");
        let secret = tokens.token_secret.as_ref().unwrap_or(&no_secret);
        self.access_token(app, &own, secret).await
    }

    /// Calls the endpoint that gives access tokens. The secret that goes with the old token takes
    /// no part in RSA-SHA1; it is only kept out of what is kept.
    async fn access_token(
        &self,
        app: &OauthApp,
        own: &[(&str, &Secret)],
        secret: &Secret,
    ) -> Result<Tokens, ProviderFailure> {
        let url = Endpoints::of(&app.base_url).access_token();
        let call = self.signed(app, What::Sign(&url), own)?.hides(secret);
        let answer = call.send().await?;
        let given = self.given(&answer, &url)?;
        let access = given.token.ok_or_else(|| answer.not_the_api())?;
        Ok(Tokens {
            access,
            refresh: given.handle,
            token_secret: given.token_secret,
            expires_at: given
                .expires_in
                .and_then(|seconds| later(self.calls.now(), seconds)),
            scopes: None,
        })
    }

    /// Reads what an endpoint for applications gives, or judges it.
    fn given(&self, answer: &Answer, url: &Url) -> Result<Given, ProviderFailure> {
        let now = self.calls.now();
        if let Some(problem) = Problem::read(answer) {
            return Err(problem.judge(answer, Step::Token, url.as_str(), now));
        }
        if !answer.status.is_success() {
            return Err(judge(answer, url.as_str(), now));
        }
        let given = Given::read(answer.body());
        match &given.token {
            Some(token) if fits_a_header(token) => Ok(given),
            _ => Err(answer.not_the_api()),
        }
    }
}

fn fits_a_header(token: &Secret) -> bool {
    token.expose().iter().all(u8::is_ascii_graphic)
}

fn later(now: DateTime<Utc>, seconds: u32) -> Option<DateTime<Utc>> {
    (seconds > 0).then(|| now + TimeDelta::seconds(seconds.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_token_is_kept_whole() {
        let token = Secret::from("a&b=c+d");
        let kept = Kept::write(&token, Some(&Secret::from("é%")));
        let read = Kept::read(&kept).unwrap();
        assert_eq!(read.token, token);
        assert_eq!(read.secret.expose_str(), "é%");
        let alone = Kept::read(&Kept::write(&token, None)).unwrap();
        assert_eq!(alone.secret.expose_str(), "");
        assert!(Kept::read(&Secret::from("")).is_none());
    }

    #[test]
    fn fields_that_old_servers_leave_out_are_left_out() {
        let given = Given::read(b"oauth_token=t&oauth_token_secret=");
        assert_eq!(given.token.unwrap().expose_str(), "t");
        assert!(given.token_secret.is_none() && given.handle.is_none());
        assert!(given.expires_in.is_none() && !given.callback_confirmed);
    }
}
