//! A key takes the place of another.

use domain::SecretRef;
use domain::keyring::KeyringEvent;
use domain::{AccountId, Event, KeyId};
use lanyard::vault::VaultError;
use serde_json::json;

use super::world::{Site, World};

/// Returns how many keys of ours there were at the least, from the first on.
fn fewest(site: &Site) -> i32 {
    let mut there = 0;
    let mut fewest = i32::MAX;
    for write in site.writes().chars() {
        there += if write == '+' { 1 } else { -1 };
        fewest = fewest.min(there);
    }
    fewest
}

/// Returns where the private halves of all keys are or were.
async fn private_keys(world: &World) -> Vec<(KeyId, SecretRef)> {
    let made = |event: Event| match event {
        Event::Keyring(
            KeyringEvent::KeyGenerated {
                key, private_key, ..
            }
            | KeyringEvent::KeyRotated {
                key, private_key, ..
            },
        ) => Some((key, private_key)),
        _ => None,
    };
    let events = world.events().await.into_iter();
    events.filter_map(|recorded| made(recorded.event)).collect()
}

#[tokio::test]
async fn a_new_key_is_in_place_before_the_old_one_goes() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    let made = world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.writes(), "++-");
    assert_eq!(fewest(&github), 1, "at no moment there was no key");
    assert_eq!(github.lines("ada"), [made["public_key"].as_str().unwrap()]);
    assert_eq!(
        world.story_of(account).await,
        [
            "AccountLinked",
            "KeyPublicationRequested",
            "KeyPublished",
            "KeyPublicationRequested",
            "KeyPublished",
            "KeyWithdrawalRequested",
            "KeyWithdrawn"
        ]
    );
    let keys = world.keys("ada").await;
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0]["key"], made["key"]);
}

#[tokio::test]
async fn the_private_half_of_a_key_that_ended_is_destroyed_and_no_other() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    let [(_, old), (_, new)] = private_keys(&world).await.try_into().unwrap();
    let vault = &world.service.app.vault;
    let opened = vault.open_secret(old).await;
    assert!(matches!(opened, Err(VaultError::Destroyed)), "{opened:?}");
    assert!(vault.open_secret(new).await.is_ok());
}

#[tokio::test]
async fn a_compromised_key_goes_first() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    let body = json!({ "compromised": true, "reason": "left on a train" });
    let made = world.rotate_with("ada", account, body).await.is(202);
    world.settles().await;
    assert_eq!(github.writes(), "+-+");
    assert_eq!(github.lines("ada"), [made["public_key"].as_str().unwrap()]);
    let events = world.events().await;
    let rotated = events
        .iter()
        .find(|event| event.event.kind().name == "KeyRotated");
    let why = rotated.unwrap().header.reason.as_deref();
    assert_eq!(why, Some("left on a train"));
}

#[tokio::test]
async fn of_two_rotations_at_once_the_last_key_stays() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    world.rotate("ada", account).await.is(202);
    let last = world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.lines("ada"), [last["public_key"].as_str().unwrap()]);
    assert_eq!(fewest(&github), 1);
    assert_eq!(world.keys("ada").await.len(), 1);
    assert_eq!(world.happened("KeyRetired").await, 2);
}

#[tokio::test]
async fn a_key_is_rotated_again_while_it_is_on_its_way() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    world.rotate("ada", account).await.is(202);
    world.round().await;
    world.round().await;
    let last = world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.lines("ada"), [last["public_key"].as_str().unwrap()]);
    assert_eq!(fewest(&github), 1);
    assert_eq!(world.keys("ada").await.len(), 1);
}

#[tokio::test]
async fn a_key_that_is_replaced_already_is_not_replaced_twice() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    let old = world.current_key("ada", account).await;
    world.rotate("ada", account).await.is(202);
    let path = format!(
        "/api/v1/users/me/keys/{}/rotation",
        old["key"].as_str().unwrap()
    );
    let ada = world.service.user("ada").await;
    let refused = ada.post(&path, json!({})).await;
    refused.is_problem(409, "key-rotation-under-way");
    world.settles().await;
    assert_eq!(github.writes(), "++-");
}

#[tokio::test]
async fn a_new_key_that_is_refused_leaves_the_old_one_in_place() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    let old = github.lines("ada");
    let made = world.rotate("ada", account).await.is(202);
    github
        .add_deploy_key(made["public_key"].as_str().unwrap())
        .unwrap();
    world.settles().await;
    assert_eq!(github.lines("ada"), old);
    let pending = world.pending().await;
    assert_eq!(pending[0]["status"], "parked");
    assert_eq!(pending[0]["failure"]["code"], "key_conflict_other_account");
    let last = world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.lines("ada"), [last["public_key"].as_str().unwrap()]);
    assert_eq!(fewest(&github), 1);
    assert_eq!(world.keys("ada").await.len(), 1);
}

#[tokio::test]
async fn a_rotation_at_one_provider_leaves_the_keys_at_the_others() {
    let world = World::new().await;
    let (github, forge) = (world.site("github").await, world.site("forge").await);
    let account = world.link("ada", &github).await;
    world.link("ada", &forge).await;
    world.settles().await;
    let calls = forge.calls_of_ours();
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.writes(), "++-");
    assert_eq!(forge.calls_of_ours(), calls);
}

/// Ada's key is at GitHub.
async fn linked() -> (World, Site, AccountId) {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    (world, github, account)
}

#[tokio::test]
async fn a_compromised_key_that_waits_for_its_turn_goes_before_the_new_one_comes() {
    let (world, github, account) = linked().await;
    world.switch(&github, "pause").await;
    let body = json!({ "compromised": true, "reason": "it was in a backup" });
    world.rotate_with("ada", account, body).await.is(202);
    world.settles().await;
    assert_eq!(github.writes(), "+", "both wait");
    world.switch(&github, "resume").await;
    world.settles().await;
    assert_eq!(github.writes(), "+-+");
}

#[tokio::test]
async fn a_key_that_is_compromised_while_it_waits_is_never_put_there() {
    let (world, github, account) = linked().await;
    world.switch(&github, "pause").await;
    let second = world.rotate("ada", account).await.is(202);
    world.settles().await;
    let body = json!({ "compromised": true, "reason": "it was in a backup" });
    let third = world.rotate_with("ada", account, body).await.is(202);
    world.settles().await;
    world.switch(&github, "resume").await;
    world.settles().await;
    assert_eq!(github.writes(), "++-", "the second never was there");
    assert_eq!(github.lines("ada"), [third["public_key"].as_str().unwrap()]);
    assert_ne!(second["public_key"], third["public_key"]);
}

#[tokio::test]
async fn a_key_whose_account_is_unlinked_while_it_waits_is_never_put_there() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.switch(&github, "pause").await;
    world.settles().await;
    assert_eq!(world.pending().await.len(), 1);
    world.unlink("ada", account).await;
    world.settles().await;
    world.switch(&github, "resume").await;
    world.settles_within(chrono::TimeDelta::minutes(2)).await;
    assert_eq!(github.writes(), "");
    assert_eq!(world.happened("AccountUnlinked").await, 1);
}
