//! A key was created, and nobody heard the answer.

use std::time::Duration;

use forge::{Fault, Moment};

use super::world::{Site, World};

/// Links, brings a fault over the next key, and goes on until all is well again.
async fn story(fault: Fault) -> (World, Site, domain::AccountId) {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    github.fail_with(fault.once().on("POST /user/keys"));
    world.settles_within(chrono::TimeDelta::minutes(1)).await;
    (world, github, account)
}

/// There is one key, it is ours, and it goes when it is replaced.
async fn is_found_and_ours(world: &World, github: &Site, account: domain::AccountId) {
    assert_eq!(github.writes(), "+");
    assert_eq!(github.calls("POST /user/keys"), 1, "no second try");
    let key = world.current_key("ada", account).await;
    assert_eq!(key["placements"][0]["status"], "published");
    assert_eq!(key["placements"][0]["presence"], "found");
    let made = world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.lines("ada"), [made["public_key"].as_str().unwrap()]);
    assert_eq!(github.writes(), "++-");
}

#[tokio::test]
async fn a_key_whose_answer_was_lost_is_found_and_not_made_twice() {
    let (world, github, account) = story(Fault::LostAnswer).await;
    assert_eq!(world.happened("KeyPublicationFailed").await, 1);
    is_found_and_ours(&world, &github, account).await;
}

#[tokio::test]
async fn a_key_whose_connection_broke_is_found_and_not_made_twice() {
    let (world, github, account) = story(Fault::Dropped(Moment::AfterEffect)).await;
    is_found_and_ours(&world, &github, account).await;
}

#[tokio::test]
async fn a_key_that_something_on_the_way_sent_twice_is_found() {
    let (world, github, account) = story(Fault::Repeated).await;
    assert_eq!(github.lines("ada").len(), 1);
    assert_eq!(github.calls("POST /user/keys"), 1);
    let key = world.current_key("ada", account).await;
    assert_eq!(key["placements"][0]["presence"], "found");
    let made = world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.lines("ada"), [made["public_key"].as_str().unwrap()]);
}

#[tokio::test]
async fn a_key_whose_answer_never_came_is_found_and_not_made_twice() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    let silent = Fault::Silent(Moment::AfterEffect);
    github.fail_with(silent.once().on("POST /user/keys"));
    let mut hands = world.hands().await;
    while hands.decides().await.moved {}
    hands.opens_lanes().await;
    let made = |entry: &forge::JournalEntry| {
        entry.route == "POST /user/keys" && entry.decided == Some(201)
    };
    github.until(|journal| journal.iter().any(made)).await;
    // Longer than anybody waits for an answer.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    tokio::time::resume();
    hands.lanes_end().await;
    drop(hands);
    assert_eq!(world.happened("KeyPublicationFailed").await, 1);
    world.settles_within(chrono::TimeDelta::minutes(1)).await;
    is_found_and_ours(&world, &github, account).await;
}

#[tokio::test]
async fn a_withdrawal_whose_answer_was_lost_is_over() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    github.fail_with(Fault::LostAnswer.once().on("DELETE /user/keys/{id}"));
    world.rotate("ada", account).await.is(202);
    world.settles_within(chrono::TimeDelta::minutes(1)).await;
    assert_eq!(github.writes(), "++-");
    assert_eq!(world.happened("KeyWithdrawn").await, 1);
    assert_eq!(github.lines("ada").len(), 1);
}

#[tokio::test]
async fn a_lost_key_goes_with_an_unlinking() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    github.fail_with(Fault::LostAnswer.once().on("POST /user/keys"));
    world.works().await;
    assert_eq!(github.lines("ada").len(), 1);
    world.unlink("ada", account).await;
    world.settles_within(chrono::TimeDelta::minutes(1)).await;
    assert_eq!(github.lines("ada").len(), 0);
    assert_eq!(world.happened("AccountUnlinked").await, 1);
}
