//! Keys that are good for signing commits too.

use serde_json::json;

use super::world::{Site, World};

async fn signing() -> (World, Site) {
    let world = World::new().await;
    let github = world.site("github").await;
    world.change(&github, json!({ "signing": true })).await;
    (world, github)
}

fn signing_lines(github: &Site, login: &str) -> Vec<String> {
    let keys = github.signing_keys_of(login).into_iter();
    keys.map(|key| key.key).collect()
}

#[tokio::test]
async fn a_key_is_put_for_signing_too_and_both_go_together() {
    let (world, github) = signing().await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 1);
    assert_eq!(signing_lines(&github, "ada"), github.lines("ada"));
    let first = github.lines("ada");
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_ne!(github.lines("ada"), first);
    assert_eq!(signing_lines(&github, "ada"), github.lines("ada"));
    world.unlink("ada", account).await;
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 0);
    assert_eq!(signing_lines(&github, "ada").len(), 0);
}

#[tokio::test]
async fn who_linked_before_goes_on_as_before_and_signs_once_linked_again() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    let missing = async || world.accounts("ada").await[0]["missing_scopes"].clone();
    assert_eq!(missing().await, json!([]));
    world.change(&github, json!({ "signing": true })).await;
    assert_eq!(missing().await, json!(["admin:ssh_signing_key"]));
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 1);
    assert_eq!(signing_lines(&github, "ada").len(), 0);
    world.link("ada", &github).await;
    assert_eq!(missing().await, json!([]));
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(signing_lines(&github, "ada"), github.lines("ada"));
}

#[tokio::test]
async fn a_key_goes_from_both_lists_also_when_signing_is_no_longer_wanted() {
    let (world, github) = signing().await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    world.change(&github, json!({ "signing": false })).await;
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 1);
    assert_eq!(signing_lines(&github, "ada").len(), 0);
}

#[tokio::test]
async fn a_key_that_somebody_took_from_the_list_for_signing_is_a_drift_and_comes_back() {
    let (world, github) = signing().await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    world.sweeps(&github).await;
    assert_eq!(world.drift().await["placements"], json!([]));
    let there = github.signing_keys_of("ada")[0].id;
    assert!(github.remove_key("ada", there));
    world.sweeps(&github).await;
    let found = world.drift().await["placements"][0]["drift"].clone();
    assert_eq!(found["what"], "not_for_signing");
    super::drift::restores(&world, "ada", account).await.is(202);
    world.settles().await;
    assert_eq!(signing_lines(&github, "ada"), github.lines("ada"));
    assert_eq!(github.writes(), "+", "the key for signing in stayed");
    assert_eq!(world.drift().await["placements"], json!([]));
}
