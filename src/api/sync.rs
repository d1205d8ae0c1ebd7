//! What is pending at the providers, and why.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use domain::{AccountId, KeyId, ProviderSlug, ReasonCode, UserId};
use projections::Page;
use projections::key_placements::{Drifted, Pending, PlacementRow, PlacementStatus, Tally};
use serde::Serialize;
use utoipa::ToSchema;

use super::accounts::{FailureBody, failed, parked};
use super::answer::Json;
use super::caller::Asking;
use super::drift::{DRIFTS, DriftBody, UnknownKeyBody, drift_body, unknown_key};
use super::extract::{Fields, Params};
use super::fresh::Index;
use super::held::{HeldBody, held};
use super::input::{Input, Rejected};
use super::openapi::Doc;
use super::problem::Problem;
use super::revocations::{RevocationBody, revocation};
use super::tokens::limit;
use super::words::{Code, Reason};
use crate::app::App;
use crate::app::by_hand::KnownPlacement;
use crate::app::stops::Stops;
use crate::app::sync::PlacementCursor;

/// What is to be tried again; without filters, everything that has failed or is parked.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct Retry {
    /// One provider only.
    provider: Option<String>,
    /// One person only.
    user: Option<String>,
    /// One state only: `failed` or `parked`.
    status: Option<String>,
    /// Only what failed for this reason: a failure's `code`.
    code: Option<String>,
    /// Why, in your words.
    reason: Option<String>,
}

/// One key at one account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlacementBody {
    /// The account.
    account: String,
    /// The key.
    key: String,
    /// The person.
    user: String,
    /// The provider.
    provider: String,
    /// Where the key should be: `present` or `absent`.
    wanted: &'static str,
    /// `requested`, `failed`, `parked`, `published`, `withdrawn`, `released` or `left`.
    status: &'static str,
    /// Why the last request was made: `link`, `rotation`, `unlink`, `replay`, `retry` or `restore`.
    cause: &'static str,
    /// How many tries have failed since the last request.
    attempts: u32,
    /// When it is tried next; absent for what is done or waits for somebody.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(with = "domain::time::optional")]
    next_try: Option<DateTime<Utc>>,
    /// Why the last try failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureBody>,
    /// What holds it up besides: an operator has paused the provider, or an admin disabled it.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<HeldBody>,
    /// The provider's own id of the key, once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_key: Option<String>,
    /// How the key came to be there: `created`, `found`, `adopted` or `by_hand`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    presence: Option<domain::account::Presence>,
    /// When the provider ends the key by itself, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(with = "domain::time::optional")]
    expires_at: Option<DateTime<Utc>>,
    /// How the provider disagrees with the log about it, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    drift: Option<DriftBody>,
    /// The last replay that took it up.
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<String>,
    /// When the last request was made.
    #[serde(with = "domain::time")]
    requested_at: DateTime<Utc>,
    /// When it last changed.
    #[serde(with = "domain::time")]
    changed_at: DateTime<Utc>,
    /// What the person is asked to do at the provider; confirm it at
    /// `/api/v1/users/{user}/accounts/{account}/keys/{key}/confirmation`. Shown with a key only.
    #[serde(skip_serializing_if = "Option::is_none")]
    by_hand: Option<ByHandBody>,
}

/// What a person is asked to do with a key at a provider.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ByHandBody {
    /// `paste` or `remove`.
    #[serde(rename = "do")]
    errand: &'static str,
    /// The page to do it on.
    #[serde(rename = "where")]
    #[schema(example = "https://dev.azure.com/contoso/_usersSettings/keys")]
    page: String,
    /// How, step by step.
    steps: Vec<String>,
    /// The line of the public key, without a line feed.
    public_key: String,
    /// What a clone URL looks like there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "git@ssh.dev.azure.com:v3/contoso/PROJECT/REPO")]
    clone_url: Option<String>,
}

