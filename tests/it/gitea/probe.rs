use std::sync::Arc;

use domain::BaseUrl;
use domain::provider::ProviderKind;
use forge::{Fault, GiteaOptions};
use lanyard::clock::{SeededIds, SystemClock};
use lanyard::providers::{Outbound, Providers};

use super::support::{CALLBACK, Canned, Play, answer, finding};

#[tokio::test]
async fn all_is_well() {
    for mut play in Play::all().await {
        let outbound = Outbound::to_practice([play.base_url.authority()]);
        let ids = Arc::new(SeededIds::new(7));
        let providers = Providers::new(&outbound, Arc::new(SystemClock), ids).unwrap();
        play.adapter = providers.get(ProviderKind::Gitea).unwrap();
        let findings = play.adapter.test(&play.app).await;
        let checks: Vec<_> = findings.iter().map(|finding| finding.check).collect();
        let expected = [
            "connection",
            "product",
            "version",
            "app",
            "clock",
            "redirect_url",
        ];
        assert_eq!(checks, expected);
        for finding in &findings {
            assert!(finding.ok && finding.fix.is_empty(), "{finding:?}");
        }
        assert!(finding(&findings, "redirect_url").found.contains(CALLBACK));
    }
}

#[tokio::test]
async fn the_product_and_its_version_are_named() {
    for (version, product, found) in [
        ("1.26.2", "it is Gitea", "Gitea 1.26.2"),
        (
            "12.0.4+gitea-1.22.0",
            "it is Forgejo",
            "Forgejo 12.0.4+gitea-1.22.0",
        ),
        (
            "1.21.11",
            "it is Gitea",
            "Gitea 1.21.11; it knows no scopes, so tokens may do everything",
        ),
        ("development", "it is Gitea", "Gitea development"),
    ] {
        let play = Play::with(GiteaOptions {
            version: version.to_owned(),
            ..GiteaOptions::gitea()
        })
        .await;
        let findings = play.adapter.test(&play.app).await;
        assert_eq!(finding(&findings, "product").found, product);
        let release = finding(&findings, "version");
        assert_eq!((release.ok, &*release.found), (true, found));
    }
    let play = Play::with(GiteaOptions {
        version: "1.7.6".to_owned(),
        ..GiteaOptions::gitea()
    })
    .await;
    let findings = play.adapter.test(&play.app).await;
    let release = finding(&findings, "version");
    assert!(!release.ok && release.fix.contains("up to date"));
}

#[tokio::test]
async fn a_server_that_is_closed_to_strangers_is_known_all_the_same() {
    let play = Play::with(GiteaOptions {
        sign_in_to_view: true,
        ..GiteaOptions::gitea()
    })
    .await;
    let findings = play.adapter.test(&play.app).await;
    assert!(finding(&findings, "product").ok);
    assert_eq!(finding(&findings, "version").found, "it does not say");
    assert!(finding(&findings, "app").ok);
}

#[tokio::test]
async fn the_apps_mistakes_are_told_apart_without_a_person() {
    for (mistake, fix) in [
        ("id", "client id"),
        ("secret", "client secret"),
        ("redirect", "redirect URIs"),
    ] {
        let mut play = Play::gitea().await;
        match mistake {
            "id" => play.app.client_id = "nobody".to_owned(),
            "secret" => play.app.client_secret = "wrong-secret".into(),
            _ => play.app.redirect_url = "http://127.0.0.1:1/x".parse().unwrap(),
        }
        let findings = play.adapter.test(&play.app).await;
        assert!(finding(&findings, "product").ok);
        let found = finding(&findings, "app");
        assert!(!found.ok && found.fix.contains(fix), "{found:?}");
        assert!(!format!("{findings:?}").contains("wrong-secret"));
    }
}

#[tokio::test]
async fn a_server_without_oauth_says_how_to_switch_it_on() {
    let play = Play::with(GiteaOptions {
        oauth: false,
        ..GiteaOptions::gitea()
    })
    .await;
    let findings = play.adapter.test(&play.app).await;
    let found = finding(&findings, "app");
    assert!(!found.ok && found.fix.contains("[oauth2]"));
}

#[tokio::test]
async fn a_root_url_that_is_wrong_is_found() {
    let play = Play::gitea().await;
    play.gitea.believes_to_be_at("https://old.example/git");
    let findings = play.adapter.test(&play.app).await;
    let found = finding(&findings, "root_url");
    assert!(!found.ok);
    assert!(found.fix.contains("https://old.example/git"));
    assert!(found.fix.contains("ROOT_URL"));
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_found() {
    let play = Play::gitea().await;
    // The adapter's clock stands at a noon of its own.
    let findings = play.adapter.test(&play.app).await;
    let found = finding(&findings, "clock");
    assert!(!found.ok && found.fix.contains("NTP"));
}

#[tokio::test]
async fn a_base_url_that_moved_says_where_to() {
    let canned = Canned::answering(|line| {
        let path = line.split_once(' ').unwrap().1;
        let target = format!("https://git.acme.example{path}");
        answer(301, &[("location", &target)], "")
    })
    .await;
    let findings = canned.adapter.test(&canned.app).await;
    let found = finding(&findings, "connection");
    assert!(!found.ok);
    let fix = "enter https://git.acme.example as the base URL";
    assert_eq!(found.fix, fix);
    assert_eq!(canned.seen().len(), 1, "the secret stays here");
}

#[tokio::test]
async fn something_else_at_the_address_is_no_gitea() {
    for (status, body) in [
        (200, "<html>"),
        (200, r#"{"versions":["x"]}"#),
        (404, r#"{"message":"404 Not Found"}"#),
        (401, r#"{"message":"401 Unauthorized"}"#),
    ] {
        let canned = Canned::answering(move |_| answer(status, &[], body)).await;
        let findings = canned.adapter.test(&canned.app).await;
        let found = finding(&findings, "product");
        assert!(!found.ok && found.fix.contains("base URL"));
        assert_eq!(canned.seen().len(), 1, "the secret stays here");
    }
}

#[tokio::test]
async fn maintenance_and_an_absent_server_are_told_apart() {
    let play = Play::gitea().await;
    play.gitea.fail_with(Fault::Maintenance.everywhere());
    let findings = play.adapter.test(&play.app).await;
    let found = finding(&findings, "product");
    assert!(!found.ok && found.fix.contains("maintenance"));
    let base_url: BaseUrl = play.base_url.clone();
    let Play {
        gitea,
        adapter,
        app,
        ..
    } = play;
    // The port is free once the server has let go of it; until then it hangs up.
    drop(gitea);
    let findings = adapter.test(&app).await;
    let found = finding(&findings, "connection");
    assert_eq!(app.base_url, base_url);
    assert!(!found.ok || !finding(&findings, "product").ok);
}
