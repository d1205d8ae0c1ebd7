//! The plan of a replay: at once, or with its progress.

use std::convert::Infallible;
use std::pin::Pin;

use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use domain::ReasonCode;
use domain::reconcile::Drift;
use domain::replay::ReplayScope;
use futures::Stream;
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use super::super::accounts::{FailureBody, failed};
use super::super::answer::Json;
use super::super::problem::Problem;
use super::super::stream;
use super::super::sync::{PlacementBody, placement};
use crate::app::replays::{Plan, PlannedItem, Unknown, Would};
use crate::app::{App, Caller, CaseError};

/// What a replay would do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlanBody {
    /// True: nothing was started.
    dry_run: bool,
    /// How many placements it would take up.
    planned: u64,
    /// How many keys would be put there.
    create: u64,
    /// How many would be noted to have been there before us.
    adopt: u64,
    /// How many would be taken away.
    withdraw: u64,
    /// How many are as they should be, or are left to the person.
    nothing: u64,
    /// Of how many it cannot be known now.
    unknown: u64,
    /// One by one, the first ten thousand.
    items: Vec<PlannedBody>,
}

/// One placement that a replay would take up.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlannedBody {
    /// What would be done: `create`, `adopt`, `withdraw`, `nothing` or `unknown`.
    would: &'static str,
    /// Why that cannot be known, or what is wrong there that a replay does not mend.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    /// The failure that keeps it from being known.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_because: Option<FailureBody>,
    /// The placement.
    #[serde(flatten)]
    placement: PlacementBody,
}

/// How far a plan is.
#[derive(Debug, Clone, Copy, Serialize)]
struct Looked {
    looked_at: u64,
    planned: u64,
}

/// Answers with the plan once it is made.
pub(super) async fn at_once(
    app: &App,
    scope: &ReplayScope,
    caller: &Caller,
) -> Result<Response, Problem> {
    let plan = app.plan_replay(scope, caller, |_, _| {}).await?;
    Ok(Json(body(plan)).into_response())
}

type Planning = Pin<Box<dyn Future<Output = Result<Plan, CaseError>> + Send>>;

/// A plan that is being made. Whoever goes away ends it.
struct Making {
    planning: Planning,
    looked: watch::Receiver<Looked>,
    /// Closes when the server stops.
    applied: watch::Receiver<u64>,
    over: bool,
    _open: stream::Open,
}

/// Answers with events: `looked` as it goes on, then `plan`, or `failed`.
pub(super) async fn with_progress(
    app: App,
    scope: ReplayScope,
    caller: Caller,
) -> Result<Response, Problem> {
    // What is wrong with the scope is told as any problem.
    app.check_scope(&scope).await?;
    let open = stream::open()?;
    let (tell, looked) = watch::channel(Looked {
        looked_at: 0,
        planned: 0,
    });
    let applied = app.applied.changes();
    let planning = Box::pin(async move {
        let told = |looked_at, planned| {
            tell.send_replace(Looked { looked_at, planned });
        };
        app.plan_replay(&scope, &caller, told).await
    });
    let making = Making {
        planning,
        looked,
        applied,
        over: false,
        _open: open,
    };
    Ok(stream::answer(events(making)).into_response())
}

fn events(making: Making) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    futures::stream::unfold(making, async |mut making| {
        if making.over {
            return None;
        }
        let event = tokio::select! {
            biased;
            planned = &mut making.planning => {
                making.over = true;
                match planned {
                    Ok(plan) => stream::event("plan", &body(plan)),
                    Err(error) => stream::event("failed", &Problem::from(error).code),
                }
            }
            Ok(()) = making.looked.changed() => {
                let looked = *making.looked.borrow_and_update();
                stream::event("looked", &looked)
            }
            _ = making.applied.wait_for(|_| false) => return None,
        };
        Some((Ok(event), making))
    })
}

fn body(plan: Plan) -> PlanBody {
    let count = |would: Would| plan.counts.get(&would).copied().unwrap_or(0);
    PlanBody {
        dry_run: true,
        planned: plan.planned,
        create: count(Would::Create),
        adopt: count(Would::Adopt),
        withdraw: count(Would::Withdraw),
        nothing: count(Would::Nothing),
        unknown: count(Would::Unknown),
        items: plan.items.into_iter().map(planned).collect(),
    }
}

fn planned(item: PlannedItem) -> PlannedBody {
    let trouble = item.trouble.map(Drift::code);
    let (why, unknown_because) = match item.unknown {
        None => (trouble.map(ReasonCode::as_str), None),
        Some(Unknown::Paused) => (Some("the provider is paused"), None),
        Some(Unknown::Disabled) => (Some("the provider is disabled"), None),
        Some(Unknown::Resting) => (Some("the provider asks to be left alone"), None),
        Some(Unknown::Down) => (Some("the provider does not answer"), None),
        Some(Unknown::Failed(failure)) => (
            Some("the provider could not be asked"),
            Some(failed(failure)),
        ),
    };
    PlannedBody {
        would: item.would.as_str(),
        why,
        unknown_because,
        placement: placement(item.row),
    }
}
