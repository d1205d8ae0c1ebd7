//! The log: one total order of events, append-only, its index from 0 without gaps.

use async_trait::async_trait;
use domain::{Draft, StreamName};
use tokio::sync::watch;

pub mod bridge;

/// The longest line that the log takes, in bytes (C2SP tlog-tiles: an entry's length is a u16).
pub const LONGEST_LINE: usize = 65_535;

/// Events for one stream.
#[derive(Debug, Clone)]
pub struct Append {
    /// The stream.
    pub stream: StreamName,
    /// How many events it must have; the drafts are numbered from the next.
    pub expected: u64,
    /// At least one event; all are stored, or none.
    pub events: Vec<Draft>,
}

/// Where an append came to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The index of its last event.
    pub last: u64,
    /// The stream's version after it.
    pub version: u64,
}

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its place in the log, from 0, without gaps.
    pub index: u64,
    /// The line, byte for byte as it was written, without a line break.
    pub line: String,
}

/// Why the log did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// The stream has another version than expected; load it again and decide again.
    #[error("the stream has moved on")]
    Conflict,
    /// The event is too long to be stored.
    #[error("an event of {0} bytes is longer than the log takes ({LONGEST_LINE})")]
    TooLong(usize),
    /// The log cannot take or give events now. Nothing of the append is stored, or it is unknown:
    /// the caller must not report success.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
    /// What is stored is not what was written.
    #[error("the log is damaged: {0}")]
    Damaged(String),
}

/// One log. What it promises is written as the conformance suite in `tests/it/event_log`.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Appends to one stream if it is still at the expected version. Returns once the events
    /// would survive a power failure. A caller that goes away does not undo it.
    async fn append(&self, append: Append) -> Result<Appended, LogError>;

    /// Reads one stream's events after `version` (0: from the first), at most `limit`.
    async fn read_stream(
        &self,
        stream: &StreamName,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Stored>, LogError>;

    /// Reads the log from `index` on, at most `limit` events, in the order they became true.
    async fn read_all(&self, index: u64, limit: usize) -> Result<Vec<Stored>, LogError>;

    /// Returns how many events there are: the index of the next.
    async fn size(&self) -> Result<u64, LogError>;

    /// Watches the number of events. A hint to look again: it may lag, and it never runs ahead.
    fn watch(&self) -> watch::Receiver<u64>;
}

pub(crate) mod line;
pub mod measured;
pub mod memory;
pub mod postgres;
pub mod sqlite;
