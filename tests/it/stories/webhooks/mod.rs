//! Receivers outside are told what opens and what closes, whatever happens to them.

mod failing;
mod signing;
mod telling;

use chrono::{DateTime, TimeDelta, Utc};
use lanyard::app::App;
use lanyard::worker::notifying::Notifier;
use serde_json::{Value, json};

use super::world::{Site, World};
use crate::support::receiver::{Receiver, Taken};

const WEBHOOKS: &str = "/api/v1/webhooks";

/// A notifier, driven by hand.
struct Courier {
    app: App,
    notifier: Notifier,
}

impl Courier {
    fn of(app: &App) -> Self {
        Self {
            app: app.clone(),
            notifier: Notifier::new(app.clone()),
        }
    }

    /// Sends everything that is due now; returns when something is due next.
    async fn goes(&mut self, world: &World) -> Option<DateTime<Utc>> {
        for _ in 0..1_000 {
            world.service.catches_up().await;
            let looked = self.notifier.look().await.unwrap();
            if !looked.moved {
                return looked.next_at;
            }
            while self.notifier.is_busy() {
                self.notifier.receiver_ended().await;
            }
        }
        panic!("the notifier never comes to rest");
    }

    /// Lets some time pass, and sends everything when it is due; returns what is due after it.
    async fn goes_for(&mut self, world: &World, time: TimeDelta) -> Option<DateTime<Utc>> {
        let end = self.app.now() + time;
        loop {
            match self.goes(world).await {
                Some(next) if next <= end => {
                    world.service.clock.set(next + TimeDelta::milliseconds(1));
                }
                next => {
                    world.service.clock.set(end);
                    return next;
                }
            }
        }
    }
}

/// A world with a provider, a receiver of everything, and whoever tells it.
struct Post {
    world: World,
    github: Site,
    receiver: Receiver,
    webhook: Value,
    courier: Courier,
}

impl Post {
    async fn new() -> Self {
        Self::of(World::new().await).await
    }

    async fn of(world: World) -> Self {
        let github = world.site("github").await;
        let receiver = Receiver::open().await;
        let webhook = add(&world, json!({ "url": receiver.url() })).await;
        let courier = Courier::of(&world.service.app);
        Self {
            world,
            github,
            receiver,
            webhook,
            courier,
        }
    }

    async fn goes(&mut self) -> Option<DateTime<Utc>> {
        self.courier.goes(&self.world).await
    }

    async fn goes_for(&mut self, time: TimeDelta) -> Option<DateTime<Utc>> {
        self.courier.goes_for(&self.world, time).await
    }

    /// Everything in memory is lost, and another begins on what is stored.
    fn restarts(&mut self) {
        self.courier = Courier::of(&self.world.instance());
    }

    async fn pauses(&self) {
        self.world.switch(&self.github, "pause").await;
    }

    async fn resumes(&self) {
        self.world.switch(&self.github, "resume").await;
    }

    fn path(&self, act: &str) -> String {
        format!(
            "{WEBHOOKS}/{}{act}",
            self.webhook["webhook"].as_str().unwrap()
        )
    }

    async fn shown(&self) -> Value {
        let admin = self.world.service.admin().await;
        admin.sees(&self.path("")).await.is(200)
    }

    async fn asks(&self, act: &str, body: Value) -> Value {
        let admin = self.world.service.admin().await;
        admin.post(&self.path(act), body).await.is(200)
    }
}

async fn add(world: &World, body: Value) -> Value {
    let admin = world.service.admin().await;
    admin.post(WEBHOOKS, body).await.is(201)
}

fn kinds(taken: &[Taken]) -> Vec<String> {
    taken.iter().map(Taken::kind).collect()
}

const PAUSED: &str = "notice.provider_paused.opened";
const RESUMED: &str = "notice.provider_paused.closed";
