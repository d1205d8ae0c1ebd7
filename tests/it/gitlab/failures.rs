use std::time::Duration;

use chrono::TimeDelta;
use domain::{Blame, ReasonCode};
use forge::{Fault, GitLabOptions, Moment, RetryAfter};
use lanyard::providers::{GrantVerdict, ProviderFailure};

use super::support::{Play, after, assert_blames, noon};

/// What a list of keys meets while a fault lasts.
async fn met(fault: Fault) -> ProviderFailure {
    let play = Play::start().await;
    let token = play.ada().await;
    play.gitlab.fail_with(fault);
    play.list(&token).await.unwrap_err()
}

#[tokio::test]
async fn an_outage_is_the_providers_fault_in_json_and_in_html() {
    for fault in [
        Fault::Unavailable,
        Fault::Maintenance,
        Fault::MislabelledMaintenance,
        Fault::BadGateway,
        Fault::ServerError,
    ] {
        let failure = met(fault).await;
        assert_blames(
            &failure,
            Blame::Provider,
            ReasonCode::ProviderError,
            GrantVerdict::Unknown,
        );
        // Maintenance is told by its status, whatever the page says, and takes its time.
        let is_maintenance = failure.status == Some(503);
        assert_eq!(failure.not_before.is_some(), is_maintenance, "{failure:?}");
        assert_eq!(failure.guessed, is_maintenance);
    }
}

#[tokio::test]
async fn an_outage_of_the_token_endpoint_costs_nobody_their_grant() {
    let play = Play::start().await;
    let tokens = play.link("ada").await;
    for fault in [
        Fault::Unavailable,
        Fault::Maintenance,
        Fault::MislabelledMaintenance,
        Fault::BadGateway,
        Fault::Html,
        Fault::BrokenJson,
        Fault::BadCredentials,
        Fault::TooManyRequests(None),
        Fault::LockedOut,
        Fault::Dropped(Moment::BeforeEffect),
        Fault::OAuthError("slow_moon".to_owned()),
    ] {
        play.gitlab.fail_with(fault.clone().everywhere());
        let failure = play.adapter.refresh(&play.app, &tokens).await.unwrap_err();
        assert_eq!(failure.failure.blame, Blame::Provider, "{fault:?}");
        assert_eq!(failure.grant, GrantVerdict::Unknown, "{fault:?}");
        play.gitlab.heal();
    }
    assert!(play.adapter.refresh(&play.app, &tokens).await.is_ok());
}

#[tokio::test]
async fn a_page_or_half_an_answer_where_json_is_expected_is_not_the_api() {
    for (fault, words) in [
        (Fault::Html, "status 200: an HTML page instead of JSON"),
        (
            Fault::BrokenJson,
            "status 200: not the JSON that was expected",
        ),
        (Fault::Huge(2), "status 200: the answer is too long"),
    ] {
        let failure = met(fault).await;
        assert_blames(
            &failure,
            Blame::Provider,
            ReasonCode::ProviderProtocol,
            GrantVerdict::Unknown,
        );
        assert_eq!(failure.failure.detail.as_deref(), Some(words));
    }
}

#[tokio::test]
async fn a_limit_says_when_to_come_back_or_means_a_minute() {
    let date = RetryAfter::At(noon() + TimeDelta::seconds(300));
    let own = |retry_after| Fault::SecondaryLimit {
        status: 429,
        retry_after,
    };
    for (fault, until) in [
        (
            Fault::TooManyRequests(Some(RetryAfter::Seconds(5))),
            after(5),
        ),
        (Fault::TooManyRequests(Some(date)), after(300)),
        (Fault::TooManyRequests(None), after(60)),
        (own(Some(RetryAfter::Seconds(90))), after(90)),
        (own(None), after(60)),
        (
            Fault::OutOfBudget {
                status: 429,
                resets_in: Duration::from_secs(42),
            },
            after(42),
        ),
        (Fault::LockedOut, after(900)),
    ] {
        let failure = met(fault).await;
        assert_blames(
            &failure,
            Blame::Provider,
            ReasonCode::ProviderRateLimited,
            GrantVerdict::Unknown,
        );
        assert_eq!(failure.not_before, Some(until));
    }
}

#[tokio::test]
async fn the_limit_of_gitlab_com_is_met_and_over_with_the_minute() {
    let play = Play::with(GitLabOptions {
        per_minute: Some(1),
        ..GitLabOptions::dot_com()
    })
    .await;
    let token = play.ada().await;
    play.passes(20);
    assert!(play.list(&token).await.is_ok());
    let failure = play.list(&token).await.unwrap_err();
    assert_eq!(failure.failure.code, ReasonCode::ProviderRateLimited);
    // The adapter's clock stands at noon; GitLab asks for the 40 seconds that are left.
    assert_eq!(failure.not_before, Some(after(40)));
    play.passes(40);
    assert!(play.list(&token).await.is_ok());
}

#[tokio::test]
async fn a_token_that_a_part_of_gitlab_does_not_know_yet_may_be_tried_again() {
    let failure = met(Fault::BadCredentials).await;
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::GrantRevoked,
        GrantVerdict::Expired,
    );
    let words = failure.failure.detail.as_deref();
    assert_eq!(words, Some("401 Unauthorized"));
}

#[tokio::test]
async fn no_connection_is_the_providers_fault() {
    let failure = met(Fault::Dropped(Moment::BeforeEffect)).await;
    assert_blames(
        &failure,
        Blame::Provider,
        ReasonCode::ProviderUnreachable,
        GrantVerdict::Unknown,
    );
}
