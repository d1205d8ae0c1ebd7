//! A provider that does not answer is left alone, probed, and found to be back.

use chrono::{DateTime, TimeDelta, Utc};
use domain::Event;
use domain::account::{AccountEvent, PublicationCause};
use forge::Fault;
use serde_json::json;

use super::world::{Site, World};

/// Lists when the API was asked for anything about keys.
fn asked(site: &Site) -> Vec<DateTime<Utc>> {
    let journal = site.journal().into_iter();
    let keys = journal.filter(|entry| entry.route.contains("/user/keys"));
    keys.map(|entry| entry.at).collect()
}

/// People who linked one after the other at a provider that then went away for good.
async fn out(people: &[&str]) -> (World, Site) {
    let world = World::new().await;
    let github = world.site("github").await;
    for person in people {
        world.link(person, &github).await;
        while world.hands().await.decides().await.moved {}
        world.passes(TimeDelta::seconds(1));
    }
    github.goes_down();
    world.settles_within(TimeDelta::seconds(40)).await;
    assert_eq!(world.happened("BreakerOpened").await, 1);
    (world, github)
}

#[tokio::test]
async fn after_five_tries_a_provider_is_left_alone_but_for_a_probe_every_thirty_seconds() {
    let (world, github) = out(&["ada", "bob", "cleo"]).await;
    world.settles_within(TimeDelta::minutes(10)).await;
    let asked = asked(&github);
    for pair in asked[4..].windows(2) {
        assert!(pair[1] - pair[0] >= TimeDelta::seconds(30), "{asked:?}");
    }
    assert!((20..=27).contains(&asked.len()), "{asked:?}");
    // What is known is not said again.
    assert_eq!(world.happened("KeyPublicationFailed").await, 5);
    assert_eq!(world.happened("BreakerOpened").await, 1);
    assert_eq!(world.happened("BreakerHalfOpened").await, 1);
    assert_eq!(world.happened("BreakerClosed").await, 0);
}

#[tokio::test]
async fn in_maintenance_each_key_waits_and_a_probe_finds_that_it_is_over() {
    let people = ["ada", "bob", "cleo", "dora", "eve"];
    let world = World::new().await;
    let github = world.site("github").await;
    for person in people {
        world.link(person, &github).await;
        while world.hands().await.decides().await.moved {}
    }
    github.fail_with(Fault::Maintenance.everywhere());
    world.settles_within(TimeDelta::minutes(4)).await;
    assert_eq!(world.happened("BreakerOpened").await, 1);
    for row in world.pending().await {
        assert_eq!(row["attempts"], 1, "no key is tried twice in five minutes");
    }
    let before = asked(&github).len();
    world.settles_within(TimeDelta::minutes(5)).await;
    let probes = asked(&github).len() - before;
    assert!((6..=10).contains(&probes), "{probes} probes");
    assert_eq!(world.happened("KeyPublicationFailed").await, 5);
    github.heal();
    world.settles_within(TimeDelta::seconds(61)).await;
    assert_eq!(world.happened("BreakerClosed").await, 1);
    world.settles_within(TimeDelta::minutes(1)).await;
    for person in people {
        assert_eq!(github.lines(person).len(), 1, "{person}");
    }
}

#[tokio::test]
async fn what_is_not_tried_and_what_is_only_a_probe_cost_no_try() {
    let (world, _github) = out(&["ada", "bob", "cleo"]).await;
    let attempts = async || {
        let pending = world.pending().await.into_iter();
        let attempts = pending.map(|row| row["attempts"].as_u64().unwrap());
        attempts.sum::<u64>()
    };
    assert_eq!(attempts().await, 5);
    world.settles_within(TimeDelta::hours(1)).await;
    assert_eq!(attempts().await, 5);
    assert_eq!(world.happened("KeyPublicationParked").await, 0);
}

#[tokio::test]
async fn everybody_sees_that_a_provider_does_not_answer_since_when_and_why() {
    let world = World::new().await;
    let github = world.site("github").await;
    let closed = json!({
        "state": "closed", "since": null, "reason": null, "detail": null, "next_probe_at": null,
    });
    assert_eq!(world.shown(&github).await["breaker"], closed);
    world.link("ada", &github).await;
    github.goes_down();
    world.settles_within(TimeDelta::seconds(31)).await;
    let shown = world.shown(&github).await["breaker"].clone();
    assert_eq!(shown["reason"], "provider_error");
    assert_eq!(shown["detail"], "status 502");
    let opened = world.events().await.into_iter().find_map(|recorded| {
        let name = recorded.event.kind().name;
        (name == "BreakerOpened").then_some(recorded.recorded_at)
    });
    let time = |what: &str| shown[what].as_str().unwrap().parse::<DateTime<Utc>>();
    assert_eq!(time("since").unwrap(), opened.unwrap());
    let last = *asked(&github).last().unwrap();
    assert_eq!(
        time("next_probe_at").unwrap(),
        last + TimeDelta::seconds(30)
    );
    github.comes_back();
    world.settles_within(TimeDelta::seconds(61)).await;
    assert_eq!(world.shown(&github).await["breaker"], closed);
}

#[tokio::test]
async fn other_providers_never_feel_it() {
    let (world, github) = out(&["ada", "bob"]).await;
    let forge = world.site("forge").await;
    let account = world.link("ada", &forge).await;
    world.link("bob", &forge).await;
    world.works().await;
    assert_eq!(forge.lines("ada").len(), 1);
    assert_eq!(forge.lines("bob").len(), 1);
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(forge.writes(), "+++-");
    assert_eq!(world.shown(&forge).await["breaker"]["state"], "closed");
    assert_eq!(github.lines("ada").len(), 0);
}

