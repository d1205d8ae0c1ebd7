//! What is sent and answered of a provider.

use axum::Json;
use axum::response::IntoResponse;
use domain::keyring::Algorithm;
use domain::provider::{AddProvider, Callback, Choice, ProviderChanges, ProviderKind};
use domain::{BaseUrl, ClientId, Description, DisplayName, ProviderSlug};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::fresh::{Index, Revision};
use crate::api::input::{Input, Rejected};
use crate::api::problem::Problem;
use crate::app::App;
use crate::app::providers::Known;
use crate::providers::Finding;
use crate::vault::Secret;

/// A provider to be registered.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct NewProvider {
    /// Its short name, for ever: a-z, 0-9 and dashes.
    #[schema(example = "github")]
    provider: String,
    /// Which product it runs: github.
    #[schema(example = "github")]
    kind: String,
    /// What people call it.
    #[schema(example = "GitHub")]
    name: String,
    /// A few words about it.
    description: Option<String>,
    /// Where it is; its path is kept.
    #[schema(example = "https://github.com")]
    base_url: String,
    /// The id of the OAuth app registered there.
    client_id: Option<String>,
    /// The app's secret. It is sealed and never shown again.
    client_secret: Option<String>,
    /// Which redirect URL the app is registered with: `own` (as it is, where nobody says) or
    /// `shared`.
    callback: Option<String>,
    /// The algorithm of new keys here, where it is not the deployment's default.
    algorithm: Option<String>,
    /// Whether to use PKCE, where it is not left to what the product is known to support.
    pkce: Option<bool>,
}

/// New values of a provider; what is absent stays.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct ChangedProvider {
    /// What people call it.
    name: Option<String>,
    /// A few words about it.
    description: Option<String>,
    /// Where it is; fixed once an account is linked.
    base_url: Option<String>,
    /// The id of the OAuth app.
    client_id: Option<String>,
    /// The app's new secret; absent or empty: the old one stays.
    client_secret: Option<String>,
    /// Which redirect URL the app is registered with: `own` or `shared`.
    callback: Option<String>,
    /// The algorithm of new keys here; `default` goes back to the deployment's.
    algorithm: Option<String>,
    /// Whether to use PKCE: `always`, `never`, or `default`.
    pkce: Option<String>,
}

/// A provider.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProviderBody {
    /// Its short name.
    provider: String,
    /// Which product it runs.
    kind: &'static str,
    /// What people call it.
    name: String,
    /// A few words about it.
    description: String,
    /// Where it is.
    base_url: String,
    /// The id of the OAuth app.
    client_id: Option<String>,
    /// Whether the app's secret is known; it is never shown.
    has_client_secret: bool,
    /// Which redirect URL the app is registered with: `own` or `shared`.
    callback: &'static str,
    /// The redirect URL to register with the app: copy it as it is.
    #[schema(example = "https://lanyard.example.com/oauth/callback/github")]
    redirect_url: String,
    /// The algorithm of new keys here; null: the deployment's default.
    algorithm: Option<&'static str>,
    /// Whether PKCE is used; null: where the product supports it.
    pkce: Option<bool>,
    /// `active`, `paused` (no key sync) or `disabled` (no new links and no key sync).
    status: &'static str,
    /// How many accounts are linked.
    linked_accounts: u64,
    /// Its revision, as in the `ETag`.
    revision: u64,
}

/// The providers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProvidersBody {
    /// By short name.
    pub(super) providers: Vec<ProviderBody>,
}

/// One thing that a test found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FindingBody {
    /// What was looked at: `connection`, `product`, `version`, `app`, `clock`, `redirect_url`.
    check: &'static str,
    /// Whether it is in order.
    ok: bool,
    /// What was found.
    found: String,
    /// What to do about it; empty where all is well.
    fix: String,
}

/// What a test found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestBody {
    /// Whether everything is in order.
    ok: bool,
    /// One by one.
    findings: Vec<FindingBody>,
}

const KINDS: [(&str, ProviderKind); 1] = [("github", ProviderKind::Github)];
const CALLBACKS: [(&str, Callback); 2] = [("own", Callback::Own), ("shared", Callback::Shared)];
const PKCE: [(&str, Choice<bool>); 3] = [
    ("always", Choice::Own(true)),
    ("never", Choice::Own(false)),
    ("default", Choice::Default),
];

