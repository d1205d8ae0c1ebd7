//! Providers that disagree with the log: what is seen of it, what is said, and what is put back.

mod gitlab;
mod hooks;

use std::sync::Arc;

use chrono::TimeDelta;
use domain::{AccountId, Event, Recorded};
use forge::{Fault, GitHubOptions};
use lanyard::clock::Clock;
use serde_json::json;

use super::world::{Site, World};
use crate::support::actors::Answer;

const DAY: TimeDelta = TimeDelta::days(1);

/// Ada's key is at GitHub.
async fn settled() -> (World, Site, AccountId) {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    (world, github, account)
}

/// The person removes every key in the web page.
pub(super) fn removes_all(github: &Site, login: &str) {
    for key in github.keys_of(login) {
        assert!(github.remove_key(login, key.id));
    }
}

async fn events(world: &World) -> usize {
    // Whoever asks for a sweep has a token, which is an event of its own.
    let events = world.events().await;
    let of_keys = |event: &&Recorded<Event>| !matches!(event.event, Event::Token(_));
    events.iter().filter(of_keys).count()
}

async fn key_of(world: &World, account: AccountId) -> String {
    let key = world.current_key("ada", account).await;
    key["key"].as_str().unwrap().to_owned()
}

async fn restore(world: &World, account: AccountId) -> Answer {
    restores(world, "ada", account).await
}

/// Has the current key of an account put back.
pub(super) async fn restores(world: &World, who: &str, account: AccountId) -> Answer {
    let key = world.current_key(who, account).await;
    let key = key["key"].as_str().unwrap();
    let path = format!("/api/v1/users/me/accounts/{account}/keys/{key}/restoration");
    let person = world.service.user(who).await;
    let body = json!({ "reason": "I did not mean it" });
    person.post(&path, body).await
}

#[tokio::test]
async fn a_key_that_its_person_removed_is_reported_and_not_put_back() {
    let (world, github, account) = settled().await;
    removes_all(&github, "ada");
    world.sweeps(&github).await;
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 0);
    assert_eq!(github.writes(), "+");
    let found = world.drift().await;
    let placement = &found["placements"][0];
    assert_eq!(placement["account"], account.to_string());
    assert_eq!(placement["status"], "published");
    assert_eq!(placement["drift"]["what"], "missing");
    assert_eq!(placement["drift"]["code"], "key_missing_at_provider");
    let remedy = placement["drift"]["remedy"].as_str().unwrap();
    assert!(remedy.contains("restore"), "{remedy}");
    let key = world.current_key("ada", account).await;
    assert_eq!(key["placements"][0]["drift"]["what"], "missing");
    world.sweeps(&github).await;
    world.looks_within(DAY * 3).await;
    assert_eq!(world.happened("KeyDriftFound").await, 1, "once is enough");
}

#[tokio::test]
async fn with_the_policy_a_key_is_put_back_once_and_not_a_second_time() {
    let (world, github, _) = settled().await;
    world
        .change(&github, json!({ "on_missing": "restore" }))
        .await;
    assert_eq!(world.shown(&github).await["on_missing"], "restore");
    removes_all(&github, "ada");
    world.sweeps(&github).await;
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 1);
    assert_eq!(world.happened("KeyDriftFound").await, 1);
    assert_eq!(world.happened("KeyDriftSettled").await, 1);
    assert_eq!(world.drift().await["placements"], json!([]));
    // They mean it.
    removes_all(&github, "ada");
    world.sweeps(&github).await;
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 0);
    assert_eq!(github.writes(), "++");
    assert_eq!(
        world.drift().await["placements"][0]["drift"]["what"],
        "missing"
    );
}

#[tokio::test]
async fn a_policy_that_comes_later_counts_for_what_is_missing_already() {
    let (world, github, _) = settled().await;
    removes_all(&github, "ada");
    world.sweeps(&github).await;
    world
        .change(&github, json!({ "on_missing": "restore" }))
        .await;
    world.sweeps(&github).await;
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 1);
}

#[tokio::test]
async fn a_person_has_their_key_put_back() {
    let (world, github, account) = settled().await;
    let answer = restore(&world, account).await;
    answer.is_problem(409, "nothing-to-restore");
    removes_all(&github, "ada");
    world.sweeps(&github).await;
    let asked = restore(&world, account).await.is(202);
    assert_eq!(asked["requested"], true);
    let again = restore(&world, account).await.is(202);
    assert_eq!(again["requested"], false, "it is on its way");
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 1);
    assert_eq!(github.writes(), "++");
    assert_eq!(world.happened("KeyDriftSettled").await, 1);
    let eve = world.service.user("eve").await;
    let key = key_of(&world, account).await;
    let path = format!("/api/v1/users/me/accounts/{account}/keys/{key}/restoration");
    let stranger = eve.post(&path, json!({})).await;
    stranger.is_problem(404, "account-not-found");
}

