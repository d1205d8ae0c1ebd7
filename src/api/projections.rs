//! The projections.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::InPath;
use super::openapi::Doc;
use super::problem::Problem;
use crate::app::App;
use crate::app::projections::{ProjectionNow, Rebuild};

/// One projection.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProjectionBody {
    /// Its name.
    #[schema(example = "audit_trail")]
    name: String,
    /// The version of its tables.
    version: u64,
    /// How many events it has applied.
    events: u64,
    /// How many it still has to.
    behind: u64,
    /// `live`, `rebuilding` (its old rows are served), or `stopped` (see /readyz).
    status: &'static str,
    /// Its last rebuild since the server started.
    #[serde(skip_serializing_if = "Option::is_none")]
    rebuild: Option<RebuildBody>,
}

/// How a rebuild fares.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RebuildBody {
    /// `running`, `done` or `failed`.
    status: &'static str,
    /// How many events are applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    done: Option<u64>,
    /// Of how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

/// The projections.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProjectionsBody {
    /// The projections, by name.
    projections: Vec<ProjectionBody>,
}

pub(super) async fn list(State(app): State<App>) -> Result<Json<ProjectionsBody>, Problem> {
    let stopped = app.applied.is_stopped();
    let listed = app.list_projections().await?;
    let projections = listed.into_iter().map(|now| body(now, stopped)).collect();
    Ok(Json(ProjectionsBody { projections }))
}

pub(super) fn list_doc() -> Doc {
    Doc::new("listProjections", "Lists the projections and how far each is")
        .answers::<ProjectionsBody>(200, "the projections")
}

pub(super) async fn rebuild(
    State(app): State<App>,
    InPath(name): InPath<String>,
) -> Result<impl IntoResponse, Problem> {
    app.rebuild_projection(&name)?;
    let location = [(header::LOCATION, "/api/v1/projections")];
    Ok((StatusCode::ACCEPTED, location))
}

pub(super) fn rebuild_doc() -> Doc {
    Doc::new("rebuildProjection", "Fills a projection anew from the log")
        .says("Calls no provider. The old rows are served until the new ones are ready.")
        .answers_empty(202, "it goes on in the background")
        .problems(&["projection-not-found", "rebuild-under-way"])
}

fn body(now: ProjectionNow, stopped: bool) -> ProjectionBody {
    let rebuilding = matches!(now.rebuild, Some(Rebuild::Running { .. }));
    ProjectionBody {
        name: now.name,
        version: now.version,
        events: now.events,
        behind: now.behind,
        status: match (rebuilding, stopped) {
            (true, _) => "rebuilding",
            (false, true) => "stopped",
            (false, false) => "live",
        },
        rebuild: now.rebuild.map(|rebuild| match rebuild {
            Rebuild::Running { done, total } => RebuildBody {
                status: "running",
                done: Some(done),
                total: Some(total),
                failure: None,
            },
            Rebuild::Done => {
                RebuildBody { status: "done", done: None, total: None, failure: None }
            }
            Rebuild::Failed(why) => {
                RebuildBody { status: "failed", done: None, total: None, failure: Some(why) }
            }
        }),
    }
}
