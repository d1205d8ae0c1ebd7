//! A replaced key stays for a while where its successor is.

use chrono::TimeDelta;
use serde_json::json;

use super::world::{Site, World};

const HOURS: fn(i64) -> TimeDelta = TimeDelta::hours;

/// Ada's key is in place, and a replaced one stays for a day.
async fn in_place() -> (World, Site, domain::AccountId) {
    let world = World::with_grace().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    (world, github, account)
}

#[tokio::test]
async fn the_old_key_goes_a_day_after_the_new_one_came() {
    let (world, github, account) = in_place().await;
    let old = github.lines("ada");
    let made = world.rotate("ada", account).await.is(202);
    world.settles().await;
    let new = made["public_key"].as_str().unwrap().to_owned();
    let both = [old[0].clone(), new.clone()];
    assert_eq!(github.lines("ada"), both);
    world.settles_within(HOURS(23)).await;
    assert_eq!(github.lines("ada"), both, "an hour is left");
    assert_eq!(world.keys("ada").await.len(), 2);
    world.settles_within(HOURS(2)).await;
    assert_eq!(github.lines("ada"), [new]);
    assert_eq!(world.happened("KeyRetired").await, 1);
    assert_eq!(world.keys("ada").await.len(), 1);
}

#[tokio::test]
async fn nobody_looks_again_before_the_grace_ends() {
    let (world, _github, account) = in_place().await;
    let before = world.service.app.now();
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    let round = world.round().await;
    assert!(!round.moved);
    let next = round.next_at.unwrap() - before;
    assert!(
        next >= HOURS(24) && next < HOURS(25),
        "it wakes when the grace ends: {next}"
    );
}

#[tokio::test]
async fn the_day_begins_when_the_new_key_is_there_and_not_when_it_was_asked_for() {
    let (world, github, account) = in_place().await;
    let old = github.lines("ada");
    github.goes_down();
    world.rotate("ada", account).await.is(202);
    world.settles_within(TimeDelta::minutes(10)).await;
    assert_eq!(github.lines("ada"), old);
    github.comes_back();
    world.settles_within(HOURS(24)).await;
    assert_eq!(github.lines("ada").len(), 2, "a day after it was asked for");
    world.settles_within(HOURS(1)).await;
    assert_eq!(github.lines("ada").len(), 1);
}

#[tokio::test]
async fn a_restart_finds_the_grace_again() {
    let (world, github, account) = in_place().await;
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    world.restarts().await;
    world.settles_within(HOURS(23)).await;
    assert_eq!(github.lines("ada").len(), 2);
    world.restarts().await;
    world.settles_within(HOURS(2)).await;
    assert_eq!(github.lines("ada").len(), 1);
}

#[tokio::test]
async fn a_grace_that_ended_while_nobody_was_there_ends_at_the_start() {
    let (world, github, account) = in_place().await;
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    world.passes(HOURS(100));
    world.restarts().await;
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 1);
}

#[tokio::test]
async fn a_compromised_key_has_no_grace() {
    let (world, github, account) = in_place().await;
    let body = json!({ "compromised": true });
    let made = world.rotate_with("ada", account, body).await.is(202);
    world.settles().await;
    assert_eq!(github.writes(), "+-+");
    assert_eq!(github.lines("ada"), [made["public_key"].as_str().unwrap()]);
}

#[tokio::test]
async fn a_key_turns_out_compromised_amid_its_grace() {
    let (world, github, account) = in_place().await;
    let first = github.lines("ada");
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    let body = json!({ "compromised": true });
    let made = world.rotate_with("ada", account, body).await.is(202);
    world.settles().await;
    let last = made["public_key"].as_str().unwrap().to_owned();
    assert_eq!(
        github.lines("ada"),
        [first[0].clone(), last],
        "the one before it was not said to be compromised, and stays for its day"
    );
    assert_eq!(github.writes(), "++-+");
}

#[tokio::test]
async fn a_rotation_amid_a_grace_supersedes_the_one_before_it() {
    let (world, github, account) = in_place().await;
    let first = github.lines("ada");
    world.rotate("ada", account).await.is(202);
    world.settles_within(HOURS(10)).await;
    let made = world.rotate("ada", account).await.is(202);
    world.settles().await;
    let last = made["public_key"].as_str().unwrap().to_owned();
    assert_eq!(
        github.lines("ada"),
        [first[0].clone(), last.clone()],
        "the middle key goes at once: never three for long"
    );
    assert_eq!(github.writes(), "+++-");
    world.settles_within(HOURS(15)).await;
    assert_eq!(github.lines("ada"), [last], "the first had its day");
    assert_eq!(world.happened("KeyRetired").await, 2);
}

#[tokio::test]
async fn a_key_that_never_got_there_is_superseded_without_a_trace() {
    let (world, github, account) = in_place().await;
    let first = github.lines("ada");
    let refused = world.rotate("ada", account).await.is(202);
    github
        .add_deploy_key(refused["public_key"].as_str().unwrap())
        .unwrap();
    world.settles().await;
    let made = world.rotate("ada", account).await.is(202);
    world.settles().await;
    let last = made["public_key"].as_str().unwrap().to_owned();
    assert_eq!(github.lines("ada"), [first[0].clone(), last.clone()]);
    assert_eq!(world.keys("ada").await.len(), 2);
    world.settles_within(HOURS(25)).await;
    assert_eq!(github.lines("ada"), [last]);
}