#[tokio::test]
async fn a_key_that_came_back_by_itself_is_settled() {
    let (world, github, _) = settled().await;
    let kept = github.keys_of("ada")[0].clone();
    removes_all(&github, "ada");
    world.sweeps(&github).await;
    github.paste_key("ada", &kept.title, &kept.key).unwrap();
    world.sweeps(&github).await;
    let found = world.drift().await;
    // It has another id now.
    assert_eq!(found["placements"][0]["drift"]["what"], "changed");
    let account = found["placements"][0]["account"].as_str().unwrap().parse();
    restore(&world, account.unwrap()).await.is(202);
    world.settles().await;
    assert_eq!(world.drift().await["placements"], json!([]));
    assert_eq!(github.writes(), "+", "what is there is taken as it is");
    world.sweeps(&github).await;
    assert_eq!(world.drift().await["placements"], json!([]));
}

#[tokio::test]
async fn a_foreign_key_is_reported_and_never_removed_and_a_persons_own_is_their_own() {
    let (world, github, account) = settled().await;
    let line = |n: u8| format!("ssh-ed25519 {}", blob(n));
    let title = "Lanyard lanyard.example.com ada 0123456789ab";
    github.paste_key("ada", "laptop", &line(1)).unwrap();
    let foreign = github.paste_key("ada", title, &line(2)).unwrap();
    world.sweeps(&github).await;
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 3);
    assert_eq!(github.calls("DELETE /user/keys/{id}"), 0);
    let found = world.drift().await;
    assert_eq!(found["placements"], json!([]));
    let unknown = found["unknown_keys"].as_array().unwrap();
    assert_eq!(unknown.len(), 1);
    assert_eq!(unknown[0]["account"], account.to_string());
    assert_eq!(unknown[0]["fingerprint"], foreign.fingerprint.as_str());
    assert_eq!(unknown[0]["drift"]["code"], "key_foreign");
    let told = notices_of_ada(&world).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["kind"], "key_drift");
    assert_eq!(told[0]["code"], "key_foreign");
    assert_eq!(told[0]["fingerprint"], foreign.fingerprint.as_str());
    assert_eq!(told[0].get("closed_at"), None);
    let stored = world.events().await;
    let said = stored
        .iter()
        .any(|event| format!("{event:?}").contains("0123456789ab"));
    assert!(!said, "what a key is called there is nobody's business");
    github.remove_key("ada", foreign.id);
    world.sweeps(&github).await;
    assert_eq!(world.drift().await.get("unknown_keys"), None);
    assert_eq!(world.happened("KeyDriftSettled").await, 1);
    let told = notices_of_ada(&world).await;
    assert!(told[0]["closed_at"].is_string(), "{told:?}");
}

