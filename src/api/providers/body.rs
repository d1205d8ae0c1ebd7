//! What is sent and answered of a provider.

use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use domain::breaker::Breaker;
use domain::keyring::Algorithm;
use domain::provider::{Callback, Registration};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::answer::Json;
use crate::api::fresh::{Index, Revision};
use crate::app::App;
use crate::app::host_keys::ssh_place;
use crate::app::providers::Known;
use crate::providers::Finding;

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
    /// Which product it runs: `github`, `gitlab`, `bitbucket_server`, `gitea` (also Forgejo),
    /// `azure_devops` or `ssh` (people paste their keys).
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
    /// The id of the OAuth app registered there; for `oauth1` the consumer key, and where nobody
    /// says the one that the operator set.
    client_id: Option<String>,
    /// The app's secret. It is sealed and never shown again. For `oauth1` it is left out: Lanyard
    /// makes a key pair.
    client_secret: Option<String>,
    /// Which redirect URL the app is registered with: `own` (as it is, where nobody says) or
    /// `shared`.
    callback: Option<String>,
    /// The algorithm of new keys here, where it is not the deployment's default.
    algorithm: Option<String>,
    /// Whether to use PKCE, where it is not left to what the product is known to support.
    pkce: Option<bool>,
    /// How people grant access: `oauth2`, or `oauth1` for an application link of Bitbucket Server.
    /// Needed for a Bitbucket Server, which has both.
    protocol: Option<String>,
    /// Whether keys are also to be good for signing commits.
    signing: Option<bool>,
    /// Certificates of authorities that are trusted there besides the system's: PEM text.
    ca_bundle: Option<String>,
    /// The proxy on the way there, where it is not the deployment's.
    #[schema(example = "http://proxy.example.com:3128")]
    proxy: Option<String>,
    /// What becomes of a key that is no longer there, though nobody here took it away: `report` (as
    /// it is, where nobody says) or `restore`, once.
    on_missing: Option<String>,
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
    /// Whether keys are also to be good for signing commits.
    signing: Option<bool>,
    /// Certificates of authorities that are trusted there: PEM text; `default` goes back to the
    /// system's.
    ca_bundle: Option<String>,
    /// The proxy on the way there; `default` goes back to the deployment's.
    proxy: Option<String>,
    /// What becomes of a key that is no longer there: `report` or `restore`.
    on_missing: Option<String>,
}

/// A provider.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "what it shows is yes or no")]
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
    /// The redirect URL that the app is registered with, if it is another one: paste `redirect_url`
    /// at the provider in its place.
    outdated_redirect_url: Option<String>,
    /// The algorithm of new keys here; null: the deployment's default.
    algorithm: Option<&'static str>,
    /// Whether PKCE is used; null: where the product supports it.
    pkce: Option<bool>,
    /// How people grant access: `oauth2` or `oauth1`; null where they paste their keys.
    protocol: Option<&'static str>,
    /// The public key to paste at the product, for `oauth1`: PEM text.
    public_key: Option<String>,
    /// Whether keys are also to be good for signing commits.
    signing: bool,
    /// Certificates of authorities that are trusted there besides the system's.
    ca_bundle: Option<String>,
    /// The proxy on the way there; null: the deployment's.
    proxy: Option<String>,
    /// What becomes of a key that is no longer there: `report` or `restore`.
    on_missing: &'static str,
    /// Whether there is a secret by which its own hooks are known; it is never shown again.
    has_hook_secret: bool,
    /// Whether there is a second secret beside the first: either of them works.
    staged: bool,
    /// The public half of the second key, to paste at the product, for `oauth1`: PEM text.
    staged_public_key: Option<String>,
    /// Why the provider refuses the app, if it does: an admin is needed.
    refused: Option<RefusedBody>,
    /// Whether it answers; while it does not, it is left alone but for a probe now and then.
    breaker: BreakerBody,
    /// Whether it is to be removed: it takes no new links, and every account is unlinked first.
    leaving: bool,
    /// Whether that waits for nothing: every account ends at once, whatever stays there.
    forced: bool,
    /// Where repositories are reached by SSH.
    ssh: SshBody,
    /// `active`, `paused` (no key sync) or `disabled` (no new links and no key sync).
    status: &'static str,
    /// How many accounts are linked.
    linked_accounts: u64,
    /// Its revision, as in the `ETag`.
    revision: u64,
}

