//! What is pending between the log and the providers.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::{AccountId, Failure, KeyId, ProviderSlug, UserId};
use projections::Page;
use projections::key_placements::{Pending, PlacementRow, PlacementStatus, Tally};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::extract::Params;
use super::openapi::Doc;
use super::problem::Problem;
use super::tokens::limit;
use crate::app::App;

/// One key on its way to a provider, or away from it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlacementBody {
    account: String,
    key: String,
    user: String,
    provider: String,
    /// Where the key should be: `present` or `absent`.
    wanted: &'static str,
    /// `requested`, `failed` (tried again by itself) or `parked` (waits for somebody).
    #[schema(example = "parked")]
    state: &'static str,
    /// How many tries have failed since it was requested.
    attempts: u32,
    /// When it was requested.
    requested_at: DateTime<Utc>,
    /// Why: `link`, `rotation`, `unlink`, `replay` or `retry`.
    cause: &'static str,
    /// When it is tried next.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_try_at: Option<DateTime<Utc>>,
    /// Why the last try failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureBody>,
}

/// Why a try failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FailureBody {
    /// Who can mend it: `grant` (the person), `app` (an admin), `provider`, or `us`.
    #[schema(example = "provider")]
    blame: Value,
    /// The stable reason.
    #[schema(example = "provider_error")]
    code: &'static str,
    /// What the provider said.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What to do.
    remedy: &'static str,
}

impl From<Failure> for FailureBody {
    fn from(failure: Failure) -> Self {
        Self {
            blame: json!(failure.blame),
            code: failure.code.as_str(),
            remedy: failure.code.remedy(),
            detail: failure.detail,
        }
    }
}

/// How many keys are pending, of one provider, direction, state and reason.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TallyBody {
    provider: String,
    wanted: &'static str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    count: u64,
    /// When the first of them is tried next.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_try_at: Option<DateTime<Utc>>,
}

/// What is pending.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SyncBody {
    /// The keys.
    placements: Vec<PlacementBody>,
    /// The cursor of the next page, for `after`; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// How many are pending in all, whatever was asked for.
    summary: Vec<TallyBody>,
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
    let provider = input.optional::<ProviderSlug>("provider");
    let user = input.optional::<UserId>("user");
    let status = input.word("state", &STATES);
    let limit = limit(&mut input);
    let after = match input.optional::<String>("after") {
        Ok(Some(cursor)) => match read_cursor(&cursor) {
            Some(after) => Ok(Some(after)),
            None => Err(input.reject("after", "must be the `next` of the page before")),
        },
        Ok(None) => Ok(None),
        Err(rejected) => Err(rejected),
    };
    let (filter, after, limit) = input.finish((|| {
        let filter = Pending { provider: provider?, user: user?, status: status? };
        Ok((filter, after?, limit?))
    })())?;
    let Page { items, next } = app.list_pending(&filter, after, limit).await?;
    let summary = app.tally().await?;
    Ok(Json(SyncBody {
        placements: items.into_iter().map(placement).collect(),
        next: next.map(|(account, key)| format!("{account}_{key}")),
        summary: summary.into_iter().map(tally).collect(),
    }))
}

pub(super) fn list_doc() -> Doc {
    Doc::new("listSync", "Lists which keys are pending at which provider, and why")
        .says("Calls no provider. What is done is listed only where `state` asks for it.")
        .asks("provider", "one provider only")
        .asks("user", "one person only")
        .asks("state", "one state only: requested, failed, parked, published, withdrawn, …")
        .asks("after", "the cursor of the page before")
        .asks("limit", "how many at most: 1 to 1000, 100 where nobody says")
        .answers::<SyncBody>(200, "what is pending")
        .problems(&["invalid-input"])
}

fn read_cursor(cursor: &str) -> Option<(AccountId, KeyId)> {
    let (account, key) = cursor.split_once('_')?;
    Some((account.parse().ok()?, key.parse().ok()?))
}

fn placement(row: PlacementRow) -> PlacementBody {
    PlacementBody {
        account: row.account.to_string(),
        key: row.key.to_string(),
        user: row.user.to_string(),
        provider: row.provider.to_string(),
        wanted: row.wanted.as_str(),
        state: row.status.as_str(),
        attempts: row.attempts,
        requested_at: row.requested_at,
        cause: row.cause.as_str(),
        next_try_at: row.due_at,
        failure: row.failure.map(Into::into),
    }
}

fn tally(row: Tally) -> TallyBody {
    TallyBody {
        provider: row.provider.to_string(),
        wanted: row.wanted.as_str(),
        state: row.status.as_str(),
        reason: row.reason.map(domain::ReasonCode::as_str),
        count: row.count,
        next_try_at: row.due_at,
    }
}
