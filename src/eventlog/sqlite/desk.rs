//! Where appends come in: to the thread that writes for all who wait, or straight to the writer
//! when nobody else is there.

use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{oneshot, watch};

use super::queue::{Closed, Hope, Queue};
use super::writer::Writer;
use crate::eventlog::{Append, Appended, LogError};

/// So many appends wait for the thread; more wait for room.
const QUEUE: usize = 1_024;

/// A commit that lasts no longer is waited for without telling the runtime: to hand this thread's
/// other tasks to one that has to be woken for it takes as long.
const SHORT: Duration = Duration::from_millis(1);

/// The queue, and the writer behind it.
pub(super) struct Desk {
    queue: Queue<Job>,
    writer: Mutex<Paced>,
    broken: Arc<watch::Sender<Option<String>>>,
}

/// An append and who waits for it.
struct Job {
    append: Append,
    answer: oneshot::Sender<Result<Appended, LogError>>,
}

impl AsRef<Append> for Job {
    fn as_ref(&self) -> &Append {
        &self.append
    }
}

/// The writer, and how long its commits take.
struct Paced {
    writer: Writer,
    /// The mean, the newest counting an eighth.
    commit: Duration,
}

impl Desk {
    /// Puts a desk before the writer.
    pub(super) fn new(writer: Writer) -> Self {
        Self {
            queue: Queue::new(QUEUE),
            broken: Arc::clone(&writer.broken),
            writer: Mutex::new(Paced {
                writer,
                commit: Duration::ZERO,
            }),
        }
    }

    /// Takes an append; returns once it is on the disk.
    pub(super) async fn take(&self, append: Append) -> Result<Appended, LogError> {
        if let Some(answer) = self.take_alone(&append) {
            return answer;
        }
        let (answer, answered) = oneshot::channel();
        let queued = self.queue.push(Job { append, answer }).await;
        queued.map_err(|Closed| stopped())?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Writes an append on the caller's own thread if nobody else writes or waits: waking the
    /// thread and being woken by it take as long as half a commit.
    fn take_alone(&self, append: &Append) -> Option<Result<Appended, LogError>> {
        // Where there is but one thread, it is not ours to block.
        let flavor = Handle::try_current().map(|runtime| runtime.runtime_flavor());
        if !matches!(flavor, Ok(RuntimeFlavor::MultiThread)) {
            return None;
        }
        let _turn = self.queue.lead()?;
        let mut paced = self.writer()?;
        let is_short = paced.commit < SHORT;
        let mut write = || self.write(&mut paced, std::slice::from_ref(append)).pop();
        if is_short {
            write()
        } else {
            tokio::task::block_in_place(write)
        }
    }

    /// Writes for all who wait until the queue is closed, or until nothing more must be written.
    pub(super) fn run(&self) {
        let _closes = Closes(self);
        let mut batch: Vec<Job> = Vec::new();
        while self.queue.take(&mut batch) {
            let Some(mut writer) = self.writer() else {
                return;
            };
            let outcomes = self.write(&mut writer, &batch);
            drop(writer);
            for (job, outcome) in batch.drain(..).zip(outcomes) {
                // A caller who went away needs no answer.
                let _ = job.answer.send(outcome);
            }
        }
    }

    /// Writes a batch, and says how the next is to be gathered: as many as this one had, with
    /// those who waited meanwhile, are worth waiting for, but not for longer than half a commit.
    /// They are counted before those who are answered come again.
    fn write(
        &self,
        paced: &mut Paced,
        batch: &[impl AsRef<Append>],
    ) -> Vec<Result<Appended, LogError>> {
        let began = Instant::now();
        let outcomes = paced.writer.take_all(batch);
        paced.commit = (paced.commit * 7 + began.elapsed()) / 8;
        self.queue.hope(Hope {
            items: batch.len() + self.queue.len(),
            patience: paced.commit / 2,
        });
        if self.broken.borrow().is_some() {
            self.close_for_good();
        }
        outcomes
    }

    /// Lets the log grow to so many pages and no further.
    pub(super) fn limit(&self, pages: u32) -> Result<(), LogError> {
        let paced = self.writer().ok_or_else(stopped)?;
        paced.writer.limit(pages).map_err(super::unavailable)
    }

    /// Takes nothing from here on; what waits is still written.
    pub(super) fn close(&self) {
        self.queue.close();
    }

    /// Takes nothing from here on; what waits is told so by the loss of the answer.
    fn close_for_good(&self) {
        self.queue.close();
        self.queue.clear();
    }

    /// Returns the writer, unless it has panicked.
    fn writer(&self) -> Option<MutexGuard<'_, Paced>> {
        let writer = self.writer.lock().ok();
        if writer.is_none() {
            self.panicked();
        }
        writer
    }

    fn panicked(&self) {
        let why = "the writer has panicked".to_owned();
        self.broken.send_replace(Some(why));
        self.close_for_good();
    }
}

/// Closes the desk when its thread ends, so that nobody waits for it in vain.
struct Closes<'a>(&'a Desk);

impl Drop for Closes<'_> {
    fn drop(&mut self) {
        self.0.close_for_good();
        if thread::panicking() {
            self.0.panicked();
        }
    }
}

fn stopped() -> LogError {
    LogError::Unavailable("it has stopped".to_owned())
}
