use chrono::TimeDelta;
use domain::provider::Protocol;
use domain::{Blame, ReasonCode};
use forge::{BitbucketKeyRule, BitbucketRate, Fault, RetryAfter};
use lanyard::providers::{Added, GrantVerdict, NewKey};
use lanyard::vault::Secret;

use super::support::{Canned, Play, after, answer, assert_blames, envelope, key, words};

#[tokio::test]
async fn a_key_is_added_listed_and_known_by_its_blob() {
    for play in Play::both().await {
        let access = play.link("ada").await.access;
        let added = play.put(&access, 1).await;
        assert_eq!(added.title, "Lanyard");
        assert_eq!(added.line, key(1).line);
        assert_eq!(added.expires_at, None);
        let text = format!("{} ada@laptop", key(2).line);
        play.bitbucket.paste_key("ada", "laptop", &text).unwrap();
        let listed = play.list(&access).await.unwrap();
        assert_eq!(listed.len(), 2);
        assert_eq!(listed[0], added);
        assert_eq!(listed[1].line, key(2).line, "without its comment");
    }
}

#[tokio::test]
async fn every_page_is_read() {
    let play = Play::signed().await;
    let access = play.link("ada").await.access;
    for number in 0..203 {
        play.bitbucket
            .paste_key("ada", "", &key(number).line)
            .unwrap();
    }
    let listed = play.list(&access).await.unwrap();
    let lines: Vec<String> = listed.into_iter().map(|key| key.line).collect();
    let expected: Vec<String> = (0..203).map(|number| key(number).line).collect();
    assert_eq!(lines, expected);
    assert_eq!(play.bitbucket.calls("GET /ssh/latest/keys"), 3);
}

#[tokio::test]
async fn a_key_that_is_anywhere_on_the_server_is_there_already() {
    for play in Play::both().await {
        let access = play.link("ada").await.access;
        play.put(&access, 1).await;
        play.bitbucket.add_user("bob");
        play.bitbucket.paste_key("bob", "", &key(2).line).unwrap();
        play.bitbucket.add_access_key(&key(3).line).unwrap();
        for number in 1..=3 {
            let again = play.add(&access, number).await.unwrap();
            assert_eq!(again, Added::AlreadyThere);
        }
        let own = play.list(&access).await.unwrap();
        assert_eq!(own.len(), 1, "only the list tells whose it is");
    }
}

#[tokio::test]
async fn a_key_that_is_to_end_ends_by_itself() {
    let play = Play::signed().await;
    let access = play.link("ada").await.access;
    let key = key(1);
    let end = after(0) + TimeDelta::days(89) + TimeDelta::seconds(1);
    let new = NewKey {
        title: "Lanyard",
        key: &key,
        expires_at: Some(end),
    };
    let added = play
        .adapter
        .add_key(&play.app, &access, &new)
        .await
        .unwrap();
    let Added::Created(added) = added else {
        panic!("{added:?}");
    };
    assert_eq!(added.expires_at, Some(after(0) + TimeDelta::days(90)));
    assert_eq!(play.bitbucket.keys_of("ada")[0].expiry_days, Some(90));
    assert_eq!(play.list(&access).await.unwrap()[0], added);
}

#[tokio::test]
async fn an_admins_restrictions_are_named() {
    let play = Play::signed().await;
    let access = play.link("ada").await.access;
    play.bitbucket.restrict_keys(BitbucketKeyRule {
        refused: vec!["ssh-ed25519".to_owned()],
        ..BitbucketKeyRule::default()
    });
    let failure = play.add(&access, 1).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::Us,
        ReasonCode::KeyTypeNotAllowed,
        GrantVerdict::Unknown,
    );
    assert_eq!(
        words(&failure),
        "Your SSH key does not meet the key type or key length requirements set by your admin."
    );
    play.bitbucket.restrict_keys(BitbucketKeyRule {
        most_days: Some(30),
        ..BitbucketKeyRule::default()
    });
    let key = key(1);
    let new = NewKey {
        title: "Lanyard",
        key: &key,
        expires_at: Some(after(31 * 86_400)),
    };
    // A shorter life than was wished is better than none.
    let added = play.adapter.add_key(&play.app, &access, &new).await;
    let Ok(Added::Created(there)) = added else {
        panic!("{added:?}");
    };
    assert_eq!(there.expires_at, Some(after(30 * 86_400)));
}

