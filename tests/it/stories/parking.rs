//! Nothing waits for ever and unsaid: a key that stands still is told to whoever can mend it, or
//! goes on by itself.

use chrono::TimeDelta;
use domain::{Blame, ReasonCode};
use forge::{Fault, RetryAfter};
use lanyard::providers::ProviderFailure;
use serde_json::{Value, json};

use super::poison::with_poison;
use super::world::{Site, World};

/// Ada and Bob have linked GitHub, and nothing was tried yet.
async fn linked() -> (World, Site) {
    let world = World::new().await;
    let github = world.site("github").await;
    for person in ["ada", "bob"] {
        world.link(person, &github).await;
    }
    (world, github)
}

/// What is open for a person: kind and code.
async fn told(world: &World, who: &str) -> Vec<Value> {
    let person = world.service.user(who).await;
    let seen = person.sees("/api/v1/me/notices?open=true").await.is(200);
    let notices = seen["notices"].as_array().unwrap();
    let brief = |notice: &Value| json!([notice["kind"], notice["code"]]);
    notices.iter().map(brief).collect()
}

#[tokio::test]
async fn a_limit_that_names_its_end_again_and_again_parks_nothing() {
    let (world, github) = linked().await;
    github.fail_with(Fault::TooManyRequests(Some(RetryAfter::Seconds(600))));
    world.settles_within(TimeDelta::hours(26)).await;
    assert_eq!(world.happened("KeyPublicationParked").await, 0);
    github.heal();
    world.settles_within(TimeDelta::hours(1)).await;
    for person in ["ada", "bob"] {
        assert_eq!(github.lines(person).len(), 1, "{person}");
    }
}

#[tokio::test]
async fn a_limit_of_two_days_is_waited_for() {
    let (world, github) = linked().await;
    let days = Fault::TooManyRequests(Some(RetryAfter::Seconds(2 * 86_400)));
    github.fail_with(days.once());
    world.settles_within(TimeDelta::hours(47)).await;
    assert_eq!(world.happened("KeyPublicationParked").await, 0);
    assert_eq!(github.calls("GET /user/keys"), 1, "and kept exactly");
    world.settles_within(TimeDelta::hours(2)).await;
    assert_eq!(github.lines("ada").len(), 1);
    assert_eq!(github.lines("bob").len(), 1);
}

#[tokio::test]
async fn a_limit_that_names_no_end_for_a_day_is_told() {
    let (world, github) = linked().await;
    github.fail_with(Fault::TooManyRequests(None));
    world.settles_within(TimeDelta::hours(26)).await;
    assert_eq!(world.happened("KeyPublicationParked").await, 2);
    for person in ["ada", "bob"] {
        let told = told(&world, person).await;
        assert_eq!(told, [json!(["key_blocked", "provider_rate_limited"])]);
    }
}

#[tokio::test]
async fn a_firewall_that_refuses_us_is_told() {
    let (world, github) = linked().await;
    github.fail_with(Fault::Firewall);
    world.settles_within(TimeDelta::hours(26)).await;
    assert_eq!(world.happened("BreakerOpened").await, 0);
    let blocked = [json!(["key_blocked", "provider_protocol"])];
    assert_eq!(told(&world, "ada").await, blocked);
    github.heal();
    // Whoever opens the firewall says so.
    let operator = world.service.operator().await;
    let body = json!({ "provider": "github", "reason": "we are let through" });
    operator.post("/api/v1/replays", body).await.is(202);
    world.settles_within(TimeDelta::minutes(1)).await;
    assert_eq!(github.lines("ada").len(), 1);
    assert_eq!(told(&world, "ada").await, [json!(null); 0]);
}

#[tokio::test]
async fn one_key_that_a_provider_breaks_at_is_told_while_others_work() {
    let world = with_poison(|| {
        ProviderFailure::new(Blame::Provider, ReasonCode::ProviderError).status(500)
    })
    .await;
    let github = world.site("github").await;
    let bob = world.link("bob", &github).await;
    world.settles().await;
    world.link("mallory", &github).await;
    for turn in 0..50 {
        world.rotate("bob", bob).await.is(202);
        let pause = if turn < 20 { 2 } else { 60 };
        world.settles_within(TimeDelta::seconds(pause)).await;
    }
    assert_eq!(world.happened("BreakerOpened").await, 0);
    let blocked = [json!(["key_blocked", "provider_error"])];
    assert_eq!(told(&world, "mallory").await, blocked);
}

#[tokio::test]
async fn an_outage_is_told_once_and_not_for_every_key_that_it_parks() {
    let (world, github) = linked().await;
    github.goes_down();
    world.settles_within(TimeDelta::minutes(2)).await;
    world.passes(TimeDelta::hours(25));
    world.settles_within(TimeDelta::minutes(2)).await;
    assert_eq!(world.happened("KeyPublicationParked").await, 2);
    let down = [json!(["provider_down", "provider_error"])];
    assert_eq!(told(&world, "ada").await, down);
    github.comes_back();
    world.settles_within(TimeDelta::minutes(2)).await;
    assert_eq!(github.lines("ada").len(), 1);
    assert_eq!(told(&world, "ada").await, [json!(null); 0]);
}

#[tokio::test]
async fn a_pause_of_two_days_costs_no_key_its_tries() {
    let (world, github) = linked().await;
    github.fail_with(Fault::ServerError.times(2));
    world.works().await;
    assert!(world.happened("KeyPublicationFailed").await > 0);
    world.switch(&github, "pause").await;
    world.passes(TimeDelta::days(2));
    world.settles().await;
    github.heal();
    github.fail_with(Fault::ServerError.times(3));
    world.switch(&github, "resume").await;
    world.settles_within(TimeDelta::minutes(10)).await;
    assert_eq!(world.happened("KeyPublicationParked").await, 0);
    for person in ["ada", "bob"] {
        assert_eq!(github.lines(person).len(), 1, "{person}");
    }
}
