//! Whether the server is there, and whether it can do its work.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use projections::Statement;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::openapi::Doc;
use crate::app::App;

/// How many events the read models may lag behind before the server says it is not ready.
const LAG: u64 = 10_000;

/// Whether each part can do its work.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReadyBody {
    /// Whether all of them can.
    ready: bool,
    /// The log: `ok`, or `unavailable`.
    log: &'static str,
    /// The database: `ok`, or `unavailable`.
    database: &'static str,
    /// The read models: `ok`, `behind`, or `stopped`.
    projections: &'static str,
    /// How many events the log has.
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<u64>,
    /// How many of them the read models have.
    applied: u64,
}

pub(super) async fn live() -> Json<serde_json::Value> {
    Json(serde_json::json!({ "status": "ok" }))
}

pub(super) fn live_doc() -> Doc {
    Doc::new(
        "getHealth",
        "Says that the process is alive; asks nothing of anybody",
    )
    .answers_text(200, "it is", "application/json")
}

pub(super) async fn ready(State(app): State<App>) -> impl IntoResponse {
    let ok = |fine: bool| if fine { "ok" } else { "unavailable" };
    let events = app.log.size().await.ok();
    let database = app
        .database
        .get(Statement::new("SELECT 1", []))
        .await
        .is_ok();
    let applied = app.applied.events();
    let projections = if app.applied.is_stopped() {
        "stopped"
    } else if events.is_some_and(|events| events.saturating_sub(applied) > LAG) {
        "behind"
    } else {
        "ok"
    };
    let body = ReadyBody {
        ready: events.is_some() && database && projections == "ok",
        log: ok(events.is_some()),
        database: ok(database),
        projections,
        events,
        applied,
    };
    let status = if body.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(body))
}

pub(super) fn ready_doc() -> Doc {
    Doc::new("getReadiness", "Says whether the server can do its work")
        .answers::<ReadyBody>(200, "it can")
        .answers::<ReadyBody>(503, "it cannot; the body says what is missing")
}
