//! A person leaves: everything that they have here comes to its end.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::world::{Site, World};
use crate::support::actors::Answer;

const OFFBOARDING: &str = "/api/v1/users/ada/offboarding";

/// Ada has accounts at two providers and a personal key; Bob has one too.
async fn before_she_leaves() -> (World, Site, Site) {
    let world = World::new().await;
    let (github, other) = (world.site("github").await, world.site("other").await);
    world.link("ada", &github).await;
    world.link("ada", &other).await;
    world.link("bob", &github).await;
    let ada = world.service.user("ada").await;
    ada.post("/api/v1/users/me/keys", json!({ "holder": "personal" }))
        .await;
    world.settles().await;
    assert_eq!(world.keys("ada").await.len(), 3);
    (world, github, other)
}

impl World {
    async fn sees_off(&self, body: Value) -> Answer {
        self.service.catches_up().await;
        self.service.admin().await.post(OFFBOARDING, body).await
    }

    async fn how_far(&self) -> Value {
        self.service.admin().await.sees(OFFBOARDING).await.is(200)
    }
}

fn leaves() -> Value {
    json!({ "reason": "left on 30 November" })
}

#[tokio::test]
async fn everything_of_a_person_comes_to_its_end_and_nobody_elses() {
    let (world, github, other) = before_she_leaves().await;
    let ada = world.service.user("ada").await;
    let begun = world.sees_off(leaves()).await;
    assert_eq!(begun.header("location"), OFFBOARDING);
    let begun = begun.is(202);
    assert_eq!(begun["status"], "running");
    assert_eq!(begun["waiting"].as_array().unwrap().len(), 2);
    world.settles().await;
    let done = world.how_far().await;
    assert_eq!(done["status"], "completed");
    assert_eq!(done["requested_by"], "root");
    assert_eq!(done["reason"], "left on 30 November");
    for (field, count) in [
        ("accounts_unlinked", 2),
        ("keys_withdrawn", 2),
        ("keys_destroyed", 3),
        ("keys_left", 0),
        ("grants_left", 0),
    ] {
        assert_eq!(done[field], count, "{field}: {done}");
    }
    assert!(done["tokens_revoked"].as_u64().unwrap() >= 1, "{done}");
    assert_eq!(done["waiting"], json!([]));
    assert_eq!(done["residue"], json!([]));
    ada.get("/api/v1/me")
        .await
        .is_problem(401, "unauthenticated");
    for site in [&github, &other] {
        assert_eq!(site.lines("ada").len(), 0);
        assert_eq!(site.live_tokens_of("ada"), 0);
    }
    assert_eq!(github.lines("bob").len(), 1);
    assert_eq!(world.keys("bob").await.len(), 1);
}

#[tokio::test]
async fn asking_again_changes_nothing_before_and_after() {
    let (world, _github, _other) = before_she_leaves().await;
    world.sees_off(leaves()).await.is(202);
    world.sees_off(leaves()).await.is(202);
    assert_eq!(world.happened("OffboardingRequested").await, 1);
    world.settles().await;
    assert_eq!(world.happened("OffboardingCompleted").await, 1);
    let again = world.sees_off(leaves()).await.is(202);
    assert_eq!(again["status"], "completed");
    world.settles().await;
    assert_eq!(world.happened("OffboardingRequested").await, 1);
}