/// Whether a provider answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BreakerBody {
    /// `closed` (all is well), `open` (it is left alone) or `half_open` (it is probed).
    state: &'static str,
    /// Since when it is left alone.
    #[serde(with = "domain::time::optional")]
    since: Option<DateTime<Utc>>,
    /// Why.
    #[schema(example = "provider_unreachable")]
    reason: Option<&'static str>,
    /// What the last try met.
    detail: Option<String>,
    /// When it is probed next, at the earliest, as far as this server knows.
    #[serde(with = "domain::time::optional")]
    next_probe_at: Option<DateTime<Utc>>,
}

/// Why a provider refuses the app.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefusedBody {
    /// The reason.
    #[schema(example = "app_credentials_invalid")]
    code: &'static str,
    /// What the provider said.
    detail: Option<String>,
    /// What to do.
    remedy: &'static str,
}

/// Where repositories are reached by SSH.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SshBody {
    /// As whom one signs in; null where nobody needs to be named.
    #[schema(example = "git")]
    user: Option<String>,
    /// The host.
    host: String,
    /// The port.
    port: u16,
    /// The form of a clone URL.
    #[schema(example = "git@github.com:OWNER/REPO.git")]
    example: String,
    /// The form of a clone URL where nothing but https gets out; github.com and gitlab.com
    /// have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ssh://git@ssh.github.com:443/OWNER/REPO.git")]
    fallback: Option<String>,
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
    let staged = registration.staged.as_ref();
    let ssh = ssh_place(registration);
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
        outdated_redirect_url: app.outdated_redirect(registration).map(ToString::to_string),
        algorithm: registration.algorithm.map(Algorithm::as_str),
        pkce: registration.pkce,
        protocol: (!registration.kind.is_by_hand()).then(|| registration.protocol.as_str()),
        public_key: registration.public_key.as_ref().map(ToString::to_string),
        signing: registration.signing,
        ca_bundle: registration.ca_bundle.as_ref().map(ToString::to_string),
        proxy: registration.proxy.as_ref().map(ToString::to_string),
        on_missing: registration.on_missing.as_str(),
        has_hook_secret: registration.hook_secret.is_some(),
        staged: staged.is_some(),
        staged_public_key: staged
            .and_then(|staged| staged.public_key.as_ref())
            .map(ToString::to_string),
        refused: registration.refused.as_ref().map(|failure| RefusedBody {
            code: failure.code.as_str(),
            detail: failure.detail.clone(),
            remedy: failure.code.remedy(),
        }),
        breaker: breaker(app, registration),
        leaving: registration.leaving,
        forced: registration.forced,
        ssh: SshBody {
            example: ssh.example(),
            user: ssh.user,
            host: ssh.host,
            port: ssh.port,
            fallback: ssh.fallback,
        },
        status: match (registration.disabled, registration.paused) {
            (true, _) => "disabled",
            (false, true) => "paused",
            (false, false) => "active",
        },
        linked_accounts: *linked_accounts,
        revision: *revision,
    }
}

fn breaker(app: &App, registration: &Registration) -> BreakerBody {
    let Some(outage) = &registration.outage else {
        return BreakerBody {
            state: "closed",
            since: None,
            reason: None,
            detail: None,
            next_probe_at: None,
        };
    };
    let known = |breaker: &mut Breaker| breaker.next_probe_at();
    BreakerBody {
        state: if outage.probed { "half_open" } else { "open" },
        since: Some(outage.since),
        reason: Some(outage.failure.code.as_str()),
        detail: outage.failure.detail.clone(),
        next_probe_at: app.pace.breaker(&registration.provider, known),
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
