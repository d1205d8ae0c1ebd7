//! A provider is given up: every account there is unlinked first, each step an event.

use chrono::TimeDelta;
use domain::SecretRef;
use domain::provider::Provider;
use lanyard::vault::VaultError;
use serde_json::{Value, json};

use super::world::{Site, World};

async fn leave(world: &World, site: &Site) -> Value {
    let at = format!("/api/v1/providers/{}/removal", site.slug);
    let admin = world.service.admin().await;
    admin.post(&at, json!({})).await.is(202)
}

async fn is_there(world: &World, site: &Site) -> bool {
    let at = format!("/api/v1/providers/{}", site.slug);
    let answer = world.service.admin().await.get(&at).await;
    answer.status == 200
}

async fn secret(world: &World, site: &Site) -> SecretRef {
    let dispatch = &world.service.app.dispatch;
    let (state, _) = dispatch.load::<Provider>(&site.slug).await.unwrap();
    state.registration().unwrap().client_secret.unwrap()
}

#[tokio::test]
async fn a_provider_goes_when_its_last_account_is_unlinked_whatever_happens_in_between() {
    let world = World::new().await;
    let (github, other) = (world.site("github").await, world.site("other").await);
    let people = ["ada", "bob", "cleo"];
    for who in people {
        world.link(who, &github).await;
    }
    let stays = world.link("ada", &other).await;
    world.settles().await;
    let secret = secret(&world, &github).await;
    let refused = world.service.admin().await;
    let refused = refused.delete("/api/v1/providers/github").await;
    refused.is_problem(409, "provider-accounts-linked");
    assert_eq!(leave(&world, &github).await["leaving"], true);
    leave(&world, &github).await;
    assert_eq!(world.happened("ProviderRemovalRequested").await, 1);
    // In the middle of it the provider goes away, and then we do.
    world.round().await;
    github.goes_down();
    world.settles_within(TimeDelta::minutes(3)).await;
    assert!(is_there(&world, &github).await);
    assert_eq!(world.happened("UnlinkRequested").await, 3);
    assert_eq!(world.happened("ProviderRemoved").await, 0);
    world.restarts().await;
    github.comes_back();
    world.settles_within(TimeDelta::minutes(30)).await;
    assert_eq!(world.happened("AccountUnlinked").await, 3);
    assert_eq!(world.happened("ProviderRemoved").await, 1);
    assert!(!is_there(&world, &github).await);
    for who in people {
        assert_eq!(github.lines(who).len(), 0);
        assert_eq!(github.live_tokens_of(who), 0);
    }
    let opened = world.service.app.vault.open_secret(secret).await;
    assert!(matches!(opened, Err(VaultError::Destroyed)));
    assert_eq!(other.lines("ada").len(), 1);
    assert!(world.account(stays).await.link().is_some());
    world.restarts().await;
    world.settles().await;
    assert_eq!(world.happened("ProviderRemoved").await, 1);
}

#[tokio::test]
async fn a_provider_that_is_gone_for_good_goes_by_force() {
    let world = World::new().await;
    let github = world.site("github").await;
    for who in ["ada", "bob"] {
        world.link(who, &github).await;
    }
    world.settles().await;
    github.goes_down();
    leave(&world, &github).await;
    world.settles_within(TimeDelta::minutes(3)).await;
    world.switch(&github, "pause").await;
    assert!(is_there(&world, &github).await);
    let admin = world.service.admin().await;
    let removal = "/api/v1/providers/github/removal";
    let refused = admin.post(removal, json!({ "force": true })).await;
    assert_eq!(refused.rejected(), ["reason"]);
    let calls = github.calls_of_ours();
    world.service.catches_up().await;
    let body = json!({ "force": true, "reason": "the host is gone" });
    admin.post(removal, body).await.is(202);
    world.settles().await;
    assert!(!is_there(&world, &github).await);
    assert_eq!(github.calls_of_ours(), calls);
    assert_eq!(world.happened("UnlinkForced").await, 2);
    let left = world.left("?provider=github").await;
    assert_eq!(left.len(), 4, "a key and a grant of each");
    assert_eq!(left[0]["reason"], "the host is gone");
}

