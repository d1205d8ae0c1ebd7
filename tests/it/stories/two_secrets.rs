//! The app's secret is changed while people work: both are good until an admin says which.

use chrono::TimeDelta;
use domain::provider::{Provider, ProviderCommand};
use domain::{AccountId, SecretRef};
use forge::TokenLife;
use lanyard::app::Caller;
use lanyard::vault::VaultError;
use serde_json::{Value, json};

use super::world::{Site, World};

const SECRETS: &str = "/api/v1/providers/github/secrets";

async fn linked() -> (World, Site, AccountId) {
    let world = World::new().await;
    let github = world.site("github").await;
    github.tokens_last(&github.app.client_id, TokenLife::EightHours);
    let account = world.link("ada", &github).await;
    world.settles().await;
    (world, github, account)
}

async fn stage(world: &World, secret: &str) -> Value {
    let admin = world.service.admin().await;
    let body = json!({ "client_secret": secret });
    admin.post(SECRETS, body).await.is(201)
}

async fn confirm(world: &World) -> Value {
    let admin = world.service.admin().await;
    let at = format!("{SECRETS}/confirm");
    admin.post(&at, json!({})).await.is(200)
}

/// Has ada's token refreshed, and her key replaced.
async fn works(world: &World, github: &Site, account: AccountId) {
    world.passes(TimeDelta::hours(9));
    let before = github.lines("ada");
    world.rotate("ada", account).await.is(202);
    world.settles_within(TimeDelta::minutes(2)).await;
    let after = github.lines("ada");
    assert_eq!(after.len(), 1);
    assert_ne!(after, before, "the key was not replaced");
    assert_eq!(world.happened("ProviderAppRefused").await, 0);
}

/// The first secret and the second, as the log has them.
async fn secrets(world: &World) -> (SecretRef, Option<SecretRef>) {
    let dispatch = &world.service.app.dispatch;
    let (state, _) = dispatch.load::<Provider>(&"github").await.unwrap();
    let now = state.registration().unwrap();
    let staged = now.staged.as_ref().map(|staged| staged.secret);
    (now.client_secret.unwrap(), staged)
}

async fn is_destroyed(world: &World, secret: SecretRef) -> bool {
    let opened = world.service.app.vault.open_secret(secret).await;
    matches!(opened, Err(VaultError::Destroyed))
}

#[tokio::test]
async fn nobody_notices_that_the_secret_is_changed() {
    let (world, github, account) = linked().await;
    let second = github.add_secret(&github.app.client_id);
    assert_eq!(stage(&world, &second).await["staged"], true);
    works(&world, &github, account).await;
    // The provider forgets the first one before anybody here confirms.
    let third = github.change_secret(&github.app.client_id);
    let admin = world.service.admin().await;
    let dropped = admin.delete(&format!("{SECRETS}/staged")).await.is(200);
    assert_eq!(dropped["staged"], false);
    stage(&world, &third).await;
    works(&world, &github, account).await;
    world.link("bob", &github).await;
    let (old, new) = secrets(&world).await;
    assert_eq!(confirm(&world).await["staged"], false);
    assert!(is_destroyed(&world, old).await);
    assert_eq!(secrets(&world).await, (new.unwrap(), None));
    works(&world, &github, account).await;
}

#[tokio::test]
async fn a_second_secret_that_is_wrong_harms_nobody() {
    let (world, github, account) = linked().await;
    stage(&world, "not-a-secret-of-this-app").await;
    works(&world, &github, account).await;
    world.link("bob", &github).await;
    let (first, second) = secrets(&world).await;
    let admin = world.service.admin().await;
    admin.delete(&format!("{SECRETS}/staged")).await.is(200);
    assert!(is_destroyed(&world, second.unwrap()).await);
    assert!(!is_destroyed(&world, first).await);
    works(&world, &github, account).await;
}

#[tokio::test]
async fn an_unlinking_revokes_with_whichever_secret_is_right() {
    let (world, github, account) = linked().await;
    let right = github.change_secret(&github.app.client_id);
    stage(&world, &right).await;
    world.unlink("ada", account).await;
    world.settles().await;
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    assert_eq!(github.live_tokens_of("ada"), 0);
}

#[tokio::test]
async fn a_crash_after_the_event_leaves_no_spent_secret() {
    for (command, spent_is_first) in [
        (ProviderCommand::ConfirmSecret, true),
        (ProviderCommand::DropSecret, false),
    ] {
        let (world, github, _) = linked().await;
        stage(&world, &github.add_secret(&github.app.client_id)).await;
        let (first, second) = secrets(&world).await;
        let (spent, kept) = if spent_is_first {
            (first, second.unwrap())
        } else {
            (second.unwrap(), first)
        };
        let app = &world.service.app;
        let admin = Caller::system("admin", app.new_id(), None);
        let done = app.dispatch.execute::<Provider>(&"github", command, &admin);
        done.await.unwrap();
        assert!(!is_destroyed(&world, spent).await);
        world.restarts().await;
        world.settles().await;
        assert!(is_destroyed(&world, spent).await);
        assert!(!is_destroyed(&world, kept).await);
    }
}

#[tokio::test]
async fn a_browser_that_is_on_its_way_comes_back_to_a_second_secret() {
    let (world, github, _) = linked().await;
    github.add_user("bob");
    let bob = world.service.user("bob").await;
    let body = json!({ "provider": "github" });
    let begun = bob.post("/api/v1/users/me/accounts", body).await.is(201);
    let right = github.change_secret(&github.app.client_id);
    stage(&world, &right).await;
    let start = begun["start_url"].as_str().unwrap();
    let start = &start.parse::<url::Url>().unwrap()[url::Position::BeforePath..].to_owned();
    let browser = world.service.anyone();
    let sent = browser.get(start).await;
    let cookie = sent.header("set-cookie").split(';').next().unwrap();
    confirm(&world).await;
    let back = github
        .approve(sent.header("location"), "bob")
        .await
        .unwrap();
    let back = &back[url::Position::BeforePath..];
    let done = browser.send("GET", back, None, &[("cookie", cookie)]).await;
    assert_eq!(done.header("location"), "/oauth/linked");
}
