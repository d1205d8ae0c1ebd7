//! An admin has many keys rotated.

mod away;
mod left;
mod named;

use chrono::TimeDelta;
use domain::keyring::Algorithm;
use domain::settings::SettingsChanges;
use serde_json::{Value, json};

use super::world::{Site, World};
use crate::support::actors::Answer;

const CAMPAIGNS: &str = "/api/v1/campaigns";
const PEOPLE: [&str; 4] = ["ada", "bob", "cleo", "dora"];

impl World {
    async fn new_keys_are(&self, algorithm: Algorithm) {
        let changes = SettingsChanges {
            algorithm: Some(algorithm),
            ..SettingsChanges::default()
        };
        self.service.settings(changes).await;
    }

    /// Links everybody, so that each has a key of an algorithm that is to go.
    async fn has_people(&self, site: &Site) {
        self.new_keys_are(Algorithm::EcdsaP256).await;
        for person in PEOPLE {
            self.link(person, site).await;
            self.settles().await;
            // So that one key is older than the next.
            self.passes(TimeDelta::seconds(1));
        }
        self.new_keys_are(Algorithm::Ed25519).await;
    }

    async fn asks(&self, path: &str, body: Value) -> Answer {
        self.service.catches_up().await;
        self.service.admin().await.post(path, body).await
    }

    /// Starts a campaign; returns where it is to be seen.
    async fn campaigns(&self, body: Value) -> String {
        let begun = self.asks(CAMPAIGNS, body).await;
        begun.is(202);
        begun.header("location").to_owned()
    }

    async fn plans_campaign(&self, mut body: Value) -> Value {
        body["dry_run"] = true.into();
        self.asks(CAMPAIGNS, body).await.is(200)
    }

    async fn shows(&self, path: &str) -> Value {
        self.service.operator().await.sees(path).await.is(200)
    }

    /// Lists the users and states of a campaign's report.
    async fn report(&self, path: &str) -> Vec<(String, String)> {
        let report = self.shows(&format!("{path}/report")).await;
        let keys = report["keys"].as_array().unwrap().iter();
        let word = |key: &Value, field: &str| key[field].as_str().unwrap().to_owned();
        keys.map(|key| (word(key, "user"), word(key, "state")))
            .collect()
    }
}

/// Everybody's key of an algorithm that is to go.
fn ecdsa() -> Value {
    json!({ "algorithms": ["ecdsa"], "reason": "ECDSA is to go" })
}

fn counts(seen: &Value) -> [u64; 6] {
    ["planned", "rotated", "placed", "open", "parked", "skipped"]
        .map(|count| seen[count].as_u64().unwrap())
}

fn states<const N: usize>(all: [(&str, &str); N]) -> Vec<(String, String)> {
    let owned = |(user, state): (&str, &str)| (user.to_owned(), state.to_owned());
    all.into_iter().map(owned).collect()
}

#[tokio::test]
async fn every_key_of_an_algorithm_is_replaced_oldest_first() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.has_people(&github).await;
    let path = world.campaigns(ecdsa()).await;
    world.settles_within(TimeDelta::minutes(2)).await;
    let seen = world.shows(&path).await;
    assert_eq!(seen["status"], "completed");
    assert_eq!(counts(&seen), [4, 4, 4, 0, 0, 0]);
    assert_eq!(seen["started_by"], "root");
    assert_eq!(seen["reason"], "ECDSA is to go");
    for person in PEOPLE {
        let lines = github.lines(person);
        assert!(lines[0].starts_with("ssh-ed25519 "), "{lines:?}");
        assert_eq!(lines.len(), 1);
    }
    let expected = PEOPLE.map(|person| (person, "placed"));
    assert_eq!(world.report(&path).await, states(expected));
}

#[tokio::test]
async fn a_dry_run_says_what_the_run_then_does() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.has_people(&github).await;
    world.link("eve", &github).await;
    world.settles().await;
    let calls = github.calls_of_ours();
    let size = world.service.app.log.size().await.unwrap();
    let plan = world.plans_campaign(ecdsa()).await;
    assert_eq!([&plan["planned"], &plan["skipped"]], [4, 0]);
    assert_eq!(github.calls_of_ours(), calls, "a plan calls nobody");
    let items = plan["items"].as_array().unwrap();
    for (item, person) in items.iter().zip(PEOPLE) {
        assert_eq!(item["would"], "rotate");
        assert_eq!(item["user"], person);
        assert_eq!(item["algorithm"], "ecdsa-p256");
        assert_eq!(item["new_algorithm"], "ed25519");
    }
    let path = world.campaigns(ecdsa()).await;
    world.settles_within(TimeDelta::minutes(2)).await;
    let report = world.shows(&format!("{path}/report")).await;
    let done = report["keys"].as_array().unwrap();
    let old = |keys: &[Value], field: &str| -> Vec<Value> {
        keys.iter().map(|key| key[field].clone()).collect()
    };
    assert_eq!(old(done, "old_key"), old(items, "key"));
    assert_eq!(old(done, "new_algorithm"), old(items, "new_algorithm"));
    let since = usize::try_from(size).unwrap();
    let planned = world.events().await.into_iter().skip(since);
    let first = planned
        .map(|event| event.event.kind().name)
        .find(|name| *name != "TokenCreated");
    assert_eq!(first, Some("CampaignStarted"), "a plan leaves no event");
}

