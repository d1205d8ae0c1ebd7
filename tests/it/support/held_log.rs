//! A log that holds one append or one reading back until a test lets it go: what happens in between is told by hand.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::StreamName;
use lanyard::clock::FixedClock;
use lanyard::eventlog::memory::MemoryLog;
use lanyard::eventlog::{Append, Appended, EventLog, LogError, Stored};
use tokio::sync::{Semaphore, watch};

/// A log whose next append to a stream, or reading of it, can be held.
pub(crate) struct HeldLog {
    log: MemoryLog,
    held: Mutex<Option<&'static str>>,
    held_read: Mutex<Option<&'static str>>,
    arrived: Semaphore,
    go: Semaphore,
}

impl HeldLog {
    pub(crate) fn new(clock: Arc<FixedClock>) -> Arc<Self> {
        Arc::new(Self {
            log: MemoryLog::new(clock),
            held: Mutex::default(),
            held_read: Mutex::default(),
            arrived: Semaphore::new(0),
            go: Semaphore::new(0),
        })
    }

    /// Holds the next append to a stream whose name begins so.
    pub(crate) fn holds(&self, stream: &'static str) {
        *self.held.lock().unwrap() = Some(stream);
    }

    /// Holds the next reading of a stream whose name begins so, with what it has read.
    pub(crate) fn holds_read(&self, stream: &'static str) {
        *self.held_read.lock().unwrap() = Some(stream);
    }

    /// Waits until it is held.
    pub(crate) async fn is_held(&self) {
        self.arrived.acquire().await.unwrap().forget();
    }

    /// Lets it go.
    pub(crate) fn lets_go(&self) {
        self.go.add_permits(1);
    }
}

#[async_trait]
impl EventLog for HeldLog {
    async fn append(&self, append: Append) -> Result<Appended, LogError> {
        let is_held = self
            .held
            .lock()
            .unwrap()
            .take_if(|stream| append.stream.as_str().starts_with(*stream))
            .is_some();
        if is_held {
            self.arrived.add_permits(1);
            self.go.acquire().await.unwrap().forget();
        }
        self.log.append(append).await
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Stored>, LogError> {
        let read = self.log.read_stream(stream, after, limit).await;
        let is_held = self
            .held_read
            .lock()
            .unwrap()
            .take_if(|held| stream.as_str().starts_with(*held))
            .is_some();
        if is_held {
            self.arrived.add_permits(1);
            self.go.acquire().await.unwrap().forget();
        }
        read
    }

    async fn read_all(&self, index: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        self.log.read_all(index, limit).await
    }

    async fn size(&self) -> Result<u64, LogError> {
        self.log.size().await
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.log.watch()
    }
}