/// Reads a provider to be registered.
pub(super) fn read_new(
    app: &App,
    mut input: Input,
) -> Result<(AddProvider, Option<Secret>), Problem> {
    let provider = input.required::<ProviderSlug>("provider");
    let kind = match input.word("kind", &KINDS) {
        Ok(None) => Err(input.reject("kind", "is required")),
        Ok(Some(kind)) => Ok(kind),
        Err(rejected) => Err(rejected),
    };
    let name = input.required::<DisplayName>("name");
    let description = input.optional::<Description>("description");
    let base_url = input.required::<BaseUrl>("base_url");
    let base_url = base_url.and_then(|url| callable(app, &mut input, url));
    let client_id = input.optional::<ClientId>("client_id");
    let secret = input.secret("client_secret");
    let callback = input.word("callback", &CALLBACKS);
    let algorithm = input.optional::<Algorithm>("algorithm");
    let pkce = input.flag("pkce");
    input.finish((|| {
        let added = AddProvider {
            provider: provider?,
            kind: kind?,
            name: name?,
            description: description?.unwrap_or_default(),
            base_url: base_url?,
            client_id: client_id?,
            client_secret: None,
            callback: callback?.unwrap_or(Callback::Own),
            algorithm: algorithm?,
            pkce: pkce?,
        };
        Ok((added, secret?))
    })())
}

/// Reads new values of a provider.
pub(super) fn read_changes(
    app: &App,
    mut input: Input,
) -> Result<(ProviderChanges, Option<Secret>), Problem> {
    let name = input.optional::<DisplayName>("name");
    let description = input.optional::<Description>("description");
    let base_url = match input.optional::<BaseUrl>("base_url") {
        Ok(Some(url)) => callable(app, &mut input, url).map(Some),
        other => other,
    };
    let client_id = input.optional::<ClientId>("client_id");
    let secret = input.secret("client_secret");
    let callback = input.word("callback", &CALLBACKS);
    let algorithm = input.optional::<ChosenAlgorithm>("algorithm");
    let pkce = input.word("pkce", &PKCE);
    input.finish((|| {
        let changes = ProviderChanges {
            name: name?,
            description: description?,
            base_url: base_url?,
            client_id: client_id?,
            client_secret: None,
            callback: callback?,
            algorithm: algorithm?.map(|chosen| chosen.0),
            pkce: pkce?,
        };
        Ok((changes, secret?))
    })())
}

/// An algorithm, or `default`.
struct ChosenAlgorithm(Choice<Algorithm>);

impl std::str::FromStr for ChosenAlgorithm {
    type Err = domain::keyring::UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "default" {
            return Ok(Self(Choice::Default));
        }
        text.parse().map(|algorithm| Self(Choice::Own(algorithm)))
    }
}

/// Rejects a base URL that would never be called.
fn callable(app: &App, input: &mut Input, url: BaseUrl) -> Result<BaseUrl, Rejected> {
    match app.check_base_url(&url) {
        Ok(()) => Ok(url),
        Err(why) => Err(input.reject("base_url", why)),
    }
}

/// Answers with a provider.
pub(super) fn answer(app: &App, known: &Known) -> impl IntoResponse + use<> {
    (
        Revision(known.revision),
        Index(known.index),
        Json(body(app, known)),
    )
}

/// Shows a provider.
pub(super) fn body(app: &App, known: &Known) -> ProviderBody {
    let Known {
        registration,
        revision,
        linked_accounts,
        index: _,
    } = known;
    ProviderBody {
        provider: registration.provider.to_string(),
        kind: registration.kind.as_str(),
        name: registration.name.to_string(),
        description: registration.description.to_string(),
        base_url: registration.base_url.to_string(),
        client_id: registration.client_id.as_ref().map(ToString::to_string),
        has_client_secret: registration.client_secret.is_some(),
        callback: match registration.callback {
            Callback::Own => "own",
            Callback::Shared => "shared",
        },
        redirect_url: app
            .redirect_url(&registration.provider, registration.callback)
            .to_string(),
        algorithm: registration.algorithm.map(Algorithm::as_str),
        pkce: registration.pkce,
        status: match (registration.disabled, registration.paused) {
            (true, _) => "disabled",
            (false, true) => "paused",
            (false, false) => "active",
        },
        linked_accounts: *linked_accounts,
        revision: *revision,
    }
}

/// Shows what a test found.
pub(super) fn tested(findings: Vec<Finding>) -> TestBody {
    TestBody {
        ok: findings.iter().all(|finding| finding.ok),
        findings: findings
            .into_iter()
            .map(|finding| FindingBody {
                check: finding.check,
                ok: finding.ok,
                found: finding.found,
                fix: finding.fix,
            })
            .collect(),
    }
}
