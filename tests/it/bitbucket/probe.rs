use std::sync::Arc;

use domain::BaseUrl;
use domain::provider::Protocol;
use forge::{BitbucketOptions, BitbucketState};
use lanyard::clock::SystemClock;
use lanyard::providers::Finding;

use super::support::{
    CALLBACK, CONSUMER, Canned, Play, adapter, another_key, answer, app, finding, our_key, pem,
};

/// Tests with the clock of the machine, as the answers of the practice server have it.
async fn tried_now(play: &Play) -> Vec<Finding> {
    // The practice server's own clock is what signatures are held against.
    play.clock.set(lanyard::clock::Clock::now(&SystemClock));
    let adapter = adapter(&play.app.base_url, Arc::new(SystemClock));
    adapter.test(&play.app).await
}

#[tokio::test]
async fn all_is_well_in_either_era() {
    for (options, protocol, version) in [
        (
            BitbucketOptions::server().below("/bitbucket"),
            Protocol::Oauth1,
            "7.6.16",
        ),
        (BitbucketOptions::data_center(), Protocol::Oauth1, "9.4.0"),
        (
            BitbucketOptions::data_center().below("/git"),
            Protocol::Oauth2,
            "9.4.0",
        ),
    ] {
        let play = Play::with(options, protocol).await;
        let findings = tried_now(&play).await;
        let mut checks: Vec<_> = findings.iter().map(|finding| finding.check).collect();
        if protocol == Protocol::Oauth1 {
            assert_eq!(checks.pop(), Some("public_key"));
            let found = &finding(&findings, "public_key").found;
            assert!(found.ends_with(&pem(our_key())));
        }
        assert_eq!(
            checks,
            [
                "connection",
                "product",
                "version",
                "era",
                "app",
                "clock",
                "redirect_url"
            ]
        );
        for finding in &findings {
            assert!(finding.ok && finding.fix.is_empty(), "{finding:?}");
        }
        assert_eq!(finding(&findings, "version").found, version);
        assert!(finding(&findings, "redirect_url").found.contains(CALLBACK));
        let private = our_key().expose_str();
        let said = format!("{findings:?}");
        assert!(!said.contains(private.lines().nth(2).unwrap()));
        assert!(!said.contains("PRIVATE"));
    }
}

#[tokio::test]
async fn both_eras_are_explained() {
    let both = Play::with(BitbucketOptions::data_center(), Protocol::Oauth1).await;
    let findings = tried_now(&both).await;
    assert!(finding(&findings, "era").found.contains("has OAuth 2.0"));

    // OAuth 2.0 is wanted of a server that came before it.
    let mut old = Play::with(BitbucketOptions::server(), Protocol::Oauth2).await;
    let findings = tried_now(&old).await;
    let found = finding(&findings, "era");
    assert!(!found.ok && found.found.contains("7.6.16"), "{found:?}");
    assert!(found.fix.contains("oauth1"));
    let found = finding(&findings, "app");
    assert!(!found.ok && found.fix.contains("oauth1"), "{found:?}");

    // OAuth 1.0a is wanted of a server that has it no more.
    let options = BitbucketOptions {
        oauth1: false,
        ..BitbucketOptions::data_center()
    };
    old = Play::with(options, Protocol::Oauth1).await;
    let findings = tried_now(&old).await;
    let found = finding(&findings, "app");
    assert!(!found.ok && found.fix.contains("oauth2"), "{found:?}");
}

#[tokio::test]
async fn an_unknown_consumer_key_and_another_public_key_are_told_apart() {
    let mut play = Play::signed().await;
    assert!(
        play.bitbucket
            .replace_public_key(CONSUMER, &pem(another_key()))
    );
    let findings = tried_now(&play).await;
    let found = finding(&findings, "app");
    assert!(
        !found.ok && found.found.starts_with("signature_invalid"),
        "{found:?}"
    );
    assert!(found.fix.contains("paste the public key"));
    play.app.client_id = "Other".to_owned();
    let findings = tried_now(&play).await;
    let found = finding(&findings, "app");
    assert!(
        !found.ok && found.fix.contains("consumer key Other"),
        "{found:?}"
    );
    assert!(finding(&findings, "public_key").ok, "there to be pasted");
}