#[tokio::test]
async fn a_second_campaign_of_the_same_scope_does_nothing() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.has_people(&github).await;
    world.campaigns(ecdsa()).await;
    world.settles_within(TimeDelta::minutes(2)).await;
    let calls = github.calls_of_ours();
    let plan = world.plans_campaign(ecdsa()).await;
    assert_eq!([&plan["planned"], &plan["skipped"]], [0, 0]);
    let path = world.campaigns(ecdsa()).await;
    world.settles_within(TimeDelta::minutes(2)).await;
    let seen = world.shows(&path).await;
    assert_eq!(seen["status"], "completed");
    assert_eq!(counts(&seen), [0; 6]);
    assert_eq!(github.calls_of_ours(), calls);
    assert_eq!(world.happened("KeyRotated").await, 4);
}

#[tokio::test]
async fn a_provider_that_is_down_delays_its_own_keys_only_and_then_catches_up() {
    let world = World::new().await;
    let (github, forge) = (world.site("github").await, world.site("forge").await);
    world.new_keys_are(Algorithm::EcdsaP256).await;
    for person in PEOPLE {
        world.link(person, &github).await;
        world.link(person, &forge).await;
    }
    world.settles_within(TimeDelta::minutes(2)).await;
    world.new_keys_are(Algorithm::Ed25519).await;
    let old: Vec<_> = PEOPLE.map(|person| forge.lines(person)).into();
    forge.goes_down();
    let path = world.campaigns(ecdsa()).await;
    world.settles_within(TimeDelta::minutes(10)).await;
    let seen = world.shows(&path).await;
    assert_eq!(seen["status"], "running");
    let [planned, rotated, placed, ..] = counts(&seen);
    assert_eq!([planned, placed], [8, 4]);
    // What was begun before it was known that nobody is there.
    assert!((5..=8).contains(&rotated), "{rotated}");
    for (person, old) in PEOPLE.into_iter().zip(old) {
        assert!(github.lines(person)[0].starts_with("ssh-ed25519 "));
        assert_eq!(forge.lines(person), old, "the old key works on");
    }
    forge.comes_back();
    world.settles_within(TimeDelta::hours(1)).await;
    let seen = world.shows(&path).await;
    assert_eq!(seen["status"], "completed");
    assert_eq!(counts(&seen), [8, 8, 8, 0, 0, 0]);
    for person in PEOPLE {
        assert_eq!(forge.lines(person).len(), 1);
        assert!(forge.lines(person)[0].starts_with("ssh-ed25519 "));
    }
}

#[tokio::test]
async fn a_campaign_goes_at_its_rate() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.has_people(&github).await;
    let mut body = ecdsa();
    body["keys_per_minute"] = 2.into();
    let path = world.campaigns(body).await;
    world.works().await;
    for rotated in [1, 2, 3] {
        assert_eq!(world.shows(&path).await["rotated"], rotated);
        world.settles_within(TimeDelta::seconds(29)).await;
        assert_eq!(world.shows(&path).await["rotated"], rotated);
        world.settles_within(TimeDelta::seconds(1)).await;
    }
    assert_eq!(world.shows(&path).await["rotated"], 4);
}

#[tokio::test]
async fn a_campaign_is_paused_half_way_and_goes_on() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.has_people(&github).await;
    let mut body = ecdsa();
    body["keys_per_minute"] = 1.into();
    let path = world.campaigns(body).await;
    world.settles_within(TimeDelta::seconds(90)).await;
    let olga = world.service.operator().await;
    let pause = format!("{path}/pause");
    let paused = olga.post(&pause, json!({ "reason": "lunch" })).await;
    assert_eq!(paused.is(200)["status"], "paused");
    world.settles_within(TimeDelta::hours(5)).await;
    let seen = world.shows(&path).await;
    assert_eq!(seen["status"], "paused");
    assert_eq!(counts(&seen), [4, 2, 2, 0, 0, 0]);
    let expected = [
        ("ada", "placed"),
        ("bob", "placed"),
        ("cleo", "planned"),
        ("dora", "planned"),
    ];
    assert_eq!(world.report(&path).await, states(expected));
    let resume = format!("{path}/resume");
    let resumed = olga.post(&resume, json!({})).await;
    assert_eq!(resumed.is(200)["status"], "running");
    world.settles_within(TimeDelta::minutes(5)).await;
    let seen = world.shows(&path).await;
    assert_eq!(seen["status"], "completed");
    assert_eq!(counts(&seen), [4, 4, 4, 0, 0, 0]);
}

