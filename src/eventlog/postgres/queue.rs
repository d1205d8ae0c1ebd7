//! Where appends wait for the writer.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use tokio::sync::Semaphore;

/// A bounded queue from many tasks to one, which takes all that waits at once.
///
/// Unlike a channel it lets that one say how many must come before it can do anything: nobody wakes it
/// for less. Woken for each append, it would be drawn from thread to thread, and take the place of whoever
/// is told next that theirs is stored, for whom another thread would have to wake.
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    /// Room for those who wait; more than that wait outside, holding their append.
    room: Semaphore,
}

struct State<T> {
    waiting: Vec<T>,
    /// Who is to be woken once so many wait.
    sleeper: Option<(usize, Waker)>,
    closed: bool,
}

/// The queue takes nothing any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Closed;

impl<T> Queue<T> {
    /// Makes a queue for `capacity` who wait.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            state: Mutex::new(State {
                waiting: Vec::new(),
                sleeper: None,
                closed: false,
            }),
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
        let here = state.waiting.len();
        let wake = state.sleeper.take_if(|(wanted, _)| here >= *wanted);
        drop(state);
        if let Some((_, waker)) = wake {
            waker.wake();
        }
        Ok(())
    }

    /// Takes all that wait, if any.
    ///
    /// # Errors
    ///
    /// The queue is closed, and nothing is left in it.
    pub(super) fn take(&self) -> Result<Vec<T>, Closed> {
        let mut state = self.state();
        if state.closed && state.waiting.is_empty() {
            return Err(Closed);
        }
        let taken = std::mem::take(&mut state.waiting);
        drop(state);
        self.room.add_permits(taken.len());
        Ok(taken)
    }

    /// Waits until so many wait, or the queue is closed. One task at a time may.
    pub(super) async fn has(&self, wanted: usize) {
        poll_fn(|context| {
            let mut state = self.state();
            if state.closed || state.waiting.len() >= wanted {
                state.sleeper = None;
                return Poll::Ready(());
            }
            state.sleeper = Some((wanted, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    /// Takes nothing any more. What waits can still be taken.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let sleeper = state.sleeper.take();
        drop(state);
        self.room.close();
        if let Some((_, waker)) = sleeper {
            waker.wake();
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake};

    use futures::FutureExt as _;

    use super::*;

    /// How often somebody was woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Woken {
        fn times(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    async fn push(queue: &Queue<u8>, items: &[u8]) {
        for item in items {
            queue.push(*item).await.unwrap();
        }
    }

    #[tokio::test]
    async fn whoever_takes_is_woken_once_as_many_wait_as_it_asked_for() {
        let queue = Queue::new(8);
        push(&queue, &[1]).await;
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        let enough = queue.has(3);
        tokio::pin!(enough);
        assert!(enough.as_mut().poll(&mut context).is_pending());
        push(&queue, &[2]).await;
        assert_eq!(woken.times(), 0);
        push(&queue, &[3]).await;
        assert_eq!(woken.times(), 1);
        assert!(enough.as_mut().poll(&mut context).is_ready());
        assert_eq!(queue.take(), Ok(vec![1, 2, 3]));
        assert_eq!(queue.take(), Ok(vec![]));
    }

    #[tokio::test]
    async fn when_it_is_full_the_next_waits_until_it_was_emptied() {
        let queue = Queue::new(2);
        push(&queue, &[1, 2]).await;
        let third = queue.push(3);
        tokio::pin!(third);
        assert!(third.as_mut().now_or_never().is_none());
        assert_eq!(queue.take(), Ok(vec![1, 2]));
        third.await.unwrap();
        assert_eq!(queue.take(), Ok(vec![3]));
    }

    #[tokio::test]
    async fn what_waits_when_it_is_closed_is_taken_and_nothing_more() {
        let queue = Queue::new(2);
        push(&queue, &[1]).await;
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let enough = queue.has(2);
        tokio::pin!(enough);
        let mut context = Context::from_waker(&waker);
        assert!(enough.as_mut().poll(&mut context).is_pending());
        queue.close();
        assert_eq!(woken.times(), 1);
        assert_eq!(queue.push(2).await, Err(Closed));
        assert_eq!(queue.take(), Ok(vec![1]));
        assert_eq!(queue.take(), Err(Closed));
    }
}
