//! Tries a registered GitLab, and says what to mend.

use domain::ReasonCode;
use reqwest::{Method, StatusCode};

use super::endpoints::Endpoints;
use super::judge::Refusal;
use super::{GitLab, scopes, token};
use crate::providers::finding::{MADE_UP, clock, right, unreached, wrong};
use crate::providers::http::Answer;
use crate::providers::{Finding, OauthApp, ProviderFailure};

const NOT_GITLAB: &str = "check the base URL, the kind of provider, and any proxy in between";

impl GitLab {
    pub(super) async fn probe(&self, app: &OauthApp) -> Vec<Finding> {
        let mut findings = Vec::new();
        // Refused to everybody without a token, in words that only GitLab has.
        let url = Endpoints::of(&app.base_url).api(&["version"]);
        let version = self.http.call(&app.network, Method::GET, url).probe();
        match version.send().await {
            Err(failure) => findings.push(unreached("connection", &failure)),
            Ok(answer) => self.look(app, &answer, &mut findings).await,
        }
        findings.push(right(
            "redirect_url",
            &format!(
                "register this redirect URL with the application, and tick its scope {}: {}",
                scopes::API,
                app.redirect_url
            ),
        ));
        findings
    }

    async fn look(&self, app: &OauthApp, version: &Answer, findings: &mut Vec<Finding>) {
        let product = product(app, version);
        let is_gitlab = product.ok;
        findings.push(connection(app, version));
        findings.push(product);
        if !is_gitlab {
            return;
        }
        // `/api/v4/version` is for who is signed in (GitLab, "Metadata API"), and a test has no token.
        findings.push(right("version", "GitLab tells strangers no version"));
        findings.push(self.app(app).await);
        findings.extend(clock(self.http.now(), version.date()));
    }

    /// Tries the app's id and secret with a code that was never given: Doorkeeper looks at them
    /// before it looks at the code.
    async fn app(&self, app: &OauthApp) -> Finding {
        let fields = [("grant_type", "authorization_code"), ("code", MADE_UP)];
        let answer = match self.token(app, &fields).probe().send().await {
            Ok(answer) => answer,
            Err(failure) => return unreached("app", &failure),
        };
        if let Some(target) = answer.redirect() {
            return moved("app", &target, "/oauth/token");
        }
        match token::tokens(&answer, self.http.now()) {
            Ok(_) => wrong("app", "a made-up code was taken for a real one", NOT_GITLAB),
            Err(failure) => judged(&failure),
        }
    }
}

fn judged(failure: &ProviderFailure) -> Finding {
    match failure.failure.code {
        // The code was judged, so the id and the secret were right.
        ReasonCode::GrantExpired => right("app", "the application's id and secret are accepted"),
        ReasonCode::AppCredentialsInvalid => wrong(
            "app",
            "the application's id or secret is not accepted",
            "enter the application's id and its secret; renew the secret if it is lost",
        ),
        code => wrong(
            "app",
            &failure.failure.detail.clone().unwrap_or_default(),
            code.remedy(),
        ),
    }
}

fn connection(app: &OauthApp, version: &Answer) -> Finding {
    match version.redirect() {
        Some(target) => moved("connection", &target, "/api/v4/version"),
        None => right(
            "connection",
            &format!("{} answers", app.base_url.authority()),
        ),
    }
}

fn product(app: &OauthApp, version: &Answer) -> Finding {
    let words = Refusal::of(version).map(|refusal| refusal.words());
    if version.status == StatusCode::UNAUTHORIZED && words.as_deref() == Some("401 Unauthorized") {
        return right("product", "it is GitLab");
    }
    let status = version.status.as_u16();
    if version.status.is_server_error() {
        return wrong(
            "product",
            &format!("it answers with status {status}"),
            "it may be down or being upgraded: try again later",
        );
    }
    if version.status == StatusCode::TOO_MANY_REQUESTS {
        return wrong(
            "product",
            "it is asked too often from this server's address",
            "try again in a minute",
        );
    }
    let base = app.base_url.url();
    let path = base.path().trim_end_matches('/');
    let fix = if let Some(web) = path.strip_suffix("/api/v4") {
        let root = base.origin().ascii_serialization();
        format!("enter the address of the web pages: {root}{web}")
    } else if path.is_empty() {
        format!("{NOT_GITLAB}; if GitLab lives below a path, add it to the base URL")
    } else {
        let root = base.origin().ascii_serialization();
        format!("{NOT_GITLAB}; if GitLab does not live below {path}, try {root}")
    };
    wrong("product", "it does not answer as GitLab does", &fix)
}

/// A redirect: the base URL should be where it leads.
fn moved(check: &'static str, target: &str, endpoint: &str) -> Finding {
    let base = target.trim_end_matches('/');
    let fix = match base.strip_suffix(endpoint) {
        Some(base) => format!("enter {base} as the base URL"),
        // To a sign-in page of something before it, for one.
        None => NOT_GITLAB.to_owned(),
    };
    wrong(check, &format!("it redirects to {target}"), &fix)
}
