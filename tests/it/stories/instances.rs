//! Two instances work on one log at once.

use chrono::TimeDelta;
use domain::AccountId;
use lanyard::app::App;

use super::world::{Site, World};
use crate::support::worker::Hands;

/// How two instances take turns.
#[derive(Clone, Copy)]
enum Turns {
    /// One after the other.
    Alternating,
    /// Both at the same time.
    AtOnce,
    /// The second only decides while the first acts, then the other way round.
    Crossed,
}

struct Two {
    one: Hands,
    other: Hands,
}

impl Two {
    fn new(one: &App, other: &App) -> Self {
        let [one, other] = [one, other].map(Hands::new);
        Self { one, other }
    }

    async fn settle(&mut self, world: &World, turns: Turns) {
        let until = world.service.app.now() + TimeDelta::seconds(30);
        for _ in 0..500 {
            let (one, other) = match turns {
                Turns::Alternating => (self.one.round().await, self.other.round().await),
                Turns::AtOnce => tokio::join!(self.one.round(), self.other.round()),
                Turns::Crossed => {
                    tokio::join!(self.one.decides(), self.other.acts());
                    tokio::join!(self.one.acts(), self.other.decides())
                }
            };
            let next_at = one.next_at.into_iter().chain(other.next_at).min();
            match next_at {
                _ if one.moved || other.moved => {}
                Some(next) if next <= until => world.service.clock.set(next),
                Some(_) | None => return,
            }
        }
        panic!("they never come to rest");
    }
}

/// Links, rotates and gives up, with two instances at work all the time.
async fn journey(turns: Turns) -> (World, Site, AccountId) {
    let world = World::new().await;
    let github = world.site("github").await;
    let mut two = Two::new(&world.instance(), &world.instance());
    let account = world.link("ada", &github).await;
    two.settle(&world, turns).await;
    assert_eq!(github.lines("ada").len(), 1);
    world.rotate("ada", account).await.is(202);
    two.settle(&world, turns).await;
    assert_eq!(github.lines("ada").len(), 1);
    assert_eq!(world.keys("ada").await.len(), 1);
    (world, github, account)
}

async fn makes_no_key_twice(turns: Turns) {
    let (world, github, account) = Box::pin(journey(turns)).await;
    assert_eq!(github.writes(), "++-");
    assert_eq!(world.happened("KeyGenerated").await, 1);
    assert_eq!(world.happened("KeyPublicationRequested").await, 2);
    assert_eq!(world.happened("KeyPublished").await, 2);
    assert_eq!(world.happened("KeyWithdrawn").await, 1);
    assert_eq!(world.happened("KeyRetired").await, 1);
    // Killed, and two others in their place: what they had is nobody's after a while.
    let mut two = Two::new(&world.instance(), &world.instance());
    world.passes(TimeDelta::seconds(90));
    world.unlink("ada", account).await;
    two.settle(&world, turns).await;
    assert_eq!(github.lines("ada").len(), 0);
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    assert_eq!(world.pending().await.len(), 0);
}

#[tokio::test]
async fn two_instances_that_take_turns_make_no_key_twice() {
    Box::pin(makes_no_key_twice(Turns::Alternating)).await;
}

#[tokio::test]
async fn two_instances_at_the_same_time_make_no_key_twice() {
    Box::pin(makes_no_key_twice(Turns::AtOnce)).await;
}

#[tokio::test]
async fn two_instances_in_each_others_way_make_no_key_twice() {
    Box::pin(makes_no_key_twice(Turns::Crossed)).await;
}

#[tokio::test]
async fn an_instance_that_was_overtaken_goes_on_where_the_other_is() {
    let world = World::new().await;
    let github = world.site("github").await;
    let (one, other) = (world.instance(), world.instance());
    let mut two = Two::new(&one, &other);
    world.link("ada", &github).await;
    two.settle(&world, Turns::Alternating).await;
    // From here on the first only decides.
    one.give_lanes_back().await;
    world.passes(TimeDelta::seconds(5));
    world.link("bob", &github).await;
    // Whoever is second must be able to go on alone.
    while two.one.decides().await.moved {}
    world.link("cleo", &github).await;
    for _ in 0..20 {
        two.other.round().await;
    }
    assert_eq!(github.lines("bob").len(), 1);
    assert_eq!(github.lines("cleo").len(), 1);
}
