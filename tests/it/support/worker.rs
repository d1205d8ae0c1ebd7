//! The worker, driven by hand: nothing moves but when a story says so, and nobody waits on the
//! wall.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::retry::RetryPolicy;
use lanyard::app::App;
use lanyard::clock::FixedClock;
use lanyard::worker::policy::Policy;
use lanyard::worker::publisher::Publisher;
use lanyard::worker::sweeping::Sweeper;

/// How long a story waits for the projector before it is told that it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// More rounds than this, and something goes round in circles.
const ROUNDS: usize = 2_000;

/// A policy, a publisher and a sweep of one instance.
pub(crate) struct Hands {
    app: App,
    policy: Policy,
    publisher: Publisher,
    sweeper: Sweeper,
}

/// What one round came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    /// Whether anything moved.
    pub(crate) moved: bool,
    /// When something is due next.
    pub(crate) next_at: Option<DateTime<Utc>>,
}

impl Hands {
    pub(crate) fn new(app: &App) -> Self {
        Self {
            app: app.clone(),
            policy: Policy::new(app.clone()),
            publisher: Publisher::new(app.clone(), RetryPolicy::default()),
            sweeper: Sweeper::new(app.clone()),
        }
    }

    /// Lets the projector, the policy and then the publisher each do one thing.
    pub(crate) async fn round(&mut self) -> Round {
        let decided = self.decides().await;
        let acted = self.acts().await;
        Round {
            moved: decided.moved || acted.moved,
            next_at: decided.next_at.into_iter().chain(acted.next_at).min(),
        }
    }

    /// Lets the policy look once.
    pub(crate) async fn decides(&mut self) -> Round {
        self.catches_up().await;
        let looked = self.policy.step().await.unwrap();
        let asked = self.policy.is_asking();
        while self.policy.is_asking() {
            self.policy.answer_came().await;
        }
        Round {
            moved: looked.moved || asked,
            next_at: looked.again_at,
        }
    }

    /// Lets the policy look once, and does not wait for what it asks of a provider.
    pub(crate) async fn looks_on(&mut self) -> bool {
        self.catches_up().await;
        self.policy.step().await.unwrap().moved
    }

    /// Lets the publisher do what is due, until every lane has ended.
    pub(crate) async fn acts(&mut self) -> Round {
        self.catches_up().await;
        let looked = self.publisher.open_lanes().await.unwrap();
        self.lanes_end().await;
        Round {
            moved: looked.moved,
            next_at: looked.next_at,
        }
    }

    /// Opens lanes and does not wait for them.
    pub(crate) async fn opens_lanes(&mut self) {
        self.catches_up().await;
        self.publisher.open_lanes().await.unwrap();
    }

    /// Waits until every lane has ended.
    pub(crate) async fn lanes_end(&mut self) {
        while self.publisher.is_busy() {
            self.publisher.lane_ended().await;
        }
    }

    /// Goes on until nothing moves before `until`; the clock moves to whatever is due next.
    pub(crate) async fn settle(&mut self, clock: &FixedClock, until: DateTime<Utc>) {
        for _ in 0..ROUNDS {
            let round = self.round().await;
            if round.moved {
                continue;
            }
            match round.next_at {
                // At least a moment: a wish for a time that has passed is no wish to stand still.
                Some(next) if next <= until => {
                    clock.set(next.max(self.app.now() + TimeDelta::milliseconds(1)));
                }
                Some(_) | None => return,
            }
        }
        panic!("the worker never comes to rest");
    }

    /// Lets the sweep look at everything that is due within `patience`; says how many looks it was.
    pub(crate) async fn looks(&mut self, clock: &FixedClock, patience: TimeDelta) -> usize {
        let until = self.app.now() + patience;
        let mut looks = 0;
        for _ in 0..ROUNDS {
            self.catches_up().await;
            let stepped = self.sweeper.step().await.unwrap();
            while self.sweeper.is_busy() {
                self.sweeper.look_ended().await;
                looks += 1;
            }
            match stepped.next_at {
                _ if stepped.moved => {}
                Some(next) if next <= until => {
                    clock.set(next.max(self.app.now() + TimeDelta::milliseconds(1)));
                }
                Some(_) | None => return looks,
            }
        }
        panic!("the sweep never comes to rest");
    }

    async fn catches_up(&self) {
        let size = self.app.log.size().await.unwrap();
        if let Some(last) = size.checked_sub(1) {
            assert!(self.app.applied.wait_for(last, PATIENCE).await, "it hangs");
        }
    }
}
