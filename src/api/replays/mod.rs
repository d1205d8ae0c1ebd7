//! Replays: making a provider agree with the log again.

mod markdown;
mod plan;
mod progress;
mod report;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::replay::{ReplayInclude, ReplayScope};
use domain::{ProviderSlug, ReplayId, UserId};
use projections::Page;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::caller::{Asking, parse};
use super::extract::{Fields, InPath, Params};
use super::fresh::Index;
use super::input::{Input, Rejected};
use super::openapi::Doc;
use super::problem::Problem;
use super::tokens::limit;
use super::words::Reason;
use crate::app::App;
use crate::app::replays::KnownReplay;

pub(super) use progress::{watch, watch_doc};
pub(super) use report::{report, report_doc};

use super::stream;
use plan::PlanBody;

/// A replay to be started.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct StartReplay {
    /// The provider that is to agree with the log again.
    #[schema(example = "github")]
    provider: String,
    /// One person only.
    user: Option<String>,
    /// Only what last changed at or after this time.
    since: Option<DateTime<Utc>>,
    /// Only what last changed before this time.
    until: Option<DateTime<Utc>>,
    /// `unfinished` (as it is, where nobody says), one state of these alone (`requested`, `failed`,
    /// `parked`), or `all`: also what is in place.
    include: Option<String>,
    /// Why, in your words. It stays in the log.
    #[schema(example = "outage of 22 November")]
    reason: String,
    /// Whether only to say what would be done.
    dry_run: Option<bool>,
}

/// A replay that is to go on.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct ResumeReplay {
    /// Why, in your words.
    reason: Option<String>,
}

/// What a replay takes up.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ScopeBody {
    /// One person only.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// Only what last changed at or after this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(with = "domain::time::optional")]
    since: Option<DateTime<Utc>>,
    /// Only what last changed before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(with = "domain::time::optional")]
    until: Option<DateTime<Utc>>,
    /// `unfinished`, `requested`, `failed`, `parked` or `all`.
    include: &'static str,
}

/// A replay.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReplayBody {
    /// The replay's id.
    replay: String,
    /// The provider.
    provider: String,
    /// What it takes up.
    scope: ScopeBody,
    /// `running`, `cancelled` or `completed`.
    status: &'static str,
    /// Why it was started.
    reason: Option<String>,
    /// Who started it.
    started_by: String,
    /// When it began.
    #[serde(with = "domain::time")]
    started_at: DateTime<Utc>,
    /// When it was over.
    #[serde(with = "domain::time::optional")]
    finished_at: Option<DateTime<Utc>>,
    /// How many placements were in the scope when it was asked for.
    planned: u64,
    /// How many are still to be done.
    open: u64,
    /// How many are as the log says.
    settled: u64,
    /// How many wait for somebody.
    parked: u64,
}

/// A page of replays.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReplaysBody {
    /// Newest first.
    replays: Vec<ReplayBody>,
    /// The cursor of the next page, for `before`; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

/// A replay that was started.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StartedBody {
    /// The replay's id.
    replay: String,
    /// How many placements it takes up.
    planned: u64,
}

const INCLUDE: [(&str, ReplayInclude); 5] = [
    ("unfinished", ReplayInclude::Unfinished),
    ("requested", ReplayInclude::Requested),
    ("failed", ReplayInclude::Failed),
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
    Ok(Json(ReplaysBody {
        replays: items.into_iter().map(body).collect(),
        next,
    }))
}

pub(super) fn list_doc() -> Doc {
    Doc::new("listReplays", "Lists the replays, newest first")
        .asks("before", "the cursor of the page before")
        .limits()
        .answers::<ReplaysBody>(200, "a page of replays")
        .problems(&["invalid-input"])
}

pub(super) async fn start(
    State(app): State<App>,
    asking: Asking,
    headers: HeaderMap,
    Fields(mut input): Fields,
) -> Result<Response, Problem> {
    let scope = scope(&mut input);
    let reason = input.required::<Reason>("reason");
    let dry_run = input.flag("dry_run");
    let (scope, reason, dry_run) = input.finish((|| Ok((scope?, reason?, dry_run?)))())?;
    if dry_run == Some(true) {
        let caller = asking.caller();
        return if accepts(&headers, stream::MEDIA_TYPE) {
            plan::with_progress(app, scope, caller).await
        } else {
            plan::at_once(&app, &scope, &caller).await
        };
    }
    let caller = asking.caller_because(Some(reason.0));
    let started = app.start_replay(scope, &caller).await?;
    let place = format!("/api/v1/replays/{}", started.replay);
    let body = StartedBody {
        replay: started.replay.to_string(),
        planned: started.planned,
    };
    Ok((
        StatusCode::ACCEPTED,
        [(header::LOCATION, place)],
        Index(started.index),
        Json(body),
    )
        .into_response())
}

