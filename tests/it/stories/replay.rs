//! An operator makes a provider agree with the log again.

use chrono::TimeDelta;
use forge::Fault;
use serde_json::{Value, json};

use super::world::{Site, World};

/// Ada's and Bob's keys are parked at a provider that is back again.
async fn after_an_outage() -> (World, Site) {
    let world = World::new().await;
    let github = world.site("github").await;
    world.link("ada", &github).await;
    world.link("bob", &github).await;
    // What somebody in between refuses is parked in the end, and no probe brings it back.
    github.fail_with(Fault::Firewall);
    world.settles_within(TimeDelta::hours(24)).await;
    github.heal();
    (world, github)
}

impl World {
    async fn plans(&self, mut body: Value) -> Value {
        body["dry_run"] = true.into();
        let operator = self.service.operator().await;
        self.service.catches_up().await;
        operator.post("/api/v1/replays", body).await.is(200)
    }

    /// Starts a replay and lets it come to its end; returns what is said of it then.
    async fn replays(&self, body: Value) -> Value {
        let path = self.starts(body).await;
        self.settles_within(TimeDelta::minutes(2)).await;
        self.service.operator().await.sees(&path).await.is(200)
    }

    async fn starts(&self, body: Value) -> String {
        let operator = self.service.operator().await;
        self.service.catches_up().await;
        let begun = operator.post("/api/v1/replays", body).await;
        begun.is(202);
        begun.header("location").to_owned()
    }
}

fn unfinished() -> Value {
    json!({ "provider": "github", "reason": "GitHub was down" })
}

fn all() -> Value {
    json!({ "provider": "github", "include": "all", "reason": "to be sure" })
}

#[tokio::test]
async fn a_replay_does_what_its_plan_said() {
    let (world, github) = after_an_outage().await;
    let plan = world.plans(unfinished()).await;
    assert_eq!(plan["planned"], 2);
    assert_eq!(plan["create"], 2);
    assert_eq!(github.writes(), "", "a plan changes nothing");
    let planned: Vec<&Value> = plan["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["key"])
        .collect();
    let done = world.replays(unfinished()).await;
    assert_eq!(done["status"], "completed");
    assert_eq!(done["planned"], 2);
    assert_eq!(
        [&done["open"], &done["settled"], &done["parked"]],
        [0, 2, 0]
    );
    for person in ["ada", "bob"] {
        let keys = world.keys(person).await;
        assert!(planned.contains(&&keys[0]["key"]));
        assert_eq!(
            github.lines(person),
            [keys[0]["public_key"].as_str().unwrap()]
        );
    }
}

#[tokio::test]
async fn a_replay_says_who_asked_for_it_and_why() {
    let (world, _github) = after_an_outage().await;
    let done = world.replays(unfinished()).await;
    assert_eq!(done["started_by"], "olga");
    assert_eq!(done["reason"], "GitHub was down");
    let auditor = world.service.auditor().await;
    let path = "/api/v1/audit/events?type=ReplayStarted";
    let found = auditor.sees(path).await.is(200).to_string();
    assert!(found.contains("GitHub was down"), "{found}");
}

#[tokio::test]
async fn a_second_replay_does_nothing() {
    let (world, github) = after_an_outage().await;
    world.replays(unfinished()).await;
    let calls = github.calls_of_ours();
    assert_eq!(world.plans(unfinished()).await["planned"], 0);
    let done = world.replays(unfinished()).await;
    assert_eq!(done["status"], "completed");
    assert_eq!(done["settled"], 0);
    assert_eq!(github.calls_of_ours(), calls);
}

#[tokio::test]
async fn a_replay_of_everything_writes_nothing_where_all_is_well() {
    let (world, github) = after_an_outage().await;
    world.replays(unfinished()).await;
    let (posts, story) = (github.calls("POST /user/keys"), github.writes());
    let done = world.replays(all()).await;
    assert_eq!(
        [&done["open"], &done["settled"], &done["parked"]],
        [0, 2, 0]
    );
    assert_eq!(github.calls("POST /user/keys"), posts);
    assert_eq!(github.writes(), story);
}

#[tokio::test]
async fn a_replay_of_everything_puts_back_what_a_person_removed() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    let there = github.keys_of("ada");
    assert!(github.remove_key("ada", there[0].id));
    let done = world.replays(all()).await;
    assert_eq!(done["settled"], 1);
    assert_eq!(github.lines("ada"), [there[0].key.clone()]);
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(
        github.lines("ada").len(),
        1,
        "the new copy is known as ours"
    );
}

#[tokio::test]
async fn a_replay_of_one_person_takes_up_their_keys_only() {
    let (world, _github) = after_an_outage().await;
    let scope = json!({ "provider": "github", "user": "ada", "reason": "ada asked" });
    let plan = world.plans(scope.clone()).await;
    assert_eq!(plan["planned"], 1);
    let done = world.replays(scope).await;
    assert_eq!(done["settled"], 1);
}

#[tokio::test]
async fn a_replay_is_over_when_what_is_left_waits_for_somebody() {
    let (world, github) = after_an_outage().await;
    let key = world.keys("ada").await[0]["public_key"].clone();
    github.add_deploy_key(key.as_str().unwrap()).unwrap();
    let done = world.replays(unfinished()).await;
    assert_eq!(done["status"], "completed");
    assert_eq!(
        [&done["open"], &done["settled"], &done["parked"]],
        [0, 1, 1]
    );
}

#[tokio::test]
async fn a_replay_that_is_cancelled_takes_up_nothing_more() {
    let (world, github) = after_an_outage().await;
    let calls = github.calls_of_ours();
    let path = world.starts(unfinished()).await;
    world.service.operator().await.delete(&path).await.is(204);
    world.settles_within(TimeDelta::minutes(1)).await;
    assert_eq!(github.calls_of_ours(), calls);
    let seen = world.service.operator().await.sees(&path).await.is(200);
    assert_eq!(seen["status"], "cancelled");
}

#[tokio::test]
async fn what_a_replay_brings_about_names_it_as_its_cause() {
    let (world, _github) = after_an_outage().await;
    world.replays(unfinished()).await;
    let events = world.events().await;
    let started = events
        .iter()
        .find(|event| event.event.kind().name == "ReplayStarted")
        .unwrap();
    let published = events
        .iter()
        .filter(|event| event.event.kind().name == "KeyPublished");
    for event in published {
        assert_eq!(event.header.correlation, started.header.correlation);
    }
}
