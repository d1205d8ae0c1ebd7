//! Tries a registered GitHub, and says what to mend.

use domain::ReasonCode;
use reqwest::{Method, StatusCode};
use serde::Deserialize;

use super::endpoints::{Endpoints, Flavour};
use super::{GitHub, judge, token};
use crate::providers::finding::{MADE_UP, clock, right, unreached, wrong};
use crate::providers::http::Answer;
use crate::providers::{Finding, OauthApp, ProviderFailure};

#[derive(Deserialize)]
struct Meta {
    verifiable_password_authentication: Option<bool>,
    installed_version: Option<String>,
}

impl GitHub {
    pub(super) async fn probe(&self, app: &OauthApp) -> Vec<Finding> {
        let endpoints = Endpoints::of(&app.base_url);
        let mut findings = Vec::new();
        let meta = self.api(app, Method::GET, endpoints.api(&["meta"])).probe();
        match meta.send().await {
            Err(failure) => findings.push(unreached("connection", &failure)),
            Ok(answer) => self.look(app, &endpoints, &answer, &mut findings).await,
        }
        findings.push(Finding {
            check: "redirect_url",
            ok: true,
            found: format!(
                "register this redirect URL with the app: {}",
                app.redirect_url
            ),
            fix: String::new(),
        });
        findings
    }

    async fn look(
        &self,
        app: &OauthApp,
        endpoints: &Endpoints,
        meta: &Answer,
        findings: &mut Vec<Finding>,
    ) {
        let product = product(app, endpoints, meta);
        let is_github = product.ok;
        findings.push(connection(app, meta));
        findings.push(product);
        if !is_github {
            return;
        }
        findings.push(version(endpoints, meta));
        let fields = [
            ("code", MADE_UP),
            ("redirect_uri", app.redirect_url.as_str()),
        ];
        let answer = self.token(app, &fields).probe().send().await;
        let judged = answer.map(|answer| {
            let moved = answer.redirect();
            (token::tokens(&answer, self.http.now()), moved)
        });
        findings.push(match judged {
            Err(failure) => Finding {
                check: "app",
                ..unreached("connection", &failure)
            },
            Ok((_, Some(target))) => moved("app", &target, "/login/oauth/access_token"),
            Ok((Ok(_), None)) => {
                wrong("app", "a made-up code was taken for a real one", NOT_GITHUB)
            }
            Ok((Err(failure), None)) => app_judged(app, &failure),
        });
        findings.extend(clock(self.http.now(), meta.date()));
    }
}

const NOT_GITHUB: &str = "check the base URL, the kind of provider, and any proxy in between";

fn app_judged(app: &OauthApp, failure: &ProviderFailure) -> Finding {
    let said = failure.failure.detail.clone().unwrap_or_default();
    match failure.failure.code {
        // The code was judged, so the id and the secret were right.
        ReasonCode::GrantExpired => right("app", "the app's id and secret are accepted"),
        ReasonCode::AppCredentialsInvalid => wrong(
            "app",
            "the app's id or secret is not accepted",
            "enter the client id and a client secret of the app; make a new secret if the old one is lost",
        ),
        ReasonCode::RedirectUriMismatch => wrong(
            "app",
            "the app is registered with another redirect URL",
            &format!("register {} with the app", app.redirect_url),
        ),
        code => wrong("app", &said, code.remedy()),
    }
}

fn connection(app: &OauthApp, meta: &Answer) -> Finding {
    match meta.redirect() {
        Some(target) => moved("connection", &target, "/meta"),
        None => right(
            "connection",
            &format!("{} answers", app.base_url.authority()),
        ),
    }
}

fn product(app: &OauthApp, endpoints: &Endpoints, meta: &Answer) -> Finding {
    let shaped = meta
        .json::<Meta>()
        .is_some_and(|meta| meta.verifiable_password_authentication.is_some());
    // A private instance, or a used-up limit, refuses even this; the header tells GitHub then.
    let refused = matches!(
        meta.status,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS
    );
    let branded = meta.header("x-github-request-id").is_some();
    if meta.status == StatusCode::OK && shaped
        || refused && branded && meta.json::<judge::Refusal>().is_some()
    {
        return right("product", &format!("it is {}", name(endpoints.flavour())));
    }
    if meta.status.is_server_error() {
        return wrong(
            "product",
            &format!("it answers with status {}", meta.status.as_u16()),
            "it may be in maintenance: try again later",
        );
    }
    let base = app.base_url.url();
    let host = base.host_str().unwrap_or_default();
    let fix = if let Some(web) = host.strip_prefix("api.") {
        format!(
            "enter the address of the web pages: {}://{web}",
            base.scheme()
        )
    } else if base.path().trim_matches('/').is_empty() {
        NOT_GITHUB.to_owned()
    } else {
        let root = base.origin().ascii_serialization();
        format!("GitHub has no path in its base URL: try {root}")
    };
    wrong("product", "it does not answer as GitHub does", &fix)
}

fn version(endpoints: &Endpoints, meta: &Answer) -> Finding {
    if endpoints.flavour() != Flavour::Server {
        return right(
            "version",
            &format!("{}, always current", name(endpoints.flavour())),
        );
    }
    let installed = meta
        .json::<Meta>()
        .and_then(|meta| meta.installed_version)
        .or_else(|| {
            meta.header("x-github-enterprise-version")
                .map(str::to_owned)
        });
    match installed {
        Some(version) => {
            let version = meta.cleared(&version);
            right("version", &format!("GitHub Enterprise Server {version}"))
        }
        None => right("version", "it does not say"),
    }
}

fn name(flavour: Flavour) -> &'static str {
    match flavour {
        Flavour::DotCom => "GitHub.com",
        Flavour::GheCom => "GitHub Enterprise Cloud",
        Flavour::Server => "GitHub Enterprise Server",
    }
}

/// A redirect: the base URL should be where it leads.
fn moved(check: &'static str, target: &str, endpoint: &str) -> Finding {
    let base = target.trim_end_matches('/');
    let base = base.strip_suffix(endpoint).unwrap_or(base);
    let base = base.strip_suffix("/api/v3").unwrap_or(base);
    wrong(
        check,
        &format!("it redirects to {target}"),
        &format!("enter {base} as the base URL"),
    )
}
