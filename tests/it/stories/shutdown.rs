//! The worker is told to stop.

use std::time::Duration;

use domain::retry::RetryPolicy;
use forge::{Fault, JournalEntry};
use lanyard::worker::notifying::Notifier;
use lanyard::worker::policy::Policy;
use lanyard::worker::publisher::Publisher;
use lanyard::worker::sweeping::Sweeper;
use lanyard::worker::{DRAIN, Loops, Worker};

use super::world::World;

/// Longer than any machine takes for what is under way.
const PATIENCE: Duration = Duration::from_mins(5);

impl World {
    /// Starts the loops of an instance, as a server does.
    fn starts_to_work(&self) -> Worker {
        let app = self.instance();
        let loops = Loops {
            policy: Policy::new(app.clone()),
            publisher: Publisher::new(app.clone(), RetryPolicy::default()),
            sweeper: Sweeper::new(app.clone()),
            notifier: Notifier::new(app.clone()),
        };
        Worker::start(app, loops)
    }
}

fn asked(journal: &[JournalEntry]) -> bool {
    journal.iter().any(|entry| entry.route == "GET /user/keys")
}

#[tokio::test]
async fn a_worker_does_by_itself_what_the_stories_do_by_hand() {
    let world = World::new().await;
    let github = world.site("github").await;
    let worker = world.starts_to_work();
    world.link("ada", &github).await;
    let there = |entry: &JournalEntry| entry.route == "POST /user/keys" && entry.answered.is_some();
    github.until(|journal| journal.iter().any(there)).await;
    assert!(worker.stop().await);
    assert_eq!(world.happened("KeyPublished").await, 1);
}

#[tokio::test]
async fn a_worker_that_is_told_to_stop_finishes_the_key_it_is_at_and_takes_up_no_other() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.link("ada", &github).await;
    world.link("bob", &github).await;
    github.fail_with(Fault::Held.once().on("GET /user/keys"));
    let worker = world.starts_to_work();
    github.until(asked).await;
    // However busy this machine is: it is not about how long it takes.
    let stopping = tokio::spawn(worker.stop_within(PATIENCE));
    tokio::task::yield_now().await;
    github.heal();
    assert!(stopping.await.unwrap());
    assert_eq!(world.happened("KeyPublished").await, 1);
    assert_eq!(github.calls("POST /user/keys"), 1);
    world.restarts().await;
    world.settles().await;
    assert_eq!(github.calls("POST /user/keys"), 2);
}

#[tokio::test]
async fn a_worker_that_waits_in_vain_stops_all_the_same_and_does_nothing_after() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.link("ada", &github).await;
    github.fail_with(Fault::Held.once().on("GET /user/keys"));
    let worker = world.starts_to_work();
    github.until(asked).await;
    // Nobody waits on the wall: time jumps to whatever comes first.
    tokio::time::pause();
    let begin = tokio::time::Instant::now();
    assert!(!worker.stop().await);
    let took = begin.elapsed();
    tokio::time::resume();
    assert!(took >= DRAIN && took < DRAIN * 2, "{took:?}");
    github.heal();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(github.calls("POST /user/keys"), 0);
    assert_eq!(world.happened("KeyPublished").await, 0);
    world.restarts().await;
    world.settles().await;
    assert_eq!(github.calls("POST /user/keys"), 1);
}
