//! The gate: every call to the outside waits here until the scheduler lets it go, and says how.
//!
//! A call that goes is made to its end at once, on the thread of the simulation: what goes on in
//! the threads behind a port can not change the order of anything.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake};
use std::thread::Thread;

use chrono::{DateTime, TimeDelta, Utc};
use lanyard::clock::{Clock, FixedClock};
use tokio::sync::oneshot;

/// What waits longer than this for its turn has stood still: the machine was suspended, or the disk
/// hung. A third of what a lane has left when it is counted on (`app::lanes`).
pub(crate) const STILL: TimeDelta = TimeDelta::seconds(20);

/// Where a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    /// To the log.
    Log,
    /// To the database, and so to the vault.
    Database,
    /// To a Git server.
    Provider,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is made.
    Go,
    /// It fails, and nothing was done. The number says how it fails.
    Refused(u64),
    /// It is made, and its answer is lost.
    Lost(u64),
    /// The process ends before it is made.
    Ends,
    /// The process ends when it is made.
    EndsAfter,
}

/// A call that waits.
pub(crate) struct Waiting {
    /// Where it goes.
    pub(crate) port: Port,
    /// What it is, for the trace.
    pub(crate) what: String,
    verdict: oneshot::Sender<Verdict>,
}

impl Waiting {
    /// Lets it go.
    pub(crate) fn judge(self, verdict: Verdict) {
        // Whoever asked may be gone.
        let _gone = self.verdict.send(verdict);
    }
}

/// The gate of one process.
#[derive(Clone)]
pub(crate) struct Gate {
    queue: Arc<Mutex<Queue>>,
    clock: Arc<FixedClock>,
}

/// Who waits.
#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    /// How many of them have their place.
    settled: usize,
    /// When one of them went last that had stood still.
    stood_still: Option<DateTime<Utc>>,
}

impl Gate {
    pub(crate) fn new(clock: Arc<FixedClock>) -> Self {
        Self {
            queue: Arc::default(),
            clock,
        }
    }

    /// Waits to be let go, then does what was decided.
    pub(crate) async fn pass<T, E>(
        &self,
        port: Port,
        what: String,
        call: impl Future<Output = Result<T, E>> + Send,
        fault: impl FnOnce(u64) -> E + Send,
    ) -> Result<T, E> {
        let (verdict, judged) = oneshot::channel();
        let came = self.clock.now();
        self.queue().waiting.push(Waiting {
            port,
            what,
            verdict,
        });
        let verdict = judged.await;
        let now = self.clock.now();
        if now - came > STILL {
            self.queue().stood_still = Some(now);
        }
        match verdict {
            Ok(Verdict::Go) => block_on(call),
            Ok(Verdict::Refused(how)) => Err(fault(how)),
            Ok(Verdict::Lost(how)) => {
                let _lost = block_on(call);
                Err(fault(how))
            }
            Ok(Verdict::Ends) | Err(_) => std::future::pending().await,
            Ok(Verdict::EndsAfter) => {
                let _lost = block_on(call);
                std::future::pending().await
            }
        }
    }

    /// Says whether the process stood still a moment ago: what it knows may be old.
    pub(crate) fn stood_still(&self) -> bool {
        let now = self.clock.now();
        let stood_still = self.queue().stood_still;
        stood_still.is_some_and(|at| now - at <= STILL)
    }

    /// Says how many calls wait.
    pub(crate) fn len(&self) -> usize {
        self.queue().waiting.len()
    }

    /// Gives those who came since the last time their places. Several who waited for the same were
    /// woken in any order: here they stand in one.
    pub(crate) fn settle(&self) {
        let mut queue = self.queue();
        let settled = queue.settled;
        queue.waiting[settled..].sort_by(|one, two| one.what.cmp(&two.what));
        queue.settled = queue.waiting.len();
    }

    /// Takes one of the calls that wait, counted in the order they came.
    pub(crate) fn take(&self, at: usize) -> Option<Waiting> {
        let mut queue = self.queue();
        if at >= queue.waiting.len() {
            return None;
        }
        queue.settled = queue.settled.saturating_sub(1);
        Some(queue.waiting.remove(at))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a call to its end on this thread: nothing else of the simulation moves meanwhile.
pub(crate) fn block_on<T>(call: impl Future<Output = T>) -> T {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    // A task that has used up its share of turns would never be given another one here.
    let mut call = pin!(tokio::task::unconstrained(call));
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(done) = call.as_mut().poll(&mut context) {
            return done;
        }
        std::thread::park();
    }
}
