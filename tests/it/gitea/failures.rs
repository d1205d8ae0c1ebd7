use std::time::Duration;

use chrono::TimeDelta;
use domain::{Blame, ReasonCode};
use forge::{Fault, Moment, RetryAfter};
use lanyard::providers::{GrantVerdict, ProviderFailure};

use super::support::{Play, after, assert_blames, noon, refreshing};

/// What a list of keys meets while a fault lasts.
async fn met(fault: Fault) -> ProviderFailure {
    let play = Play::gitea().await;
    let token = play.ada().await;
    play.gitea.fail_with(fault);
    play.list(&token).await.unwrap_err()
}

#[tokio::test]
async fn an_outage_is_the_providers_fault_in_json_and_in_html() {
    for fault in [Fault::BadGateway, Fault::ServerError] {
        let failure = met(fault).await;
        let (blame, code) = (Blame::Provider, ReasonCode::ProviderError);
        assert_blames(&failure, blame, code, GrantVerdict::Unknown);
        assert_eq!(failure.not_before, None);
    }
}

#[tokio::test]
async fn maintenance_is_waited_out_slowly() {
    for fault in [
        Fault::Unavailable,
        Fault::Maintenance,
        Fault::MislabelledMaintenance,
    ] {
        let failure = met(fault).await;
        let (blame, code) = (Blame::Provider, ReasonCode::ProviderError);
        assert_blames(&failure, blame, code, GrantVerdict::Unknown);
        assert_eq!(failure.not_before, Some(after(300)));
        assert!(failure.guessed, "nobody named a time");
    }
}

#[tokio::test]
async fn an_outage_of_the_token_endpoint_costs_nobody_their_grant() {
    let play = Play::gitea().await;
    let refresh = play.link("ada").await.refresh.unwrap();
    for fault in [
        Fault::Unavailable,
        Fault::Maintenance,
        Fault::MislabelledMaintenance,
        Fault::Html,
        Fault::BrokenJson,
        Fault::TooManyRequests(None),
        Fault::LockedOut,
        Fault::Dropped(Moment::BeforeEffect),
    ] {
        play.gitea.fail_with(fault.everywhere());
        let held = refreshing(&refresh);
        let failure = play.adapter.refresh(&play.app, &held).await.unwrap_err();
        assert_eq!(failure.failure.blame, Blame::Provider);
        assert_eq!(failure.grant, GrantVerdict::Unknown);
        play.gitea.heal();
    }
    let held = refreshing(&refresh);
    assert!(play.adapter.refresh(&play.app, &held).await.is_ok());
}

#[tokio::test]
async fn a_page_where_json_is_expected_is_not_the_api() {
    for (fault, words) in [
        (Fault::Html, "status 200: an HTML page instead of JSON"),
        (Fault::LockedOut, "status 403: an HTML page instead of JSON"),
        (
            Fault::BrokenJson,
            "status 200: not the JSON that was expected",
        ),
        (Fault::Huge(2), "status 200: the answer is too long"),
    ] {
        let failure = met(fault).await;
        let (blame, code) = (Blame::Provider, ReasonCode::ProviderProtocol);
        assert_blames(&failure, blame, code, GrantVerdict::Unknown);
        assert_eq!(failure.failure.detail.as_deref(), Some(words));
    }
}

#[tokio::test]
async fn a_proxy_that_slows_us_down_says_until_when_or_means_a_minute() {
    let date = RetryAfter::At(noon() + TimeDelta::seconds(300));
    for (fault, until) in [
        (
            Fault::TooManyRequests(Some(RetryAfter::Seconds(5))),
            after(5),
        ),
        (Fault::TooManyRequests(Some(date)), after(300)),
        (Fault::TooManyRequests(None), after(60)),
        (
            Fault::SecondaryLimit {
                status: 403,
                retry_after: Some(RetryAfter::Seconds(90)),
            },
            after(90),
        ),
        (
            Fault::OutOfBudget {
                status: 429,
                resets_in: Duration::from_mins(7),
            },
            after(420),
        ),
    ] {
        let failure = met(fault).await;
        let (blame, code) = (Blame::Provider, ReasonCode::ProviderRateLimited);
        assert_blames(&failure, blame, code, GrantVerdict::Unknown);
        assert_eq!(failure.not_before, Some(until));
    }
}

#[tokio::test]
async fn a_blocked_account_is_the_persons_matter_and_keeps_its_grant() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    let both = async || {
        let listed = play.list(&token).await.unwrap_err();
        let identified = play.adapter.identify(&play.app, &token).await;
        [listed, identified.unwrap_err()]
    };
    play.gitea.prohibit_login("ada");
    let blocked = both().await;
    play.gitea.allow_login("ada");
    assert!(play.list(&token).await.is_ok());
    play.gitea.must_change_password("ada");
    for failure in [blocked, both().await].concat() {
        let (blame, code) = (Blame::Grant, ReasonCode::AccountSuspended);
        assert_blames(&failure, blame, code, GrantVerdict::Unknown);
    }
}

#[tokio::test]
async fn a_server_that_is_back_is_as_it_was() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    play.gitea.goes_down();
    let failure = play.list(&token).await.unwrap_err();
    assert_eq!(failure.failure.code, ReasonCode::ProviderError);
    play.gitea.comes_back();
    assert!(play.list(&token).await.is_ok());
}

#[tokio::test]
async fn a_refused_token_is_of_the_grant_in_the_servers_own_words_only() {
    let failure = met(Fault::BadCredentials).await;
    let (blame, code) = (Blame::Grant, ReasonCode::GrantRevoked);
    assert_blames(&failure, blame, code, GrantVerdict::Expired);
    let words = failure.failure.detail.unwrap();
    assert_eq!(words, "user does not exist [uid: 0, name: ]");
}
