//! Tokens that a provider gives, and then refuses.

use chrono::TimeDelta;
use domain::AccountId;
use forge::{GitHub, TokenLife};

use super::world::{Site, World};

/// Ada's and Bob's keys are in place. Then GitHub refuses whatever token it gives for Ada.
async fn refused() -> (World, Site, AccountId) {
    let world = World::new().await;
    let github = world.site("github").await;
    github.tokens_last(&github.app.client_id, TokenLife::EightHours);
    let account = world.link("ada", &github).await;
    world.link("bob", &github).await;
    world.settles().await;
    world.passes(TimeDelta::hours(1));
    github.refuses_tokens_of("ada");
    (world, github, account)
}

#[tokio::test]
async fn a_grant_whose_every_new_token_is_refused_is_lost_after_two_refreshes() {
    let (world, github, account) = refused().await;
    let before = github.calls(GitHub::TOKEN_ROUTE);
    world.rotate("ada", account).await.is(202);
    world.settles_within(TimeDelta::minutes(20)).await;
    assert_eq!(world.happened("GrantLost").await, 1);
    assert_eq!(github.calls(GitHub::TOKEN_ROUTE), before + 2);
    let seen = &world.accounts("ada").await[0];
    assert_eq!(seen["status"], "grant_lost");
    assert_eq!(seen["failure"]["code"], "grant_revoked");
    let calls = github.calls_of_ours();
    world.settles_within(TimeDelta::days(2)).await;
    assert_eq!(
        github.calls_of_ours(),
        calls,
        "nothing helps but a new link"
    );
    github.takes_tokens_of("ada");
    world.link("ada", &github).await;
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 1);
    assert_eq!(world.pending().await.len(), 0);
}

#[tokio::test]
async fn a_refused_grant_delays_nobody_else() {
    let (world, github, account) = refused().await;
    let bobs = world.accounts("bob").await[0]["account"].clone();
    let bobs = bobs.as_str().unwrap().parse().unwrap();
    world.rotate("ada", account).await.is(202);
    world.works().await;
    let made = world.rotate("bob", bobs).await.is(202);
    world.settles().await;
    assert_eq!(github.lines("bob"), [made["public_key"].as_str().unwrap()]);
    assert_eq!(world.happened("BreakerOpened").await, 0);
}

#[tokio::test]
async fn a_token_that_is_taken_makes_good_the_refusals_before_it() {
    let (world, github, account) = refused().await;
    for _ in 0..4 {
        github.refuses_tokens_of("ada");
        world.rotate("ada", account).await.is(202);
        world.works().await;
        github.takes_tokens_of("ada");
        world.settles_within(TimeDelta::hours(1)).await;
        assert_eq!(world.pending().await.len(), 0);
    }
    assert_eq!(world.happened("GrantLost").await, 0);
}
