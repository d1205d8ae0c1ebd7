//! Replays: making a provider agree with the log again.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::replay::{ReplayError, ReplayInclude, ReplayScope};
use domain::{ProviderSlug, Refusal, ReplayId, UserId};
use projections::key_placements::{PlacementRow, PlacementStatus, Progress, Wanted};
use projections::replays::{ReplayRow, ReplayStatus};
use projections::{Limit, Page};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::{Asking, parse};
use super::extract::{Fields, InPath, Params};
use super::fresh::Index;
use super::input::Reason;
use super::openapi::Doc;
use super::problem::Problem;
use super::tokens::limit;
use crate::app::{App, CommandError};

/// A replay to be started, or planned.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct StartReplay {
    /// The provider that is to agree with the log again.
    #[schema(example = "github")]
    provider: String,
    /// Only this person's keys.
    user: Option<String>,
    /// Only what changed at or after this time.
    since: Option<DateTime<Utc>>,
    /// Only what changed before this time.
    until: Option<DateTime<Utc>>,
    /// `unfinished` (requested, failed or parked), `parked`, or `all` (also what is in place).
    #[schema(example = "unfinished")]
    include: Option<String>,
    /// Why, for the history: 1 to 500 characters.
    #[schema(example = "GitHub was down")]
    reason: String,
    /// Only show what would be done.
    dry_run: Option<bool>,
}

/// What a replay would do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlanBody {
    /// How many keys it would take up.
    planned: u64,
    /// The first thousand of them, by account and key.
    items: Vec<PlanItem>,
}

/// What a replay would do with one key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlanItem {
    account: String,
    key: String,
    user: String,
    /// Where it stands now.
    #[schema(example = "parked")]
    state: &'static str,
    /// `publish`, `withdraw`, or `check` for what should be there already.
    action: &'static str,
}

/// What a replay takes up.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ScopeBody {
    provider: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<DateTime<Utc>>,
    include: &'static str,
}

/// One replay.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReplayBody {
    /// The replay.
    replay: String,
    /// What it takes up.
    scope: ScopeBody,
    /// `running`, `cancelled` or `completed`.
    status: &'static str,
    /// Why it was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Who started it.
    by: String,
    /// How many keys were in its scope when it was asked for.
    planned: u64,
    /// When it was started.
    started_at: DateTime<Utc>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<DateTime<Utc>>,
    /// How far what it took up is.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    progress: Option<ProgressBody>,
}

/// How far what a replay took up is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProgressBody {
    /// To be done.
    open: u64,
    /// As the log says.
    settled: u64,
    /// Waiting for somebody.
    parked: u64,
}

/// A page of replays, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReplaysBody {
    /// The replays.
    replays: Vec<ReplayBody>,
    /// The cursor of the next page, for `before`; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

const INCLUDES: [(&str, ReplayInclude); 3] = [
    ("unfinished", ReplayInclude::Unfinished),
    ("parked", ReplayInclude::Parked),
    ("all", ReplayInclude::All),
];

pub(super) async fn list(
    State(app): State<App>,
    Params(mut input): Params,
) -> Result<Json<ReplaysBody>, Problem> {
    let before = input.number("before");
    let limit = limit(&mut input);
    let (before, limit) = input.finish((|| Ok((before?, limit?)))())?;
    let Page { items, next } = app.list_replays(before, limit).await?;
    let replays = items.into_iter().map(|row| body(row, None)).collect();
    Ok(Json(ReplaysBody { replays, next }))
}

pub(super) fn list_doc() -> Doc {
    Doc::new("listReplays", "Lists the replays, newest first")
        .asks("before", "the cursor of the page before")
        .asks("limit", "how many at most: 1 to 1000, 100 where nobody says")
        .answers::<ReplaysBody>(200, "a page of replays")
        .problems(&["invalid-input"])
}

