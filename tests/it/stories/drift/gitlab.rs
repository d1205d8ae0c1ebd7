//! Keys that are there and of no use any more.

use std::sync::Arc;

use domain::AccountId;
use forge::{GitLab, GitLabOptions};
use lanyard::clock::Clock;
use serde_json::json;

use super::{DAY, restore};
use crate::stories::world::World;
use crate::support::app::PUBLIC_URL;

/// Ada's key is at a GitLab.
pub(super) async fn at_gitlab() -> (World, GitLab, AccountId) {
    let world = World::new().await;
    let clock = world.service.clock.clone();
    let options = GitLabOptions::below("/gitlab").with_clock(Arc::new(move || clock.now()));
    let gitlab = GitLab::start(options).await.unwrap();
    let callback = format!("{PUBLIC_URL}/oauth/callback/gitlab");
    let app = gitlab.register_app("Lanyard", &callback, "api");
    let body = json!({
        "provider": "gitlab", "kind": "gitlab", "name": "GitLab", "base_url": gitlab.base_url(),
        "client_id": app.client_id, "client_secret": app.client_secret,
    });
    let admin = world.service.admin().await;
    admin.post("/api/v1/providers", body).await.is(201);
    gitlab.add_user("ada");
    let ada = world.service.user("ada").await;
    let body = json!({ "provider": "gitlab" });
    let begun = ada.post("/api/v1/users/me/accounts", body).await.is(201);
    let start = begun["start_url"].as_str().unwrap();
    let browser = world.service.anyone();
    let sent = browser.get(start.strip_prefix(PUBLIC_URL).unwrap()).await;
    let cookie = sent.header("set-cookie").split(';').next().unwrap();
    let back = gitlab
        .approve(sent.header("location"), "ada")
        .await
        .unwrap();
    let back = &back[url::Position::BeforePath..];
    browser.send("GET", back, None, &[("cookie", cookie)]).await;
    world.settles().await;
    let account = world.accounts("ada").await[0]["account"].clone();
    (world, gitlab, account.as_str().unwrap().parse().unwrap())
}

async fn sweeps_gitlab(world: &World) {
    let operator = world.service.operator().await;
    let sweep = "/api/v1/providers/gitlab/sweep";
    let swept = operator.post(sweep, json!({})).await.is(202);
    assert_eq!(swept, json!({ "accounts": 1 }));
    world.looks().await;
}

#[tokio::test]
async fn a_key_that_its_provider_has_ended_is_reported() {
    let (world, gitlab, account) = at_gitlab().await;
    let key = gitlab.keys_of("ada")[0].clone();
    let tomorrow = world.service.clock.now() + DAY;
    gitlab.ends_key("ada", key.id, tomorrow);
    sweeps_gitlab(&world).await;
    assert_eq!(world.drift().await["placements"], json!([]), "not yet");
    world.passes(DAY);
    sweeps_gitlab(&world).await;
    let found = world.drift().await;
    assert_eq!(found["placements"][0]["drift"]["code"], "key_expired");
    let answer = restore(&world, account).await;
    answer.is_problem(409, "nothing-to-restore");
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(world.drift().await["placements"], json!([]));
    assert_eq!(world.happened("KeyDriftSettled").await, 1);
}

/// What of ada's key is not as it should be, if anything is.
async fn amiss(world: &World) -> serde_json::Value {
    world.drift().await["placements"][0]["drift"]["what"].clone()
}

async fn restores_by_policy(world: &World) {
    let admin = world.service.admin().await;
    let at = "/api/v1/providers/gitlab";
    let body = json!({ "on_missing": "restore" });
    admin.patch(at, body).await.is(200);
}

#[tokio::test]
async fn a_key_that_only_signs_is_of_the_wrong_type() {
    let (world, gitlab, _) = at_gitlab().await;
    let key = gitlab.keys_of("ada")[0].clone();
    gitlab.limit_key("ada", key.id, "signing");
    sweeps_gitlab(&world).await;
    assert_eq!(amiss(&world).await, "wrong_type");
    world.settles().await;
    assert_eq!(gitlab.keys_of("ada")[0].id, key.id, "nothing by itself");
    gitlab.limit_key("ada", key.id, "auth");
    sweeps_gitlab(&world).await;
    assert_eq!(world.drift().await["placements"], json!([]));
}

#[tokio::test]
async fn a_key_of_the_wrong_type_is_put_there_anew_when_its_person_asks() {
    let (world, gitlab, account) = at_gitlab().await;
    let key = gitlab.keys_of("ada")[0].clone();
    gitlab.limit_key("ada", key.id, "signing");
    sweeps_gitlab(&world).await;
    restore(&world, account).await.is(202);
    world.settles().await;
    let after = gitlab.keys_of("ada");
    assert_eq!(after.len(), 1);
    assert_ne!(after[0].id, key.id);
    assert_ne!(after[0].usage, "signing");
    assert_eq!(world.drift().await["placements"], json!([]));
}

#[tokio::test]
async fn the_policy_puts_a_key_of_the_wrong_type_right_once() {
    let (world, gitlab, _) = at_gitlab().await;
    restores_by_policy(&world).await;
    for (time, put_right) in [(0, true), (1, false)] {
        let key = gitlab.keys_of("ada")[0].clone();
        gitlab.limit_key("ada", key.id, "signing");
        sweeps_gitlab(&world).await;
        world.settles().await;
        let is_new = gitlab.keys_of("ada")[0].id != key.id;
        assert_eq!(is_new, put_right, "time {time}");
    }
}

#[tokio::test]
async fn a_key_that_is_there_twice_is_told_and_put_right_by_policy() {
    let (world, gitlab, _) = at_gitlab().await;
    let key = gitlab.keys_of("ada")[0].clone();
    let twin = gitlab.doubles_key("ada", key.id);
    sweeps_gitlab(&world).await;
    assert_eq!(amiss(&world).await, "duplicate");
    world.settles().await;
    assert_eq!(gitlab.keys_of("ada").len(), 2, "nothing by itself");
    restores_by_policy(&world).await;
    sweeps_gitlab(&world).await;
    world.settles().await;
    let left: Vec<_> = gitlab.keys_of("ada").iter().map(|key| key.id).collect();
    assert_eq!(left, [key.id], "the one on record stays, and {twin} went");
    sweeps_gitlab(&world).await;
    assert_eq!(world.drift().await["placements"], json!([]));
}

#[tokio::test]
async fn of_a_key_that_is_there_twice_nothing_of_ours_stays() {
    let (world, gitlab, account) = at_gitlab().await;
    let key = gitlab.keys_of("ada")[0].clone();
    gitlab.doubles_key("ada", key.id);
    world.unlink("ada", account).await;
    world.settles().await;
    assert_eq!(gitlab.keys_of("ada").len(), 0);
    assert_eq!(world.happened("AccountUnlinked").await, 1);
}