#[tokio::test]
async fn a_proxy_that_changes_the_address_is_found_with_what_to_set() {
    let options = BitbucketOptions {
        believes_to_be: Some("http://bitbucket.internal:7990".to_owned()),
        ..BitbucketOptions::server()
    };
    let play = Play::with(options, Protocol::Oauth1).await;
    let findings = tried_now(&play).await;
    let found = finding(&findings, "app");
    assert!(!found.ok && found.found.contains("http://bitbucket.internal:7990"));
    assert!(found.fix.contains("server.proxy-name"), "{found:?}");
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_found_with_both_times() {
    let play = Play::signed().await;
    // The server stands at noon; the adapter is seven minutes late.
    play.ours.advance(chrono::TimeDelta::minutes(-7));
    let findings = play.adapter.test(&play.app).await;
    let found = finding(&findings, "clock");
    assert!(!found.ok);
    assert_eq!(
        found.found,
        "this server's clock says 11:53:00 UTC, Bitbucket's 12:00:00 UTC: 420 seconds behind it"
    );
    assert!(found.fix.contains("NTP"));
    assert!(
        finding(&findings, "app")
            .found
            .starts_with("timestamp_refused")
    );
}

#[tokio::test]
async fn wrong_credentials_of_an_incoming_link_are_found_without_a_person() {
    let mut play = Play::coded().await;
    play.app.redirect_url = "http://127.0.0.1:8080/elsewhere".parse().unwrap();
    let findings = tried_now(&play).await;
    let found = finding(&findings, "app");
    assert!(!found.ok && found.fix.contains("/elsewhere"), "{found:?}");
    play.app.client_secret = "wrong-secret".into();
    let findings = tried_now(&play).await;
    let found = finding(&findings, "app");
    assert!(
        !found.ok && found.fix.contains("client secret"),
        "{found:?}"
    );
    assert!(!format!("{findings:?}").contains("wrong-secret"));
}

#[tokio::test]
async fn maintenance_is_found_although_it_is_two_hundred() {
    let play = Play::signed().await;
    for (state, word) in [
        (BitbucketState::Maintenance, "maintenance"),
        (BitbucketState::Starting, "starting"),
        (BitbucketState::FirstRun, "setup"),
        (BitbucketState::Error, "log"),
    ] {
        play.bitbucket.set_state(state);
        let findings = play.adapter.test(&play.app).await;
        let found = finding(&findings, "status");
        assert!(!found.ok && found.fix.contains(word), "{found:?}");
        assert!(finding(&findings, "connection").ok);
        assert!(finding(&findings, "redirect_url").ok);
    }
    let asked: Vec<_> = play.bitbucket.journal();
    assert!(asked.iter().all(|entry| entry.route == "GET /status"));
}

#[tokio::test]
async fn another_product_is_found_before_anything_secret_is_sent() {
    for (status, body) in [
        (404, "<html>GitLab</html>"),
        (200, r#"{"version":"17.0","displayName":"Jira"}"#),
        (200, "<html>sign in</html>"),
        (401, r#"{"message":"401 Unauthorized"}"#),
    ] {
        let canned = Canned::answering(Protocol::Oauth2, move |_| answer(status, &[], body)).await;
        let findings = canned.adapter.test(&canned.app).await;
        let found = finding(&findings, "product");
        assert!(!found.ok && found.fix.contains("context path"), "{found:?}");
        let seen = canned.seen();
        assert_eq!(seen.len(), 2);
        assert!(seen.iter().all(|seen| seen.body.is_empty()));
        assert!(
            seen.iter()
                .all(|seen| !seen.headers.contains_key("authorization"))
        );
    }
}

#[tokio::test]
async fn a_base_url_that_moved_says_where_to() {
    let canned = Canned::answering(Protocol::Oauth2, |_| {
        answer(
            302,
            &[("location", "https://git.corp/bitbucket/status")],
            "",
        )
    })
    .await;
    let findings = canned.adapter.test(&canned.app).await;
    let found = finding(&findings, "connection");
    assert!(!found.ok);
    assert_eq!(
        found.fix,
        "enter https://git.corp/bitbucket as the base URL"
    );
    assert_eq!(canned.seen().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told() {
    let gone: BaseUrl = "https://git.invalid/bitbucket".parse().unwrap();
    let adapter = adapter(&gone, Arc::new(SystemClock));
    for protocol in [Protocol::Oauth1, Protocol::Oauth2] {
        let findings = adapter.test(&app(&gone, protocol)).await;
        let found = finding(&findings, "connection");
        assert!(!found.ok && found.fix.contains("DNS"), "{found:?}");
        assert!(finding(&findings, "redirect_url").ok);
    }
}
