//! What a provider allows is used, and not more.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use forge::{Fault, GitHubOptions, JournalEntry, RetryAfter, WritePace};
use lanyard::clock::Clock;
use serde_json::json;

use super::world::{Site, World};

/// Lists when the API was asked for keys, and by whom.
fn asked(site: &Site) -> Vec<(DateTime<Utc>, String)> {
    let journal = site.journal().into_iter();
    let keys = journal.filter(|entry| entry.route.contains("/user/keys"));
    keys.map(|entry| (entry.at, entry.user.unwrap_or_default()))
        .collect()
}

async fn site_with(world: &World, change: impl FnOnce(&mut GitHubOptions)) -> Site {
    let clock = world.service.clock.clone();
    let mut options = GitHubOptions::dot_com().with_clock(Arc::new(move || clock.now()));
    change(&mut options);
    world.site_with("github", options).await
}

fn was_limited(site: &Site) -> bool {
    let limited = |entry: &JournalEntry| matches!(entry.answered, Some(403 | 429));
    site.journal().iter().any(limited)
}

#[tokio::test]
async fn a_429_is_waited_for_exactly_and_the_next_one_goes_then() {
    let world = World::new().await;
    let github = world.site("github").await;
    for person in ["ada", "bob", "cleo"] {
        world.link(person, &github).await;
    }
    let wait = Fault::TooManyRequests(Some(RetryAfter::Seconds(120)));
    github.fail_with(wait.once());
    let begin = world.service.app.now();
    world.settles_within(TimeDelta::minutes(3)).await;
    let asked = asked(&github);
    assert_eq!(asked[0].0, begin);
    assert_eq!(asked[1].0, begin + TimeDelta::seconds(120), "{asked:?}");
    for person in ["ada", "bob", "cleo"] {
        assert_eq!(github.lines(person).len(), 1, "{person}");
    }
    assert_eq!(world.happened("BreakerOpened").await, 0);
}

#[tokio::test]
async fn a_restart_does_not_forget_what_a_provider_asked_for() {
    let world = World::new().await;
    let github = world.site("github").await;
    for person in ["ada", "bob", "cleo"] {
        world.link(person, &github).await;
    }
    let wait = Fault::TooManyRequests(Some(RetryAfter::Seconds(120)));
    github.fail_with(wait.once());
    world.works().await;
    let begin = asked(&github)[0].0;
    for _ in 0..3 {
        world.restarts().await;
        world.settles_within(TimeDelta::seconds(30)).await;
    }
    assert_eq!(asked(&github).len(), 1);
    world.settles_within(TimeDelta::seconds(40)).await;
    assert!(asked(&github)[1].0 >= begin + TimeDelta::seconds(120));
    assert_eq!(world.pending().await.len(), 0);
}

#[tokio::test]
async fn a_limit_without_an_end_is_given_twice_as_long_each_time() {
    let world = World::new().await;
    let github = world.site("github").await;
    for person in ["ada", "bob", "cleo", "dan"] {
        world.link(person, &github).await;
    }
    let busy = Fault::SecondaryLimit {
        status: 403,
        retry_after: None,
    };
    github.fail_with(busy.times(3));
    world.settles_within(TimeDelta::minutes(10)).await;
    let asked = asked(&github);
    let gaps: Vec<_> = asked[..4]
        .windows(2)
        .map(|pair| (pair[1].0 - pair[0].0).num_seconds())
        .collect();
    assert_eq!(gaps, [60, 120, 240], "{asked:?}");
    assert_eq!(world.pending().await.len(), 0);
}

#[tokio::test]
async fn a_token_that_has_nothing_left_waits_for_the_reset_and_is_never_refused() {
    let world = World::new().await;
    // Linking takes one of them, the list the other.
    let github = site_with(&world, |options| options.hourly_limit = Some(2)).await;
    let begin = world.service.app.now();
    world.link("ada", &github).await;
    world.passes(TimeDelta::minutes(10));
    world.link("bob", &github).await;
    world.settles_within(TimeDelta::minutes(5)).await;
    assert_eq!(github.lines("ada").len(), 0);
    world.settles_within(TimeDelta::minutes(60)).await;
    let written = asked(&github);
    let ends = |who: &str| {
        let calls: Vec<_> = written.iter().filter(|(_, user)| user == who).collect();
        calls[calls.len() - 1].0
    };
    let reset = begin + TimeDelta::hours(1);
    assert!(ends("ada") >= reset, "{written:?}");
    assert!(ends("ada") <= reset + TimeDelta::seconds(1), "{written:?}");
    assert!(ends("bob") >= reset + TimeDelta::minutes(10));
    assert!(!was_limited(&github), "{:?}", github.journal());
    assert_eq!(world.happened("KeyPublicationFailed").await, 0);
    for person in ["ada", "bob"] {
        assert_eq!(github.lines(person).len(), 1, "{person}");
    }
}

#[tokio::test]
async fn a_key_for_signing_is_a_write_of_its_own_and_keeps_the_pace() {
    let world = World::new().await;
    let github = site_with(&world, |options| {
        options.write_pace = WritePace::OncePerSecond;
    })
    .await;
    world.change(&github, json!({ "signing": true })).await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    assert_eq!(github.signing_keys_of("ada").len(), 1);
    let key = world.current_key("ada", account).await;
    assert_eq!(key["placements"][0]["presence"], "created", "{key}");
    world.rotate("ada", account).await.is(202);
    world.settles_within(TimeDelta::seconds(20)).await;
    assert_eq!(github.signing_keys_of("ada").len(), 1);
    assert_eq!(github.lines("ada").len(), 1);
    assert!(!was_limited(&github), "{:?}", github.journal());
    let withdrawn = world
        .events()
        .await
        .into_iter()
        .find_map(|recorded| match recorded.event {
            domain::Event::Account(domain::account::AccountEvent::KeyWithdrawn {
                was_there,
                ..
            }) => Some(was_there),
            _ => None,
        });
    assert_eq!(withdrawn, Some(true));
    assert_eq!(world.happened("KeyPublicationFailed").await, 0);
}
