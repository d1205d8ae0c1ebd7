//! Keys that were at the provider before us.

use chrono::TimeDelta;
use domain::AccountId;
use serde_json::json;

use super::world::{Site, World};

/// Ada pasted the key that was made for her before we put it there.
async fn pasted() -> (World, Site, AccountId, String) {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    let line = makes_a_key(&world, account).await;
    github.paste_key("ada", "my own", &line).unwrap();
    world.settles().await;
    (world, github, account, line)
}

/// Lets the policy make a key, and nobody put it anywhere.
async fn makes_a_key(world: &World, account: AccountId) -> String {
    let mut hands = world.hands().await;
    while hands.decides().await.moved {}
    drop(hands);
    let key = world.current_key("ada", account).await;
    key["public_key"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_key_that_the_person_pasted_is_adopted() {
    let (world, github, account, line) = pasted().await;
    assert_eq!(github.calls("POST /user/keys"), 0);
    assert_eq!(github.lines("ada"), [line]);
    let key = world.current_key("ada", account).await;
    assert_eq!(key["placements"][0]["status"], "published");
    assert_eq!(key["placements"][0]["presence"], "adopted");
}

#[tokio::test]
async fn a_rotation_leaves_an_adopted_key() {
    let (world, github, account, line) = pasted().await;
    let made = world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.writes(), "+");
    assert_eq!(
        github.lines("ada"),
        [&line, made["public_key"].as_str().unwrap()]
    );
    assert_eq!(world.happened("KeyReleased").await, 1);
    assert_eq!(github.calls("DELETE /user/keys/{id}"), 0);
}

#[tokio::test]
async fn an_unlinking_leaves_an_adopted_key() {
    let (world, github, account, line) = pasted().await;
    world.unlink("ada", account).await;
    world.settles().await;
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    assert_eq!(github.lines("ada"), [line]);
    assert_eq!(github.calls("DELETE /user/keys/{id}"), 0);
    assert_eq!(github.live_tokens_of("ada"), 0);
}

#[tokio::test]
async fn a_replay_does_not_make_an_adopted_key_ours() {
    let (world, github, account, line) = pasted().await;
    let body = json!({ "provider": "github", "include": "all", "reason": "to be sure" });
    let operator = world.service.operator().await;
    operator.post("/api/v1/replays", body).await.is(202);
    world.settles().await;
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 2);
    assert_eq!(github.lines("ada")[0], line);
}

#[tokio::test]
async fn a_key_that_turns_out_to_be_the_persons_own_while_it_is_taken_away_stays() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    let line = makes_a_key(&world, account).await;
    github.goes_down();
    world.works().await;
    github.paste_key("ada", "my own", &line).unwrap();
    world.unlink("ada", account).await;
    github.comes_back();
    world.settles_within(TimeDelta::minutes(1)).await;
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    assert_eq!(world.happened("KeyReleased").await, 1);
    assert_eq!(github.lines("ada"), [line]);
}

#[tokio::test]
async fn a_key_that_was_given_up_is_not_tried_again_and_the_next_one_goes_there() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    let line = makes_a_key(&world, account).await;
    github.add_user("mallory");
    github.paste_key("mallory", "not hers", &line).unwrap();
    world.settles().await;
    let key = world.pending().await[0]["key"].clone();
    let body = json!({
        "account": account.to_string(), "key": key, "reason": "it belongs to somebody else",
    });
    let operator = world.service.operator().await;
    let done = operator.post("/api/v1/sync/discard", body).await.is(200);
    assert_eq!(done["discarded"], true);
    let calls = github.calls_of_ours();
    world.settles_within(TimeDelta::days(3)).await;
    operator.post("/api/v1/sync/retry", json!({})).await.is(202);
    world.settles().await;
    assert_eq!(github.calls_of_ours(), calls, "nobody is called for it");
    assert_eq!(world.pending().await.len(), 0);
    let made = world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.lines("ada"), [made["public_key"].as_str().unwrap()]);
    assert_eq!(world.keys("ada").await.len(), 1, "the other one is retired");
    assert_eq!(github.lines("mallory"), [line]);
}

#[tokio::test]
async fn a_key_that_is_on_another_account_does_not_go_on_with_what_an_outage_parked() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    let line = makes_a_key(&world, account).await;
    github.add_user("mallory");
    github.paste_key("mallory", "not hers", &line).unwrap();
    world.settles().await;
    assert_eq!(world.pending().await[0]["attempts"], 1, "once is enough");
    world.link("bob", &github).await;
    github.goes_down();
    // As many probes as a story has patience for; the clock then goes on to the next day.
    world.settles_within(TimeDelta::hours(2)).await;
    world.passes(TimeDelta::hours(22));
    world.settles_within(TimeDelta::minutes(5)).await;
    assert_eq!(world.happened("KeyPublicationParked").await, 2);
    github.comes_back();
    world.settles_within(TimeDelta::minutes(5)).await;
    assert_eq!(
        github.lines("bob").len(),
        1,
        "what the outage parked goes on"
    );
    assert_eq!(world.happened("BreakerClosed").await, 1);
    let pending = world.pending().await;
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0]["status"], "parked");
    assert_eq!(pending[0]["failure"]["code"], "key_conflict_other_account");
    let story = world.story_of(account).await;
    let asked = story
        .iter()
        .filter(|name| *name == "KeyPublicationRequested");
    assert_eq!(asked.count(), 1, "{story:?}");
}

#[tokio::test]
async fn a_key_that_is_on_another_account_is_parked_and_a_rotation_heals_it() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    let line = makes_a_key(&world, account).await;
    github.add_user("mallory");
    github.paste_key("mallory", "not hers", &line).unwrap();
    world.settles().await;
    let pending = world.pending().await;
    assert_eq!(pending[0]["status"], "parked");
    assert_eq!(pending[0]["attempts"], 1);
    let failure = &pending[0]["failure"];
    assert_eq!(failure["code"], "key_conflict_other_account");
    let remedy = failure["remedy"].as_str().unwrap();
    assert!(remedy.contains("rotate"), "{remedy}");
    let made = world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.lines("ada"), [made["public_key"].as_str().unwrap()]);
    assert_eq!(github.lines("mallory"), [line]);
    assert_eq!(world.pending().await.len(), 0);
    assert_eq!(world.keys("ada").await.len(), 1);
}