#[tokio::test]
async fn an_admin_who_shortens_the_grace_ends_those_that_are_over_by_then() {
    let (world, github, account) = in_place().await;
    world.rotate("ada", account).await.is(202);
    world.settles_within(HOURS(5)).await;
    world.keys_stay_for(6).await;
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 2);
    world.settles_within(HOURS(2)).await;
    assert_eq!(github.lines("ada").len(), 1);
}

#[tokio::test]
async fn an_unlinking_amid_a_grace_leaves_no_key() {
    let (world, github, account) = in_place().await;
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    world.unlink("ada", account).await;
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 0);
    assert_eq!(world.happened("AccountUnlinked").await, 1);
}

#[tokio::test]
async fn a_grace_that_ends_while_the_grant_is_lost_ends_with_the_next_link() {
    let (world, github, account) = in_place().await;
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    github.revoke_grant("ada", &github.app.client_id);
    world.settles_within(HOURS(30)).await;
    assert_eq!(world.happened("KeyRetired").await, 0);
    world.link("ada", &github).await;
    world.settles_within(HOURS(1)).await;
    assert_eq!(world.happened("KeyRetired").await, 1);
}

/// Asks for a new key and has it vanish: the person removes it, or the provider never kept what
/// it said it had.
async fn with_a_lost_successor(world: &World, github: &Site, account: domain::AccountId) -> String {
    let before = github.calls("POST /user/keys");
    let made = world.rotate("ada", account).await.is(202);
    // The token has just written.
    world.passes(TimeDelta::seconds(2));
    while github.calls("POST /user/keys") == before {
        assert!(world.round().await.moved);
    }
    let new = made["public_key"].as_str().unwrap().to_owned();
    let mut there = github.keys_of("ada").into_iter();
    let there = there.rfind(|key| key.key == new).unwrap();
    assert!(github.remove_key("ada", there.id));
    new
}

#[tokio::test]
async fn a_key_stays_where_the_person_removed_its_successor_until_that_is_put_back() {
    let (world, github, account) = in_place().await;
    let old = github.lines("ada");
    let new = with_a_lost_successor(&world, &github, account).await;
    world.settles_within(HOURS(30)).await;
    assert_eq!(github.lines("ada"), old, "nobody is locked out");
    assert_eq!(github.writes(), "++");
    let found = &world.drift().await["placements"][0];
    assert_eq!(found["drift"]["what"], "missing");
    assert_eq!(found["status"], "published");
    let pending = world.pending().await;
    assert_eq!(pending[0]["failure"]["code"], "key_missing_at_provider");
    let detail = pending[0]["failure"]["detail"].as_str().unwrap();
    assert!(detail.contains("takes its place"), "{detail}");
    let key = world.current_key("ada", account).await;
    let key = key["key"].as_str().unwrap();
    let path = format!("/api/v1/users/me/accounts/{account}/keys/{key}/restoration");
    let ada = world.service.user("ada").await;
    ada.post(&path, json!({})).await.is(202);
    world.settles().await;
    assert_eq!(github.lines("ada"), [new]);
    assert_eq!(world.happened("KeyRetired").await, 1);
    assert_eq!(world.pending().await.len(), 0);
}

#[tokio::test]
async fn a_replay_does_not_wait_for_a_person_who_removed_a_successor() {
    let (world, github, account) = in_place().await;
    let old = github.lines("ada");
    with_a_lost_successor(&world, &github, account).await;
    world.settles_within(HOURS(30)).await;
    let operator = world.service.operator().await;
    world.service.catches_up().await;
    let scope = json!({ "provider": "github", "include": "unfinished", "reason": "to be sure" });
    let begun = operator.post("/api/v1/replays", scope).await;
    let path = begun.header("location").to_owned();
    begun.is(202);
    // A list may lag behind.
    world.settles_within(TimeDelta::minutes(20)).await;
    let replay = world.service.operator().await.sees(&path).await.is(200);
    assert_eq!(
        (&replay["status"], &replay["open"]),
        (&json!("running"), &json!(1))
    );
    world.settles_within(HOURS(1)).await;
    let replay = world.service.operator().await.sees(&path).await.is(200);
    assert_eq!(
        (&replay["status"], &replay["parked"]),
        (&json!("completed"), &json!(1))
    );
    assert_eq!(github.lines("ada"), old);
}

#[tokio::test]
async fn a_key_that_is_known_to_be_missing_takes_nobodys_place() {
    let (world, github, account) = in_place().await;
    let old = github.lines("ada");
    with_a_lost_successor(&world, &github, account).await;
    world.sweeps(&github).await;
    assert_eq!(world.happened("KeyDriftFound").await, 1);
    world.settles_within(HOURS(50)).await;
    assert_eq!(github.lines("ada"), old);
    assert_eq!(world.happened("KeyDriftFound").await, 1, "once is enough");
}

#[tokio::test]
async fn an_answer_that_a_key_was_added_is_not_believed_without_a_list() {
    let (world, github, account) = in_place().await;
    world.keys_stay_for(0).await;
    let old = github.lines("ada");
    with_a_lost_successor(&world, &github, account).await;
    world.settles_within(HOURS(3)).await;
    assert_eq!(github.lines("ada"), old);
    assert_eq!(world.happened("KeyPublished").await, 2);
    // Whoever unlinks wants no key there.
    world.unlink("ada", account).await;
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 0);
    assert_eq!(world.happened("AccountUnlinked").await, 1);
}

#[tokio::test]
async fn a_compromised_key_goes_although_its_successor_is_not_there() {
    let (world, github, account) = in_place().await;
    github.fail_with(forge::Fault::ServerError.on("POST /user/keys"));
    let body = json!({ "compromised": true });
    world.rotate_with("ada", account, body).await.is(202);
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 0);
    assert_eq!(github.writes(), "+-");
}
