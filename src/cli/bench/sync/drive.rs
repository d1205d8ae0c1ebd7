//! The worker, moved by hand: when nobody has anything left to do at one moment, the clock jumps
//! to the next at which somebody has.

use chrono::{DateTime, TimeDelta, Utc};
use domain::retry::RetryPolicy;
use futures::FutureExt as _;
use projections::Statement;

use super::place::Place;
use crate::worker::policy::Policy;
use crate::worker::publisher::Publisher;

/// How often everybody is given a turn before it is believed that nobody wants one.
const TURNS: u32 = 32;

/// A service and its worker.
pub(super) struct Drive {
    place: Place,
    policy: Policy,
    publisher: Publisher,
    /// How much was begun when the worker last found nothing to do.
    idle_at: Option<u64>,
    next: Option<DateTime<Utc>>,
}

impl Drive {
    /// Takes over, and lets the policy see everything so far.
    pub(super) async fn new(place: Place) -> anyhow::Result<Self> {
        let mut policy = Policy::new(place.app.clone());
        let publisher = Publisher::new(place.app.clone(), RetryPolicy::default());
        quiet(&place).await;
        while policy.step().await?.moved {
            quiet(&place).await;
        }
        Ok(Self {
            place,
            policy,
            publisher,
            idle_at: None,
            next: None,
        })
    }

    /// Lets time pass.
    pub(super) async fn until(&mut self, end: DateTime<Utc>) -> anyhow::Result<()> {
        self.run(end, || false).await?;
        self.set(end);
        Ok(())
    }

    /// Lets time pass until something is so, at the longest until `end`.
    pub(super) async fn until_done(
        &mut self,
        end: DateTime<Utc>,
        done: impl Fn() -> bool,
    ) -> anyhow::Result<()> {
        self.run(end, &done).await?;
        anyhow::ensure!(done(), "it does not converge");
        Ok(())
    }

    /// Lets everything that is under way come to its end.
    pub(super) async fn settle(&mut self) -> anyhow::Result<()> {
        let end = self.place.app.now() + TimeDelta::minutes(10);
        self.until(end).await
    }

    /// Counts the events of a name.
    pub(super) async fn count(&self, name: &'static str) -> anyhow::Result<u64> {
        let count = Statement::new(
            "SELECT COUNT(*) FROM {audit_trail} WHERE type = $1",
            [name.into()],
        );
        let rows = self.place.app.database.query(count).await?;
        let row = rows.first().ok_or_else(|| anyhow::anyhow!("no count"))?;
        Ok(row.number(0)?)
    }

    async fn run(&mut self, end: DateTime<Utc>, done: impl Fn() -> bool) -> anyhow::Result<()> {
        let mut looked: u32 = 0;
        loop {
            let begun = quiet(&self.place).await;
            let mut ended = false;
            while self.publisher.lane_ended().now_or_never().is_some() {
                ended = true;
            }
            if ended || self.idle_at != Some(begun) {
                self.act().await?;
                continue;
            }
            // To ask costs more than to go on.
            looked += 1;
            if looked.is_multiple_of(64) && done() {
                return Ok(());
            }
            let next = [self.place.hosts.next_answer(), self.next];
            match next.into_iter().flatten().min() {
                Some(next) if next <= end => {
                    let now = self.place.app.now();
                    self.set(next.max(now + TimeDelta::milliseconds(1)));
                    if self.next.is_some_and(|at| at <= next) {
                        self.idle_at = None;
                    }
                }
                Some(_) | None => return Ok(()),
            }
        }
    }

    /// Lets the policy and the publisher each look once.
    async fn act(&mut self) -> anyhow::Result<()> {
        let decided = self.policy.step().await?;
        let opened = self.publisher.open_lanes().await?;
        self.next = decided.again_at.into_iter().chain(opened.next_at).min();
        let begun = quiet(&self.place).await;
        self.idle_at = (!decided.moved && !opened.moved).then_some(begun);
        Ok(())
    }

    fn set(&mut self, now: DateTime<Utc>) {
        self.place.clock.set(now);
        self.place.hosts.arrive(now);
    }
}

/// Waits until nobody has anything to do but to wait for the time; returns how much was asked of
/// the storage by then.
async fn quiet(place: &Place) -> u64 {
    let (mut known, mut turns) = (None, 0);
    loop {
        tokio::task::yield_now().await;
        let rests = place.storage.rests(place.app.applied.events());
        match rests {
            Some(begun) if known == Some(begun) => turns += 1,
            Some(begun) => (known, turns) = (Some(begun), 0),
            None => {
                (known, turns) = (None, 0);
                // The storage works on threads of its own.
                std::thread::yield_now();
            }
        }
        if let Some(begun) = known
            && turns >= TURNS
        {
            return begun;
        }
    }
}
