//! Providers that ask us to slow down.

use std::time::Duration;

use chrono::TimeDelta;
use forge::{Fault, GitHubOptions, JournalEntry, RetryAfter, TokenLife, WritePace};

use super::world::{Site, World};

/// Lists when the API was asked for keys.
fn asked(site: &Site) -> Vec<chrono::DateTime<chrono::Utc>> {
    let keys = |entry: &JournalEntry| entry.route.contains("/user/keys");
    let journal = site.journal().into_iter().filter(keys);
    journal.map(|entry| entry.at).collect()
}

/// Ada and Bob at a provider that is too busy, and Cleo elsewhere. For `rest` nobody is asked.
async fn rests(fault: Fault, rest: TimeDelta) {
    let world = World::new().await;
    let (github, forge) = (world.site("github").await, world.site("forge").await);
    for person in ["ada", "bob"] {
        world.link(person, &github).await;
    }
    world.link("cleo", &forge).await;
    github.fail_with(fault.clone().once());
    let begin = world.service.app.now();
    world.works().await;
    assert_eq!(forge.lines("cleo").len(), 1, "others go on: {fault:?}");
    world.settles_within(rest * 3).await;
    let asked = asked(&github);
    assert_eq!(asked[0], begin);
    assert!(asked[1] >= begin + rest, "{fault:?}: {asked:?}");
    for person in ["ada", "bob"] {
        assert_eq!(github.lines(person).len(), 1, "{fault:?}");
    }
    assert_eq!(world.happened("KeyPublicationFailed").await, 1);
    let events = world.events().await;
    let failed = events
        .iter()
        .find(|event| event.event.kind().name == "KeyPublicationFailed");
    let said = format!("{:?}", failed.unwrap().event);
    assert!(said.contains("ProviderRateLimited"), "{said}");
}

#[tokio::test]
async fn nobody_calls_before_the_time_that_a_429_names() {
    let wait = RetryAfter::Seconds(120);
    rests(Fault::TooManyRequests(Some(wait)), TimeDelta::minutes(2)).await;
}

#[tokio::test]
async fn nobody_calls_before_the_date_that_a_429_names() {
    let begin: chrono::DateTime<chrono::Utc> = crate::support::app::BEGIN.parse().unwrap();
    let wait = RetryAfter::At(begin + TimeDelta::minutes(3));
    rests(Fault::TooManyRequests(Some(wait)), TimeDelta::minutes(3)).await;
}

#[tokio::test]
async fn a_429_without_a_time_is_a_minute() {
    rests(Fault::TooManyRequests(None), TimeDelta::minutes(1)).await;
}

#[tokio::test]
async fn a_secondary_limit_without_a_time_is_a_minute() {
    let fault = Fault::SecondaryLimit {
        status: 403,
        retry_after: None,
    };
    rests(fault, TimeDelta::minutes(1)).await;
}

#[tokio::test]
async fn a_secondary_limit_with_a_time_is_that_time() {
    let fault = Fault::SecondaryLimit {
        status: 403,
        retry_after: Some(RetryAfter::Seconds(240)),
    };
    rests(fault, TimeDelta::minutes(4)).await;
}

#[tokio::test]
async fn a_budget_that_is_used_up_is_waited_for() {
    let fault = Fault::OutOfBudget {
        status: 403,
        resets_in: Duration::from_mins(10),
    };
    rests(fault, TimeDelta::minutes(10)).await;
}

#[tokio::test]
async fn a_token_never_writes_twice_within_a_second() {
    let world = World::new().await;
    let clock = world.service.clock.clone();
    let now = move || lanyard::clock::Clock::now(&*clock);
    let options = GitHubOptions {
        write_pace: WritePace::OncePerSecond,
        ..GitHubOptions::dot_com().with_clock(std::sync::Arc::new(now))
    };
    let github = world.site_with("github", options).await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    for _ in 0..3 {
        world.rotate("ada", account).await.is(202);
        world.settles().await;
    }
    assert_eq!(github.writes(), "++-+-+-");
    assert_eq!(world.happened("KeyPublicationFailed").await, 0);
    assert_eq!(world.happened("KeyWithdrawalFailed").await, 0);
}

#[tokio::test]
async fn a_limit_outlives_a_refresh_and_costs_nobody_a_link() {
    let world = World::new().await;
    let github = world.site("github").await;
    github.tokens_last(&github.app.client_id, TokenLife::EightHours);
    let account = world.link("ada", &github).await;
    world.settles().await;
    world.passes(TimeDelta::hours(9));
    github.fail_with(
        Fault::TooManyRequests(None)
            .once()
            .on(forge::GitHub::TOKEN_ROUTE),
    );
    world.rotate("ada", account).await.is(202);
    world.settles_within(TimeDelta::minutes(3)).await;
    assert_eq!(github.writes(), "++-");
    assert_eq!(world.happened("GrantLost").await, 0);
}