#[tokio::test]
async fn the_first_probe_that_succeeds_lets_everything_go_on() {
    let (world, github) = out(&["ada", "bob", "cleo"]).await;
    github.comes_back();
    world.settles_within(TimeDelta::seconds(31)).await;
    assert_eq!(world.happened("BreakerClosed").await, 1);
    for person in ["ada", "bob", "cleo"] {
        assert_eq!(github.lines(person).len(), 1, "{person}");
    }
    assert_eq!(world.pending().await.len(), 0);
}

#[tokio::test]
async fn what_the_outage_parked_goes_on_oldest_first_and_once() {
    let people = ["zoe", "mia", "ada", "bob", "cleo"];
    let (world, github) = out(&people).await;
    world.passes(TimeDelta::hours(25));
    world.settles_within(TimeDelta::minutes(2)).await;
    assert_eq!(world.happened("KeyPublicationParked").await, people.len());
    let pending = world.pending().await;
    for row in &pending {
        assert_eq!(row["status"], "parked");
        assert_eq!(row["failure"]["code"], "provider_error", "{row}");
        assert!(row["attempts"].as_u64().unwrap() <= 3, "{row}");
    }
    github.comes_back();
    world.settles_within(TimeDelta::minutes(1)).await;
    assert_eq!(world.happened("BreakerClosed").await, 1);
    assert_eq!(world.pending().await.len(), 0);
    let retried = world
        .events()
        .await
        .into_iter()
        .filter_map(|recorded| match recorded.event {
            Event::Account(AccountEvent::KeyPublicationRequested {
                user,
                cause: PublicationCause::Retry,
                ..
            }) => Some(user.to_string()),
            _ => None,
        });
    let retried: Vec<String> = retried.collect();
    // One of them was the probe.
    let expected: Vec<&str> = people
        .into_iter()
        .filter(|person| retried.contains(&(*person).to_owned()))
        .collect();
    assert_eq!(retried, expected);
    assert_eq!(retried.len(), people.len() - 1);
    assert_eq!(github.writes(), "+++++");
}

#[tokio::test]
async fn a_restart_does_not_forget_and_does_not_hammer() {
    let (world, github) = out(&["ada", "bob", "cleo"]).await;
    world.settles_within(TimeDelta::minutes(5)).await;
    let before = asked(&github).len();
    for _ in 0..5 {
        world.restarts().await;
        world.settles_within(TimeDelta::seconds(20)).await;
    }
    assert_eq!(asked(&github).len(), before);
    world.restarts().await;
    world.settles_within(TimeDelta::seconds(31)).await;
    assert_eq!(asked(&github).len(), before + 1);
    assert_eq!(world.happened("BreakerOpened").await, 1);
    assert_eq!(world.happened("BreakerHalfOpened").await, 1);
    github.comes_back();
    world.restarts().await;
    world.settles_within(TimeDelta::seconds(31)).await;
    assert_eq!(world.happened("BreakerClosed").await, 1);
    assert_eq!(world.pending().await.len(), 0);
}

#[tokio::test]
async fn a_crash_while_it_resumes_loses_nothing() {
    let (world, github) = out(&["ada", "bob", "cleo"]).await;
    world.passes(TimeDelta::hours(25));
    world.settles_within(TimeDelta::minutes(2)).await;
    assert_eq!(world.happened("KeyPublicationParked").await, 3);
    github.comes_back();
    world.passes(TimeDelta::seconds(31));
    // The probe succeeds; the policy does not come to act on it.
    world.hands().await.acts().await;
    assert_eq!(world.happened("BreakerClosed").await, 1);
    world.restarts().await;
    world.settles_within(TimeDelta::minutes(1)).await;
    assert_eq!(world.pending().await.len(), 0);
    assert_eq!(github.writes(), "+++");
}

#[tokio::test]
async fn one_key_that_never_works_does_not_keep_a_provider_out() {
    let (world, github) = out(&["ada", "bob"]).await;
    github.heal();
    github.comes_back();
    github.suspend_user("ada");
    world.settles_within(TimeDelta::minutes(2)).await;
    assert_eq!(world.happened("BreakerClosed").await, 1);
    assert_eq!(github.lines("bob").len(), 1);
}

#[tokio::test]
async fn a_refused_token_is_no_outage() {
    let world = World::new().await;
    let github = world.site("github").await;
    for number in 0..8 {
        let who = format!("dev{number}");
        world.link(&who, &github).await;
        // A token that is refused right after it was given may only not be known everywhere.
        world.passes(TimeDelta::minutes(5));
        github.revoke_grant(&who, &github.app.client_id);
        world.settles().await;
    }
    assert_eq!(world.happened("GrantLost").await, 8);
    assert_eq!(world.happened("BreakerOpened").await, 0);
}

#[tokio::test]
async fn an_unlinking_leaves_it_alone_too_and_ends_when_it_is_back() {
    let (world, github) = out(&["ada", "bob"]).await;
    github.comes_back();
    let cleo = world.link("cleo", &github).await;
    github.goes_down();
    world.unlink("cleo", cleo).await;
    let before = github.calls_of_ours();
    world.settles_within(TimeDelta::minutes(5)).await;
    assert!(github.calls_of_ours() - before <= 11);
    assert_eq!(world.happened("AccountUnlinked").await, 0);
    github.comes_back();
    world.settles_within(TimeDelta::minutes(3)).await;
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    assert_eq!(github.live_tokens_of("cleo"), 0);
}
