use std::sync::Arc;

use domain::BaseUrl;
use domain::provider::ProviderKind;
use forge::{Fault, GitHubOptions};
use lanyard::clock::{SeededIds, SystemClock};
use lanyard::providers::{Outbound, Providers};

use super::support::{CALLBACK, Canned, Play, answer, app, finding, reaching};

#[tokio::test]
async fn all_is_well() {
    let mut play = Play::enterprise().await;
    let outbound = Outbound::to_practice([play.base_url.authority()]);
    let ids = Arc::new(SeededIds::new(7));
    play.adapter = Providers::new(&outbound, Arc::new(SystemClock), ids)
        .unwrap()
        .get(ProviderKind::Github)
        .unwrap();
    let findings = play.adapter.test(&play.app).await;
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
    let version = finding(&findings, "version");
    assert_eq!(version.found, "GitHub Enterprise Server 3.19.0");
    assert!(finding(&findings, "redirect_url").found.contains(CALLBACK));
}

#[tokio::test]
async fn a_wrong_secret_is_found_without_a_person() {
    let mut play = Play::enterprise().await;
    play.app.client_secret = "wrong-secret".into();
    let findings = play.adapter.test(&play.app).await;
    assert!(finding(&findings, "product").ok);
    let found = finding(&findings, "app");
    assert!(!found.ok);
    assert!(found.fix.contains("client secret"));
    assert!(!format!("{findings:?}").contains("wrong-secret"));
}

#[tokio::test]
async fn a_wrong_redirect_url_is_found_where_github_says_so() {
    let canned = Canned::answering(|seen| {
        if seen.line.ends_with("/meta") {
            answer(200, &[], r#"{"verifiable_password_authentication":true}"#)
        } else {
            answer(200, &[], r#"{"error":"redirect_uri_mismatch"}"#)
        }
    })
    .await;
    let findings = canned.adapter.test(&canned.app).await;
    let found = finding(&findings, "app");
    assert!(!found.ok);
    assert_eq!(found.fix, format!("register {CALLBACK} with the app"));
    assert_eq!(finding(&findings, "version").found, "it does not say");
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_found() {
    let play = Play::enterprise().await;
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
        "the app's secret was not sent there"
    );
}

#[tokio::test]
async fn another_product_is_found_before_a_secret_is_sent() {
    for (status, body) in [
        (404, "<html>GitLab</html>"),
        (404, r#"{"error":"404 Not Found"}"#),
        (200, r#"{"version":"17.0"}"#),
        (200, "<html>sign in</html>"),
        (401, r#"{"message":"401 Unauthorized"}"#),
    ] {
        let canned = Canned::answering(move |_| answer(status, &[], body)).await;
        let findings = canned.adapter.test(&canned.app).await;
        assert!(!finding(&findings, "product").ok, "{body}");
        assert_eq!(canned.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_private_instance_is_recognized_by_its_header() {
    let canned = Canned::answering(|seen| {
        if seen.line.ends_with("/meta") {
            let headers = [
                ("x-github-request-id", "1"),
                ("x-github-enterprise-version", "3.18.2"),
            ];
            answer(401, &headers, r#"{"message":"Requires authentication"}"#)
        } else {
            answer(200, &[], r#"{"error":"bad_verification_code"}"#)
        }
    })
    .await;
    let findings = canned.adapter.test(&canned.app).await;
    assert!(finding(&findings, "product").ok);
    assert!(finding(&findings, "app").ok);
    let version = finding(&findings, "version");
    assert_eq!(version.found, "GitHub Enterprise Server 3.18.2");
}

#[tokio::test]
async fn common_slips_in_a_base_url_are_named() {
    let canned = Canned::answering(|_| answer(404, &[], r#"{"message":"Not Found"}"#)).await;
    let authority = canned.base_url.authority();
    let with_path: BaseUrl = format!("http://{authority}/api/v3").parse().unwrap();
    let findings = canned.adapter.test(&app(&with_path, "id", "secret")).await;
    let found = finding(&findings, "product");
    assert!(found.fix.ends_with(&format!("try http://{authority}")));
}

#[tokio::test]
async fn maintenance_and_outage_are_told_apart_from_a_wrong_address() {
    let play = Play::with(GitHubOptions::enterprise(), forge::RedirectRule::Prefix).await;
    play.github.fail_with(Fault::Maintenance.everywhere());
    let findings = play.adapter.test(&play.app).await;
    let found = finding(&findings, "product");
    assert!(!found.ok);
    assert!(found.fix.contains("try again later"));
    let gone: BaseUrl = "https://git.invalid".parse().unwrap();
    let findings = reaching(&Outbound::default())
        .test(&app(&gone, "id", "secret"))
        .await;
    let found = finding(&findings, "connection");
    assert!(!found.ok);
    assert_eq!(found.found, "the host name is not known");
    assert!(found.fix.contains("DNS"));
    assert!(finding(&findings, "redirect_url").ok);
}

#[tokio::test]
async fn an_address_that_may_not_be_called_is_told() {
    let private: BaseUrl = "https://10.0.0.1".parse().unwrap();
    let findings = reaching(&Outbound::default())
        .test(&app(&private, "id", "secret"))
        .await;
    let found = finding(&findings, "connection");
    assert!(!found.ok);
    assert!(found.found.contains("private network"));
}
