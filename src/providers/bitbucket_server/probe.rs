//! Tries a registered Bitbucket, and says what to mend.

use chrono::{DateTime, Utc};
use domain::ReasonCode;
use domain::provider::Protocol;
use reqwest::StatusCode;
use serde::Deserialize;
use url::Url;

use super::calls::What;
use super::endpoints::Endpoints;
use super::problem::Problem;
use super::{BitbucketServer, key};
use crate::providers::finding::{MADE_UP, MOST_SKEW, moved, right, unreached, wrong};
use crate::providers::http::Answer;
use crate::providers::{Finding, OauthApp, ProviderFailure};

/// No flow has this state: whoever comes back with it is sent away.
const NO_STATE: &str = "lanyard-test";

#[derive(Deserialize)]
struct Status {
    state: String,
}

#[derive(Deserialize)]
struct Properties {
    version: String,
    #[serde(default, rename = "displayName")]
    display_name: Option<String>,
}

/// Which eras a Bitbucket has, as far as can be told without credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coded {
    Present,
    Absent,
    Unknown,
}

impl BitbucketServer {
    pub(super) async fn probe(&self, app: &OauthApp) -> Vec<Finding> {
        let mut findings = Vec::new();
        self.look(app, &mut findings).await;
        findings.push(redirect_url(app));
        if app.protocol == Protocol::Oauth1 {
            findings.push(public_key(app));
        }
        findings
    }

    async fn look(&self, app: &OauthApp, findings: &mut Vec<Finding>) {
        let endpoints = Endpoints::of(&app.base_url);
        let status = match self.unasked(app, endpoints.status()).await {
            Ok(answer) => answer,
            Err(failure) => return findings.push(unreached("connection", &failure)),
        };
        if let Some(target) = status.redirect() {
            return findings.push(moved("connection", &target, "/status"));
        }
        let place = app.base_url.authority();
        findings.push(right("connection", &format!("{place} answers")));
        if let Some(Status { state }) = status.json::<Status>()
            && state != "RUNNING"
        {
            let state = status.cleared(&state);
            let found = format!("it says that it is not running but {state}");
            return findings.push(wrong("status", &found, remedy_of(&state)));
        }
        let properties = match self.unasked(app, endpoints.properties()).await {
            Ok(answer) => answer,
            Err(failure) => return findings.push(unreached("connection", &failure)),
        };
        let Some(version) = product(app, &properties, findings) else {
            return;
        };
        let coded = self.coded(app, &endpoints).await;
        findings.push(era(app.protocol, &version, coded));
        let times = match app.protocol {
            Protocol::Oauth1 => self.signed_app(app, findings).await,
            Protocol::Oauth2 => {
                findings.push(self.coded_app(app).await);
                None
            }
        };
        findings.extend(self.clock(times.or_else(|| properties.date())));
    }

    async fn unasked(&self, app: &OauthApp, url: Url) -> Result<Answer, ProviderFailure> {
        self.calls.begin(app, What::Read(&url)).probe().send().await
    }

