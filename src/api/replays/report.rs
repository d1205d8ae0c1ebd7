//! The report of a replay, for whoever writes up an incident: as JSON or as Markdown.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::ReplayId;
use projections::replay_items::ReplayOutcome;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::accounts::{FailureBody, failed, parked};
use super::super::answer::Json;
use super::super::caller::parse;
use super::super::extract::InPath;
use super::super::openapi::Doc;
use super::super::problem::Problem;
use super::{ReplayBody, body, markdown};
use crate::app::App;
use crate::app::replays::{Report, ReportItem};

/// The report of a replay.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportBody {
    /// The replay: who, why, what it takes up, how far it is.
    pub(super) replay: ReplayBody,
    /// When the report was written.
    #[serde(with = "domain::time")]
    pub(super) written_at: DateTime<Utc>,
    /// How many placements came to what.
    pub(super) outcomes: Vec<OutcomeBody>,
    /// How many keys were looked at and needed nothing; they are not listed.
    pub(super) in_place: u64,
    /// How many placements are not listed: a report lists ten thousand.
    pub(super) omitted: u64,
    /// One by one, by account and key.
    pub(super) items: Vec<ReportItemBody>,
}

/// How many placements came to one thing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutcomeBody {
    /// `created`, `found`, `adopted`, `by_hand`, `withdrawn`, `not_there`, `released`, `parked`,
    /// `left`, or `open`: nothing yet.
    pub(super) outcome: &'static str,
    /// How many.
    pub(super) count: u64,
}

/// One placement that a replay took up.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportItemBody {
    /// The account.
    pub(super) account: String,
    /// The key.
    pub(super) key: String,
    /// The person.
    pub(super) user: String,
    /// Where the key should be: `present` or `absent`.
    pub(super) wanted: &'static str,
    /// Where it stood before.
    pub(super) before: BeforeBody,
    /// Where it stood when it came to rest: `published`, `withdrawn`, `released`, `parked`,
    /// `left`, or `requested` and `failed` while it is under way.
    pub(super) after: &'static str,
    /// What became of it, in the words of `outcomes`.
    pub(super) outcome: &'static str,
    /// How many tries failed.
    pub(super) attempts: u32,
    /// Why the last of them failed, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<FailureBody>,
    /// When it was taken up.
    #[serde(with = "domain::time")]
    pub(super) taken_at: DateTime<Utc>,
    /// When it came to rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(with = "domain::time::optional")]
    pub(super) settled_at: Option<DateTime<Utc>>,
}

/// Where a placement stood before a replay took it up.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BeforeBody {
    /// `requested`, `failed`, `parked`, `published`, or `unknown`.
    pub(super) status: &'static str,
    /// Why the last try had failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<FailureBody>,
    /// Since when it stood there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(with = "domain::time::optional")]
    pub(super) since: Option<DateTime<Utc>>,
}

pub(in crate::api) async fn report(
    State(app): State<App>,
    headers: HeaderMap,
    InPath(replay): InPath<String>,
) -> Result<Response, Problem> {
    let replay = parse::<ReplayId>("replay", &replay)?;
    let report = report_body(app.replay_report(replay).await?);
    if super::accepts(&headers, markdown::MEDIA_TYPE) {
        let kind = [(header::CONTENT_TYPE, "text/markdown; charset=utf-8")];
        return Ok((kind, markdown::write(&report)).into_response());
    }
    Ok(Json(report).into_response())
}

pub(in crate::api) fn report_doc() -> Doc {
    Doc::new(
        "reportReplay",
        "Writes the report of a replay: who, why, and what became of each placement",
    )
    .says("With `Accept: text/markdown` as a page to attach to an incident, otherwise as JSON.")
    .answers::<ReportBody>(200, "the report")
    .problems(&["replay-not-found"])
}

fn report_body(report: Report) -> ReportBody {
    let Report {
        known,
        written_at,
        tally,
        items,
    } = report;
    let taken: u64 = tally.iter().map(|(_, count)| count).sum();
    ReportBody {
        written_at,
        outcomes: tally
            .iter()
            .map(|(outcome, count)| OutcomeBody {
                outcome: outcome.as_str(),
                count: *count,
            })
            .collect(),
        in_place: known.row.in_place.unwrap_or(0),
        omitted: taken.saturating_sub(items.len() as u64),
        items: items.into_iter().map(item).collect(),
        replay: body(known),
    }
}

fn item(item: ReportItem) -> ReportItemBody {
    let ReportItem { row, before } = item;
    let was_parked = before.status == "parked";
    ReportItemBody {
        account: row.account.to_string(),
        key: row.key.to_string(),
        user: row.user.to_string(),
        wanted: row.wanted.as_str(),
        before: BeforeBody {
            status: before.status,
            failure: before.failure.map(if was_parked { parked } else { failed }),
            since: before.since,
        },
        after: after(row.outcome, row.failure.is_some()),
        outcome: row.outcome.as_str(),
        attempts: row.attempts,
        failure: row.failure.map(match row.outcome {
            ReplayOutcome::Parked => parked,
            _ => failed,
        }),
        taken_at: row.taken_at,
        settled_at: row.settled_at,
    }
}

fn after(outcome: ReplayOutcome, has_failed: bool) -> &'static str {
    use ReplayOutcome as O;
    match outcome {
        O::Open if has_failed => "failed",
        O::Open => "requested",
        O::Created | O::Found | O::Adopted | O::ByHand => "published",
        O::Withdrawn | O::NotThere => "withdrawn",
        O::Released => "released",
        O::Parked => "parked",
        O::Left => "left",
    }
}
