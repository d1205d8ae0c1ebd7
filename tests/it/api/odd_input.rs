//! Whatever somebody sends, the answer says what was wrong with it: it is never a fault of ours.
//!
//! The same inputs each time, so that one that fails can be looked at.

use axum::http::Method;
use domain::Role;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::support::app::TestApp;

/// How many of each are sent.
const TRIES: usize = 150;

/// Draws from `of`, the same each time.
fn drawn<T>(of: &impl Strategy<Value = T>, times: usize) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    let draw = |_| of.new_tree(&mut runner).unwrap().current();
    (0..times).map(draw).collect()
}

/// A value of a query: what may stand there, what is nearly that, and what is neither.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9%&=+;:@!$'()*,/?._~-]{0,40}",
        "(%[0-9a-f]{2}){0,12}",
        "-?[0-9]{1,24}",
        "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{0,20}(Z|%2B99:99)?",
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        Just("%00".to_owned()),
        Just("%ff%fe".to_owned()),
        Just("%".to_owned()),
        Just("18446744073709551616".to_owned()),
        Just("'%20OR%201=1--".to_owned()),
        Just("a".repeat(3_000)),
    ]
}

/// A query of some of these fields, once or more often, with odd values.
fn query(fields: &'static [&'static str]) -> impl Strategy<Value = String> {
    let pair = (prop::sample::select(fields), value());
    let pairs = prop::collection::vec(
        pair.prop_map(|(name, value)| format!("{name}={value}")),
        0..5,
    );
    prop_oneof![9 => pairs.prop_map(|pairs| pairs.join("&")), 1 => value()]
}

#[tokio::test]
async fn no_filter_of_a_list_makes_the_server_fail() {
    let app = TestApp::new().await;
    let roles = [Role::Member, Role::Operator, Role::Auditor, Role::Admin];
    let somebody = app.actor("somebody", &roles).await;
    let lists: [(&str, &'static [&'static str]); 6] = [
        (
            "/api/v1/audit/events",
            &[
                "actor",
                "user",
                "provider",
                "type",
                "code",
                "correlation",
                "since",
                "until",
                "order",
                "before",
                "after",
                "limit",
                "format",
                "wait",
                "nothing",
            ],
        ),
        (
            "/api/v1/sync",
            &[
                "provider", "user", "status", "account", "after", "limit", "reason", "wait",
            ],
        ),
        (
            "/api/v1/users/me/keys",
            &["retired", "limit", "after", "wait"],
        ),
        ("/api/v1/tokens", &["user", "limit", "after", "wait"]),
        ("/api/v1/campaigns", &["before", "limit", "wait"]),
        ("/api/v1/replays", &["before", "limit", "wait"]),
    ];
    for (path, fields) in lists {
        assert_eq!(somebody.get(path).await.status, 200, "{path}");
        let mut refused = 0;
        // Nobody waits for events that never come.
        for query in drawn(&query(fields), TRIES) {
            if query.contains("wait=") {
                continue;
            }
            let answer = somebody.get(&format!("{path}?{query}")).await;
            let status = answer.status.as_u16();
            assert!(status < 500, "{path}?{query}: {answer:?}");
            refused += usize::from(status == 422);
        }
        assert!(refused > 0, "{path} takes everything");
    }
}

#[tokio::test]
async fn nothing_that_comes_back_from_a_provider_makes_the_callback_fail() {
    let app = TestApp::new().await;
    let browser = app.admin().await.with(None);
    let fields: &[&str] = &[
        "state",
        "code",
        "error",
        "error_description",
        "iss",
        "oauth_token",
        "oauth_verifier",
        "ticket",
        "nothing",
    ];
    for (number, query) in drawn(&query(fields), 2 * TRIES).into_iter().enumerate() {
        let place = ["", "/github", "/nowhere", "/%2e%2e", "/GitHub%00"][number % 5];
        let path = format!("/oauth/callback{place}?{query}");
        let cookies = [
            "",
            "__Host-lanyard=",
            "a=b; a=c",
            "__Host-lanyard_flow=%00;;;",
        ];
        let cookie = [("cookie", cookies[number % 4])];
        let answer = browser
            .send_text(Method::GET.as_str(), &path, "", &cookie)
            .await;
        let status = answer.status.as_u16();
        assert!((300..500).contains(&status), "{path}: {answer:?}");
        let told = format!("{:?} {}", answer.headers, answer.body);
        assert!(!told.contains("oauth_verifier="), "{path}: {told}");
    }
}

#[tokio::test]
async fn no_body_makes_the_server_fail() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let json = prop_oneof![
        "[\\[\\]{}\":,0-9a-z. \\\\-]{0,60}",
        "\\{\"(user|name|roles|provider|kind)\":(\"[^\"\\\\]{0,20}\"|-?[0-9e.]{1,30}|null|\\[\\]|\\{\\})\\}",
        Just("[".repeat(10_000)),
        Just(r#"{"user":"a","user":"b"}"#.to_owned()),
        Just(r#"{"name":"\ud800"}"#.to_owned()),
        Just("{\"name\":\"\u{0}\"}".to_owned()),
        Just("NaN".to_owned()),
    ];
    for (number, body) in drawn(&json, 2 * TRIES).into_iter().enumerate() {
        let (method, path) = [
            ("POST", "/api/v1/tokens"),
            ("POST", "/api/v1/providers"),
            ("PATCH", "/api/v1/settings"),
            ("POST", "/api/v1/campaigns"),
            ("POST", "/api/v1/replays"),
            ("POST", "/api/v1/webhooks"),
        ][number % 6];
        let headers = [("content-type", "application/json")];
        let answer = admin.send_text(method, path, body.clone(), &headers).await;
        let status = answer.status.as_u16();
        let fine = status == 200 || (400..500).contains(&status);
        assert!(fine, "{method} {path} {body}: {answer:?}");
    }
}
