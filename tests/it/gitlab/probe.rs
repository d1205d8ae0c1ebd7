use std::sync::Arc;

use domain::BaseUrl;
use forge::{Fault, GitLabOptions};
use lanyard::clock::{FixedClock, SystemClock};
use lanyard::providers::Outbound;

use super::support::{CALLBACK, Canned, Play, answer, app, finding, noon, reaching};

const NOBODY: &str = r#"{"message":"401 Unauthorized"}"#;

#[tokio::test]
async fn all_is_well_at_the_root_and_below_it() {
    for options in [
        GitLabOptions::self_managed(),
        GitLabOptions::below("/gitlab"),
    ] {
        let play = Play::with(options).await;
        let outbound = Outbound::to_practice([play.base_url.authority()]);
        let adapter = reaching(&outbound, Arc::new(SystemClock));
        let findings = adapter.test(&play.app).await;
        let checks: Vec<_> = findings.iter().map(|finding| finding.check).collect();
        assert_eq!(
            checks,
            [
                "connection",
                "product",
                "version",
                "app",
                "clock",
                "redirect_url"
            ]
        );
        for finding in &findings {
            assert!(finding.ok && finding.fix.is_empty(), "{finding:?}");
        }
        let redirect = &finding(&findings, "redirect_url").found;
        assert!(redirect.contains(CALLBACK) && redirect.contains("scope api"));
    }
}

#[tokio::test]
async fn a_wrong_secret_is_found_without_a_person() {
    let mut play = Play::start().await;
    play.app.client_secret = "wrong-secret".into();
    let findings = play.adapter.test(&play.app).await;
    assert!(finding(&findings, "product").ok);
    let found = finding(&findings, "app");
    assert!(!found.ok);
    assert!(found.fix.contains("renew the secret"));
    assert!(!format!("{findings:?}").contains("wrong-secret"));
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_found() {
    let play = Play::start().await;
    // The adapter's clock stands at a noon of its own.
    let findings = play.adapter.test(&play.app).await;
    let found = finding(&findings, "clock");
    assert!(!found.ok);
    assert!(found.fix.contains("NTP"));
}

#[tokio::test]
async fn a_base_url_that_moved_says_where_to() {
    let canned = Canned::answering(|seen| {
        let path = seen.line.split_once(' ').unwrap().1;
        let target = format!("https://git.acme.example{path}");
        answer(301, &[("location", &target)], "")
    })
    .await;
    let findings = canned.adapter.test(&canned.app).await;
    let found = finding(&findings, "connection");
    assert!(!found.ok);
    assert_eq!(found.fix, "enter https://git.acme.example as the base URL");
    assert_eq!(
        canned.seen().len(),
        1,
        "the application's secret was not sent there"
    );
}

#[tokio::test]
async fn a_sign_in_page_before_gitlab_is_not_taken_for_its_address() {
    let canned = Canned::answering(|_| {
        let headers = [("location", "https://sso.acme.example/login")];
        answer(302, &headers, "")
    })
    .await;
    let findings = canned.adapter.test(&canned.app).await;
    let found = finding(&findings, "connection");
    assert!(!found.ok);
    assert!(found.fix.contains("proxy"));
}

#[tokio::test]
async fn another_product_is_found_before_a_secret_is_sent() {
    for (status, body) in [
        (404, "<html>Gitea</html>"),
        (404, r#"{"message":"Not Found"}"#),
        (200, r#"{"version":"1.22.0"}"#),
        (200, "<html>sign in</html>"),
        (401, r#"{"message":"Requires authentication"}"#),
        (401, "<html>401 Unauthorized</html>"),
        (403, "Forbidden\n"),
    ] {
        let canned = Canned::answering(move |_| answer(status, &[], body)).await;
        let findings = canned.adapter.test(&canned.app).await;
        let found = finding(&findings, "product");
        assert!(!found.ok, "{body}");
        assert!(found.fix.contains("lives below a path"), "{}", found.fix);
        assert_eq!(canned.seen().len(), 1);
        assert_eq!(canned.seen()[0].line, "GET /api/v4/version");
        assert_eq!(canned.seen()[0].header("authorization"), None);
    }
}

#[tokio::test]
async fn common_slips_in_a_base_url_are_named() {
    let canned = Canned::answering(|_| answer(404, &[], "<html>404</html>")).await;
    let authority = canned.base_url.authority();
    for (path, fix) in [
        (
            "/gitlab/api/v4",
            format!("enter the address of the web pages: http://{authority}/gitlab"),
        ),
        (
            "/acme",
            format!("does not live below /acme, try http://{authority}"),
        ),
    ] {
        let base: BaseUrl = format!("http://{authority}{path}").parse().unwrap();
        let findings = canned.adapter.test(&app(&base, "id", "secret")).await;
        let found = finding(&findings, "product");
        assert!(found.fix.ends_with(&fix), "{}", found.fix);
    }
}

#[tokio::test]
async fn an_outage_is_told_apart_from_a_wrong_address() {
    let play = Play::start().await;
    play.gitlab.goes_down();
    let findings = play.adapter.test(&play.app).await;
    let found = finding(&findings, "product");
    assert!(!found.ok);
    assert!(found.fix.contains("try again later"));
    play.gitlab.heal();
    play.gitlab
        .fail_with(Fault::BadGateway.on(forge::GitLab::TOKEN_ROUTE));
    let findings = play.adapter.test(&play.app).await;
    assert!(finding(&findings, "product").ok);
    let found = finding(&findings, "app");
    assert!(!found.ok);
    assert_eq!(found.found, "status 502");
}

#[tokio::test]
async fn a_limit_is_told() {
    let canned = Canned::answering(|_| answer(429, &[], "Retry later\n")).await;
    let findings = canned.adapter.test(&canned.app).await;
    let found = finding(&findings, "product");
    assert!(!found.ok);
    assert_eq!(found.fix, "try again in a minute");
}

#[tokio::test]
async fn a_made_up_code_that_works_is_no_gitlab() {
    let canned = Canned::answering(|seen| {
        if seen.line.ends_with("/version") {
            answer(401, &[], NOBODY)
        } else {
            answer(200, &[], r#"{"access_token":"a"}"#)
        }
    })
    .await;
    let findings = canned.adapter.test(&canned.app).await;
    let found = finding(&findings, "app");
    assert!(!found.ok);
    assert_eq!(found.found, "a made-up code was taken for a real one");
}

#[tokio::test]
async fn an_address_that_may_not_be_called_is_told() {
    let strict = reaching(&Outbound::default(), Arc::new(FixedClock::at(noon())));
    for (base, words) in [
        ("https://10.0.0.1/gitlab", "private network"),
        ("https://git.invalid", "the host name is not known"),
    ] {
        let base: BaseUrl = base.parse().unwrap();
        let findings = strict.test(&app(&base, "id", "secret")).await;
        let found = finding(&findings, "connection");
        assert!(!found.ok);
        assert!(found.found.contains(words), "{}", found.found);
        assert!(finding(&findings, "redirect_url").ok);
    }
}
