//! What a product tells us by itself: it is found at once, and never believed unseen.

use std::fmt::Write as _;

use aws_lc_rs::hmac;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::gitlab::at_gitlab;
use super::{removes_all, settled};
use crate::stories::github_app::github_app;
use crate::stories::world::World;
use crate::support::actors::Answer;
use crate::support::app::PUBLIC_URL;

const GITLAB: &str = "/hooks/gitlab/gitlab";
const GITHUB: &str = "/hooks/github/github";

/// An admin has a secret made; returns it.
async fn secret(world: &World, provider: &str) -> String {
    let admin = world.service.admin().await;
    let path = format!("/api/v1/providers/{provider}/hook-secret");
    let made = admin.send("PUT", &path, None, &[]).await.is(200);
    let url = format!("{PUBLIC_URL}/hooks/{provider}/{provider}");
    assert_eq!(made["url"], url);
    made["secret"].as_str().unwrap().to_owned()
}

async fn from_gitlab(world: &World, token: Option<&str>, body: &str) -> Answer {
    let mut headers = vec![("x-gitlab-event", "System Hook")];
    headers.extend(token.map(|token| ("x-gitlab-token", token)));
    let sender = world.service.anyone();
    sender
        .send_text("POST", GITLAB, body.to_owned(), &headers)
        .await
}

fn signature(secret: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, body.as_bytes());
    let mut written = String::from("sha256=");
    for byte in tag.as_ref() {
        let _ = write!(written, "{byte:02x}");
    }
    written
}

async fn from_github(world: &World, signature: Option<&str>, event: &str, body: &str) -> Answer {
    let mut headers = vec![("x-github-event", event)];
    headers.extend(signature.map(|signature| ("x-hub-signature-256", signature)));
    let sender = world.service.anyone();
    sender
        .send_text("POST", GITHUB, body.to_owned(), &headers)
        .await
}

#[tokio::test]
async fn a_key_that_is_removed_at_gitlab_is_found_missing_at_once() {
    let (world, gitlab, _) = at_gitlab().await;
    let secret = secret(&world, "gitlab").await;
    let key = gitlab.keys_of("ada")[0].clone();
    let hook = gitlab.system_hook("key_destroy", "ada", &key);
    // Nothing is believed that is not seen.
    assert_eq!(from_gitlab(&world, Some(&secret), &hook).await.status, 204);
    world.looks().await;
    assert_eq!(world.happened("KeyDriftFound").await, 0);
    gitlab.remove_key("ada", key.id);
    for _ in 0..3 {
        let taken = from_gitlab(&world, Some(&secret), &hook).await;
        assert_eq!((taken.status.as_u16(), &*taken.body), (204, ""));
        world.looks().await;
    }
    assert_eq!(
        world.happened("KeyDriftFound").await,
        1,
        "a replay does no harm"
    );
}

#[tokio::test]
async fn a_key_of_ours_that_somebody_puts_somewhere_is_looked_at() {
    let (world, gitlab, account) = at_gitlab().await;
    let secret = secret(&world, "gitlab").await;
    let old = gitlab.keys_of("ada")[0].clone();
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    let back = gitlab.paste_key("ada", &old.title, &old.key).unwrap();
    let hook = gitlab.system_hook("key_create", "ada", &back);
    assert_eq!(from_gitlab(&world, Some(&secret), &hook).await.status, 204);
    world.looks().await;
    assert_eq!(world.happened("KeyDriftFound").await, 1);
    // What we put there ourselves is nothing new.
    let ours = gitlab.keys_of("ada");
    let ours = ours.iter().find(|key| key.id != back.id).unwrap();
    let hook = gitlab.system_hook("key_create", "ada", ours);
    assert_eq!(from_gitlab(&world, Some(&secret), &hook).await.status, 204);
    assert_eq!(world.looks().await, 0);
}

#[tokio::test]
async fn who_does_not_know_the_secret_is_told_nothing_and_brings_nothing_about() {
    let (world, gitlab, _) = at_gitlab().await;
    world.looks().await;
    let key = gitlab.keys_of("ada")[0].clone();
    let hook = gitlab.system_hook("key_destroy", "ada", &key);
    let none = from_gitlab(&world, Some("guess"), &hook).await;
    assert_eq!(none.status, 401, "no secret is set");
    let secret = secret(&world, "gitlab").await;
    let half = &secret[..secret.len() / 2];
    for token in [None, Some(""), Some("guess"), Some(half)] {
        let refused = from_gitlab(&world, token, &hook).await;
        assert_eq!(
            (refused.status.as_u16(), &*refused.body),
            (401, ""),
            "{token:?}"
        );
    }
    let anyone = world.service.anyone();
    let elsewhere = [("x-gitlab-token", &*secret)];
    for path in [
        "/hooks/gitlab/nowhere",
        "/hooks/gitlab/No!",
        "/hooks/github/gitlab",
    ] {
        let refused = anyone
            .send_text("POST", path, hook.clone(), &elsewhere)
            .await;
        assert_eq!(
            (refused.status.as_u16(), &*refused.body),
            (401, ""),
            "{path}"
        );
    }
    assert_eq!(world.looks().await, 0);
    // What is no hook of keys is taken and means nothing.
    for body in ["", "{", "[]", r#"{"event_name":"project_create"}"#] {
        assert_eq!(from_gitlab(&world, Some(&secret), body).await.status, 204);
    }
    assert_eq!(world.looks().await, 0);
    let long = " ".repeat(300 * 1024);
    assert_eq!(from_gitlab(&world, Some(&secret), &long).await.status, 413);
}