pub(super) async fn start(
    State(app): State<App>,
    asking: Asking,
    Fields(mut input): Fields,
) -> Result<Response, Problem> {
    let provider = input.required::<ProviderSlug>("provider");
    let user = input.optional::<UserId>("user");
    let (since, until) = (input.time("since"), input.time("until"));
    let include = input.word("include", &INCLUDES);
    let reason = input.required::<Reason>("reason");
    let dry_run = input.flag("dry_run");
    let (scope, Reason(reason), dry_run) = input.finish((|| {
        let scope = ReplayScope {
            provider: provider?,
            user: user?,
            since: since?,
            until: until?,
            include: include?.unwrap_or_default(),
        };
        Ok((scope, reason?, dry_run?.unwrap_or(false)))
    })())?;
    if dry_run {
        let most = Limit::new(Limit::MOST).unwrap_or_default();
        let (items, planned) = app.plan_replay(&scope, None, most).await?;
        let items = items.into_iter().map(plan_item).collect();
        return Ok(Json(PlanBody { planned, items }).into_response());
    }
    let caller = asking.caller_because(Some(reason.clone()));
    let (replay, planned, executed) = app.start_replay(scope.clone(), &caller).await?;
    let body = ReplayBody {
        replay: replay.to_string(),
        scope: scope_body(&scope),
        status: "running",
        reason: Some(reason),
        by: asking.principal.user.to_string(),
        planned,
        started_at: app.now(),
        finished_at: None,
        progress: None,
    };
    let location = [(header::LOCATION, format!("/api/v1/replays/{replay}"))];
    Ok((StatusCode::ACCEPTED, location, Index(executed.index), Json(body)).into_response())
}

pub(super) fn start_doc() -> Doc {
    Doc::new("startReplay", "Makes a provider agree with the log again")
        .says("With dry_run, only shows what would be done. Otherwise it goes on in the background.")
        .takes::<StartReplay>()
        .answers::<PlanBody>(200, "with dry_run: what would be done")
        .answers::<ReplayBody>(202, "the replay has begun")
        .problems(&["invalid-input", "provider-not-found", "replay-empty-window"])
}

pub(super) async fn get(
    State(app): State<App>,
    InPath(replay): InPath<String>,
) -> Result<Json<ReplayBody>, Problem> {
    let replay = parse::<ReplayId>("replay", &replay)?;
    let found = app.replay(replay).await?.ok_or_else(not_found)?;
    Ok(Json(body(found.row, Some(found.progress))))
}

pub(super) fn get_doc() -> Doc {
    Doc::new("getReplay", "Shows how far a replay is")
        .answers::<ReplayBody>(200, "the replay")
        .problems(&["replay-not-found", "invalid-input"])
}

pub(super) async fn cancel(
    State(app): State<App>,
    asking: Asking,
    InPath(replay): InPath<String>,
) -> Result<impl IntoResponse, Problem> {
    let replay = parse::<ReplayId>("replay", &replay)?;
    let index = app.cancel_replay(replay, &asking.caller()).await?;
    let location = [(header::LOCATION, format!("/api/v1/replays/{replay}"))];
    Ok((StatusCode::ACCEPTED, location, Index(index), ()))
}

pub(super) fn cancel_doc() -> Doc {
    Doc::new("cancelReplay", "Stops a replay; what was already requested goes on")
        .answers_empty(202, "it takes up nothing more")
        .problems(&["replay-not-found", "invalid-input"])
}

fn not_found() -> Problem {
    CommandError::Refused(Refusal::Replay(ReplayError::NotFound)).into()
}

fn plan_item(row: PlacementRow) -> PlanItem {
    PlanItem {
        account: row.account.to_string(),
        key: row.key.to_string(),
        user: row.user.to_string(),
        state: row.status.as_str(),
        action: match (row.wanted, row.status) {
            (_, PlacementStatus::Published | PlacementStatus::Withdrawn) => "check",
            (Wanted::Present, _) => "publish",
            (Wanted::Absent, _) => "withdraw",
        },
    }
}

fn scope_body(scope: &ReplayScope) -> ScopeBody {
    ScopeBody {
        provider: scope.provider.to_string(),
        user: scope.user.as_ref().map(ToString::to_string),
        since: scope.since,
        until: scope.until,
        include: INCLUDES
            .iter()
            .find(|(_, include)| *include == scope.include)
            .map_or("unfinished", |(word, _)| word),
    }
}

fn body(row: ReplayRow, progress: Option<Progress>) -> ReplayBody {
    ReplayBody {
        replay: row.replay.to_string(),
        scope: scope_body(&row.scope),
        status: match row.status {
            ReplayStatus::Running => "running",
            ReplayStatus::Cancelled => "cancelled",
            ReplayStatus::Completed => "completed",
        },
        reason: row.reason,
        by: row.by,
        planned: row.planned,
        started_at: row.started_at,
        finished_at: row.finished_at,
        progress: progress.map(|now| ProgressBody {
            open: now.open,
            settled: now.settled,
            parked: now.parked,
        }),
    }
}
