//! Which stream the newest events belong to, for as long as the index does not know it yet.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::StreamName;

/// So many events are worth a transaction of the index.
const WORTH_INDEXING: usize = 4_096;
/// Fewer are indexed once the first of them is this old.
const LONGEST_UNINDEXED: Duration = Duration::from_secs(1);
/// More are not taken: the index does not keep up, or cannot be written.
pub(super) const MOST: usize = 262_144;

/// The place of one event: its version in its stream, and its index in the log.
pub(super) type Place = (u64, u64);

/// The events that are not indexed yet, by stream.
pub(super) struct Tail {
    state: Mutex<State>,
    /// Something that somebody may wait for has changed.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What has come since the last freeze.
    live: Generation,
    /// What is being indexed. Kept until the index has it, so that no reader misses it.
    frozen: Arc<Generation>,
    closed: bool,
}

/// A run of the log's events by stream.
#[derive(Default)]
pub(super) struct Generation {
    streams: HashMap<StreamName, Run>,
    events: usize,
    /// The index after its last event.
    upto: u64,
}

/// One stream's part of a generation.
struct Run {
    /// The version of its first event.
    first: u64,
    indexes: Vec<u64>,
}

impl Run {
    fn last(&self) -> u64 {
        self.first + self.indexes.len() as u64 - 1
    }

    fn places(&self) -> impl Iterator<Item = Place> {
        (self.first..).zip(self.indexes.iter().copied())
    }
}

impl Generation {
    /// Adds the log's next event.
    pub(super) fn add(&mut self, stream: &StreamName, version: u64, index: u64) {
        if let Some(run) = self.streams.get_mut(stream) {
            run.indexes.push(index);
        } else {
            let run = Run {
                first: version,
                indexes: vec![index],
            };
            self.streams.insert(stream.clone(), run);
        }
        self.events += 1;
        self.upto = index + 1;
    }

    /// Returns the index after its last event.
    pub(super) fn upto(&self) -> u64 {
        self.upto
    }

    /// Returns how many events it has.
    pub(super) fn len(&self) -> usize {
        self.events
    }

    /// Returns its streams in the order of their names, each with its events' places.
    pub(super) fn in_order(&self) -> Vec<(&StreamName, impl Iterator<Item = Place>)> {
        let mut streams: Vec<_> = self.streams.iter().collect();
        streams.sort_unstable_by_key(|(stream, _)| *stream);
        streams
            .into_iter()
            .map(|(stream, run)| (stream, run.places()))
            .collect()
    }
}

impl Tail {
    /// Begins with what was found to be unindexed.
    pub(super) fn new(live: Generation) -> Self {
        let state = State {
            live,
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Waits a little until there is room for more; tells whether there is.
    pub(super) fn has_room(&self, patience: Duration) -> bool {
        let state = self.state();
        if state.live.len() < MOST {
            return true;
        }
        let (state, _) = self
            .changed
            .wait_timeout_while(state, patience, |state| state.live.len() >= MOST)
            .unwrap_or_else(PoisonError::into_inner);
        state.live.len() < MOST
    }

    /// Adds the log's next events: their streams, each with its first version and their number.
    pub(super) fn add<'a>(
        &self,
        mut index: u64,
        runs: impl Iterator<Item = (&'a StreamName, u64, usize)>,
    ) {
        let mut state = self.state();
        let before = state.live.len();
        for (stream, first, events) in runs {
            for version in (first..).take(events) {
                state.live.add(stream, version, index);
                index += 1;
            }
        }
        let now = state.live.len();
        drop(state);
        if before == 0 || (before < WORTH_INDEXING && now >= WORTH_INDEXING) {
            self.changed.notify_all();
        }
    }

    /// Returns a stream's version, if any of its events is here.
    pub(super) fn version(&self, stream: &StreamName) -> Option<u64> {
        let state = self.state();
        let run = state.live.streams.get(stream);
        run.or_else(|| state.frozen.streams.get(stream))
            .map(Run::last)
    }

    /// Returns the places of a stream's events after `version` that are here, at most `limit`.
    pub(super) fn places(&self, stream: &StreamName, version: u64, limit: usize) -> Vec<Place> {
        let state = self.state();
        [&*state.frozen, &state.live]
            .into_iter()
            .filter_map(|generation| generation.streams.get(stream))
            .filter(|run| run.last() > version)
            .flat_map(|run| {
                let known = version.saturating_sub(run.first - 1);
                run.places()
                    .skip(usize::try_from(known).unwrap_or(usize::MAX))
            })
            .take(limit)
            .collect()
    }

    /// Waits until there is something worth indexing, and freezes it: from here on it does not
    /// change, and it is still found until [`Self::forget_frozen`]. What is frozen already is
    /// returned again. Returns nothing once the tail is closed and all is indexed.
    pub(super) fn freeze(&self) -> Option<Arc<Generation>> {
        let mut state = self.state();
        while state.frozen.len() == 0 && state.live.len() == 0 {
            if state.closed {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.frozen.len() == 0 {
            state = self
                .changed
                .wait_timeout_while(state, LONGEST_UNINDEXED, |state| {
                    state.live.len() < WORTH_INDEXING && !state.closed
                })
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            state.frozen = Arc::new(std::mem::take(&mut state.live));
        }
        Some(Arc::clone(&state.frozen))
    }

    /// Forgets what was frozen: the index has it.
    pub(super) fn forget_frozen(&self) {
        // Dropped after the lock: it may be large.
        let forgotten = std::mem::take(&mut self.state().frozen);
        self.changed.notify_all();
        drop(forgotten);
    }

    /// Waits before the index is tried again; returns at once when the tail is closed.
    pub(super) fn pause(&self) -> bool {
        let until = Instant::now() + LONGEST_UNINDEXED;
        let mut state = self.state();
        while !state.closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        false
    }

    /// Lets the indexing of what is left begin at once, and end.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
