//! Four loops behind the projector: the policy asks, the publisher acts, the sweep looks whether it
//! lasts, the notifier tells.
//!
//! Each tells how it fares (`app::working`). One that breaks off ends the process: what it held in memory
//! is not to be trusted, and a start anew is the way that is tried every day (decision 12).
//!
//! They stop together, within ten seconds: what is under way is finished or handed back, and
//! everything else is found again at the next start.

pub mod errands;
pub mod notifying;
pub mod placing;
pub mod policy;
pub mod publisher;
pub mod sweeping;

mod aging;
mod asking;
mod campaigning;
mod checking;
mod ending;
mod expanding;
mod gracing;
mod lane;
mod leaving;
mod offboarding;
mod probing;
mod reminding;
mod resuming;
mod revoking;
mod unlinking;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::notifying::Notifier;
use self::policy::Policy;
use self::publisher::Publisher;
use self::sweeping::Sweeper;
use crate::app::App;
use crate::app::working::Loop;

/// How long the worker may take to stop.
pub const DRAIN: Duration = Duration::from_secs(10);

/// How long a loop rests after a fault before it goes on where it was.
const REST: Duration = Duration::from_secs(1);

/// What the loops do, before they run.
pub struct Loops {
    /// Asks.
    pub policy: Policy,
    /// Acts.
    pub publisher: Publisher,
    /// Looks whether it lasts.
    pub sweeper: Sweeper,
    /// Tells.
    pub notifier: Notifier,
}

/// The loops, running.
pub struct Worker {
    app: App,
    stop: watch::Sender<bool>,
    closing: Arc<AtomicBool>,
    policy: JoinHandle<()>,
    publisher: JoinHandle<()>,
    notifier: JoinHandle<()>,
    sweeper: JoinHandle<()>,
}

impl Worker {
    /// Starts the loops.
    pub fn start(app: App, loops: Loops) -> Self {
        let Loops {
            policy,
            publisher,
            sweeper,
            notifier,
        } = loops;
        let (stop, stopping) = watch::channel(false);
        Self {
            app: app.clone(),
            closing: publisher.closing(),
            policy: tokio::spawn(run_policy(app.clone(), policy, stopping.clone())),
            publisher: tokio::spawn(run_publisher(app.clone(), publisher, stopping.clone())),
            notifier: tokio::spawn(run_notifier(app.clone(), notifier, stopping.clone())),
            sweeper: tokio::spawn(run_sweeper(app, sweeper, stopping)),
            stop,
        }
    }

    /// Stops the loops; says whether they ended in time. What did not is broken off: nothing is
    /// done after this.
    pub async fn stop(self) -> bool {
        self.stop_within(DRAIN).await
    }

    /// Stops the loops with more or less patience than a server has.
    pub async fn stop_within(mut self, patience: Duration) -> bool {
        // At once: the publisher may be busy looking for what is due.
        self.closing.store(true, Ordering::Relaxed);
        let _ = self.stop.send(true);
        let all = async {
            let _ = (&mut self.policy).await;
            let _ = (&mut self.publisher).await;
            let _ = (&mut self.notifier).await;
            let _ = (&mut self.sweeper).await;
        };
        let in_time = tokio::time::timeout(patience, all).await.is_ok();
        // What was broken off may still be on its way to a provider: that lane ends by itself.
        if in_time {
            self.app.give_lanes_back().await;
        }
        self.policy.abort();
        self.publisher.abort();
        self.notifier.abort();
        self.sweeper.abort();
        in_time
    }
}

async fn run_policy(app: App, mut policy: Policy, mut stopping: watch::Receiver<bool>) {
    let shift = app.signs.working.begins(Loop::Policy);
    let mut applied = app.applied.changes();
    while !*stopping.borrow() {
        applied.mark_unchanged();
        let again_at = match policy.step().await {
            Ok(looked) if looked.moved => {
                shift.goes_on();
                continue;
            }
            Ok(looked) => looked.again_at,
            Err(error) => {
                tracing::error!(error = %error, "the policy rests");
                shift.rests(app.now());
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        shift.goes_on();
        tokio::select! {
            changed = applied.changed() => if changed.is_err() { return },
            () = policy.answer_came() => {}
            () = until(&app, again_at) => {}
            _ = stopping.changed() => {}
        }
    }
    shift.is_over();
}

async fn run_publisher(app: App, mut publisher: Publisher, mut stopping: watch::Receiver<bool>) {
    let shift = app.signs.working.begins(Loop::Publisher);
    let mut applied = app.applied.changes();
    while !*stopping.borrow() {
        applied.mark_unchanged();
        let next_at = match publisher.open_lanes().await {
            Ok(looked) => looked.next_at,
            Err(error) => {
                tracing::error!(error = %error, "the publisher rests");
                shift.rests(app.now());
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        shift.goes_on();
        tokio::select! {
            changed = applied.changed() => if changed.is_err() { return },
            () = publisher.lane_ended() => {}
            () = until(&app, next_at) => {}
            _ = stopping.changed() => {}
        }
    }
    // A call under way is given its time: its outcome is worth more than a list at the next start.
    publisher.close().await;
    shift.is_over();
}

async fn run_notifier(app: App, mut notifier: Notifier, mut stopping: watch::Receiver<bool>) {
    let shift = app.signs.working.begins(Loop::Notifier);
    let mut applied = app.applied.changes();
    while !*stopping.borrow() {
        applied.mark_unchanged();
        let next_at = match notifier.look().await {
            Ok(looked) => looked.next_at,
            Err(error) => {
                tracing::error!(error = %error, "the notifier rests");
                shift.rests(app.now());
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        shift.goes_on();
        tokio::select! {
            changed = applied.changed() => if changed.is_err() { return },
            () = notifier.receiver_ended() => {}
            () = until(&app, next_at) => {}
            _ = stopping.changed() => {}
        }
    }
    notifier.close().await;
    shift.is_over();
}

async fn run_sweeper(app: App, mut sweeper: Sweeper, mut stopping: watch::Receiver<bool>) {
    let shift = app.signs.working.begins(Loop::Sweeper);
    while !*stopping.borrow() {
        let next_at = match sweeper.step().await {
            Ok(stepped) => stepped.next_at,
            Err(error) => {
                tracing::error!(error = %error, "the sweep rests");
                shift.rests(app.now());
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        shift.goes_on();
        tokio::select! {
            () = sweeper.look_ended() => {}
            () = app.bell.rings() => {}
            () = until(&app, next_at) => {}
            _ = stopping.changed() => {}
        }
    }
    sweeper.close().await;
    shift.is_over();
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
