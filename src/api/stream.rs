//! Answers that go on: server-sent events (WHATWG HTML, section 9.2).
//!
//! So many at a time, so long each: whoever reads on comes again. A client that says which event it
//! saw last (`Last-Event-ID`) is answered as any other, because each event says everything.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, KeepAliveStream, Sse};
use futures::Stream;
use serde::Serialize;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::problem::Problem;

/// How many streams are open at most.
static OPEN: Semaphore = Semaphore::const_new(100);

/// How long a stream lives at most.
pub(super) const LIFE: Duration = Duration::from_mins(10);

/// The media type of a stream.
pub(super) const MEDIA_TYPE: &str = "text/event-stream";

/// Says that a stream is open, as long as it is kept.
pub(super) type Open = SemaphorePermit<'static>;

/// Takes a place for a stream.
pub(super) fn open() -> Result<Open, Problem> {
    place_in(&OPEN)
}

fn place_in(open: &'static Semaphore) -> Result<Open, Problem> {
    open.try_acquire()
        .map_err(|_| Problem::new("too-many-streams").retry_after(5))
}

/// Writes an event: its name and its data, on one line.
pub(super) fn event(name: &str, data: &impl Serialize) -> Event {
    let named = Event::default().event(name);
    named
        .json_data(data)
        .unwrap_or_else(|_| Event::default().event("failed"))
}

/// Answers with a stream; lines between its events keep proxies from closing it.
pub(super) fn answer<S>(stream: S) -> Sse<KeepAliveStream<S>>
where
    S: Stream<Item = Result<Event, Infallible>> + Send + 'static,
{
    Sse::new(stream).keep_alive(KeepAlive::default())
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;

    use super::*;

    #[test]
    fn a_stream_more_than_there_is_place_for_is_told_to_come_again() {
        static ONE: Semaphore = Semaphore::const_new(1);
        let kept = place_in(&ONE).unwrap();
        let refused = place_in(&ONE).unwrap_err().into_response();
        assert_eq!(refused.status(), 503);
        drop(kept);
        assert!(place_in(&ONE).is_ok());
    }
}
