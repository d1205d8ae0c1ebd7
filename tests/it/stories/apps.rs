//! The registered app does not work: an admin's affair, and nobody else's.

use chrono::TimeDelta;
use domain::AccountId;
use forge::TokenLife;
use serde_json::json;

use super::world::{Site, World};

/// Ada's token has run out, and the client secret that we know is no longer the right one.
async fn wrong_secret() -> (World, Site, AccountId, String) {
    let world = World::new().await;
    let github = world.site("github").await;
    github.tokens_last(&github.app.client_id, TokenLife::EightHours);
    let account = world.link("ada", &github).await;
    world.settles().await;
    let right = github.change_secret(&github.app.client_id);
    world.passes(TimeDelta::hours(9));
    world.rotate("ada", account).await.is(202);
    (world, github, account, right)
}

#[tokio::test]
async fn a_wrong_client_secret_is_the_apps_fault_and_costs_nobody_a_link() {
    let (world, _github, _, _) = wrong_secret().await;
    world.settles_within(TimeDelta::minutes(10)).await;
    assert_eq!(world.happened("GrantLost").await, 0);
    assert_eq!(world.accounts("ada").await[0]["status"], "linked");
    let pending = world.pending().await;
    assert_eq!(pending[0]["failure"]["blame"], "app");
    assert_eq!(pending[0]["failure"]["code"], "app_credentials_invalid");
    let remedy = pending[0]["failure"]["remedy"].as_str().unwrap();
    assert!(remedy.contains("an admin must"), "{remedy}");
}

#[tokio::test]
async fn after_the_right_secret_everything_goes_on_within_a_minute() {
    let (world, github, _, right) = wrong_secret().await;
    world.settles_within(TimeDelta::minutes(10)).await;
    world
        .change(&github, json!({ "client_secret": right }))
        .await;
    world.settles_within(TimeDelta::seconds(65)).await;
    assert_eq!(github.writes(), "++-");
    assert_eq!(world.pending().await.len(), 0);
}

#[tokio::test]
async fn what_a_wrong_secret_parked_goes_on_after_the_right_one() {
    let (world, github, _, right) = wrong_secret().await;
    world.settles_within(TimeDelta::days(3)).await;
    assert_eq!(world.happened("KeyPublicationParked").await, 1);
    world
        .change(&github, json!({ "client_secret": right }))
        .await;
    world.settles_within(TimeDelta::seconds(65)).await;
    assert_eq!(github.writes(), "++-");
    assert_eq!(world.pending().await.len(), 0);
    assert_eq!(world.happened("GrantLost").await, 0);
}

#[tokio::test]
async fn a_change_of_a_provider_wakes_nothing_where_all_is_well() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    let (calls, story) = (github.calls_of_ours(), world.story_of(account).await);
    world
        .change(&github, json!({ "description": "the public one" }))
        .await;
    world.settles().await;
    assert_eq!(github.calls_of_ours(), calls);
    assert_eq!(world.story_of(account).await, story);
}
