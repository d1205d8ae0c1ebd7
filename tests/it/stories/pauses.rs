//! Providers that an operator or an admin wants left alone.

use chrono::TimeDelta;
use domain::AccountId;

use super::world::{Site, World};

async fn linked() -> (World, Site, AccountId) {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    (world, github, account)
}

/// Nothing is called between two switches, and everything goes on after them.
async fn is_left_alone_between(off: &str, on: &str) {
    let (world, github, account) = linked().await;
    world.switch(&github, off).await;
    let made = world.rotate("ada", account).await.is(202);
    let calls = github.calls_of_ours();
    world.settles_within(TimeDelta::days(1)).await;
    assert_eq!(github.calls_of_ours(), calls);
    let pending = world.pending().await;
    assert_eq!(pending[0]["status"], "requested");
    assert_eq!(pending[0]["attempts"], 0);
    world.switch(&github, on).await;
    world.settles_within(TimeDelta::seconds(15)).await;
    assert_eq!(github.writes(), "++-");
    assert_eq!(github.lines("ada"), [made["public_key"].as_str().unwrap()]);
}

#[tokio::test]
async fn a_paused_provider_is_left_alone_and_goes_on_when_it_is_resumed() {
    is_left_alone_between("pause", "resume").await;
}

#[tokio::test]
async fn a_disabled_provider_is_left_alone_and_goes_on_when_it_is_enabled() {
    is_left_alone_between("disable", "enable").await;
}

#[tokio::test]
async fn an_unlinking_waits_while_a_provider_is_paused() {
    let (world, github, account) = linked().await;
    world.switch(&github, "pause").await;
    world.unlink("ada", account).await;
    let calls = github.calls_of_ours();
    world.settles_within(TimeDelta::minutes(30)).await;
    assert_eq!(github.calls_of_ours(), calls);
    assert_eq!(world.accounts("ada").await[0]["status"], "unlinking");
    world.switch(&github, "resume").await;
    world.settles_within(TimeDelta::minutes(2)).await;
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    assert_eq!(github.lines("ada").len(), 0);
    assert_eq!(github.live_tokens_of("ada"), 0);
}

#[tokio::test]
async fn an_unlinking_without_a_key_waits_too() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.switch(&github, "pause").await;
    world.unlink("ada", account).await;
    let calls = github.calls_of_ours();
    world.settles_within(TimeDelta::minutes(30)).await;
    assert_eq!(github.calls_of_ours(), calls);
    assert_eq!(world.happened("AccountUnlinked").await, 0);
    world.restarts().await;
    world.settles().await;
    assert_eq!(github.calls_of_ours(), calls, "nor after a restart");
    world.switch(&github, "resume").await;
    world.settles_within(TimeDelta::minutes(2)).await;
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    assert_eq!(github.live_tokens_of("ada"), 0);
}

#[tokio::test]
async fn one_paused_provider_delays_no_other() {
    let world = World::new().await;
    let (github, forge) = (world.site("github").await, world.site("forge").await);
    world.link("ada", &github).await;
    world.link("ada", &forge).await;
    world.switch(&github, "pause").await;
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 0);
    assert_eq!(forge.lines("ada").len(), 1);
}

#[tokio::test]
async fn what_waits_for_a_paused_provider_says_so() {
    let (world, github, account) = linked().await;
    world.switch(&github, "pause").await;
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    let waiting = &world.pending().await[0];
    assert_eq!(waiting["status"], "requested");
    assert_eq!(waiting["held"]["code"], "provider_paused");
    let remedy = waiting["held"]["remedy"].as_str().unwrap();
    assert!(remedy.contains("resumed"), "{remedy}");
    let key = world.current_key("ada", account).await;
    assert_eq!(key["placements"][0]["held"]["code"], "provider_paused");
    let operator = world.service.operator().await;
    let seen = operator.sees("/api/v1/sync").await.is(200);
    assert_eq!(seen["summary"][0]["held"], "provider_paused");
    let held = "/api/v1/sync?code=provider_paused";
    let seen = operator.sees(held).await.is(200);
    assert_eq!(seen["placements"].as_array().unwrap().len(), 1);
    world.switch(&github, "resume").await;
    world.settles().await;
    let key = world.current_key("ada", account).await;
    assert_eq!(key["placements"][0]["status"], "published");
    assert!(key["placements"][0]["held"].is_null());
    let seen = operator.sees(held).await.is(200);
    assert_eq!(seen["placements"].as_array().unwrap().len(), 0);
}