#[tokio::test]
async fn a_right_that_is_missing_is_told_from_a_dead_token() {
    let refused = |headers: &'static [(&'static str, &'static str)]| {
        Canned::answering(Protocol::Oauth2, move |_| {
            let mut refusal = envelope(
                401,
                "com.atlassian.bitbucket.AuthorisationException",
                "You are not permitted to access this resource",
            );
            for (name, value) in headers {
                refusal.headers_mut().insert(*name, value.parse().unwrap());
            }
            refusal
        })
    };
    let token = Secret::from("t");
    let known = refused(&[("x-ausername", "ada")]).await;
    let failure = known.adapter.list_keys(&known.app, &token).await;
    assert_blames(
        &failure.unwrap_err(),
        Blame::Grant,
        ReasonCode::ScopeMissing,
        GrantVerdict::Unknown,
    );
    let unknown = refused(&[]).await;
    let failure = unknown.adapter.list_keys(&unknown.app, &token).await;
    assert_blames(
        &failure.unwrap_err(),
        Blame::Grant,
        ReasonCode::GrantRevoked,
        GrantVerdict::Expired,
    );
}

#[tokio::test]
async fn an_empty_list_to_nobody_is_no_list() {
    let play = Play::coded().await;
    let tokens = play.link("ada").await;
    play.put(&tokens.access, 1).await;
    play.bitbucket.public_access(true);
    play.passes(3600);
    let failure = play.list(&tokens.access).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::GrantRevoked,
        GrantVerdict::Expired,
    );
    let fresh = play.refresh(&tokens).await.unwrap();
    assert_eq!(play.list(&fresh.access).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_limit_is_waited_for() {
    let play = Play::coded().await;
    let access = play.link("ada").await.access;
    let rate = BitbucketRate {
        capacity: 1,
        per_second: 1,
    };
    play.bitbucket.limit_rate(Some(rate));
    assert!(play.list(&access).await.is_ok());
    let failure = play.list(&access).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::Provider,
        ReasonCode::ProviderRateLimited,
        GrantVerdict::Unknown,
    );
    assert_eq!(
        failure.not_before,
        Some(after(60)),
        "it does not say how long"
    );
    play.passes(1);
    let asked = Fault::TooManyRequests(Some(RetryAfter::Seconds(7)));
    play.bitbucket.fail_with(asked.once());
    let failure = play.list(&access).await.unwrap_err();
    assert_eq!(failure.not_before, Some(after(8)));
}

#[tokio::test]
async fn outages_are_the_providers_and_cost_nothing() {
    for play in Play::both().await {
        let access = play.link("ada").await.access;
        for (fault, wait) in [
            (Fault::Unavailable, Some(after(300))),
            (Fault::Maintenance, Some(after(300))),
            (Fault::MislabelledMaintenance, Some(after(300))),
            (Fault::BadGateway, None),
            (Fault::ServerError, None),
        ] {
            play.bitbucket.fail_with(fault.once());
            let failure = play.add(&access, 1).await.unwrap_err();
            assert_eq!(failure.not_before, wait, "maintenance is waited out slowly");
            assert_blames(
                &failure,
                Blame::Provider,
                ReasonCode::ProviderError,
                GrantVerdict::Unknown,
            );
        }
        for fault in [Fault::Html, Fault::BrokenJson, Fault::Huge(2)] {
            play.bitbucket.fail_with(fault.once());
            let failure = play.list(&access).await.unwrap_err();
            assert_blames(
                &failure,
                Blame::Provider,
                ReasonCode::ProviderProtocol,
                GrantVerdict::Unknown,
            );
        }
        play.bitbucket.fail_with(Fault::LostAnswer.once());
        assert!(play.add(&access, 1).await.is_err());
        let again = play.add(&access, 1).await.unwrap();
        assert_eq!(again, Added::AlreadyThere, "a list tells that it is ours");
    }
}

#[tokio::test]
async fn a_page_that_says_maintenance_is_waited_out_slowly() {
    let canned = Canned::answering(Protocol::Oauth2, |_| {
        let page = "https://git.corp/bitbucket/maintenance?next=%2F";
        answer(302, &[("location", page)], "")
    })
    .await;
    let access = Secret::from("t");
    let failure = canned.adapter.list_keys(&canned.app, &access).await;
    let failure = failure.unwrap_err();
    let (blame, code) = (Blame::Provider, ReasonCode::ProviderError);
    assert_blames(&failure, blame, code, GrantVerdict::Unknown);
    assert_eq!(failure.not_before, Some(after(300)));
    assert!(failure.guessed, "nobody named a time");
}

#[tokio::test]
async fn a_login_page_is_not_followed_and_costs_nobody_their_link() {
    let canned = Canned::answering(Protocol::Oauth2, |_| {
        answer(
            302,
            &[("location", "https://git.corp/bitbucket/login?next=%2F")],
            "",
        )
    })
    .await;
    let failure = canned
        .adapter
        .list_keys(&canned.app, &Secret::from("the-token"))
        .await;
    let failure = failure.unwrap_err();
    assert_blames(
        &failure,
        Blame::App,
        ReasonCode::ProviderProtocol,
        GrantVerdict::Unknown,
    );
    assert!(words(&failure).contains("asks to log in"));
    assert_eq!(canned.seen().len(), 1);
}
