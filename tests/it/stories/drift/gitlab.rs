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

#[tokio::test]
async fn a_key_that_only_signs_is_of_no_use() {
    let (world, gitlab, _) = at_gitlab().await;
    let key = gitlab.keys_of("ada")[0].clone();
    gitlab.limit_key("ada", key.id, "signing");
    sweeps_gitlab(&world).await;
    let found = world.drift().await;
    assert_eq!(found["placements"][0]["drift"]["code"], "key_not_usable");
    gitlab.limit_key("ada", key.id, "auth");
    sweeps_gitlab(&world).await;
    assert_eq!(world.drift().await["placements"], json!([]));
}
