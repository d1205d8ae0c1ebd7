//! Where appends wait for the writer.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

/// A bounded queue from many tasks to one thread, which takes all that waits at once.
///
/// Unlike a channel it lets the thread say how many it would like to find: nobody wakes it for
/// less, so that those who were answered together come to be committed together again.
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
    /// Room for those who wait; more than that wait outside, holding their append.
    room: Semaphore,
}

struct State<T> {
    waiting: Vec<T>,
    /// The writer sleeps until so many are here; 0 while it is awake.
    wanted: usize,
    closed: bool,
}

/// The queue takes nothing any more.
#[derive(Debug)]
pub(super) struct Closed;

impl<T> Queue<T> {
    /// Makes a queue for `capacity` who wait.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            state: Mutex::new(State {
                waiting: Vec::new(),
                wanted: 0,
                closed: false,
            }),
            arrived: Condvar::new(),
            room: Semaphore::new(capacity),
        }
    }

    /// Puts `item` at the end, once there is room.
    pub(super) async fn push(&self, item: T) -> Result<(), Closed> {
        self.room.acquire().await.map_err(|_| Closed)?.forget();
        let mut state = self.state();
        if state.closed {
            return Err(Closed);
        }
        state.waiting.push(item);
        let wake = state.wanted > 0 && state.waiting.len() >= state.wanted;
        if wake {
            state.wanted = 0;
        }
        drop(state);
        if wake {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Moves all that wait to the end of `taken`: at least one, and no fewer than `wanted` unless
    /// they stay away for longer than `patience`. Returns `false` once the queue is closed and
    /// empty.
    pub(super) fn take(&self, taken: &mut Vec<T>, wanted: usize, patience: Duration) -> bool {
        let mut state = self.state();
        while state.waiting.is_empty() {
            if state.closed {
                return false;
            }
            state.wanted = 1;
            state = self
                .arrived
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.waiting.len() < wanted && !state.closed {
            state.wanted = wanted;
            state = self
                .arrived
                .wait_timeout_while(state, patience, |state| {
                    state.waiting.len() < wanted && !state.closed
                })
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state.wanted = 0;
        self.room.add_permits(state.waiting.len());
        taken.append(&mut state.waiting);
        true
    }

    /// Returns how many wait.
    pub(super) fn len(&self) -> usize {
        self.state().waiting.len()
    }

    /// Takes nothing from here on; what waits can still be taken.
    pub(super) fn close(&self) {
        self.room.close();
        self.state().closed = true;
        self.arrived.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
