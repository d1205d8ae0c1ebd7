//! The last step of an unlinking, where the provider does not play its part.

use chrono::TimeDelta;
use domain::AccountId;
use forge::{Fault, RetryAfter};

use super::world::{Site, World};

const REVOKE: &str = "DELETE /applications/{client_id}/token";

/// Ada has unlinked, and her key is gone: only her tokens are left.
async fn leaving(fault: impl Into<forge::FaultPlan>) -> (World, Site, AccountId) {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    github.fail_with(fault);
    world.unlink("ada", account).await;
    (world, github, account)
}

#[tokio::test]
async fn a_revocation_that_never_ends_holds_up_nobody_else() {
    let (world, github, _) = leaving(Fault::Held.on(REVOKE)).await;
    let forge = world.site("forge").await;
    let mut hands = world.hands().await;
    while github.calls(REVOKE) == 0 {
        while hands.looks_on().await {}
        hands.acts().await;
        world.passes(TimeDelta::seconds(1));
        tokio::task::yield_now().await;
    }
    drop(hands);
    world.link("bob", &forge).await;
    let mut hands = world.hands().await;
    for _ in 0..3 {
        while hands.looks_on().await {}
        hands.acts().await;
        world.passes(TimeDelta::seconds(1));
    }
    drop(hands);
    assert_eq!(forge.lines("bob").len(), 1);
    assert_eq!(world.happened("AccountUnlinked").await, 0);
    github.heal();
    world.settles().await;
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    assert_eq!(github.live_tokens_of("ada"), 0);
}

#[tokio::test]
async fn a_revocation_waits_for_as_long_as_the_provider_asks() {
    let hour = Fault::TooManyRequests(Some(RetryAfter::Seconds(3600)));
    let (world, github, _) = leaving(hour.on(REVOKE)).await;
    world.settles_within(TimeDelta::minutes(59)).await;
    assert_eq!(github.calls(REVOKE), 1);
    github.heal();
    world.settles_within(TimeDelta::minutes(3)).await;
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    assert_eq!(github.live_tokens_of("ada"), 0);
}

#[tokio::test]
async fn a_revocation_that_fails_again_and_again_is_tried_less_and_less() {
    let (world, github, _) = leaving(Fault::ServerError.on(REVOKE)).await;
    world.settles_within(TimeDelta::hours(3)).await;
    let calls = github.calls(REVOKE);
    assert!((5..=30).contains(&calls), "{calls}");
    github.heal();
    world.settles_within(TimeDelta::minutes(20)).await;
    assert_eq!(world.happened("AccountUnlinked").await, 1);
}