pub(super) fn start_doc() -> Doc {
    Doc::new("startReplay", "Makes a provider agree with the log again")
        .says(
            "Every placement in the scope is asked for once more: listed at the provider first, \
             so that nothing is done twice. With `dry_run` nothing is started: the provider is \
             asked what it has, one list for each account, and the plan says what a replay would \
             do. With `Accept: text/event-stream` events tell how far that is: `looked` with \
             `looked_at` and `planned`, in the end `plan`, or `failed` with the code of a problem.",
        )
        .takes::<StartReplay>()
        .answers::<PlanBody>(200, "what would be done (`dry_run`)")
        .answers::<StartedBody>(202, "it runs; `Location` shows how far it is")
        .problems(&[
            "invalid-input",
            "provider-not-found",
            "replay-empty-window",
            "replay-by-hand",
            "too-many-streams",
        ])
}

pub(super) async fn get(
    State(app): State<App>,
    InPath(replay): InPath<String>,
) -> Result<Json<ReplayBody>, Problem> {
    let replay = parse::<ReplayId>("replay", &replay)?;
    Ok(Json(body(app.replay(replay).await?)))
}

pub(super) fn get_doc() -> Doc {
    Doc::new("getReplay", "Shows a replay and how far it is")
        .answers::<ReplayBody>(200, "the replay")
        .problems(&["replay-not-found"])
}

pub(super) async fn cancel(
    State(app): State<App>,
    asking: Asking,
    InPath(replay): InPath<String>,
) -> Result<impl IntoResponse, Problem> {
    let replay = parse::<ReplayId>("replay", &replay)?;
    let index = app.cancel_replay(replay, &asking.caller()).await?;
    Ok((StatusCode::NO_CONTENT, Index(index), ()))
}

pub(super) fn cancel_doc() -> Doc {
    Doc::new(
        "cancelReplay",
        "Stops a replay; what was already requested goes on",
    )
    .answers_empty(204, "it is stopped, or was over already")
    .problems(&["replay-not-found"])
}

pub(super) async fn resume(
    State(app): State<App>,
    asking: Asking,
    InPath(replay): InPath<String>,
    Fields(mut input): Fields,
) -> Result<impl IntoResponse, Problem> {
    let replay = parse::<ReplayId>("replay", &replay)?;
    let reason = input.optional::<Reason>("reason");
    let reason = input.finish(reason)?;
    let caller = asking.caller_because(reason.map(|reason| reason.0));
    let index = app.resume_replay(replay, &caller).await?;
    let place = format!("/api/v1/replays/{replay}");
    Ok((
        StatusCode::ACCEPTED,
        [(header::LOCATION, place)],
        Index(index),
        Json(body(app.replay(replay).await?)),
    ))
}

pub(super) fn resume_doc() -> Doc {
    Doc::new(
        "resumeReplay",
        "Lets a replay go on that was stopped: with what it had not taken up",
    )
    .takes::<ResumeReplay>()
    .answers::<ReplayBody>(202, "it runs; `Location` shows how far it is")
    .problems(&["invalid-input", "replay-not-found", "replay-completed"])
}

/// Says whether a caller asks for a media type by its name.
fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|accept| accept.to_str().ok())
        .flat_map(|accept| accept.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|range| range.trim().eq_ignore_ascii_case(media_type))
}

fn scope(input: &mut Input) -> Result<ReplayScope, Rejected> {
    let provider = input.required::<ProviderSlug>("provider");
    let user = input.optional::<UserId>("user");
    let since = input.time("since");
    let until = input.time("until");
    let include = input.word("include", &INCLUDE);
    Ok(ReplayScope {
        provider: provider?,
        user: user?,
        since: since?,
        until: until?,
        include: include?.unwrap_or_default(),
    })
}

fn body(known: KnownReplay) -> ReplayBody {
    let KnownReplay { row, progress } = known;
    let scope = row.scope;
    let include = INCLUDE.iter().find(|(_, known)| *known == scope.include);
    ReplayBody {
        replay: row.replay.to_string(),
        provider: row.provider.to_string(),
        scope: ScopeBody {
            user: scope.user.map(|user| user.to_string()),
            since: scope.since,
            until: scope.until,
            include: include.map_or("unfinished", |(word, _)| word),
        },
        status: row.status.as_str(),
        reason: row.reason,
        started_by: row.by,
        started_at: row.started_at,
        finished_at: row.finished_at,
        planned: row.planned,
        open: progress.open,
        // Once completed, the log has the last word: a later replay may have taken some up again.
        settled: row.settled.unwrap_or(progress.settled),
        parked: row.parked.unwrap_or(progress.parked),
    }
}
