//! What a log itself reads of a stored line, and how it writes the time into one.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::format_time;
use serde::Deserialize;

use super::{Append, LONGEST_LINE, LogError};
use crate::clock::Clock;

/// The parts of a line that a log files it by.
#[derive(Debug, Deserialize)]
pub(crate) struct Filed<'a> {
    /// The stream's name.
    #[serde(borrow)]
    pub(crate) stream: Cow<'a, str>,
    /// The event's number in its stream, from 1.
    pub(crate) version: u64,
    /// When the log took it.
    pub(crate) recorded_at: DateTime<Utc>,
}

impl<'a> Filed<'a> {
    /// Reads them from the line stored at `index`.
    pub(crate) fn read(index: u64, line: &'a str) -> Result<Self, LogError> {
        serde_json::from_str(line)
            .map_err(|e| LogError::Damaged(format!("event {index} is not an envelope: {e}")))
    }
}

/// Refuses an append with a line that is too long for the log.
///
/// While we develop it also checks what its caller promises: that there are events, and that
/// they are numbered from the expected version on.
pub(crate) fn refuse_too_long(append: &Append) -> Result<(), LogError> {
    debug_assert!(is_numbered(append), "an append numbers its events");
    append
        .events
        .iter()
        .map(domain::Draft::line_length)
        .find(|length| *length > LONGEST_LINE)
        .map_or(Ok(()), |length| Err(LogError::TooLong(length)))
}

fn is_numbered(append: &Append) -> bool {
    let time = format_time(DateTime::UNIX_EPOCH);
    let mut numbered = (append.expected + 1..).zip(&append.events);
    !append.events.is_empty()
        && numbered.all(|(version, draft)| {
            Filed::read(0, &draft.line(&time)).is_ok_and(|filed| {
                filed.version == version && filed.stream == append.stream.as_str()
            })
        })
}

/// The times that a log writes: a clock that is never seen to go back.
pub(crate) struct Times {
    clock: Arc<dyn Clock>,
    last: DateTime<Utc>,
}

impl Times {
    /// Goes on after `last`, the time of the newest event.
    pub(crate) fn after(last: Option<DateTime<Utc>>, clock: Arc<dyn Clock>) -> Self {
        let last = last.unwrap_or(DateTime::UNIX_EPOCH);
        Self { clock, last }
    }

    /// Returns the time for what is written now, as it stands in a line.
    pub(crate) fn now(&mut self) -> String {
        self.last = self.last.max(self.clock.now());
        format_time(self.last)
    }
}
