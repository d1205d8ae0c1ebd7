use std::time::Duration;

use chrono::TimeDelta;
use domain::{Blame, ReasonCode};
use forge::{Fault, GitHubOptions, Moment, RedirectRule, RetryAfter, WritePace};
use lanyard::providers::{GrantVerdict, ProviderFailure};

use super::support::{Play, after, assert_blames, key, new_key, noon, refreshing};

/// What a list of keys meets while a fault lasts.
async fn met(fault: Fault) -> ProviderFailure {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    play.github.fail_with(fault);
    let listed = play.adapter.list_keys(&play.app, &token).await;
    listed.unwrap_err()
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
        assert_eq!(failure.not_before, None);
    }
}

#[tokio::test]
async fn an_outage_of_the_token_endpoint_costs_nobody_their_grant() {
    let play = Play::dot_com().await;
    let refresh = play.link("ada").await.refresh.unwrap();
    for fault in [
        Fault::Unavailable,
        Fault::Maintenance,
        Fault::MislabelledMaintenance,
        Fault::Html,
        Fault::TooManyRequests(None),
        Fault::Dropped(Moment::BeforeEffect),
    ] {
        play.github.fail_with(fault.everywhere());
        let failure = play
            .adapter
            .refresh(&play.app, &refreshing(&refresh))
            .await
            .unwrap_err();
        assert_eq!(failure.failure.blame, Blame::Provider);
        assert_eq!(failure.grant, GrantVerdict::Unknown);
        play.github.heal();
    }
    assert!(
        play.adapter
            .refresh(&play.app, &refreshing(&refresh))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_page_where_json_is_expected_is_not_the_api() {
    let failure = met(Fault::Html).await;
    assert_blames(
        &failure,
        Blame::Provider,
        ReasonCode::ProviderProtocol,
        GrantVerdict::Unknown,
    );
    let words = failure.failure.detail.unwrap();
    assert_eq!(words, "status 200: an HTML page instead of JSON");
}

#[tokio::test]
async fn a_secondary_limit_says_when_to_come_back_or_means_a_minute() {
    let date = RetryAfter::At(noon() + TimeDelta::seconds(300));
    for (fault, until) in [
        (
            Fault::SecondaryLimit {
                status: 403,
                retry_after: Some(RetryAfter::Seconds(90)),
            },
            Some(after(90)),
        ),
        (
            Fault::SecondaryLimit {
                status: 429,
                retry_after: Some(date),
            },
            Some(after(300)),
        ),
        (
            Fault::SecondaryLimit {
                status: 403,
                retry_after: None,
            },
            Some(after(60)),
        ),
        (
            Fault::TooManyRequests(Some(RetryAfter::Seconds(5))),
            Some(after(5)),
        ),
        (Fault::TooManyRequests(None), Some(after(60))),
        (Fault::LockedOut, Some(after(60))),
    ] {
        let failure = met(fault).await;
        assert_blames(
            &failure,
            Blame::Provider,
            ReasonCode::ProviderRateLimited,
            GrantVerdict::Unknown,
        );
        assert_eq!(failure.not_before, until);
    }
}

#[tokio::test]
async fn a_used_up_hour_says_when_the_next_one_begins() {
    for status in [403, 429] {
        let resets_in = Duration::from_mins(7);
        let failure = met(Fault::OutOfBudget { status, resets_in }).await;
        assert_blames(
            &failure,
            Blame::Provider,
            ReasonCode::ProviderRateLimited,
            GrantVerdict::Unknown,
        );
        assert_eq!(failure.not_before, Some(after(420)));
    }
}

#[tokio::test]
async fn writing_too_fast_is_throttled_and_not_refused() {
    let options = GitHubOptions {
        write_pace: WritePace::OncePerSecond,
        ..GitHubOptions::dot_com()
    };
    let play = Play::with(options, RedirectRule::Prefix).await;
    let token = play.ada().await;
    let add = async |number| {
        play.adapter
            .add_key(&play.app, &token, &new_key("Lanyard", &key(number)))
            .await
    };
    assert!(add(1).await.is_ok());
    let failure = add(2).await.unwrap_err();
    assert_eq!(failure.failure.code, ReasonCode::ProviderRateLimited);
    assert_eq!(failure.not_before, Some(after(60)));
}

#[tokio::test]
async fn a_suspended_account_is_the_persons_matter_and_keeps_its_grant() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    play.github.suspend_user("ada");
    let listed = play.adapter.list_keys(&play.app, &token).await;
    let identified = play.adapter.identify(&play.app, &token).await;
    for failure in [listed.unwrap_err(), identified.unwrap_err()] {
        assert_blames(
            &failure,
            Blame::Grant,
            ReasonCode::AccountSuspended,
            GrantVerdict::Unknown,
        );
    }
    play.github.unsuspend_user("ada");
    let listed = play.adapter.list_keys(&play.app, &token).await;
    assert!(listed.is_ok());
}

#[tokio::test]
async fn a_list_that_a_narrow_token_may_not_see_names_the_scope() {
    let play = Play::dot_com().await;
    play.github.grants_at_most("ada", "read:user");
    let token = play.ada().await;
    let listed = play.adapter.list_keys(&play.app, &token).await;
    let added = play
        .adapter
        .add_key(&play.app, &token, &new_key("Lanyard", &key(1)))
        .await;
    for (failure, scope) in [
        (listed.unwrap_err(), "read:public_key"),
        (added.unwrap_err(), "write:public_key"),
    ] {
        assert_blames(
            &failure,
            Blame::Grant,
            ReasonCode::ScopeMissing,
            GrantVerdict::Unknown,
        );
        assert!(failure.failure.detail.unwrap().contains(scope));
    }
}

#[tokio::test]
async fn enterprise_server_without_limits_and_headers_works_as_well() {
    let play = Play::enterprise().await;
    let token = play.ada().await;
    for number in 1..=3 {
        let added = play
            .adapter
            .add_key(&play.app, &token, &new_key("Lanyard", &key(number)))
            .await;
        assert!(added.is_ok());
    }
    play.github.goes_down();
    let listed = play.adapter.list_keys(&play.app, &token).await;
    assert_eq!(listed.unwrap_err().failure.code, ReasonCode::ProviderError);
    play.github.comes_back();
    let listed = play.adapter.list_keys(&play.app, &token).await;
    assert_eq!(listed.unwrap().len(), 3);
    // It answers 404 to whoever asks for limits, where they are switched off: nobody asks.
    let asked = play.github.journal();
    let of_limits = asked.iter().find(|entry| entry.path.contains("rate_limit"));
    assert!(of_limits.is_none(), "{of_limits:?}");
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    let route = "POST /user/keys";
    play.github
        .fail_with(Fault::Silent(Moment::AfterEffect).on(route));
    let new = key(1);
    let new = new_key("Lanyard", &new);
    let adding = play.adapter.add_key(&play.app, &token, &new);
    let watching = async {
        let added = |entry: &forge::JournalEntry| entry.route == route && entry.decided.is_some();
        play.github.until(|entries| entries.iter().any(added)).await;
        // Nothing is left to wait for but our own patience.
        tokio::time::pause();
    };
    let (added, ()) = tokio::join!(adding, watching);
    let failure = added.unwrap_err();
    assert_blames(
        &failure,
        Blame::Provider,
        ReasonCode::ProviderUnreachable,
        GrantVerdict::Unknown,
    );
    assert_eq!(failure.failure.detail.as_deref(), Some("no answer in time"));
    assert_eq!(play.github.keys_of("ada").len(), 1);
}