#[tokio::test]
async fn a_forced_removal_goes_on_by_itself_whoever_asked_for_it() {
    let world = World::new().await;
    let github = world.site("github").await;
    for number in 1..=101 {
        world.link(&format!("dev{number}"), &github).await;
    }
    github.goes_down();
    let admin = world.service.admin().await;
    let body = json!({ "force": true, "reason": "the host is gone" });
    let removal = "/api/v1/providers/github/removal";
    let answer = admin.post(removal, body.clone()).await.is(202);
    assert_eq!(answer["forced"], true);
    // Nothing of it is done in the request; and in the middle of it we go away.
    assert_eq!(world.happened("UnlinkForced").await, 0);
    world.round().await;
    assert_eq!(world.happened("UnlinkForced").await, 100);
    world.restarts().await;
    admin.post(removal, body).await.is(202);
    world.settles().await;
    assert_eq!(world.happened("ProviderRemovalRequested").await, 1);
    assert_eq!(world.happened("UnlinkForced").await, 101);
    assert!(!is_there(&world, &github).await);
    let left = world.left("?provider=github&user=dev7").await;
    assert_eq!(left[0]["reason"], "the host is gone");
}

#[tokio::test]
async fn a_removal_is_called_off_and_who_was_asked_to_go_still_goes() {
    let world = World::new().await;
    let github = world.site("github").await;
    for who in ["ada", "bob"] {
        world.link(who, &github).await;
    }
    world.settles().await;
    let admin = world.service.admin().await;
    let removal = "/api/v1/providers/github/removal";
    // At once: nobody was asked yet.
    leave(&world, &github).await;
    assert_eq!(admin.delete(removal).await.is(200)["leaving"], false);
    world.settles().await;
    assert_eq!(world.happened("UnlinkRequested").await, 0);
    // Late: the provider is away, and both were asked.
    github.goes_down();
    leave(&world, &github).await;
    world.settles_within(TimeDelta::minutes(3)).await;
    admin.delete(removal).await.is(200);
    admin.delete(removal).await.is(200);
    assert_eq!(world.happened("ProviderRemovalCancelled").await, 2);
    github.comes_back();
    world.settles_within(TimeDelta::minutes(30)).await;
    assert_eq!(world.happened("AccountUnlinked").await, 2);
    assert!(is_there(&world, &github).await);
    world.link("cleo", &github).await;
    world.settles().await;
    assert_eq!(github.lines("cleo").len(), 1);
    let operator = world.service.operator().await;
    operator.delete(removal).await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn a_provider_without_accounts_goes_at_once() {
    let world = World::new().await;
    let github = world.site("github").await;
    leave(&world, &github).await;
    world.works().await;
    assert!(!is_there(&world, &github).await);
}

#[tokio::test]
async fn a_provider_that_leaves_takes_no_new_link_and_says_so() {
    let world = World::new().await;
    let github = world.site("github").await;
    github.add_user("bob");
    let bob = world.service.user("bob").await;
    let accounts = "/api/v1/users/me/accounts";
    let body = json!({ "provider": "github" });
    let begin = async || {
        let begun = bob.post(accounts, body.clone()).await.is(201);
        let start = begun["start_url"].as_str().unwrap();
        let start: url::Url = start.parse().unwrap();
        start[url::Position::BeforePath..].to_owned()
    };
    let (first, second) = (begin().await, begin().await);
    let browser = world.service.anyone();
    let sent = browser.get(&first).await;
    let cookie = sent.header("set-cookie").split(';').next().unwrap();
    leave(&world, &github).await;
    let late = bob.post(accounts, body.clone()).await;
    late.is_problem(409, "provider-leaving");
    assert_eq!(browser.get(&second).await.status, 409);
    let back = github
        .approve(sent.header("location"), "bob")
        .await
        .unwrap();
    let back = &back[url::Position::BeforePath..];
    let done = browser.send("GET", back, None, &[("cookie", cookie)]).await;
    assert_eq!(done.header("location"), "/oauth/failed/provider-leaving");
    assert_eq!(world.happened("AccountLinked").await, 0);
}

#[tokio::test]
async fn more_accounts_than_a_page_all_go() {
    let world = World::new().await;
    let github = world.site("github").await;
    // Nothing of the provider is needed to be asked to go.
    world.switch(&github, "pause").await;
    for number in 1..=101 {
        world.link(&format!("dev{number}"), &github).await;
    }
    leave(&world, &github).await;
    world.works().await;
    assert_eq!(world.happened("UnlinkRequested").await, 101);
}
