//! Whether the server is there, and whether it can do its work.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::openapi::Doc;
use crate::app::App;
use crate::app::health::{Condition, Readiness};

/// Whether each part can do its work.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReadyBody {
    /// Whether all of them can.
    ready: bool,
    /// The log: `ok`, `unavailable`, or `stopped`: it cannot be written until a restart.
    log: &'static str,
    /// The database: `ok`, or `unavailable`.
    database: &'static str,
    /// The vault: `ok`, `unavailable` with the database, or `unusable`.
    vault: &'static str,
    /// The read models: `ok`, `waiting` for log or database, `behind`, or `stopped`.
    projections: &'static str,
    /// What carries out what was asked for: `ok`, `resting` where it has failed for more than a minute,
    /// or `stopped`.
    worker: &'static str,
    /// How many events the log has.
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<u64>,
    /// How many of them the read models have.
    applied: u64,
    /// What is wrong and what to do, part by part; absent where nothing is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    wrong: Vec<&'static str>,
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
    let found = app.readiness().await;
    let status = if found.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(ReadyBody::from(&found)))
}

impl From<&Readiness> for ReadyBody {
    fn from(found: &Readiness) -> Self {
        let word = |condition| match condition {
            Condition::Good => "ok",
            Condition::Waiting => "waiting",
            Condition::Behind => "behind",
            Condition::Lost => "unavailable",
            Condition::Unusable => "unusable",
            Condition::Resting => "resting",
            Condition::Stopped => "stopped",
        };
        let parts = [
            found.log,
            found.database,
            found.vault,
            found.projections,
            found.worker,
        ];
        let wrong = [log, database, vault, projections, worker];
        Self {
            ready: found.is_ready(),
            log: word(found.log),
            database: word(found.database),
            vault: word(found.vault),
            projections: word(found.projections),
            worker: word(found.worker),
            events: found.events,
            applied: found.applied,
            wrong: wrong
                .into_iter()
                .zip(parts)
                .filter_map(|(says, condition)| says(condition))
                .collect(),
        }
    }
}

// Anybody may ask, so these say nothing of why: that is in the server's own log.

fn log(condition: Condition) -> Option<&'static str> {
    match condition {
        Condition::Good => None,
        Condition::Stopped => Some(
            "the log cannot be written any more: see the server's log, mend the disk, start again",
        ),
        _ => Some("the log does not answer: see the server's log"),
    }
}

fn database(condition: Condition) -> Option<&'static str> {
    match condition {
        Condition::Good => None,
        _ => Some("the database does not answer: see the server's log"),
    }
}

fn vault(condition: Condition) -> Option<&'static str> {
    match condition {
        Condition::Good => None,
        Condition::Lost => Some("the vault is not reached without the database"),
        _ => Some("the vault does not open what is in it: see the server's log"),
    }
}

fn projections(condition: Condition) -> Option<&'static str> {
    match condition {
        Condition::Good => None,
        Condition::Waiting => {
            Some("the read models wait for log or database, and stay as they are")
        }
        Condition::Behind => Some("the read models are too far behind the log"),
        _ => Some("the read models have stopped: see the server's log, then lanyard verify"),
    }
}

fn worker(condition: Condition) -> Option<&'static str> {
    match condition {
        Condition::Good => None,
        Condition::Stopped => Some(
            "the worker has stopped, and nothing that is asked for is carried out: see the \
             server's log, then start again",
        ),
        _ => Some(
            "the worker fails again and again, and what is asked for waits: see the server's log",
        ),
    }
}

pub(super) fn ready_doc() -> Doc {
    Doc::new("getReadiness", "Says whether the server can do its work")
        .answers::<ReadyBody>(200, "it can")
        .answers::<ReadyBody>(503, "it cannot; the body says what is missing")
}