    /// Asks whether there is OAuth 2.0: what is for admins only is refused where it is there
    /// (the probe of Git Credential Manager).
    async fn coded(&self, app: &OauthApp, endpoints: &Endpoints) -> Coded {
        let answer = self.unasked(app, endpoints.clients()).await;
        match answer.map(|answer| answer.status) {
            Ok(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Coded::Present,
            Ok(StatusCode::NOT_FOUND) => Coded::Absent,
            _ => Coded::Unknown,
        }
    }

    /// Gets a request token and throws it away. Returns Bitbucket's time, if it says it.
    async fn signed_app(
        &self,
        app: &OauthApp,
        findings: &mut Vec<Finding>,
    ) -> Option<DateTime<Utc>> {
        let answer = match self.ask_for_request_token(app, NO_STATE, true).await {
            Ok(answer) => answer,
            Err(failure) => {
                let said = failure.failure.detail.clone().unwrap_or_default();
                findings.push(wrong("app", &said, failure.failure.code.remedy()));
                return None;
            }
        };
        let problem = Problem::read(&answer);
        let url = Endpoints::of(&app.base_url).request_token();
        findings.push(match &problem {
            Some(problem) => app_refused(app, problem, &answer, url.as_str(), self.calls.now()),
            None if answer.status == StatusCode::OK => right(
                "app",
                "the application link knows the consumer key and accepts the signature",
            ),
            None if answer.status == StatusCode::NOT_FOUND => wrong(
                "app",
                "this Bitbucket has no application links of OAuth 1.0a",
                "make an incoming link of OAuth 2.0 (External application) and register the \
                 provider anew with the protocol oauth2",
            ),
            None => {
                let failure = answer.not_the_api().failure;
                let said = failure.detail.unwrap_or_default();
                wrong("app", &said, failure.code.remedy())
            }
        });
        problem.and_then(|problem| problem.server_time())
    }

    /// Exchanges a made-up code, to hear what is wrong with it.
    async fn coded_app(&self, app: &OauthApp) -> Finding {
        let fields = [("grant_type", "authorization_code"), ("code", MADE_UP)];
        let answer = match self.token(app, &fields).probe().send().await {
            Ok(answer) => answer,
            Err(failure) => {
                return Finding {
                    check: "app",
                    ..unreached("connection", &failure)
                };
            }
        };
        if answer.status == StatusCode::NOT_FOUND {
            return wrong(
                "app",
                "this Bitbucket has no incoming links of OAuth 2.0",
                "make an application link of OAuth 1.0a and register the provider anew with the \
                 protocol oauth1",
            );
        }
        let Err(failure) = self.tokens(app, &answer) else {
            return wrong(
                "app",
                "a made-up code was taken for a real one",
                NOT_BITBUCKET,
            );
        };
        let said = failure.failure.detail.clone().unwrap_or_default();
        match failure.failure.code {
            // The code was judged, so the id and the secret were right.
            ReasonCode::GrantExpired => right("app", "the client id and secret are accepted"),
            ReasonCode::AppCredentialsInvalid => wrong(
                "app",
                "the client id or secret is not accepted",
                "enter the client id and the client secret of the incoming link; make a new secret \
                 if the old one is lost",
            ),
            ReasonCode::RedirectUriMismatch => wrong(
                "app",
                "the incoming link has another redirect URL",
                &format!("enter {} as its redirect URL", app.redirect_url),
            ),
            code => wrong("app", &said, code.remedy()),
        }
    }

    fn clock(&self, theirs: Option<DateTime<Utc>>) -> Option<Finding> {
        let (ours, theirs) = (self.calls.now(), theirs?);
        let skew = ours - theirs;
        Some(if skew.abs() <= MOST_SKEW {
            right("clock", "the clocks agree")
        } else {
            let seconds = skew.num_seconds();
            let way = if seconds > 0 { "ahead of" } else { "behind" };
            wrong(
                "clock",
                &format!(
                    "this server's clock says {}, Bitbucket's {}: {} seconds {way} it",
                    ours.format("%H:%M:%S UTC"),
                    theirs.format("%H:%M:%S UTC"),
                    seconds.abs(),
                ),
                "set the clocks of both servers by NTP",
            )
        })
    }
}

const NOT_BITBUCKET: &str = "check the base URL with its context path, the kind of provider, and \
                             any proxy in between";

/// Looks whether it is a Bitbucket at all; returns the version.
fn product(app: &OauthApp, answer: &Answer, findings: &mut Vec<Finding>) -> Option<String> {
    let named = answer.json::<Properties>();
    let known = named.filter(|named| {
        let name = named.display_name.as_deref().unwrap_or("Bitbucket");
        answer.status == StatusCode::OK && (name == "Bitbucket" || name == "Stash")
    });
    let Some(Properties { version, .. }) = known else {
        findings.push(not_bitbucket(app, answer));
        return None;
    };
    let version = answer.cleared(&version);
    findings.push(right("product", "it is Bitbucket Server or Data Center"));
    findings.push(right("version", &version));
    Some(version)
}

fn remedy_of(state: &str) -> &'static str {
    match state {
        "MAINTENANCE" => "it is in maintenance: try again when that is over",
        "STARTING" => "it is starting: try again in a few minutes",
        "FIRST_RUN" => "finish the setup of Bitbucket first",
        _ => "see its log; it does not serve anybody now",
    }
}

