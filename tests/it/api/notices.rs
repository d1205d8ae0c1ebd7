//! Notices.

use domain::provider::{Provider, ProviderCommand};
use domain::{Blame, Failure, NoticeKind, ReasonCode};
use lanyard::app::Caller;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::by_hand::builds;
use crate::support::tree::read;

const NOTICES: &str = "/api/v1/notices";

/// An app that is refused, and accepted again, so many times.
async fn refusals(app: &TestApp, times: usize) {
    builds(app).await;
    let caller = Caller::system("publisher", app.app.new_id(), None);
    for _ in 0..times {
        let failure = Failure::new(
            Blame::App,
            ReasonCode::AppCredentialsInvalid,
            Some("what it said"),
        );
        for command in [
            ProviderCommand::RecordAppRefused { failure },
            ProviderCommand::RecordAppAccepted,
        ] {
            let done = app
                .app
                .dispatch
                .execute::<Provider>(&"builds", command, &caller);
            done.await.unwrap();
        }
    }
}

#[tokio::test]
async fn where_nothing_is_wrong_the_list_is_empty() {
    let app = TestApp::new().await;
    let none = json!({ "notices": [] });
    assert_eq!(app.operator().await.sees(NOTICES).await.is(200), none);
    let ada = app.user("ada").await;
    assert_eq!(ada.sees("/api/v1/me/notices").await.is(200), none);
}

#[tokio::test]
async fn a_notice_says_what_it_is_since_when_and_what_to_do() {
    let app = TestApp::new().await;
    refusals(&app, 1).await;
    let seen = app.admin().await.sees(NOTICES).await.is(200);
    let mut notice = seen["notices"][0].clone();
    let id = notice["notice"].take();
    assert_eq!(id.as_str().unwrap().len(), 36);
    let at = "2026-11-22T09:00:00.000000Z";
    assert_eq!(
        notice,
        json!({
            "notice": null, "kind": "app_refused", "code": "app_credentials_invalid",
            "words": "builds refuses the registered app",
            "remedy": "an admin must enter the app's current client id and client secret",
            "provider": "builds", "since": at, "closed_at": at,
        })
    );
}

#[tokio::test]
async fn a_long_list_comes_in_pages_each_notice_once() {
    let app = TestApp::new().await;
    refusals(&app, 5).await;
    let operator = app.operator().await;
    let whole = operator.sees(NOTICES).await.is(200);
    let (mut all, mut before) = (Vec::new(), String::new());
    loop {
        let path = format!("{NOTICES}?limit=2{before}");
        let page = operator.get(&path).await.is(200);
        all.extend(page["notices"].as_array().unwrap().clone());
        match &page["next"] {
            Value::Null => break,
            next => before = format!("&before={next}"),
        }
    }
    assert_eq!(Value::from(all), whole["notices"]);
    assert_eq!(whole["notices"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn filters_narrow_the_list_and_wrong_ones_are_named() {
    let app = TestApp::new().await;
    refusals(&app, 1).await;
    let operator = app.operator().await;
    for (query, found) in [
        ("", 1),
        ("?open=true", 0),
        ("?open=false", 1),
        ("?kind=app_refused&provider=builds", 1),
        ("?kind=key_drift", 0),
        ("?provider=github", 0),
        ("?user=ada", 0),
    ] {
        let seen = operator.sees(&format!("{NOTICES}{query}")).await.is(200);
        let notices = seen["notices"].as_array().unwrap();
        assert_eq!(notices.len(), found, "{query}");
    }
    let wrong = operator
        .get(&format!("{NOTICES}?kind=weather&open=yes&colour=red"))
        .await;
    assert_eq!(wrong.rejected(), ["kind", "open", "colour"]);
    let wrong = operator.get("/api/v1/me/notices?user=bob").await;
    assert_eq!(wrong.rejected(), ["user"]);
}

#[test]
fn the_page_for_operators_names_every_kind() {
    let page = read("docs/operators/notices.md");
    for kind in NoticeKind::ALL {
        let row = format!("| `{}` |", kind.as_str());
        assert!(page.contains(&row), "no row of {row}");
    }
}
