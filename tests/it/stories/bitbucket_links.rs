//! A link with a Bitbucket Server that is refused, and one whose key is replaced.

use chrono::TimeDelta;
use domain::provider::Protocol;
use serde_json::json;

use super::bitbucket::{Browser, CONSUMER, bitbucket, link, writes};
use super::world::World;

const SECRETS: &str = "/api/v1/providers/bitbucket/secrets";

#[tokio::test]
async fn a_grant_for_a_link_that_is_refused_is_told_in_either_era() {
    for protocol in [Protocol::Oauth1, Protocol::Oauth2] {
        let world = World::new().await;
        let server = bitbucket(&world, protocol).await;
        link(&world, &server, "ada").await;
        world.settles().await;
        let browser = Browser::sent_there(&world, "bob").await;
        let back = server.approve(&browser.authorize_url, "ada").await.unwrap();
        let sent = browser.comes_back(&back).await;
        assert!(sent.starts_with("/oauth/failed/"), "{sent}");
        assert_eq!(world.happened("ProviderGrantLeft").await, 1);
        // Ada's own is as good as ever.
        world.passes(TimeDelta::hours(1));
        let account = world.accounts("ada").await[0]["account"].clone();
        let account = account.as_str().unwrap().parse().unwrap();
        world.rotate("ada", account).await.is(202);
        world.settles().await;
        assert_eq!(writes(&server), "++-");
    }
}

#[tokio::test]
async fn both_keys_of_an_application_link_are_good_until_the_admin_confirms() {
    let world = World::new().await;
    let server = bitbucket(&world, Protocol::Oauth1).await;
    let account = link(&world, &server, "ada").await;
    world.settles().await;
    let admin = world.service.admin().await;
    let staged = admin.send("POST", SECRETS, None, &[]).await.is(201);
    let second = staged["staged_public_key"].as_str().unwrap();
    // Nobody has pasted it yet.
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(writes(&server), "++-");
    assert!(server.replace_public_key(CONSUMER, second));
    world.rotate("ada", account).await.is(202);
    world.settles_within(TimeDelta::minutes(2)).await;
    assert_eq!(writes(&server), "++-+-");
    let confirm = format!("{SECRETS}/confirm");
    let confirmed = admin.post(&confirm, json!({})).await.is(200);
    assert_eq!(confirmed["public_key"], second);
    world.rotate("ada", account).await.is(202);
    world.settles_within(TimeDelta::minutes(2)).await;
    assert_eq!(writes(&server), "++-+-+-");
    assert_eq!(world.happened("ProviderAppRefused").await, 0);
    assert_eq!(world.happened("GrantLost").await, 0);
}
