//! Work that comes to its end, whoever goes away.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::FutureExt as _;
use futures::future::{BoxFuture, CatchUnwind};
use tokio::runtime::Handle;

/// The work has panicked.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::app) struct Panicked;

/// Work that is done where it is awaited. If whoever awaits it goes away, it goes on as a task of
/// its own: a task from the start would cost each command two wake-ups more, and a copy of itself.
pub(in crate::app) struct Completing<T: Send + 'static> {
    work: Option<CatchUnwind<AssertUnwindSafe<BoxFuture<'static, T>>>>,
    runtime: Handle,
}

impl<T: Send + 'static> Completing<T> {
    /// Takes work on. It begins when it is first awaited.
    ///
    /// # Panics
    ///
    /// If there is no runtime to go on in.
    pub(in crate::app) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self {
            work: Some(AssertUnwindSafe(work.boxed()).catch_unwind()),
            runtime: Handle::current(),
        }
    }
}

impl<T: Send + 'static> Future for Completing<T> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(work) = &mut self.work else {
            return Poll::Pending;
        };
        let done = ready!(work.poll_unpin(context));
        self.work = None;
        Poll::Ready(done.map_err(|_| Panicked))
    }
}

impl<T: Send + 'static> Drop for Completing<T> {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            self.runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_was_begun_ends_though_nobody_awaits_it_any_more() {
        let (go, gone) = oneshot::channel::<()>();
        let (done, ended) = oneshot::channel();
        let mut work = Completing::new(async move {
            gone.await.unwrap();
            done.send("ended").unwrap();
        });
        assert!((&mut work).now_or_never().is_none());
        drop(work);
        go.send(()).unwrap();
        assert_eq!(ended.await, Ok("ended"));
    }

    #[tokio::test]
    async fn who_awaits_it_to_the_end_is_told_what_came_of_it() {
        assert_eq!(Completing::new(async { 7 }).await, Ok(7));
        let falls = Completing::new(async { assert!(std::env::args().count() == 0) });
        assert_eq!(falls.await, Err(Panicked));
    }
}