#[tokio::test]
async fn a_campaign_that_is_cancelled_takes_no_more_keys_and_says_which_are_left() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.has_people(&github).await;
    let mut body = ecdsa();
    body["keys_per_minute"] = 1.into();
    let path = world.campaigns(body).await;
    world.works().await;
    let cancel = format!("{path}/cancellation");
    world.asks(&cancel, json!({})).await.is(200);
    world.settles_within(TimeDelta::hours(1)).await;
    let seen = world.shows(&path).await;
    assert_eq!(seen["status"], "cancelled");
    assert_eq!(counts(&seen), [4, 1, 1, 0, 0, 0], "what had begun went on");
    let expected = [
        ("ada", "placed"),
        ("bob", "left"),
        ("cleo", "left"),
        ("dora", "left"),
    ];
    assert_eq!(world.report(&path).await, states(expected));
    // Another one takes up what is left, and nothing else.
    assert_eq!(world.plans_campaign(ecdsa()).await["planned"], 3);
}

#[tokio::test]
async fn a_restart_half_way_loses_nothing_and_rotates_nothing_twice() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.has_people(&github).await;
    let mut body = ecdsa();
    body["keys_per_minute"] = 6.into();
    let path = world.campaigns(body).await;
    for _ in 0..40 {
        world.restarts().await;
        world.round().await;
        world.round().await;
        world.passes(TimeDelta::seconds(4));
    }
    world.settles_within(TimeDelta::minutes(2)).await;
    let seen = world.shows(&path).await;
    assert_eq!(seen["status"], "completed");
    assert_eq!(counts(&seen), [4, 4, 4, 0, 0, 0]);
    assert_eq!(world.happened("KeyRotated").await, 4);
    assert_eq!(world.happened("CampaignCompleted").await, 1);
    let report = world.shows(&format!("{path}/report")).await;
    let times: Vec<chrono::DateTime<chrono::Utc>> = report["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["rotated_at"].as_str().unwrap().parse().unwrap())
        .collect();
    for pair in times.windows(2) {
        let apart = pair[1] - pair[0];
        assert!(apart >= TimeDelta::seconds(10), "the rate holds: {apart}");
    }
}

#[tokio::test]
async fn a_key_that_its_owner_rotates_first_is_done() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.has_people(&github).await;
    let mut body = ecdsa();
    body["keys_per_minute"] = 1.into();
    let path = world.campaigns(body).await;
    world.works().await;
    let accounts = world.accounts("dora").await;
    let account = accounts[0]["account"].as_str().unwrap().parse().unwrap();
    world.rotate("dora", account).await.is(202);
    world.settles_within(TimeDelta::minutes(5)).await;
    let seen = world.shows(&path).await;
    assert_eq!(seen["status"], "completed");
    assert_eq!(counts(&seen)[..3], [4, 3, 3]);
    assert_eq!(world.happened("KeyRotated").await, 4);
}

#[tokio::test]
async fn a_compromised_campaign_breaks_first_and_is_done_when_the_old_keys_are_gone() {
    let world = World::with_grace().await;
    let github = world.site("github").await;
    world.has_people(&github).await;
    let body = json!({
        "provider": "github", "users": ["ada", "bob"], "compromised": true, "keys_per_minute": 6,
        "reason": "INC-42: two laptops are gone",
    });
    let path = world.campaigns(body).await;
    world.settles_within(TimeDelta::minutes(2)).await;
    let seen = world.shows(&path).await;
    assert_eq!(seen["status"], "completed");
    assert_eq!(counts(&seen), [2, 2, 2, 0, 0, 0]);
    assert_eq!(
        github.writes(),
        "++++-+-+",
        "each goes before the next comes"
    );
    assert!(github.lines("cleo")[0].starts_with("ecdsa-"));
}

#[tokio::test]
async fn keys_that_are_old_enough_are_replaced_and_the_others_stay() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.link("ada", &github).await;
    world.settles().await;
    world.passes(TimeDelta::days(60));
    world.link("bob", &github).await;
    world.settles().await;
    world.passes(TimeDelta::days(40));
    let scope = json!({ "older_than_days": 90, "reason": "quarterly" });
    let path = world.campaigns(scope.clone()).await;
    world.settles_within(TimeDelta::minutes(2)).await;
    let seen = world.shows(&path).await;
    assert_eq!(counts(&seen)[..3], [1, 1, 1]);
    assert_eq!(world.report(&path).await, states([("ada", "placed")]));
    assert_eq!(world.plans_campaign(scope).await["planned"], 0);
}

#[tokio::test]
async fn what_a_campaign_brings_about_names_it_as_its_cause() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.has_people(&github).await;
    world.campaigns(ecdsa()).await;
    world.settles_within(TimeDelta::minutes(2)).await;
    let events = world.events().await;
    let named = |name: &'static str| {
        let events = events.iter();
        events.filter(move |event| event.event.kind().name == name)
    };
    let started = named("CampaignStarted").next().unwrap();
    assert_eq!(started.header.reason.as_deref(), Some("ECDSA is to go"));
    let mut rotated = 0;
    for event in named("KeyRotated") {
        assert_eq!(event.header.correlation, started.header.correlation);
        assert_eq!(event.header.causation, Some(started.header.id));
        rotated += 1;
    }
    assert_eq!(rotated, 4);
}
