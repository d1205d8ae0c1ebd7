//! A fault of ours that breaks off what is being done: it is said, and ends nobody else's.

use std::sync::Arc;

use chrono::TimeDelta;
use domain::provider::ProviderKind;
use lanyard::providers::{GitProvider, ProviderFailure};

use super::world::World;
use crate::support::app::TestApp;
use crate::support::poison::Poison;

/// A service whose tries for mallory's keys panic.
async fn poisoned() -> World {
    with_poison(|| panic!("a fault of ours")).await
}

/// A service where something happens when mallory's key is to be added.
pub(super) async fn with_poison(happens: fn() -> ProviderFailure) -> World {
    let mut service = TestApp::new().await;
    let real = &service.app.providers;
    let poison: Arc<dyn GitProvider> = Arc::new(Poison {
        adapter: real.get(ProviderKind::Github).unwrap(),
        person: " mallory ",
        happens,
    });
    let providers = Arc::new(real.played_by(&poison));
    service.changes(|parts| parts.providers = providers);
    World::of(service)
}

#[tokio::test]
async fn a_try_that_panics_is_parked_at_once_and_everybody_else_goes_on() {
    let world = poisoned().await;
    let (github, forge) = (world.site("github").await, world.site("forge").await);
    for person in ["ada", "mallory", "bob"] {
        world.link(person, &github).await;
    }
    world.link("cleo", &forge).await;
    world.settles().await;
    for person in ["ada", "bob"] {
        assert_eq!(github.lines(person).len(), 1, "{person}");
    }
    assert_eq!(forge.lines("cleo").len(), 1);
    let pending = world.pending().await;
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0]["status"], "parked");
    assert_eq!(pending[0]["failure"]["blame"], "us");
    assert_eq!(pending[0]["failure"]["code"], "internal");
    let calls = github.calls("GET /user/keys");
    world.settles_within(TimeDelta::days(2)).await;
    assert_eq!(github.calls("GET /user/keys"), calls, "nobody tries again");
    assert_eq!(world.happened("BreakerOpened").await, 0);
}

#[tokio::test]
async fn a_probe_that_panics_does_not_keep_a_provider_out() {
    let world = poisoned().await;
    let github = world.site("github").await;
    world.link("mallory", &github).await;
    world.link("ada", &github).await;
    github.goes_down();
    world.settles_within(TimeDelta::minutes(2)).await;
    assert_eq!(world.happened("BreakerOpened").await, 1);
    github.comes_back();
    world.settles_within(TimeDelta::minutes(5)).await;
    assert_eq!(world.happened("BreakerClosed").await, 1);
    assert_eq!(github.lines("ada").len(), 1);
    assert_eq!(world.pending().await[0]["failure"]["code"], "internal");
}