/// How many placements are pending for one reason.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TallyBody {
    /// The provider.
    provider: String,
    /// Where the keys should be: `present` or `absent`.
    wanted: &'static str,
    /// `requested`, `failed` or `parked`.
    status: &'static str,
    /// Why the last try failed, if one did.
    reason: Option<&'static str>,
    /// What to do about it.
    remedy: Option<&'static str>,
    /// What holds them up besides: `provider_paused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<&'static str>,
    /// How many.
    count: u64,
    /// When the first of them is tried next.
    #[serde(with = "domain::time::optional")]
    next_try: Option<DateTime<Utc>>,
}

/// What is pending.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SyncBody {
    /// How many placements are pending, and why; of all providers.
    summary: Vec<TallyBody>,
    /// The placements that fit.
    placements: Vec<PlacementBody>,
    /// With `drift`: keys that bear our name and that the log does not know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown_keys: Vec<UnknownKeyBody>,
    /// On the first page: grants that could not be revoked yet, the first hundred.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    revocations: Vec<RevocationBody>,
    /// The cursor of the next page, for `after`; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// What is tried again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RetriedBody {
    /// How many keys, and grants to be revoked, are tried again.
    requested: u64,
    /// How many had failed or were parked.
    looked_at: u64,
}

const STATES: [(&str, PlacementStatus); 7] = [
    ("requested", PlacementStatus::Requested),
    ("failed", PlacementStatus::Failed),
    ("parked", PlacementStatus::Parked),
    ("published", PlacementStatus::Published),
    ("withdrawn", PlacementStatus::Withdrawn),
    ("released", PlacementStatus::Released),
    ("left", PlacementStatus::Left),
];

pub(super) async fn list(
    State(app): State<App>,
    Params(mut input): Params,
) -> Result<Json<SyncBody>, Problem> {
    let filter = filter(&mut input);
    let drift = input.word("drift", &DRIFTS);
    let drift = match (&filter, drift) {
        (Ok(filter), Ok(Some(_))) if filter.status.is_some() || filter.code.is_some() => Err(input
            .reject(
                "drift",
                "cannot be asked for together with a status or a code",
            )),
        (_, drift) => drift,
    };
    let after = input.optional::<Cursor>("after");
    let limit = limit(&mut input);
    let (filter, drift, after, limit) =
        input.finish((|| Ok((filter?, drift?, after?, limit?)))())?;
    let summary = app.sync_tally().await?;
    let stops = app.stops().await?;
    let after = after.map(|cursor| cursor.0);
    let (mut unknown, mut revoking) = (vec![], vec![]);
    let Page { items, next } = match drift {
        None => {
            if after.is_none() {
                revoking = app.pending_revocations(&filter).await?;
            }
            app.list_placements(&filter, after, limit).await?
        }
        Some(what) => {
            let filter = Drifted {
                provider: filter.provider,
                user: filter.user,
                what,
            };
            if after.is_none() {
                unknown = app.list_unknown_keys(&filter, limit).await?;
            }
            app.list_drift(&filter, after, limit).await?
        }
    };
    Ok(Json(SyncBody {
        summary: summary.iter().map(|tally| tallied(tally, &stops)).collect(),
        placements: items
            .into_iter()
            .map(|row| PlacementBody {
                held: stops.hold(&row).map(held),
                ..placement(row)
            })
            .collect(),
        unknown_keys: unknown.into_iter().map(unknown_key).collect(),
        revocations: revoking.into_iter().map(revocation).collect(),
        next: next.map(cursor),
    }))
}

pub(super) fn list_doc() -> Doc {
    Doc::new(
        "listSync",
        "Lists what is pending at the providers, and why; calls none of them",
    )
    .asks("provider", "one provider only")
    .asks("user", "one person only")
    .asks(
        "status",
        "one state only, also a settled one; otherwise all that is pending",
    )
    .asks("code", "only what failed for this reason: a failure's code")
    .asks(
        "drift",
        "what a provider disagrees with the log about instead: missing, changed, expired, \
         not_usable, wrong_type, not_for_signing, duplicate, foreign, or any",
    )
    .pages()
    .answers::<SyncBody>(200, "what is pending")
    .problems(&["invalid-input"])
}

