//! A log that is gone with its process: for tests and `--ephemeral`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::StreamName;
use tokio::sync::watch;

use super::line::{Times, refuse_too_long};
use super::{Append, Appended, EventLog, LogError, Stored};
use crate::clock::Clock;

/// The log in memory.
pub struct MemoryLog {
    state: Mutex<State>,
    size: watch::Sender<u64>,
}

struct State {
    lines: Vec<String>,
    /// Where each stream's events stand, in the order of their versions.
    streams: HashMap<StreamName, Vec<usize>>,
    times: Times,
}

impl MemoryLog {
    /// Makes an empty log.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            state: Mutex::new(State {
                lines: Vec::new(),
                streams: HashMap::new(),
                times: Times::after(None, clock),
            }),
            size: watch::Sender::new(0),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn stored(&self, at: usize) -> Stored {
        Stored {
            index: at as u64,
            line: self.lines[at].clone(),
        }
    }
}

/// Counts what is in memory, and so fits.
fn position(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[async_trait]
impl EventLog for MemoryLog {
    async fn append(&self, append: Append) -> Result<Appended, LogError> {
        refuse_too_long(&append)?;
        let mut state = self.state();
        let State {
            lines,
            streams,
            times,
        } = &mut *state;
        let places = streams.entry(append.stream).or_default();
        if places.len() as u64 != append.expected {
            return Err(LogError::Conflict);
        }
        let time = times.now();
        for draft in &append.events {
            places.push(lines.len());
            lines.push(draft.line(&time));
        }
        let appended = Appended {
            last: (lines.len() as u64).saturating_sub(1),
            version: places.len() as u64,
        };
        // Still under the lock, so that the sizes are told in their order.
        self.size.send_replace(lines.len() as u64);
        Ok(appended)
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Stored>, LogError> {
        let state = self.state();
        let places = state.streams.get(stream).map_or(&[][..], Vec::as_slice);
        let rest = places.iter().skip(position(after)).take(limit);
        Ok(rest.map(|at| state.stored(*at)).collect())
    }

    async fn read_all(&self, index: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        let state = self.state();
        let end = state.lines.len();
        let first = position(index).min(end);
        let last = first.saturating_add(limit).min(end);
        Ok((first..last).map(|at| state.stored(at)).collect())
    }

    async fn size(&self) -> Result<u64, LogError> {
        Ok(self.state().lines.len() as u64)
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.size.subscribe()
    }
}
