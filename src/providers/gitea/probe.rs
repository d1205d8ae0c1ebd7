//! Tries a registered Gitea, and says what to mend.

use domain::ReasonCode;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use url::Url;

use super::endpoints::Endpoints;
use super::judge::Refusal;
use super::{Gitea, token};
use crate::providers::finding::{MADE_UP, clock, moved, right, unreached, wrong};
use crate::providers::http::Answer;
use crate::providers::{Finding, OauthApp};

const NOT_GITEA: &str = "check the base URL, the kind of provider, and any proxy in between";

#[derive(Deserialize)]
pub(super) struct Version {
    version: String,
}

#[derive(Deserialize)]
struct Discovery {
    authorization_endpoint: String,
}

impl Gitea {
    pub(super) async fn probe(&self, app: &OauthApp) -> Vec<Finding> {
        let endpoints = Endpoints::of(&app.base_url);
        let mut findings = Vec::new();
        let version = self
            .api(app, Method::GET, endpoints.api(&["version"]))
            .probe();
        match version.send().await {
            Err(failure) => findings.push(unreached("connection", &failure)),
            Ok(answer) => self.look(app, &endpoints, &answer, &mut findings).await,
        }
        let words = format!(
            "register this redirect URI with the application: {}",
            app.redirect_url
        );
        findings.push(right("redirect_url", &words));
        findings
    }

    async fn look(
        &self,
        app: &OauthApp,
        endpoints: &Endpoints,
        version: &Answer,
        findings: &mut Vec<Finding>,
    ) {
        if let Some(target) = version.redirect() {
            findings.push(moved("connection", &target, "/api/v1/version"));
            return;
        }
        let words = format!("{} answers", app.base_url.authority());
        findings.push(right("connection", &words));
        let told = version
            .json::<Version>()
            .filter(|_| version.status == StatusCode::OK);
        let product = product(version, told.as_ref());
        let is_gitea = product.ok;
        findings.push(product);
        if !is_gitea {
            return;
        }
        findings.push(release(version, told.as_ref()));
        findings.extend(self.root_url(app, endpoints).await);
        if app.signing {
            findings.push(self.signing_judged(app).await);
        }
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", MADE_UP),
            ("redirect_uri", app.redirect_url.as_str()),
        ];
        let answer = self.token(app, &fields).probe().send().await;
        findings.push(match answer {
            Err(failure) => unreached("app", &failure),
            Ok(answer) => self.app_judged(app, &answer),
        });
        findings.extend(clock(self.http.now(), version.date()));
    }

    /// Compares where the server believes that it stands (`ROOT_URL`) with the base URL.
    async fn root_url(&self, app: &OauthApp, endpoints: &Endpoints) -> Option<Finding> {
        let call = self.api(app, Method::GET, endpoints.discovery()).probe();
        let answer = call.send().await.ok()?;
        if answer.status != StatusCode::OK {
            return None;
        }
        let believed = answer.json::<Discovery>()?.authorization_endpoint;
        let ours = endpoints.authorize();
        if Url::parse(&believed).ok()? == ours {
            return None;
        }
        let believed = answer.cleared(&believed);
        let believed = believed
            .strip_suffix("/login/oauth/authorize")
            .unwrap_or(&believed);
        Some(wrong(
            "root_url",
            &format!("the server says that it stands at {believed}"),
            &format!("enter {believed} as the base URL, or mend ROOT_URL in the server's app.ini"),
        ))
    }

    async fn signing_judged(&self, app: &OauthApp) -> Finding {
        match self.takes_proofs(app).await {
            Ok(true) => right(
                "signing",
                "it takes proofs of keys that are to sign commits",
            ),
            Ok(false) => wrong(
                "signing",
                "it lets no app prove a key that is to sign commits: Gitea does not, and Forgejo \
                 only in its newest versions",
                "switch signing off for this provider, or bring Forgejo up to date",
            ),
            Err(_) => right(
                "signing",
                "whether it takes proofs of keys shows with the first key: it tells strangers nothing",
            ),
        }
    }

    fn app_judged(&self, app: &OauthApp, answer: &Answer) -> Finding {
        if let Some(target) = answer.redirect() {
            return moved("app", &target, "/login/oauth/access_token");
        }
        if answer.status == StatusCode::NOT_FOUND {
            return wrong(
                "app",
                "the server gives no tokens to applications",
                "set ENABLED = true under [oauth2] in the server's app.ini",
            );
        }
        let Err(failure) = token::tokens(answer, self.http.now()) else {
            return wrong("app", "a made-up code was taken for a real one", NOT_GITEA);
        };
        let said = failure.failure.detail.clone().unwrap_or_default();
        match failure.failure.code {
            // The code was judged: id, secret and redirect URI were right.
            ReasonCode::GrantExpired => right(
                "app",
                "the application's id, secret and redirect URI are accepted",
            ),
            ReasonCode::AppCredentialsInvalid if said.contains("client secret") => wrong(
                "app",
                "the client secret is not accepted",
                "enter the application's current client secret; regenerate it at Gitea if it is lost",
            ),
            ReasonCode::AppCredentialsInvalid => wrong(
                "app",
                "the client id is not known there",
                "enter the client id of an application that is registered at this server",
            ),
            ReasonCode::RedirectUriMismatch => wrong(
                "app",
                "the application has another redirect URI",
                &format!(
                    "add {} to the redirect URIs of the application",
                    app.redirect_url
                ),
            ),
            code => wrong("app", &said, code.remedy()),
        }
    }
}

fn product(answer: &Answer, told: Option<&Version>) -> Finding {
    if let Some(Version { version }) = told {
        return right("product", &format!("it is {}", name(version)));
    }
    // A server that shows nothing to strangers refuses in Gitea's own words.
    let closed = matches!(
        answer.status,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
    );
    let refusal = answer.json::<Refusal>().filter(|_| closed);
    if refusal.is_some_and(|refusal| refusal.message.contains("allowed to call APIs")) {
        return right("product", "it is Gitea or Forgejo, closed to strangers");
    }
    if answer.status.is_server_error() {
        return wrong(
            "product",
            &format!("it answers with status {}", answer.status.as_u16()),
            "it may be in maintenance: try again later",
        );
    }
    let fix = "check the base URL: it is the address of Gitea's first page, with the path if it \
               has one; check the kind of provider, and any proxy in between";
    wrong("product", "it does not answer as Gitea does", fix)
}

/// Forgejo says which Gitea its API is like: `12.0.4+gitea-1.22.0`.
fn name(version: &str) -> &'static str {
    if version.contains("+gitea-") {
        "Forgejo"
    } else {
        "Gitea"
    }
}

fn release(answer: &Answer, told: Option<&Version>) -> Finding {
    let Some(Version { version }) = told else {
        return right("version", "it does not say");
    };
    let version = answer.cleared(version);
    let like = version
        .split_once("+gitea-")
        .map_or(&*version, |(_, like)| like);
    let words = format!("{} {version}", name(&version));
    // Before 1.23 scopes are asked for in vain: every token may do everything.
    match numbers(like) {
        Some((1, minor)) if minor < 8 => wrong(
            "version",
            &words,
            "apps can be let in since Gitea 1.8: bring the server up to date",
        ),
        Some((1, minor)) if minor < 22 => right(
            "version",
            &format!("{words}; it knows no scopes, so tokens may do everything"),
        ),
        _ => right("version", &words),
    }
}

fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    let major = parts.next()?.parse().ok()?;
    Some((major, parts.next()?.parse().ok()?))
}