#[tokio::test]
async fn while_it_runs_nothing_new_is_made_for_the_person() {
    let (world, github, _other) = before_she_leaves().await;
    github.goes_down();
    let ada = world.service.user("ada").await;
    world.sees_off(leaves()).await.is(202);
    let code = "offboarding-under-way";
    let link = json!({ "provider": "other" });
    let refused = ada.post("/api/v1/users/me/accounts", link).await;
    refused.is_problem(409, code);
    let key = world
        .service
        .admin()
        .await
        .sees("/api/v1/users/ada/keys")
        .await;
    let key = key.is(200)["keys"][0]["key"].as_str().unwrap().to_owned();
    let rotation = format!("/api/v1/users/ada/keys/{key}/rotation");
    let admin = world.service.admin().await;
    admin.post(&rotation, json!({})).await.is_problem(409, code);
    let token = json!({ "user": "ada", "name": "again", "roles": ["member"] });
    let refused = world
        .service
        .actor("root", &[domain::Role::Admin, domain::Role::Member])
        .await
        .post("/api/v1/tokens", token)
        .await;
    refused.is_problem(409, code);
    world.settles().await;
    let ended = ada
        .post("/api/v1/users/me/keys", json!({ "holder": "personal" }))
        .await;
    ended.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_link_that_was_under_way_is_refused_at_its_end() {
    let world = World::new().await;
    let github = world.site("github").await;
    github.add_user("ada");
    let ada = world.service.user("ada").await;
    let body = json!({ "provider": "github" });
    let begun = ada.post("/api/v1/users/me/accounts", body).await.is(201);
    let start: url::Url = begun["start_url"].as_str().unwrap().parse().unwrap();
    let browser = world.service.anyone();
    let sent = browser.get(&start[url::Position::BeforePath..]).await;
    let cookie = sent.header("set-cookie").split(';').next().unwrap();
    let back = github
        .approve(sent.header("location"), "ada")
        .await
        .unwrap();
    world.sees_off(leaves()).await.is(202);
    let back = &back[url::Position::BeforePath..];
    let done = browser.send("GET", back, None, &[("cookie", cookie)]).await;
    assert_eq!(
        done.header("location"),
        "/oauth/failed/offboarding-under-way"
    );
    assert_eq!(github.live_tokens_of("ada"), 0, "what we do not keep ends");
    world.settles().await;
    assert_eq!(world.how_far().await["status"], "completed");
    assert_eq!(world.happened("AccountLinked").await, 0);
}

#[tokio::test]
async fn it_goes_on_through_an_outage_and_a_restart() {
    let (world, github, other) = before_she_leaves().await;
    github.goes_down();
    world.sees_off(leaves()).await.is(202);
    world.round().await;
    world.restarts().await;
    world.settles_within(TimeDelta::minutes(10)).await;
    assert_eq!(other.lines("ada").len(), 0, "nobody waits for another");
    let waits = world.how_far().await;
    assert_eq!(waits["status"], "running");
    let waiting = waits["waiting"].as_array().unwrap();
    assert_eq!(waiting.len(), 1, "{waits}");
    assert_eq!(waiting[0]["provider"], "github");
    assert_eq!(waiting[0]["status"], "unlinking");
    world.restarts().await;
    github.comes_back();
    world.settles_within(TimeDelta::hours(2)).await;
    let done = world.how_far().await;
    assert_eq!(done["status"], "completed", "{done}");
    assert_eq!(done["keys_withdrawn"], 2);
    assert_eq!(github.lines("ada").len(), 0);
    world.restarts().await;
    world.settles().await;
    assert_eq!(world.happened("OffboardingCompleted").await, 1);
}

#[tokio::test]
async fn force_ends_what_is_left_and_names_what_stays_where() {
    let (world, github, other) = before_she_leaves().await;
    let there = github.keys_of("ada")[0].id.to_string();
    github.goes_down();
    world.sees_off(leaves()).await.is(202);
    world.settles_within(TimeDelta::minutes(10)).await;
    assert_eq!(world.how_far().await["status"], "running");
    let body = json!({ "reason": "no more waiting", "force": true });
    assert_eq!(world.sees_off(body.clone()).await.is(202)["forced"], true);
    let calls = github.calls_of_ours();
    world.settles().await;
    world.sees_off(body).await.is(202);
    assert_eq!(world.happened("OffboardingForced").await, 1);
    assert_eq!(github.calls_of_ours(), calls);
    let done = world.how_far().await;
    assert_eq!(done["status"], "completed", "{done}");
    assert_eq!(done["accounts_unlinked"], 2);
    assert_eq!(done["keys_withdrawn"], 1, "at the other provider");
    assert_eq!(done["keys_left"], 1);
    assert_eq!(done["grants_left"], 1);
    let residue = done["residue"].as_array().unwrap();
    assert!(residue.iter().all(|left| left["provider"] == "github"));
    let key = residue.iter().find(|left| left["what"] == "key").unwrap();
    assert_eq!(key["remote_key"], there.as_str());
    let fingerprint = key["fingerprint"].as_str().unwrap();
    assert!(fingerprint.starts_with("SHA256:"), "{fingerprint}");
    assert_eq!(other.lines("ada").len(), 0);
}

#[tokio::test]
async fn whoever_comes_back_is_linked_again_and_can_go_again() {
    let (world, github, _other) = before_she_leaves().await;
    world.sees_off(leaves()).await.is(202);
    world.settles().await;
    world.link("ada", &github).await;
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 1);
    world.sees_off(leaves()).await.is(202);
    world.settles().await;
    let done = world.how_far().await;
    assert_eq!(done["status"], "completed");
    assert_eq!(
        done["accounts_unlinked"], 1,
        "the first time is another story"
    );
    assert_eq!(github.lines("ada").len(), 0);
    assert_eq!(world.happened("OffboardingCompleted").await, 2);
}

#[tokio::test]
async fn only_an_admin_sees_people_off_with_a_reason_and_not_themselves() {
    let (world, _github, _other) = before_she_leaves().await;
    let admin = world.service.admin().await;
    admin
        .get(OFFBOARDING)
        .await
        .is_problem(404, "offboarding-not-found");
    let answer = admin.post(OFFBOARDING, json!({ "force": "yes" })).await;
    assert_eq!(answer.rejected(), ["reason", "force"]);
    for own in [
        "/api/v1/users/root/offboarding",
        "/api/v1/users/me/offboarding",
    ] {
        let answer = admin.post(own, leaves()).await;
        answer.is_problem(409, "offboarding-oneself");
    }
    for who in [
        world.service.operator().await,
        world.service.auditor().await,
        world.service.user("ada").await,
    ] {
        who.post(OFFBOARDING, leaves())
            .await
            .is_problem(403, "forbidden");
        who.get(OFFBOARDING).await.is_problem(403, "forbidden");
    }
    assert_eq!(world.happened("OffboardingRequested").await, 0);
}

#[tokio::test]
async fn somebody_who_has_nothing_has_left_at_once() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.sees_off(leaves()).await.is(202);
    world.works().await;
    let done = world.how_far().await;
    assert_eq!(done["status"], "completed");
    assert_eq!(done["accounts_unlinked"], 0);
    assert_eq!(github.calls_of_ours(), 0);
}