pub(super) async fn retry(
    State(app): State<App>,
    asking: Asking,
    Fields(mut input): Fields,
) -> Result<impl IntoResponse, Problem> {
    let filter = filter(&mut input);
    let reason = input.optional::<Reason>("reason");
    let (filter, reason) = input.finish((|| Ok((filter?, reason?)))())?;
    let caller = asking.caller_because(reason.map(|reason| reason.0));
    let retried = app.retry(&filter, &caller).await?;
    let body = RetriedBody {
        requested: retried.requested,
        looked_at: retried.looked_at,
    };
    Ok((StatusCode::ACCEPTED, Index(retried.index), Json(body)))
}

pub(super) fn retry_doc() -> Doc {
    Doc::new(
        "retrySync",
        "Tries again at once what has failed or is parked: keys, and grants to be revoked",
    )
    .takes::<Retry>()
    .answers_with::<RetriedBody>(202, "how much is tried again", &["Lanyard-Index"])
    .problems(&["invalid-input"])
}

fn filter(input: &mut Input) -> Result<Pending, Rejected> {
    let provider = input.optional::<ProviderSlug>("provider");
    let user = input.optional::<UserId>("user");
    let status = input.word("status", &STATES);
    let code = input.optional::<Code>("code");
    Ok(Pending {
        provider: provider?,
        user: user?,
        status: status?,
        code: code?.map(|code| code.0),
    })
}

/// A cursor of placements: an account and a key.
struct Cursor(PlacementCursor);

impl std::str::FromStr for Cursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.split_once('.').and_then(|(account, key)| {
            Some((
                account.parse::<AccountId>().ok()?,
                key.parse::<KeyId>().ok()?,
            ))
        });
        parsed.map(Self).ok_or("must be a cursor of a page before")
    }
}

pub(super) fn cursor((account, key): PlacementCursor) -> String {
    format!("{account}.{key}")
}

/// Shows a placement.
pub(super) fn placement(row: PlacementRow) -> PlacementBody {
    PlacementBody {
        account: row.account.to_string(),
        key: row.key.to_string(),
        user: row.user.to_string(),
        provider: row.provider.to_string(),
        wanted: row.wanted.as_str(),
        status: row.status.as_str(),
        cause: row.cause.as_str(),
        attempts: row.attempts,
        next_try: row.due_at,
        failure: row.failure.map(|failure| match row.status {
            // Nothing happens by itself any more.
            PlacementStatus::Parked => parked(failure),
            _ => failed(failure),
        }),
        held: None,
        remote_key: row.remote_key,
        presence: row.presence,
        expires_at: row.expires_at,
        drift: row.drift.map(|what| drift_body(what, row.drifted_at)),
        replay: row.replay.map(|replay| replay.to_string()),
        requested_at: row.requested_at,
        changed_at: row.changed_at,
        by_hand: None,
    }
}

/// Shows a placement with what the person is asked to do for it.
pub(super) fn known_placement(known: KnownPlacement) -> PlacementBody {
    PlacementBody {
        held: known.held.map(held),
        by_hand: known.by_hand.map(|asked| ByHandBody {
            errand: asked.errand.as_str(),
            page: asked.page,
            steps: asked.steps,
            public_key: asked.public_key,
            clone_url: asked.clone_url,
        }),
        ..placement(known.row)
    }
}

fn tallied(tally: &Tally, stops: &Stops) -> TallyBody {
    let is_parked = tally.status == PlacementStatus::Parked;
    let stopped = stops.at(&tally.provider).filter(|_| !is_parked);
    TallyBody {
        held: stopped.map(ReasonCode::as_str),
        provider: tally.provider.to_string(),
        wanted: tally.wanted.as_str(),
        status: tally.status.as_str(),
        reason: tally.reason.map(ReasonCode::as_str),
        remedy: tally.reason.map(ReasonCode::remedy),
        count: tally.count,
        next_try: tally.due_at,
    }
}
