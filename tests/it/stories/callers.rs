//! Whoever calls a provider keeps the same rests, asks the same breaker, and waits for its turn
//! with a token.

use chrono::TimeDelta;
use forge::{Fault, RetryAfter};
use serde_json::{Value, json};

use super::world::{Site, World};

/// Ada's key is at GitHub, and looked at.
async fn settled() -> (World, Site, domain::AccountId) {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    world.sweeps(&github).await;
    (world, github, account)
}

async fn plan(world: &World) -> Value {
    let body = json!({
        "provider": "github", "include": "all", "reason": "to be sure", "dry_run": true,
    });
    let operator = world.service.operator().await;
    world.service.catches_up().await;
    operator.post("/api/v1/replays", body).await.is(200)
}

#[tokio::test]
async fn what_a_lane_was_told_a_look_and_a_plan_keep_too() {
    let (world, github, account) = settled().await;
    world.rotate("ada", account).await.is(202);
    let hour = Fault::TooManyRequests(Some(RetryAfter::Seconds(3600)));
    github.fail_with(hour.once());
    // A second after the last write.
    world.settles_within(TimeDelta::seconds(2)).await;
    let calls = github.calls_of_ours();
    world.sweeps(&github).await;
    let planned = plan(&world).await;
    assert_eq!(github.calls_of_ours(), calls);
    assert_eq!(planned["items"][0]["would"], "unknown");
    assert_eq!(
        planned["items"][0]["why"],
        "the provider asks to be left alone"
    );
    world.settles_within(TimeDelta::minutes(61)).await;
    assert_eq!(github.writes(), "++-");
}

#[tokio::test]
async fn what_a_look_was_told_a_lane_keeps_too() {
    let (world, github, account) = settled().await;
    let hour = Fault::TooManyRequests(Some(RetryAfter::Seconds(3600)));
    github.fail_with(hour.once());
    world.sweeps(&github).await;
    world.rotate("ada", account).await.is(202);
    let calls = github.calls_of_ours();
    world.settles_within(TimeDelta::minutes(55)).await;
    assert_eq!(github.calls_of_ours(), calls);
    world.settles_within(TimeDelta::minutes(10)).await;
    assert_eq!(github.writes(), "++-");
}

#[tokio::test]
async fn during_an_outage_looks_and_plans_come_out_of_the_probes() {
    let (world, github, account) = settled().await;
    github.goes_down();
    world.rotate("ada", account).await.is(202);
    world.settles_within(TimeDelta::minutes(2)).await;
    assert_eq!(world.happened("BreakerOpened").await, 1);
    let (calls, begin) = (github.calls_of_ours(), world.service.app.now());
    for _ in 0..6 {
        world.sweeps(&github).await;
        let planned = plan(&world).await;
        assert_eq!(planned["items"][0]["would"], "unknown");
        world.settles_within(TimeDelta::minutes(5)).await;
    }
    let passed = world.service.app.now() - begin;
    let calls = github.calls_of_ours() - calls;
    let probes = usize::try_from(passed.num_seconds() / 30).unwrap() + 1;
    assert!(calls <= probes, "{calls} calls, and {probes} probes");
    github.comes_back();
    world.settles_within(TimeDelta::minutes(2)).await;
    assert_eq!(world.happened("BreakerClosed").await, 1);
    assert_eq!(github.writes(), "++-");
}

#[tokio::test]
async fn a_look_that_meets_an_outage_first_finds_its_end_too() {
    let (world, github, _) = settled().await;
    github.goes_down();
    for _ in 0..6 {
        world.sweeps(&github).await;
        world.passes(TimeDelta::minutes(16));
    }
    assert_eq!(world.happened("BreakerOpened").await, 1);
    github.comes_back();
    world.looks_within(TimeDelta::hours(1)).await;
    assert_eq!(world.happened("BreakerClosed").await, 1);
}