fn not_bitbucket(app: &OauthApp, answer: &Answer) -> Finding {
    if answer.status.is_server_error() {
        let found = format!("it answers with status {}", answer.status.as_u16());
        return wrong(
            "product",
            &found,
            "it may be in maintenance: try again later",
        );
    }
    let base = app.base_url.url();
    let host = base.host_str().unwrap_or_default();
    if host == "bitbucket.org" || host.ends_with(".bitbucket.org") {
        return wrong(
            "product",
            "it is Bitbucket Cloud, whose API lets no OAuth app manage SSH keys",
            "add a provider of the kind ssh for it: people paste their keys themselves",
        );
    }
    let fix = if base.path().trim_matches('/').is_empty() {
        format!("if Bitbucket has a context path, add it: {base}bitbucket")
    } else {
        NOT_BITBUCKET.to_owned()
    };
    wrong("product", "it does not answer as Bitbucket does", &fix)
}

/// Says which eras the server has and whether the provider fits.
fn era(protocol: Protocol, version: &str, coded: Coded) -> Finding {
    match (protocol, coded) {
        (Protocol::Oauth1, Coded::Present) => right(
            "era",
            "the provider uses OAuth 1.0a (application link); this Bitbucket has OAuth 2.0 \
             (incoming link) as well",
        ),
        (Protocol::Oauth1, Coded::Absent) => right(
            "era",
            &format!(
                "version {version} has OAuth 1.0a (application link) only, and the provider uses it"
            ),
        ),
        (Protocol::Oauth2, Coded::Present) => right(
            "era",
            "the provider uses OAuth 2.0 (incoming link), and this Bitbucket has it",
        ),
        (Protocol::Oauth2, Coded::Absent) => wrong(
            "era",
            &format!("version {version} has no OAuth 2.0, which came with 7.21"),
            "register the provider anew with the protocol oauth1 and make an application link, or \
             upgrade Bitbucket",
        ),
        (_, Coded::Unknown) => right("era", "it does not say whether it has OAuth 2.0"),
    }
}

fn app_refused(
    app: &OauthApp,
    problem: &Problem,
    answer: &Answer,
    url: &str,
    now: DateTime<Utc>,
) -> Finding {
    let failure = problem.judge(answer, super::problem::Step::Token, url, now);
    let said = failure.failure.detail.unwrap_or_default();
    let fix = match problem.word.as_str() {
        "consumer_key_unknown" | "consumer_key_rejected" => format!(
            "make an application link with the consumer key {}, or change the consumer key of the \
             provider",
            app.client_id
        ),
        "signature_invalid" if problem.seen_elsewhere(url).is_some() => {
            "let the reverse proxy pass scheme, host and port on: set proxyName, proxyPort, scheme \
             and secure of Bitbucket's connector (server.proxy-name, server.proxy-port, \
             server.scheme, server.secure)"
                .to_owned()
        }
        "signature_invalid" | "signature_method_rejected" => {
            "paste the public key below on the application link once more, whole".to_owned()
        }
        "timestamp_refused" => "set the clocks of both servers by NTP".to_owned(),
        "parameter_rejected" => format!("the redirect URL must be absolute: {}", app.redirect_url),
        _ => failure.failure.code.remedy().to_owned(),
    };
    wrong("app", &said, &fix)
}

fn redirect_url(app: &OauthApp) -> Finding {
    let found = match app.protocol {
        Protocol::Oauth1 => format!(
            "Bitbucket is told the redirect URL with every link, nothing is to be registered: {}",
            app.redirect_url
        ),
        Protocol::Oauth2 => format!(
            "enter this redirect URL on the incoming link: {}",
            app.redirect_url
        ),
    };
    right("redirect_url", &found)
}

fn public_key(app: &OauthApp) -> Finding {
    match key::public_pem(&app.client_secret) {
        Some(pem) => right(
            "public_key",
            &format!("paste this public key on the application link:\n{pem}"),
        ),
        None => wrong(
            "public_key",
            "the RSA key of the application link cannot be read",
            "have a new key made, and paste its public half on the application link",
        ),
    }
}
