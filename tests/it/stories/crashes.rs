//! The server dies between any two steps, and goes on.

use chrono::TimeDelta;
use domain::AccountId;
use forge::Fault;
use projections::Statement;

use super::world::{Site, World};

impl World {
    /// Does everything that is due; everything in memory is lost after every round.
    async fn settles_dying(&self) {
        let until = self.service.app.now() + TimeDelta::seconds(30);
        for _ in 0..200 {
            let round = self.round().await;
            self.restarts().await;
            match round.next_at {
                _ if round.moved => {}
                Some(next) if next <= until => self.service.clock.set(next),
                Some(_) | None => return,
            }
        }
        panic!("it never comes to rest");
    }

    async fn settles_as(&self, dying: bool) {
        if dying {
            self.settles_dying().await;
        } else {
            self.settles().await;
        }
    }

    /// Every event comes again.
    async fn sees_everything_again(&self) {
        let back = Statement::new(
            "UPDATE projections SET next_index = 0 WHERE name = 'policy'",
            [],
        );
        let database = &self.service.app.database;
        database.transact(vec![back]).await.unwrap();
        self.restarts().await;
        self.settles_within(TimeDelta::minutes(2)).await;
    }
}

/// Links, rotates twice, gives up and links again.
async fn journey(dying: bool) -> (World, Site, AccountId) {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles_as(dying).await;
    for _ in 0..2 {
        world.rotate("ada", account).await.is(202);
        world.settles_as(dying).await;
    }
    world.unlink("ada", account).await;
    world.settles_as(dying).await;
    world.link("ada", &github).await;
    world.settles_as(dying).await;
    (world, github, account)
}

#[tokio::test]
async fn a_server_that_dies_after_every_step_comes_to_the_same_end() {
    let (alive, there, account) = journey(false).await;
    let (dying, here, _) = journey(true).await;
    assert_eq!(here.writes(), there.writes());
    assert_eq!(
        here.calls("POST /user/keys"),
        there.calls("POST /user/keys")
    );
    assert_eq!(here.lines("ada").len(), 1);
    assert_eq!(dying.story_of(account).await, alive.story_of(account).await);
    for event in [
        "KeyGenerated",
        "KeyRotated",
        "KeyRetired",
        "AccountUnlinked",
    ] {
        assert_eq!(
            dying.happened(event).await,
            alive.happened(event).await,
            "{event}"
        );
    }
    assert_eq!(dying.pending().await.len(), 0);
}

#[tokio::test]
async fn events_that_come_twice_do_nothing_twice() {
    let (world, github, account) = journey(false).await;
    let (size, calls) = (world.events().await.len(), github.calls_of_ours());
    world.sees_everything_again().await;
    let new: Vec<_> = world.events().await.split_off(size);
    assert!(new.is_empty(), "{new:?}");
    assert_eq!(github.calls_of_ours(), calls);
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(
        github.lines("ada").len(),
        1,
        "tokens and keys of today are still there"
    );
}

#[tokio::test]
async fn a_server_that_dies_in_the_middle_of_a_call_makes_no_second_key() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    github.fail_with(Fault::Held.once().on("POST /user/keys"));
    let mut hands = world.hands().await;
    while hands.decides().await.moved {}
    hands.opens_lanes().await;
    let arrived = |entry: &forge::JournalEntry| entry.route == "POST /user/keys";
    github.until(|journal| journal.iter().any(arrived)).await;
    drop(hands);
    world.restarts().await;
    github.heal();
    world.settles_within(TimeDelta::minutes(1)).await;
    assert_eq!(github.lines("ada").len(), 1);
    assert_eq!(world.happened("KeyPublished").await, 1);
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 1);
}

#[tokio::test]
async fn what_waits_is_found_again_after_a_restart() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.link("ada", &github).await;
    github.goes_down();
    world.settles_within(TimeDelta::minutes(2)).await;
    world.restarts().await;
    github.comes_back();
    world.settles_within(TimeDelta::minutes(15)).await;
    assert_eq!(github.lines("ada").len(), 1);
    assert_eq!(github.calls("POST /user/keys"), 1);
}
