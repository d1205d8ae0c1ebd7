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

#[tokio::test]
async fn a_wrong_secret_is_one_alarm_however_many_accounts_meet_it() {
    let world = World::new().await;
    let github = world.site("github").await;
    github.tokens_last(&github.app.client_id, TokenLife::EightHours);
    let people: Vec<String> = (1..=20).map(|number| format!("dev{number}")).collect();
    let mut accounts = Vec::new();
    for who in &people {
        accounts.push(world.link(who, &github).await);
    }
    world.settles_within(TimeDelta::minutes(2)).await;
    let right = github.change_secret(&github.app.client_id);
    world.passes(TimeDelta::hours(9));
    for (who, account) in people.iter().zip(&accounts) {
        world.rotate(who, *account).await.is(202);
    }
    world.settles_within(TimeDelta::minutes(10)).await;
    assert_eq!(world.happened("ProviderAppRefused").await, 1);
    assert_eq!(world.happened("ProviderAppAccepted").await, 0);
    let shown = world.shown(&github).await;
    assert_eq!(shown["refused"]["code"], "app_credentials_invalid");
    let remedy = shown["refused"]["remedy"].as_str().unwrap();
    assert!(remedy.contains("an admin must"), "{remedy}");
    world
        .change(&github, json!({ "client_secret": right }))
        .await;
    world.settles_within(TimeDelta::minutes(10)).await;
    assert_eq!(world.happened("ProviderAppRefused").await, 1);
    assert_eq!(world.happened("ProviderAppAccepted").await, 1);
    assert_eq!(world.shown(&github).await["refused"], json!(null));
    assert_eq!(world.happened("GrantLost").await, 0);
    assert_eq!(world.pending().await.len(), 0);
    for who in &people {
        assert_eq!(world.accounts(who).await[0]["status"], "linked");
        assert_eq!(github.lines(who).len(), 1);
    }
}

#[tokio::test]
async fn a_link_that_fails_for_the_app_raises_the_alarm_and_one_that_succeeds_ends_it() {
    let world = World::new().await;
    let github = world.site("github").await;
    let right = github.change_secret(&github.app.client_id);
    let failed = world.link_as("ada", &github, "ada").await;
    assert_eq!(failed.header("location"), "/oauth/failed/flow-failed");
    assert_eq!(world.happened("ProviderAppRefused").await, 1);
    world
        .change(&github, json!({ "client_secret": right }))
        .await;
    world.link("ada", &github).await;
    assert_eq!(world.happened("ProviderAppAccepted").await, 1);
}

#[tokio::test]
async fn a_token_that_still_works_does_not_end_the_alarm() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    github.change_secret(&github.app.client_id);
    let failed = world.link_as("bob", &github, "bob").await;
    assert_eq!(failed.header("location"), "/oauth/failed/flow-failed");
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.writes(), "++-");
    assert_eq!(world.happened("ProviderAppRefused").await, 1);
    assert_eq!(world.happened("ProviderAppAccepted").await, 0);
}

#[tokio::test]
async fn a_test_that_finds_the_app_accepted_ends_the_alarm() {
    let world = World::new().await;
    let github = world.site("github").await;
    let right = github.change_secret(&github.app.client_id);
    world.link_as("ada", &github, "ada").await;
    let test = async || {
        let admin = world.service.admin().await;
        let found = admin.post("/api/v1/providers/github/test", json!({}));
        let found = found.await.is(200);
        let findings = found["findings"].as_array().unwrap().iter();
        let mut of_the_app = findings.filter(|finding| finding["check"] == "app");
        of_the_app.next().unwrap()["ok"].clone()
    };
    assert_eq!(test().await, false);
    assert_eq!(
        world.shown(&github).await["refused"]["code"],
        "app_credentials_invalid"
    );
    world
        .change(&github, json!({ "client_secret": right }))
        .await;
    assert_eq!(test().await, true);
    assert_eq!(world.shown(&github).await["refused"], json!(null));
}
