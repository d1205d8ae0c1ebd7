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
    /// The thread sleeps until so many are here; 0 while it is awake.
    wanted: usize,
    hope: Hope,
    /// Somebody does the thread's work: it must not wake.
    led: bool,
    closed: bool,
}

/// What the thread hopes to find when something is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hope {
    /// So many.
    pub(super) items: usize,
    /// And for how long it waits for them.
    pub(super) patience: Duration,
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
                hope: Hope {
                    items: 1,
                    patience: Duration::ZERO,
                },
                led: false,
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
        let wake = state.wanted > 0 && state.waiting.len() >= state.wanted && !state.led;
        if wake {
            state.wanted = 0;
        }
        drop(state);
        if wake {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Moves all that wait to the end of `taken`: at least one, and no fewer than was hoped for
    /// unless they stay away for too long. Returns `false` once the queue is closed and empty.
    pub(super) fn take(&self, taken: &mut Vec<T>) -> bool {
        let mut state = self.state();
        while state.waiting.is_empty() || state.led {
            if state.closed && !state.led {
                return false;
            }
            state.wanted = 1;
            state = self
                .arrived
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let Hope { items, patience } = state.hope;
        if state.waiting.len() < items && !state.closed {
            state.wanted = items;
            state = self
                .arrived
                .wait_timeout_while(state, patience, |state| {
                    state.waiting.len() < items && !state.closed
                })
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state.wanted = 0;
        self.room.add_permits(state.waiting.len());
        taken.append(&mut state.waiting);
        true
    }

    /// Says what to hope for next.
    pub(super) fn hope(&self, hope: Hope) {
        self.state().hope = hope;
    }

    /// Takes the thread's turn if it sleeps, nobody waits and no more than one is hoped for: then
    /// whoever asks may as well do the work, which is sooner done than handed over.
    pub(super) fn lead(&self) -> Option<Turn<'_, T>> {
        let mut state = self.state();
        let idle = state.wanted == 1
            && state.hope.items <= 1
            && state.waiting.is_empty()
            && !state.led
            && !state.closed;
        state.led |= idle;
        idle.then(|| Turn(self))
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

    /// Lets all that wait go.
    pub(super) fn clear(&self) {
        self.state().waiting.clear();
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The turn of one who does the thread's work; ends when dropped.
pub(super) struct Turn<'a, T>(&'a Queue<T>);

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.led = false;
        let wake = !state.waiting.is_empty() || state.closed;
        drop(state);
        if wake {
            self.0.arrived.notify_one();
        }
    }
}
