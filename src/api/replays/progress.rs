//! How far a replay is, told as it goes on.

use std::convert::Infallible;
use std::time::Instant;

use axum::extract::State;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use domain::ReplayId;
use futures::Stream;
use serde::Serialize;
use tokio::sync::watch;

use super::super::caller::parse;
use super::super::extract::InPath;
use super::super::openapi::Doc;
use super::super::problem::Problem;
use super::super::stream;
use crate::app::App;
use crate::app::replays::KnownReplay;

/// How far a replay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct ProgressBody {
    status: &'static str,
    planned: u64,
    open: u64,
    settled: u64,
    parked: u64,
}

/// Somebody who watches a replay.
struct Watching {
    app: App,
    replay: ReplayId,
    applied: watch::Receiver<u64>,
    told: Option<ProgressBody>,
    until: Instant,
    over: bool,
    _open: stream::Open,
}

pub(in crate::api) async fn watch(
    State(app): State<App>,
    InPath(replay): InPath<String>,
) -> Result<Response, Problem> {
    let replay = parse::<ReplayId>("replay", &replay)?;
    app.replay(replay).await?;
    let watching = Watching {
        applied: app.applied.changes(),
        app,
        replay,
        told: None,
        until: Instant::now() + stream::LIFE,
        over: false,
        _open: stream::open()?,
    };
    Ok(stream::answer(events(watching)).into_response())
}

pub(in crate::api) fn watch_doc() -> Doc {
    Doc::new("watchReplay", "Tells how far a replay is, as it goes on")
        .says(
            "Server-sent events: `progress` with `status`, `planned`, `open`, `settled` and \
             `parked` now and whenever one of them changes, and `end` with the last of them. The \
             stream ends with the replay, or after ten minutes: then connect again. \
             `Last-Event-ID` is taken and not needed.",
        )
        .answers_text(200, "the events", stream::MEDIA_TYPE)
        .problems(&["replay-not-found", "too-many-streams"])
}

fn events(watching: Watching) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    futures::stream::unfold(watching, async |mut watching| {
        let event = watching.next().await?;
        Some((Ok(event), watching))
    })
}

impl Watching {
    /// Waits for the next thing to tell; nothing once there is none.
    async fn next(&mut self) -> Option<Event> {
        while !self.over {
            // Marked before it is looked: what comes in between wakes it again.
            let index = *self.applied.borrow_and_update();
            let now = body(&self.app.replay(self.replay).await.ok()?);
            self.over = now.status != "running";
            if self.told != Some(now) {
                self.told = Some(now);
                let name = if self.over { "end" } else { "progress" };
                return Some(stream::event(name, &now).id(index.to_string()));
            }
            let left = self.until.checked_duration_since(Instant::now())?;
            match tokio::time::timeout(left, self.applied.changed()).await {
                Ok(Ok(())) => {}
                // The server stops, or it is time to connect again.
                Ok(Err(_)) | Err(_) => return None,
            }
        }
        None
    }
}

fn body(known: &KnownReplay) -> ProgressBody {
    let KnownReplay { row, progress } = known;
    ProgressBody {
        status: row.status.as_str(),
        planned: row.planned,
        open: progress.open,
        settled: row.settled.unwrap_or(progress.settled),
        parked: row.parked.unwrap_or(progress.parked),
    }
}
