//! Two loops behind the projector: the policy asks, the publisher acts.
//!
//! They stop together, within ten seconds: what is under way is finished or handed back, and
//! everything else is found again at the next start.

pub mod errands;
pub mod placing;
pub mod policy;
pub mod publisher;

mod leaving;
mod reminding;
mod resuming;

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::policy::Policy;
use self::publisher::Publisher;
use crate::app::App;

/// How long the worker may take to stop.
pub const DRAIN: Duration = Duration::from_secs(10);

/// How long a loop rests after a fault before it goes on where it was.
const REST: Duration = Duration::from_secs(1);

/// The policy and the publisher, running.
pub struct Worker {
    stop: watch::Sender<bool>,
    policy: JoinHandle<()>,
    publisher: JoinHandle<()>,
}

impl Worker {
    /// Starts both loops.
    pub fn start(app: App, policy: Policy, publisher: Publisher) -> Self {
        let (stop, stopping) = watch::channel(false);
        Self {
            policy: tokio::spawn(run_policy(app.clone(), policy, stopping.clone())),
            publisher: tokio::spawn(run_publisher(app, publisher, stopping)),
            stop,
        }
    }

    /// Stops both loops; says whether they ended in time. What did not is broken off: nothing is
    /// done after this.
    pub async fn stop(self) -> bool {
        self.stop_within(DRAIN).await
    }

    /// Stops both loops with more or less patience than a server has.
    pub async fn stop_within(mut self, patience: Duration) -> bool {
        let _ = self.stop.send(true);
        let both = async {
            let _ = (&mut self.policy).await;
            let _ = (&mut self.publisher).await;
        };
        let in_time = tokio::time::timeout(patience, both).await.is_ok();
        self.policy.abort();
        self.publisher.abort();
        in_time
    }
}

async fn run_policy(app: App, mut policy: Policy, mut stopping: watch::Receiver<bool>) {
    let mut applied = app.applied.changes();
    while !*stopping.borrow() {
        applied.mark_unchanged();
        let again_at = match policy.step().await {
            Ok(looked) if looked.moved => continue,
            Ok(looked) => looked.again_at,
            Err(error) => {
                tracing::error!(error = %error, "the policy rests");
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        tokio::select! {
            changed = applied.changed() => if changed.is_err() { return },
            () = until(&app, again_at) => {}
            _ = stopping.changed() => {}
        }
    }
}

async fn run_publisher(app: App, mut publisher: Publisher, mut stopping: watch::Receiver<bool>) {
    let mut applied = app.applied.changes();
    while !*stopping.borrow() {
        applied.mark_unchanged();
        let next_at = match publisher.open_lanes().await {
            Ok(looked) => looked.next_at,
            Err(error) => {
                tracing::error!(error = %error, "the publisher rests");
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        tokio::select! {
            changed = applied.changed() => if changed.is_err() { return },
            () = publisher.lane_ended() => {}
            () = until(&app, next_at) => {}
            _ = stopping.changed() => {}
        }
    }
    // A call under way is given its time: its outcome is worth more than a list at the next start.
    publisher.close().await;
}

/// Sleeps until a time; for ever if there is none.
async fn until(app: &App, at: Option<DateTime<Utc>>) {
    match at {
        Some(at) => {
            let wait = (at - app.now()).to_std().unwrap_or(Duration::ZERO);
            // At least a moment: the clock may show the same millisecond when it wakes.
            tokio::time::sleep(wait.max(Duration::from_millis(1))).await;
        }
        None => std::future::pending().await,
    }
}