async fn notices_of_ada(world: &World) -> Vec<serde_json::Value> {
    let ada = world.service.user("ada").await;
    let seen = ada.sees("/api/v1/me/notices").await.is(200);
    seen["notices"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_key_that_was_taken_away_and_is_there_again_is_foreign() {
    let (world, github, account) = settled().await;
    let old = github.keys_of("ada")[0].clone();
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    github.paste_key("ada", &old.title, &old.key).unwrap();
    world.sweeps(&github).await;
    let found = world.drift().await;
    assert_eq!(found["placements"][0]["drift"]["what"], "foreign");
    assert_eq!(found["placements"][0]["status"], "withdrawn");
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 2, "it is never removed");
}

#[tokio::test]
async fn a_sweep_over_what_did_not_change_makes_no_event_and_costs_no_limit() {
    let world = World::new().await;
    let github = world.site("github").await;
    for number in 0..3 {
        world.link(&format!("dev{number}"), &github).await;
    }
    world.settles().await;
    world.sweeps(&github).await;
    let before = events(&world).await;
    let listed = github.calls("GET /user/keys");
    world.sweeps(&github).await;
    assert_eq!(events(&world).await, before);
    let lists: Vec<_> = github
        .journal()
        .into_iter()
        .filter(|entry| entry.route == "GET /user/keys")
        .skip(listed)
        .map(|entry| entry.answered)
        .collect();
    assert_eq!(lists, [Some(304); 3], "one list an account");
}

#[tokio::test]
async fn every_account_is_looked_at_once_a_day_also_after_a_restart() {
    let world = World::new().await;
    let github = world.site("github").await;
    for number in 0..5 {
        world.link(&format!("dev{number}"), &github).await;
    }
    world.settles().await;
    let first = world.looks_within(DAY).await;
    assert!(
        (5..=6).contains(&first),
        "within a day, each at its own time: {first}"
    );
    assert_eq!(world.looks_within(TimeDelta::zero()).await, 0);
    world.restarts().await;
    assert_eq!(world.looks().await, 0, "a restart is no reason to look");
    let more = world.looks_within(DAY + TimeDelta::hours(2)).await;
    assert!((5..=10).contains(&more), "{more}");
}

#[tokio::test]
async fn nobody_looks_where_key_sync_stands_still_or_no_grant_works() {
    let (world, github, _) = settled().await;
    removes_all(&github, "ada");
    world.switch(&github, "pause").await;
    world.sweeps(&github).await;
    let lists = github.calls("GET /user/keys");
    world.looks_within(DAY * 2).await;
    assert_eq!(github.calls("GET /user/keys"), lists);
    assert_eq!(world.happened("KeyDriftFound").await, 0);
    world.switch(&github, "resume").await;
    world.looks().await;
    assert_eq!(world.happened("KeyDriftFound").await, 1);
    github.revoke_grant("ada", &github.app.client_id);
    world.sweeps(&github).await;
    assert_eq!(world.happened("GrantLost").await, 1);
    let lists = github.calls("GET /user/keys");
    world.looks_within(DAY * 3).await;
    assert_eq!(github.calls("GET /user/keys"), lists);
}

#[tokio::test]
async fn a_provider_that_is_down_or_asks_for_quiet_is_left_alone() {
    let world = World::new().await;
    let github = world.site("github").await;
    for number in 0..4 {
        world.link(&format!("dev{number}"), &github).await;
    }
    world.settles().await;
    let calls = github.calls("GET /user/keys");
    github.goes_down();
    world.sweeps(&github).await;
    assert_eq!(
        github.calls("GET /user/keys"),
        calls + 1,
        "one is enough to know"
    );
    assert_eq!(
        world.happened("KeyDriftFound").await,
        0,
        "an outage is no drift"
    );
    github.comes_back();
    world.looks_within(TimeDelta::minutes(16)).await;
    assert_eq!(github.calls("GET /user/keys"), calls + 5);
}

#[tokio::test]
async fn neither_an_answer_that_failed_nor_a_rotation_under_way_is_drift() {
    let (world, github, account) = settled().await;
    github.fail_with(Fault::BadGateway.times(1).on("GET /user/keys"));
    world.sweeps(&github).await;
    assert_eq!(world.happened("KeyDriftFound").await, 0);
    world.rotate("ada", account).await.is(202);
    world.looks_within(TimeDelta::minutes(20)).await;
    assert_eq!(
        world.happened("KeyDriftFound").await,
        0,
        "what is on its way is not judged"
    );
    world.settles().await;
    world.sweeps(&github).await;
    assert_eq!(world.happened("KeyDriftFound").await, 0);
}

#[tokio::test]
async fn a_page_more_than_one_has_no_tag_that_would_stand_for_all() {
    let (world, github, _) = settled().await;
    for number in 0..100 {
        let line = format!("ssh-ed25519 {}", blob(number));
        github.paste_key("ada", "one of many", &line).unwrap();
    }
    for _ in 0..2 {
        world.sweeps(&github).await;
    }
    let journal = github.journal();
    let is_304 = |entry: &forge::JournalEntry| entry.answered == Some(304);
    assert!(!journal.iter().any(is_304));
    assert_eq!(world.happened("KeyDriftFound").await, 0);
}

/// Returns the base64 of an Ed25519 key that nobody has the other half of.
fn blob(number: u8) -> String {
    use base64::Engine as _;
    let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    blob.extend([number; 32]);
    base64::engine::general_purpose::STANDARD.encode(blob)
}

#[tokio::test]
async fn an_operator_asks_for_one_kind_of_drift_and_not_with_a_status() {
    let (world, github, _) = settled().await;
    removes_all(&github, "ada");
    world.sweeps(&github).await;
    let operator = world.service.operator().await;
    for (filter, count) in [
        ("drift=missing", 1),
        ("drift=missing&provider=github&user=ada", 1),
        ("drift=missing&user=bob", 0),
        ("drift=missing&provider=elsewhere", 0),
        ("drift=expired", 0),
        ("drift=foreign", 0),
    ] {
        let found = operator
            .sees(&format!("/api/v1/sync?{filter}"))
            .await
            .is(200);
        assert_eq!(
            found["placements"].as_array().unwrap().len(),
            count,
            "{filter}"
        );
    }
    let refused = operator.get("/api/v1/sync?drift=lost").await;
    assert_eq!(refused.rejected(), ["drift"]);
    let refused = operator.get("/api/v1/sync?drift=any&status=parked").await;
    assert_eq!(refused.rejected(), ["drift"]);
    let nowhere = operator
        .post("/api/v1/providers/nowhere/sweep", json!({}))
        .await;
    nowhere.is_problem(404, "provider-not-found");
}

#[tokio::test]
async fn an_enterprise_server_without_limits_is_swept_too() {
    let world = World::new().await;
    let clock = world.service.clock.clone();
    let options = GitHubOptions::enterprise().with_clock(Arc::new(move || clock.now()));
    let ghes = world.site_with("ghes", options).await;
    world.link("ada", &ghes).await;
    world.settles().await;
    removes_all(&ghes, "ada");
    world.sweeps(&ghes).await;
    assert_eq!(world.happened("KeyDriftFound").await, 1);
}
