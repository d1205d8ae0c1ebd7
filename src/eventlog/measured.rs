//! A log whose appends are counted.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use domain::StreamName;
use tokio::sync::watch;

use super::{Append, Appended, EventLog, LogError, Stored};
use crate::telemetry::metrics::Metrics;

/// Another log, and what is counted of it.
pub struct MeasuredLog {
    log: Arc<dyn EventLog>,
    metrics: Metrics,
}

impl MeasuredLog {
    /// Counts the appends to `log`.
    pub fn new(log: Arc<dyn EventLog>, metrics: Metrics) -> Self {
        Self { log, metrics }
    }
}

#[async_trait]
impl EventLog for MeasuredLog {
    async fn append(&self, append: Append) -> Result<Appended, LogError> {
        let began = Instant::now();
        let appended = self.log.append(append).await;
        let outcome = match &appended {
            Ok(_) => "stored",
            Err(LogError::Conflict) => "conflict",
            Err(LogError::TooLong(_)) => "too_long",
            Err(LogError::Unavailable(_)) => "unavailable",
            Err(LogError::Damaged(_)) => "damaged",
        };
        self.metrics.appended(outcome, began.elapsed());
        appended
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Stored>, LogError> {
        self.log.read_stream(stream, after, limit).await
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
