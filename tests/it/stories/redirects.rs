//! The redirect URL changes after an app was registered with the old one.

use serde_json::{Value, json};

use super::world::{Site, World};
use crate::support::app::PUBLIC_URL;

/// Has the provider tested; returns what was found of the redirect URL.
async fn tested(world: &World) -> Value {
    let admin = world.service.admin().await;
    let at = "/api/v1/providers/github/test";
    let found = admin.post(at, json!({})).await.is(200);
    let mut findings = found["findings"].as_array().unwrap().iter();
    let found = findings.find(|finding| finding["check"] == "redirect_url");
    found.unwrap().clone()
}

/// What everybody sees of the redirect URL that is no longer the right one.
async fn outdated(world: &World, site: &Site) -> Value {
    world.shown(site).await["outdated_redirect_url"].clone()
}

#[tokio::test]
async fn an_admin_is_told_to_paste_the_new_redirect_url_until_it_works() {
    let world = World::new().await;
    let github = world.site("github").await;
    let old = format!("{PUBLIC_URL}/oauth/callback/github");
    let new = format!("{PUBLIC_URL}/oauth/callback");
    // What was registered is known from the first test that goes well.
    assert_eq!(tested(&world).await["ok"], true);
    tested(&world).await;
    assert_eq!(world.happened("ProviderRedirectNoted").await, 1);
    assert_eq!(outdated(&world, &github).await, Value::Null);
    world.change(&github, json!({ "callback": "shared" })).await;
    assert_eq!(outdated(&world, &github).await, old);
    let found = tested(&world).await;
    assert_eq!(found["ok"], false);
    assert!(found["found"].as_str().unwrap().contains(&old), "{found}");
    assert!(found["fix"].as_str().unwrap().contains(&new), "{found}");
    // A test alone does not say that it was pasted.
    assert_eq!(outdated(&world, &github).await, old);
    github.add_callback(&github.app.client_id, &new);
    world.link("ada", &github).await;
    assert_eq!(outdated(&world, &github).await, Value::Null);
    assert_eq!(tested(&world).await["ok"], true);
    assert_eq!(world.happened("ProviderRedirectNoted").await, 2);
}

#[tokio::test]
async fn who_enters_a_new_secret_has_pasted_the_redirect_url_too() {
    let world = World::new().await;
    let github = world.site("github").await;
    tested(&world).await;
    world.change(&github, json!({ "callback": "shared" })).await;
    assert_ne!(outdated(&world, &github).await, Value::Null);
    let secret = github.change_secret(&github.app.client_id);
    let admin = world.service.admin().await;
    let body = json!({ "client_secret": secret });
    let changed = admin.patch("/api/v1/providers/github", body).await;
    let revision = changed.header("etag").to_owned();
    let changed = changed.is(200);
    assert_eq!(changed["outdated_redirect_url"], Value::Null);
    assert_eq!(revision, format!("\"{}\"", changed["revision"]));
}
