//! A key that has grown too old is replaced by itself.

use chrono::TimeDelta;
use domain::Event;
use domain::keyring::{KeyringEvent, RotationCause};
use domain::provider::Choice;
use domain::settings::SettingsChanges;
use serde_json::json;

use super::drift::{removes_all, restores};
use super::world::World;

const DAYS: fn(i64) -> TimeDelta = TimeDelta::days;

impl World {
    async fn keys_grow(&self, days: Option<u64>) {
        let age = match days {
            Some(days) => Choice::Own(days.try_into().unwrap()),
            None => Choice::Default,
        };
        let changes = SettingsChanges {
            max_key_age_days: Some(age),
            ..SettingsChanges::default()
        };
        self.service.settings(changes).await;
    }

    /// Lists when keys were replaced because of their age.
    async fn replaced_by_age(&self) -> Vec<chrono::DateTime<chrono::Utc>> {
        let by_age = |event: &Event| {
            matches!(
                event,
                Event::Keyring(KeyringEvent::KeyRotated {
                    cause: RotationCause::Age,
                    ..
                })
            )
        };
        let events = self.events().await.into_iter();
        events
            .filter(|recorded| by_age(&recorded.event))
            .map(|recorded| recorded.recorded_at)
            .collect()
    }
}

#[tokio::test]
async fn a_key_is_replaced_when_it_is_as_old_as_it_may_be() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.keys_grow(Some(90)).await;
    world.link("ada", &github).await;
    world.settles().await;
    world.settles_within(DAYS(89)).await;
    assert_eq!(github.writes(), "+");
    world.settles_within(DAYS(2)).await;
    assert_eq!(github.writes(), "++-");
    assert_eq!(world.replaced_by_age().await.len(), 1);
    world.settles_within(DAYS(91)).await;
    assert_eq!(world.replaced_by_age().await.len(), 2);
    assert_eq!(github.lines("ada").len(), 1);
}

#[tokio::test]
async fn nobody_looks_again_before_the_oldest_key_is_that_old() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.keys_grow(Some(90)).await;
    world.link("ada", &github).await;
    world.settles().await;
    let round = world.round().await;
    assert!(!round.moved);
    let next = round.next_at.unwrap() - world.service.app.now();
    assert!(next > DAYS(89) && next <= DAYS(90), "{next}");
}

#[tokio::test]
async fn where_nobody_says_keys_grow_as_old_as_they_may() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.link("ada", &github).await;
    world.settles_within(DAYS(300)).await;
    assert_eq!(github.writes(), "+");
    world.keys_grow(Some(90)).await;
    world.settles_within(DAYS(1)).await;
    assert_eq!(github.writes(), "++-", "a new limit holds for old keys too");
    world.keys_grow(None).await;
    world.settles_within(DAYS(300)).await;
    assert_eq!(github.writes(), "++-");
}

#[tokio::test]
async fn many_old_keys_are_not_replaced_in_one_second() {
    let world = World::new().await;
    let github = world.site("github").await;
    let people = ["ada", "bob", "cleo", "dora"];
    for person in people {
        world.link(person, &github).await;
    }
    world.settles().await;
    world.passes(DAYS(100));
    world.keys_grow(Some(90)).await;
    world.settles_within(TimeDelta::minutes(5)).await;
    let replaced = world.replaced_by_age().await;
    assert_eq!(replaced.len(), 4);
    for pair in replaced.windows(2) {
        let apart = pair[1] - pair[0];
        assert!(
            apart >= TimeDelta::seconds(1) && apart <= TimeDelta::seconds(2),
            "{apart}"
        );
    }
    for person in people {
        assert_eq!(github.lines(person).len(), 1);
    }
}

#[tokio::test]
async fn a_key_is_replaced_once_however_long_its_successor_is_on_its_way() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.keys_grow(Some(90)).await;
    world.link("ada", &github).await;
    world.settles().await;
    let old = github.lines("ada");
    world.settles_within(DAYS(89)).await;
    github.goes_down();
    world.settles_within(DAYS(1) + TimeDelta::minutes(10)).await;
    assert_eq!(world.replaced_by_age().await.len(), 1);
    world.passes(DAYS(200));
    world.settles().await;
    assert_eq!(world.replaced_by_age().await.len(), 1);
    assert_eq!(github.lines("ada"), old, "the old key works on");
}

#[tokio::test]
async fn a_key_whose_grant_is_lost_waits_for_the_next_link() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.link("ada", &github).await;
    let bobs = world.link("bob", &github).await;
    world.settles().await;
    github.revoke_grant("bob", &github.app.client_id);
    world.rotate("bob", bobs).await.is(202);
    world.settles().await;
    world.keys_grow(Some(90)).await;
    world.settles_within(DAYS(100)).await;
    assert_eq!(world.replaced_by_age().await.len(), 1, "ada's");
    world.link("bob", &github).await;
    world.settles_within(TimeDelta::minutes(1)).await;
    world.settles_within(DAYS(1)).await;
    assert_eq!(github.lines("bob").len(), 1);
}

#[tokio::test]
async fn what_its_person_removed_is_not_put_back_because_it_grew_old() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    removes_all(&github, "ada");
    world.sweeps(&github).await;
    world.keys_grow(Some(90)).await;
    world.settles_within(DAYS(200)).await;
    assert_eq!(github.writes(), "+");
    assert_eq!(world.replaced_by_age().await.len(), 0);
    // Whoever has it back has a key that is too old.
    restores(&world, "ada", account).await.is(202);
    world.settles_within(DAYS(2)).await;
    assert_eq!(github.writes(), "+++-");
    assert_eq!(world.replaced_by_age().await.len(), 1);
}

#[tokio::test]
async fn a_restart_finds_what_is_too_old() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.keys_grow(Some(90)).await;
    world.link("ada", &github).await;
    world.settles().await;
    world.passes(DAYS(91));
    world.restarts().await;
    world.settles().await;
    assert_eq!(github.writes(), "++-");
}

#[tokio::test]
async fn whoever_carries_a_key_by_hand_finds_a_new_one_to_paste() {
    let world = World::new().await;
    let admin = world.service.admin().await;
    let body = json!({
        "provider": "builds", "kind": "ssh", "name": "Builds",
        "base_url": "https://builds.example.com",
    });
    admin.post("/api/v1/providers", body).await.is(201);
    let ada = world.service.user("ada").await;
    let body = json!({ "provider": "builds", "login": "git" });
    let linked = ada.post("/api/v1/users/me/accounts", body).await;
    let account = linked.json()["account"].as_str().unwrap().to_owned();
    world.settles().await;
    let old = world.keys("ada").await[0]["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/v1/users/me/accounts/{account}/keys/{old}/confirmation");
    ada.post(&path, json!({ "placed": true })).await.is(200);
    world.keys_grow(Some(90)).await;
    world.settles_within(DAYS(300)).await;
    let keys = world.keys("ada").await;
    assert_eq!(keys.len(), 2, "one rotation, whoever does not act");
    assert_eq!(keys[0]["placements"][0]["status"], "published");
    assert_eq!(keys[1]["placements"][0]["by_hand"]["do"], "paste");
}
