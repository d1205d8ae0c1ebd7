//! A person links an account, and its key is put in place.

use chrono::TimeDelta;
use serde_json::json;

use super::world::World;

#[tokio::test]
async fn an_account_that_is_linked_gets_a_key_which_is_put_in_place_once() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    assert_eq!(github.calls("POST /user/keys"), 0);
    world.settles().await;
    let key = world.current_key("ada", account).await;
    assert_eq!(github.lines("ada"), [key["public_key"].as_str().unwrap()]);
    assert_eq!(github.calls("POST /user/keys"), 1);
    assert_eq!(key["placements"][0]["status"], "published");
    assert_eq!(key["placements"][0]["presence"], "created");
    assert_eq!(
        world.story_of(account).await,
        ["AccountLinked", "KeyPublicationRequested", "KeyPublished"]
    );
    assert_eq!(world.pending().await, Vec::<serde_json::Value>::new());
    let calls = github.calls_of_ours();
    world.passes(TimeDelta::days(7));
    world.settles().await;
    assert_eq!(github.calls_of_ours(), calls, "nobody asked for anything");
}

#[tokio::test]
async fn a_key_is_named_after_the_service_the_person_and_itself() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    let key = world.current_key("ada", account).await;
    let key = key["key"].as_str().unwrap();
    let title = format!("Lanyard lanyard.example.com ada {}", &key[key.len() - 12..]);
    assert_eq!(github.keys_of("ada")[0].title, title);
}

#[tokio::test]
async fn linking_again_renews_the_grant_and_leaves_the_key() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    let key = world.current_key("ada", account).await;
    world.passes(TimeDelta::hours(1));
    assert_eq!(world.link("ada", &github).await, account);
    world.settles().await;
    assert_eq!(world.happened("GrantRenewed").await, 1);
    assert_eq!(world.happened("KeyGenerated").await, 1);
    assert_eq!(world.current_key("ada", account).await, key);
    assert_eq!(github.calls("POST /user/keys"), 1);
    let link = world.account(account).await;
    assert_eq!(link.link().unwrap().grant.as_ref().unwrap().generation, 2);
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.writes(), "++-", "the new tokens work");
}

#[tokio::test]
async fn an_account_of_somebody_else_is_refused_and_nothing_changes() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    let (story, keys) = (world.story_of(account).await, github.keys_of("ada"));
    let tokens = github.live_tokens_of("ada");
    let refused = world.link_as("bob", &github, "ada").await;
    assert_eq!(
        refused.header("location"),
        "/oauth/failed/account-linked-elsewhere"
    );
    world.settles().await;
    assert_eq!(world.story_of(account).await, story);
    assert_eq!(github.keys_of("ada"), keys);
    assert_eq!(
        github.live_tokens_of("ada"),
        tokens,
        "the token that bob got is given back"
    );
    assert!(world.accounts("bob").await.is_empty());
    assert!(world.keys("bob").await.is_empty());
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.writes(), "++-", "ada's tokens still work");
}

#[tokio::test]
async fn two_people_at_two_providers_get_four_keys_and_none_twice() {
    let world = World::new().await;
    let (github, forge) = (world.site("github").await, world.site("forge").await);
    for person in ["ada", "bob"] {
        world.link(person, &github).await;
        world.link(person, &forge).await;
    }
    world.settles().await;
    let mut lines = Vec::new();
    for person in ["ada", "bob"] {
        lines.extend(github.lines(person));
        lines.extend(forge.lines(person));
        assert_eq!(world.keys(person).await.len(), 2);
    }
    lines.sort();
    lines.dedup();
    assert_eq!(lines.len(), 4);
}

#[tokio::test]
async fn a_key_is_of_the_algorithm_that_the_admin_chose_for_the_provider() {
    let world = World::new().await;
    let github = world.site("github").await;
    world
        .change(&github, json!({ "algorithm": "ecdsa-p256" }))
        .await;
    world.link("ada", &github).await;
    world.settles().await;
    assert!(github.lines("ada")[0].starts_with("ecdsa-sha2-nistp256 "));
}
