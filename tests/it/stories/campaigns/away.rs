//! Campaigns, and keys that grow old, where a provider does not answer.

use chrono::TimeDelta;
use domain::keyring::Algorithm;
use domain::provider::Choice;
use domain::settings::{KeyAge, SettingsChanges};

use super::{counts, ecdsa};
use crate::stories::world::World;

#[tokio::test]
async fn keys_at_a_provider_that_is_away_wait_for_it_and_others_are_taken_meanwhile() {
    let world = World::new().await;
    let (github, forge) = (world.site("github").await, world.site("forge").await);
    world.has_people(&github).await;
    world.new_keys_are(Algorithm::EcdsaP256).await;
    world.link("eve", &forge).await;
    let ada = world.link("ada", &github).await;
    world.settles().await;
    world.new_keys_are(Algorithm::Ed25519).await;
    github.goes_down();
    world.rotate("ada", ada).await.is(202);
    world.settles_within(TimeDelta::minutes(1)).await;
    assert_eq!(world.happened("BreakerOpened").await, 1);
    let path = world.campaigns(ecdsa()).await;
    world.settles_within(TimeDelta::minutes(20)).await;
    assert_eq!(
        world.happened("KeyRotated").await,
        2,
        "ada's, by herself, and eve's"
    );
    assert_eq!(world.shows(&path).await["status"], "running");
    github.comes_back();
    world.settles_within(TimeDelta::minutes(10)).await;
    let seen = world.shows(&path).await;
    assert_eq!(seen["status"], "completed");
    assert_eq!(counts(&seen)[1..3], [4, 4]);
}

#[tokio::test]
async fn keys_that_grow_old_at_a_paused_provider_wait_for_it() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.link("ada", &github).await;
    world.settles().await;
    world.switch(&github, "pause").await;
    let changes = SettingsChanges {
        max_key_age_days: Some(Choice::Own(KeyAge::try_from(1).unwrap())),
        ..SettingsChanges::default()
    };
    world.service.settings(changes).await;
    world.settles_within(TimeDelta::days(3)).await;
    assert_eq!(world.happened("KeyRotated").await, 0);
    world.switch(&github, "resume").await;
    world.settles_within(TimeDelta::minutes(1)).await;
    assert_eq!(world.happened("KeyRotated").await, 1);
    assert_eq!(github.writes(), "++-");
}
