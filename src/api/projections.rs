//! The read models.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::extract::InPath;
use super::openapi::Doc;
use super::problem::Problem;
use crate::app::{App, CaseError};

/// A projection.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProjectionBody {
    /// Its name.
    #[schema(example = "linked_accounts")]
    name: String,
    /// The version of its tables.
    version: u64,
    /// How many events it has applied.
    applied: u64,
    /// How many events it has still to apply.
    behind: u64,
    /// How many events its next tables have, while it is rebuilt; the old ones are read meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    rebuilt: Option<u64>,
}

/// The projections.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProjectionsBody {
    /// How many events the log has.
    events: u64,
    /// By name.
    projections: Vec<ProjectionBody>,
}

pub(super) async fn list(State(app): State<App>) -> Result<Json<ProjectionsBody>, Problem> {
    let known = app.list_projections().await?;
    let events = app.log.size().await?;
    let shown = known.into_iter().map(|known| ProjectionBody {
        name: known.name,
        version: known.version,
        applied: known.applied,
        behind: events.saturating_sub(known.applied),
        rebuilt: known.rebuilt,
    });
    Ok(Json(ProjectionsBody {
        events,
        projections: shown.collect(),
    }))
}

pub(super) fn list_doc() -> Doc {
    Doc::new(
        "listProjections",
        "Lists the read models and how far they are",
    )
    .answers::<ProjectionsBody>(200, "the projections, by name")
}

pub(super) async fn rebuild(
    State(app): State<App>,
    InPath(name): InPath<String>,
) -> Result<impl IntoResponse, Problem> {
    app.rebuild_projection(&name).map_err(CaseError::from)?;
    let place = [(header::LOCATION, "/api/v1/projections")];
    Ok((StatusCode::ACCEPTED, place, ()))
}

pub(super) fn rebuild_doc() -> Doc {
    Doc::new(
        "rebuildProjection",
        "Reads the log again into one read model; touches no provider",
    )
    .answers_empty(
        202,
        "it is being rebuilt; the old rows are read until it is done",
    )
    .problems(&["projection-not-found", "rebuild-under-way"])
}
