//! How far streams are known to reach, and up to where in the log that is known.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::key::StreamKey;

/// How many streams each half remembers.
const HALF: usize = 16_384;

/// The versions of streams, as far as the log was followed: of a stream that is remembered, no event
/// before [`reach`](Self::reach) is missed. Another instance may have written more behind it, which
/// the database checks. Remembers the streams used last; forgetting costs a look-up.
#[derive(Default)]
pub(super) struct Heads(Mutex<State>);

#[derive(Default)]
struct State {
    young: HashMap<StreamKey, u64>,
    old: HashMap<StreamKey, u64>,
    /// The index up to which all events were taken into account.
    reach: u64,
    /// A stream that is not remembered has no event from here to `reach`.
    since: u64,
    /// Where the young half begins: what `since` will be when the old one is forgotten.
    young_since: u64,
    /// How often something was forgotten.
    forgotten: u64,
}

/// What was known when the database was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    /// Up to where the log was followed.
    pub(super) reach: u64,
    /// If the database's index of streams reaches this index, the events between it and `reach` hold
    /// nothing that was asked for.
    pub(super) since: u64,
    forgotten: u64,
}

impl Heads {
    /// Returns the version that a stream has at least, if anything is known of it.
    pub(super) fn known(&self, stream: StreamKey) -> Option<u64> {
        self.lock().known(stream)
    }

    /// Returns up to where the log was followed.
    pub(super) fn reach(&self) -> u64 {
        self.lock().reach
    }

    /// Notes what is known before the database is asked for a stream's events after a version.
    pub(super) fn ask(&self, stream: StreamKey, after: u64) -> Asked {
        let state = self.lock();
        let since = match state.known(stream) {
            None => state.since,
            Some(known) if known == after => 0,
            // Newer events may stand anywhere.
            Some(_) => u64::MAX,
        };
        state.asked(since)
    }

    /// Notes what is known before the database is asked how far streams reach. What it says and what
    /// is known, the greater of them, is true of each.
    pub(super) fn ask_all(&self) -> Asked {
        let state = self.lock();
        state.asked(state.since)
    }

    /// Remembers the exact version that the database gave a stream; tells whether it can be relied on.
    /// Not if something was forgotten meanwhile: it may have been an event that came after the answer.
    pub(super) fn learn(&self, stream: StreamKey, version: u64, asked: Asked) -> bool {
        let mut state = self.lock();
        if state.forgotten != asked.forgotten {
            return false;
        }
        let at = state.reach;
        state.learn(stream, version, at);
        true
    }

    /// Takes a run of events into account that stands at `first`; tells whether nothing is missing
    /// before it.
    pub(super) fn follow(
        &self,
        first: u64,
        events: impl ExactSizeIterator<Item = (StreamKey, u64)>,
    ) -> bool {
        let mut state = self.lock();
        let upto = first + events.len() as u64;
        if upto <= state.reach {
            return true;
        }
        let joins = first == state.reach;
        for (index, (stream, version)) in (first..).zip(events) {
            let at = if joins { index } else { state.reach };
            state.learn(stream, version, at);
        }
        if joins {
            state.reach = upto;
        }
        joins
    }

    /// Forgets everything, and follows the log from here on.
    pub(super) fn begin_at(&self, index: u64) {
        let mut state = self.lock();
        *state = State {
            reach: index,
            since: index,
            young_since: index,
            forgotten: state.forgotten + 1,
            ..State::default()
        };
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn known(&self, stream: StreamKey) -> Option<u64> {
        let known = self.young.get(&stream).or_else(|| self.old.get(&stream));
        known.copied()
    }

    fn asked(&self, since: u64) -> Asked {
        Asked {
            reach: self.reach,
            since,
            forgotten: self.forgotten,
        }
    }

    /// Remembers a version, and that all streams with events from `at` on are still to come.
    fn learn(&mut self, stream: StreamKey, version: u64, at: u64) {
        if let Some(known) = self.young.get_mut(&stream) {
            *known = version.max(*known);
            return;
        }
        if self.young.len() >= HALF {
            self.old = std::mem::take(&mut self.young);
            self.since = self.young_since;
            self.young_since = at;
            self.forgotten += 1;
        }
        let known = self.old.remove(&stream).unwrap_or_default();
        self.young.insert(stream, version.max(known));
    }
}

#[cfg(test)]
mod tests {
    use domain::StreamName;

    use super::*;

    fn stream(n: usize) -> StreamKey {
        StreamKey::of(&StreamName::of("account", &n))
    }

    /// Follows one event that stands at `index`.
    fn follow(heads: &Heads, index: u64, n: usize, version: u64) -> bool {
        heads.follow(index, [(stream(n), version)].into_iter())
    }

    #[test]
    fn what_is_known_only_grows_and_the_oldest_is_forgotten() {
        let heads = Heads::default();
        assert!(follow(&heads, 0, 0, 7));
        assert!(heads.learn(stream(0), 3, heads.ask_all()));
        assert_eq!(heads.known(stream(0)), Some(7));
        for n in 1..2 * HALF {
            follow(&heads, n as u64, n, 2);
        }
        assert_eq!(heads.known(stream(0)), Some(7));
        follow(&heads, 2 * HALF as u64, 2 * HALF, 2);
        assert_eq!(heads.known(stream(0)), None);
        assert_eq!(heads.known(stream(2 * HALF)), Some(2));
        heads.begin_at(5);
        assert_eq!(heads.known(stream(2 * HALF)), None);
        assert_eq!(heads.reach(), 5);
    }

    #[test]
    fn the_log_is_followed_without_a_gap_and_nothing_counts_twice() {
        let heads = Heads::default();
        heads.begin_at(3);
        assert!(follow(&heads, 3, 1, 1));
        assert!(!follow(&heads, 5, 2, 4), "one is missing");
        assert_eq!(heads.reach(), 4);
        // What is known of it is known all the same.
        assert_eq!(heads.known(stream(2)), Some(4));
        assert!(follow(&heads, 4, 3, 9));
        assert!(follow(&heads, 5, 2, 4));
        assert!(follow(&heads, 3, 1, 1), "known already");
        assert_eq!(heads.reach(), 6);
    }

    #[test]
    fn of_a_stream_that_is_not_remembered_it_is_known_where_it_has_no_events() {
        let heads = Heads::default();
        heads.begin_at(10);
        for n in 0..2 * HALF {
            let index = heads.reach();
            follow(&heads, index, n, 1);
            // Its events are in the young half, or the old half still has all from here on.
            let asked = heads.ask(stream(usize::MAX), 0);
            assert_eq!((asked.since, asked.reach), (10, index + 1));
        }
        let first_of_young = 10 + HALF as u64;
        follow(&heads, heads.reach(), 2 * HALF, 1);
        assert_eq!(heads.ask(stream(0), 0).since, first_of_young);
        assert_eq!(heads.ask(stream(2 * HALF), 1).since, 0);
        assert_eq!(heads.ask(stream(2 * HALF), 0).since, u64::MAX);
    }

    #[test]
    fn an_answer_that_was_asked_for_before_something_was_forgotten_is_not_relied_on() {
        let heads = Heads::default();
        let asked = heads.ask(stream(1), 0);
        assert!(heads.learn(stream(1), 0, asked));
        heads.begin_at(9);
        assert!(!heads.learn(stream(2), 0, asked));
        assert_eq!(heads.known(stream(2)), None);
    }
}
