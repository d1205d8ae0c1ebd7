//! A provider goes away and comes back.

use chrono::TimeDelta;
use domain::Event;
use domain::account::AccountEvent;
use domain::{Blame, ReasonCode};
use forge::{Fault, Moment};

use super::world::World;

#[tokio::test]
async fn a_key_waits_for_a_provider_that_is_away() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    github.goes_down();
    world.works().await;
    let begin = world.service.app.now();
    let pending = world.pending().await;
    assert_eq!(pending[0]["status"], "failed");
    assert_eq!(pending[0]["attempts"], 1);
    assert_eq!(pending[0]["failure"]["blame"], "provider");
    assert_eq!(pending[0]["failure"]["code"], "provider_error");
    let events = world.events().await;
    let failed = events.iter().find_map(|recorded| match &recorded.event {
        Event::Account(AccountEvent::KeyPublicationFailed {
            failure,
            attempts,
            retry_at,
            ..
        }) => Some((failure, *attempts, *retry_at)),
        _ => None,
    });
    let (failure, attempts, retry_at) = failed.unwrap();
    assert_eq!(failure.blame, Blame::Provider);
    assert_eq!(failure.code, ReasonCode::ProviderError);
    assert_eq!(attempts, 1);
    assert!((TimeDelta::zero()..=TimeDelta::seconds(1)).contains(&(retry_at - begin)));
    world.settles_within(TimeDelta::minutes(1)).await;
    assert!(world.happened("KeyPublicationFailed").await > 3);
    github.comes_back();
    world.settles_within(TimeDelta::minutes(5)).await;
    assert_eq!(github.calls("POST /user/keys"), 1);
    assert_eq!(world.pending().await.len(), 0);
    let key = world.current_key("ada", account).await;
    assert_eq!(key["placements"][0]["attempts"], 0);
}

#[tokio::test]
async fn a_key_that_failed_too_often_is_parked_and_nobody_is_called_any_more() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.link("ada", &github).await;
    github.fail_with(Fault::Firewall);
    world.settles_within(TimeDelta::hours(12)).await;
    assert_eq!(world.happened("KeyPublicationFailed").await, 11);
    assert_eq!(world.happened("KeyPublicationParked").await, 1);
    assert_eq!(github.calls("GET /user/keys"), 12);
    let pending = world.pending().await;
    assert_eq!(pending[0]["status"], "parked");
    assert_eq!(pending[0]["attempts"], 12);
    world.passes(TimeDelta::days(30));
    world.settles().await;
    assert_eq!(github.calls("GET /user/keys"), 12);
}

#[tokio::test]
async fn one_provider_that_is_away_delays_no_other() {
    let world = World::new().await;
    let (github, forge) = (world.site("github").await, world.site("forge").await);
    world.link("ada", &github).await;
    world.link("ada", &forge).await;
    github.goes_down();
    world.works().await;
    assert_eq!(forge.lines("ada").len(), 1);
    assert_eq!(github.lines("ada").len(), 0);
}

#[tokio::test]
async fn one_provider_that_never_answers_delays_no_other() {
    let world = World::new().await;
    let (github, forge) = (world.site("github").await, world.site("forge").await);
    world.link("ada", &github).await;
    github.fail_with(Fault::Held.on("GET /user/keys"));
    let mut hands = world.hands().await;
    while hands.decides().await.moved {}
    hands.opens_lanes().await;
    github
        .until(|journal| journal.iter().any(|entry| entry.route == "GET /user/keys"))
        .await;
    drop(hands);
    world.link("bob", &forge).await;
    let mut hands = world.hands().await;
    while hands.decides().await.moved {}
    hands.opens_lanes().await;
    forge
        .until(|journal| {
            journal
                .iter()
                .any(|entry| entry.route == "POST /user/keys" && entry.answered.is_some())
        })
        .await;
    assert_eq!(github.calls("POST /user/keys"), 0);
    github.heal();
    drop(hands);
    world.settles().await;
    assert_eq!(github.calls("POST /user/keys"), 1);
}

#[tokio::test]
async fn during_an_outage_the_provider_is_asked_for_one_key_at_a_time() {
    let world = World::new().await;
    let github = world.site("github").await;
    for person in ["ada", "bob", "cleo", "dan"] {
        world.link(person, &github).await;
    }
    github.goes_down();
    world.works().await;
    assert_eq!(github.calls("GET /user/keys"), 1);
    github.comes_back();
    world.settles_within(TimeDelta::minutes(1)).await;
    assert_eq!(github.calls("POST /user/keys"), 4);
}

#[tokio::test]
async fn what_an_outage_parked_goes_on_once_somebody_gets_through() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.link("ada", &github).await;
    world.link("bob", &github).await;
    github.goes_down();
    world.settles_within(TimeDelta::minutes(2)).await;
    world.passes(TimeDelta::hours(24));
    world.settles_within(TimeDelta::minutes(2)).await;
    assert_eq!(world.happened("KeyPublicationParked").await, 2);
    github.comes_back();
    world.link("cleo", &github).await;
    world.settles_within(TimeDelta::minutes(1)).await;
    for person in ["ada", "bob", "cleo"] {
        assert_eq!(github.lines(person).len(), 1, "{person}");
    }
    assert_eq!(world.pending().await.len(), 0);
}

#[tokio::test]
async fn a_dropped_connection_is_an_outage_and_costs_nobody_a_link() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.link("ada", &github).await;
    github.fail_with(Fault::Dropped(Moment::BeforeEffect).times(3));
    world.settles_within(TimeDelta::minutes(1)).await;
    assert_eq!(github.calls("POST /user/keys"), 1);
    assert_eq!(world.happened("GrantLost").await, 0);
}

#[tokio::test]
async fn pages_that_are_not_the_api_cost_nobody_a_link() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.link("ada", &github).await;
    for fault in [
        Fault::Html,
        Fault::BrokenJson,
        Fault::MislabelledMaintenance,
        Fault::BadGateway,
        Fault::ServerError,
    ] {
        github.fail_with(fault.once());
    }
    // Maintenance is left alone for five minutes.
    world.settles_within(TimeDelta::minutes(10)).await;
    assert_eq!(world.happened("KeyPublicationFailed").await, 5);
    assert_eq!(world.happened("GrantLost").await, 0);
    assert_eq!(github.lines("ada").len(), 1);
}
