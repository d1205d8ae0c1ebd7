//! What people live through with a GitHub App: tokens that have permissions in the place of
//! scopes, and last for eight hours.

use std::sync::Arc;

use chrono::TimeDelta;
use forge::{GitHub, GitHubOptions};
use lanyard::clock::Clock;
use serde_json::json;

use super::world::{Site, World};
use crate::support::app::PUBLIC_URL;

const TOKENS: &str = "DELETE /applications/{client_id}/token";

/// A practice GitHub that an admin has registered with a GitHub App.
pub(super) async fn github_app(world: &World) -> Site {
    let clock = world.service.clock.clone();
    let options = GitHubOptions::dot_com().with_clock(Arc::new(move || clock.now()));
    let github = GitHub::start(options).await.unwrap();
    let callback = format!("{PUBLIC_URL}/oauth/callback/github");
    let app = github.register_github_app("Lanyard", &callback);
    let body = json!({
        "provider": "github", "kind": "github", "name": "GitHub", "base_url": github.base_url(),
        "client_id": app.client_id, "client_secret": app.client_secret,
    });
    let admin = world.service.admin().await;
    admin.post("/api/v1/providers", body).await.is(201);
    Site {
        slug: "github",
        github,
        app,
    }
}

#[tokio::test]
async fn a_key_is_published_rotated_with_a_refreshed_token_and_taken_away() {
    let world = World::new().await;
    let github = github_app(&world).await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 1);
    let seen = &world.accounts("ada").await[0];
    assert_eq!(seen["scopes"], json!([]));
    assert_eq!(seen["missing_scopes"], json!([]));
    world.passes(TimeDelta::hours(9));
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.writes(), "++-");
    assert_eq!(world.happened("GrantRenewed").await, 1);
    assert_eq!(github.calls(GitHub::TOKEN_ROUTE), 2);
    world.passes(TimeDelta::hours(9));
    world.unlink("ada", account).await;
    world.settles().await;
    assert!(github.lines("ada").is_empty());
    assert_eq!(github.live_tokens_of("ada"), 0);
    assert_eq!(github.calls(TOKENS), 1);
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    assert_eq!(world.happened("GrantLost").await, 0);
}

#[tokio::test]
async fn an_app_without_the_permission_is_named_and_mended_by_a_new_link() {
    let world = World::new().await;
    let github = github_app(&world).await;
    github.permits(&github.app.client_id, false, false);
    world.link("ada", &github).await;
    world.settles().await;
    let pending = world.pending().await;
    assert_eq!(pending[0]["status"], "parked");
    assert_eq!(pending[0]["failure"]["code"], "scope_missing");
    let words = pending[0]["failure"]["detail"].as_str().unwrap();
    assert!(words.contains("gives the GitHub App"), "{words}");
    assert_eq!(world.happened("GrantLost").await, 0);
    github.permits(&github.app.client_id, true, false);
    world.link("ada", &github).await;
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 1);
    assert!(world.pending().await.is_empty());
}

#[tokio::test]
async fn keys_are_put_for_signing_once_the_app_may() {
    let world = World::new().await;
    let github = github_app(&world).await;
    world.change(&github, json!({ "signing": true })).await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 1);
    let pending = world.pending().await;
    assert_eq!(pending[0]["failure"]["code"], "scope_missing");
    github.permits(&github.app.client_id, true, true);
    world.link("ada", &github).await;
    world.settles().await;
    assert_eq!(github.signing_keys_of("ada").len(), 1);
    assert!(world.pending().await.is_empty());
    world.unlink("ada", account).await;
    world.settles().await;
    assert!(github.signing_keys_of("ada").is_empty());
}
