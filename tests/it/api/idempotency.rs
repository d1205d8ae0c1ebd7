//! `Idempotency-Key`: what is sent twice is done once.

use chrono::TimeDelta;
use lanyard::app::idempotency::Claim;
use projections::Statement;
use serde_json::json;

use crate::support::app::TestApp;

const TOKENS: &str = "/api/v1/tokens";

#[tokio::test]
async fn what_is_sent_twice_is_done_once_and_answered_alike() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let key = [("idempotency-key", "k-1")];
    let body = json!({ "name": "laptop", "roles": ["admin"] });
    let first = admin.send("POST", TOKENS, Some(body.clone()), &key).await;
    first.is(201);
    assert_eq!(first.header("idempotent-replayed"), "");
    let again = admin.send("POST", TOKENS, Some(body.clone()), &key).await;
    assert_eq!(again.is(201), first.json());
    assert_eq!(again.header("idempotent-replayed"), "true");
    for name in ["location", "lanyard-index", "content-type"] {
        assert_eq!(again.header(name), first.header(name));
    }
    let other = json!({ "name": "desktop", "roles": ["admin"] });
    let answer = admin.send("POST", TOKENS, Some(other), &key).await;
    answer.is_problem(422, "idempotency-key-reused");
    let listed = admin.sees(TOKENS).await.is(200);
    assert_eq!(listed["tokens"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_key_belongs_to_a_person_and_lives_for_a_day() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let other = app.actor("other", &[domain::Role::Admin]).await;
    let key = [("idempotency-key", "k-1")];
    let body = json!({ "name": "laptop", "roles": ["admin"] });
    let send = async |who: &crate::support::actors::Actor<'_>| {
        let answer = who.send("POST", TOKENS, Some(body.clone()), &key).await;
        answer.is(201)["id"].clone()
    };
    let first = send(&admin).await;
    assert_ne!(send(&other).await, first);
    app.after(TimeDelta::hours(23));
    assert_eq!(send(&admin).await, first);
    app.after(TimeDelta::hours(2));
    assert_ne!(send(&admin).await, first);
}

#[tokio::test]
async fn of_fifty_at_once_one_is_done() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let key = [("idempotency-key", "k-1")];
    let body = json!({ "name": "laptop", "roles": ["admin"] });
    let sent = (0..50).map(|_| admin.send("POST", TOKENS, Some(body.clone()), &key));
    let answers = futures::future::join_all(sent).await;
    let mut ids: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 201)
        .map(|answer| answer.json()["id"].to_string())
        .collect();
    assert!(!ids.is_empty());
    ids.dedup();
    assert_eq!(ids.len(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.is_problem(409, "request-in-flight");
    }
}

#[tokio::test]
async fn a_request_under_way_is_not_begun_again_until_it_counts_as_lost() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let body = json!({ "name": "laptop", "roles": ["admin"] });
    let claim = Claim {
        principal: "root".to_owned(),
        route: format!("POST {TOKENS}"),
        key: "k-1".to_owned(),
        body_hash: lanyard::app::digest::sha256_hex(body.to_string()),
    };
    app.app.claim(&claim).await.unwrap();
    let key = [("idempotency-key", "k-1")];
    let answer = admin.send("POST", TOKENS, Some(body.clone()), &key).await;
    answer.is_problem(409, "request-in-flight");
    assert_eq!(answer.header("retry-after"), "1");
    app.after(TimeDelta::minutes(3));
    admin.send("POST", TOKENS, Some(body), &key).await.is(201);
}

#[tokio::test]
async fn a_refusal_is_answered_again_too_and_a_bad_key_is_named() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let key = [("idempotency-key", "k-1")];
    let body = json!({ "name": "laptop", "roles": ["member"] });
    let first = admin.send("POST", TOKENS, Some(body.clone()), &key).await;
    first.is_problem(403, "token-role-not-held");
    let again = admin.send("POST", TOKENS, Some(body.clone()), &key).await;
    assert_eq!(again.status, 403);
    assert_eq!(again.json()["type"], "/problems/token-role-not-held");
    assert_eq!(again.header("idempotent-replayed"), "true");
    let long = "x".repeat(201);
    for key in ["", long.as_str()] {
        let headers = [("idempotency-key", key)];
        let answer = admin
            .send("POST", TOKENS, Some(body.clone()), &headers)
            .await;
        assert_eq!(answer.rejected(), ["Idempotency-Key"]);
    }
}

#[tokio::test]
async fn a_kept_answer_is_sealed() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let key = [("idempotency-key", "k-1")];
    let body = json!({ "name": "laptop", "roles": ["admin"] });
    let made = admin.send("POST", TOKENS, Some(body), &key).await.is(201);
    let token = made["token"].as_str().unwrap();
    let asked = Statement::new("SELECT response FROM idempotency", []);
    let row = app.app.database.get(asked).await.unwrap().unwrap();
    let bytes = row.bytes(0).unwrap();
    let mut windows = bytes.windows(token.len());
    assert!(!windows.any(|window| window == token.as_bytes()));
}