#[tokio::test]
async fn a_new_secret_takes_the_place_of_the_old_and_is_never_shown_again() {
    let (world, gitlab, _) = at_gitlab().await;
    let first = secret(&world, "gitlab").await;
    let second = secret(&world, "gitlab").await;
    assert_ne!(first, second);
    let key = gitlab.keys_of("ada")[0].clone();
    let hook = gitlab.system_hook("key_destroy", "ada", &key);
    assert_eq!(from_gitlab(&world, Some(&first), &hook).await.status, 401);
    assert_eq!(from_gitlab(&world, Some(&second), &hook).await.status, 204);
    let admin = world.service.admin().await;
    let shown = admin.get("/api/v1/providers/gitlab").await;
    assert!(!shown.body.contains(&second));
    assert_eq!(shown.json()["has_hook_secret"], true);
    let stored = world.events().await;
    let leaks = |event: &_| {
        let text = format!("{event:?}");
        text.contains(&first) || text.contains(&second)
    };
    assert!(!stored.iter().any(leaks));
    assert_eq!(world.happened("HookSecretSet").await, 2);
    let asked = projections::Statement::new(
        "SELECT COUNT(*) FROM vault_secrets WHERE purpose = 'hook-secret' AND box IS NOT NULL",
        [],
    );
    let row = world.service.app.database.get(asked).await.unwrap();
    assert_eq!(row.unwrap().number(0), Ok(1), "the first is destroyed");
}

#[tokio::test]
async fn a_product_without_hooks_is_given_no_secret() {
    let (world, _, _) = at_gitlab().await;
    let admin = world.service.admin().await;
    let body = json!({ "provider": "ssh", "kind": "ssh", "name": "SSH",
        "base_url": "https://git.example.com" });
    admin.post("/api/v1/providers", body).await.is(201);
    let path = "/api/v1/providers/ssh/hook-secret";
    let refused = admin.send("PUT", path, None, &[]).await;
    refused.is_problem(422, "provider-hooks-not-sent");
    let path = "/api/v1/providers/nowhere/hook-secret";
    let refused = admin.send("PUT", path, None, &[]).await;
    refused.is_problem(404, "provider-not-found");
}

#[tokio::test]
async fn a_grant_that_is_revoked_at_github_is_found_lost_at_once() {
    let world = World::new().await;
    let github = github_app(&world).await;
    world.link("ada", &github).await;
    world.settles().await;
    // A token that was given a moment ago may be refused, and nothing is wrong with the grant.
    world.passes(TimeDelta::hours(1));
    let secret = secret(&world, "github").await;
    let id = github.add_user("ada").id;
    let revoked = json!({ "action": "revoked", "sender": { "id": id, "login": "ada" } });
    let body = revoked.to_string();
    let right = signature(&secret, &body);
    let event = "github_app_authorization";
    // It is a lie, and a look tells.
    assert_eq!(
        from_github(&world, Some(&right), event, &body).await.status,
        204
    );
    world.looks().await;
    assert_eq!(world.happened("GrantLost").await, 0);
    github.revoke_grant("ada", &github.app.client_id);
    for _ in 0..2 {
        let taken = from_github(&world, Some(&right), event, &body).await;
        assert_eq!((taken.status.as_u16(), &*taken.body), (204, ""));
        world.looks().await;
    }
    assert_eq!(
        world.happened("GrantLost").await,
        1,
        "a replay does no harm"
    );
}

#[tokio::test]
async fn what_github_did_not_sign_brings_nothing_about() {
    let (world, github, _) = settled().await;
    world.looks().await;
    let secret = secret(&world, "github").await;
    removes_all(&github, "ada");
    let id = github.add_user("ada").id;
    let body = |action: &str| json!({ "action": action, "sender": { "id": id } }).to_string();
    let revoked = body("revoked");
    let (right, wrong) = (signature(&secret, &revoked), signature("guess", &revoked));
    let event = "github_app_authorization";
    for sent in [
        None,
        Some(""),
        Some("sha256="),
        Some(&*wrong),
        Some(&right[7..]),
    ] {
        let refused = from_github(&world, sent, event, &revoked).await;
        assert_eq!(
            (refused.status.as_u16(), &*refused.body),
            (401, ""),
            "{sent:?}"
        );
    }
    // Signed is the body as it was sent, to the byte.
    let changed = format!("{revoked} ");
    let refused = from_github(&world, Some(&right), event, &changed).await;
    assert_eq!(refused.status, 401);
    let stranger = json!({ "action": "revoked", "sender": { "id": 1 } }).to_string();
    for (event, body) in [
        ("ping", revoked.as_str()),
        (event, &body("created")),
        (event, &stranger),
        (event, "{}"),
        (event, "not JSON"),
    ] {
        let right = signature(&secret, body);
        assert_eq!(
            from_github(&world, Some(&right), event, body).await.status,
            204
        );
    }
    assert_eq!(world.looks().await, 0);
    assert_eq!(world.happened("KeyDriftFound").await, 0);
    let admin = world.service.admin().await;
    let shown: Value = admin.get("/api/v1/providers/github").await.is(200);
    assert!(!shown.to_string().contains(&secret));
}
