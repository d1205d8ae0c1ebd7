//! What every route has in common: tokens, problems, headers, limits.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use domain::StreamName;
use futures::stream;
use lanyard::clock::FixedClock;
use lanyard::eventlog::{Append, Appended, EventLog, LogError, Stored};
use serde_json::json;
use tokio::sync::watch;

use crate::support::app::{BEGIN, TestApp};

#[tokio::test]
async fn whoever_asks_learns_who_they_are() {
    let app = TestApp::new().await;
    let ada = app.user("ada").await;
    let me = ada.get("/api/v1/me").await.is(200);
    assert_eq!(me["user"], "ada");
    assert_eq!(me["roles"], json!(["member"]));
    assert_eq!(me["expires_at"], "2027-02-20T09:00:00.000000Z");
}

#[tokio::test]
async fn without_a_current_token_nothing_is_told() {
    let app = TestApp::new().await;
    let anyone = app.anyone();
    let answer = anyone.get("/api/v1/me").await;
    answer.is_problem(401, "unauthenticated");
    assert_eq!(
        answer.header("www-authenticate"),
        "Bearer realm=\"lanyard\""
    );
    let unknown = "lyd_pat_0000000000000000000000000000000x8Wuy";
    for sent in [
        "",
        "Bearer",
        "Bearer x",
        "Basic cm9vdDpyb290",
        &format!("Bearer {unknown}"),
    ] {
        let headers = [("authorization", sent)];
        let answer = anyone.send("GET", "/api/v1/me", None, &headers).await;
        answer.is_problem(401, "unauthenticated");
    }
    let ada = app.user("ada").await;
    let token = format!("Bearer {}", ada.token.as_deref().unwrap());
    let twice = [("authorization", "Bearer x"), ("authorization", &token)];
    let answer = anyone.send("GET", "/api/v1/me", None, &twice).await;
    answer.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_taken_are_problems_too() {
    let app = TestApp::new().await;
    let ada = app.user("ada").await;
    let answer = ada.get("/api/v1/nothing").await;
    answer.is_problem(404, "not-found");
    let answer = ada.send("PUT", "/api/v1/me", None, &[]).await;
    answer.is_problem(405, "method-not-allowed");
    assert!(answer.header("allow").contains("GET"), "{answer:?}");
    let answer = ada.get("/api/v1/users/%ff/accounts").await;
    assert!(answer.status.is_client_error(), "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn every_answer_has_its_id_and_its_headers() {
    let app = TestApp::new().await;
    let ada = app.user("ada").await;
    let mut ids = Vec::new();
    for path in ["/healthz", "/api/v1/me", "/nothing", "/oauth/linked"] {
        let answer = ada.get(path).await;
        ids.push(answer.header("x-request-id").to_owned());
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cache-control"), "no-store");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
        assert!(policy.contains("frame-ancestors 'none'"));
        assert!(
            answer
                .header("strict-transport-security")
                .starts_with("max-age=63072000")
        );
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn a_body_that_is_not_one_json_object_is_malformed() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let deep = "[".repeat(10_000);
    let json = [("content-type", "application/json")];
    for body in [
        "{",
        "[]",
        "7",
        "null",
        "{\"name\":\"a\",\"name\":\"b\"}",
        "{\"name\":NaN}",
        "{\"name\":\"\\ud800\"}",
        &deep,
    ] {
        let answer = admin
            .send_text("POST", "/api/v1/providers", body.to_owned(), &json)
            .await;
        let problem = answer.is_problem(400, "malformed-request");
        assert!(!answer.body.contains("ud800"), "{problem}");
    }
}

#[tokio::test]
async fn a_body_is_json_and_says_so() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let answer = admin
            .send_text("POST", "/api/v1/providers", "{}", &[("content-type", kind)])
            .await;
        answer.is_problem(415, "unsupported-media-type");
    }
    let kind = [("content-type", "application/json; charset=utf-8")];
    let answer = admin
        .send_text("POST", "/api/v1/providers", "{}", &kind)
        .await;
    answer.is_problem(422, "invalid-input");
}

#[tokio::test]
async fn a_body_beyond_256_kib_is_refused_announced_or_not() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(300 * 1024));
    let json = ("content-type", "application/json");
    let length = long.len().to_string();
    let answer = admin
        .send_text(
            "POST",
            "/api/v1/providers",
            long.clone(),
            &[json, ("content-length", &length)],
        )
        .await;
    answer.is_problem(413, "body-too-large");
    let parts: Vec<Result<_, std::io::Error>> = long
        .as_bytes()
        .chunks(1000)
        .map(|part| Ok(part.to_vec()))
        .collect();
    let streamed = Body::from_stream(stream::iter(parts));
    let answer = admin
        .send_text("POST", "/api/v1/providers", streamed, &[json])
        .await;
    answer.is_problem(413, "body-too-large");
}

#[tokio::test]
async fn a_read_waits_for_what_was_written() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let body = json!({ "name": "laptop", "roles": ["admin"] });
    let made = admin.post("/api/v1/tokens", body).await;
    made.is(201);
    let index = made.header("lanyard-index");
    let seen = admin
        .get(&format!("/api/v1/tokens?wait={index}"))
        .await
        .is(200);
    assert_eq!(seen["tokens"].as_array().unwrap().len(), 2);
    admin.get("/api/v1/tokens?wait").await.is(200);
    let answer = admin.get("/api/v1/tokens?wait=soon").await;
    assert_eq!(answer.rejected(), ["wait"]);
}

#[tokio::test]
async fn a_read_of_what_is_not_there_yet_says_so() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let answer = admin.get("/api/v1/tokens?wait=1000000").await;
    answer.is_problem(503, "not-yet-applied");
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn the_server_says_how_it_is() {
    let app = TestApp::new().await;
    let anyone = app.anyone();
    anyone.get("/healthz").await.is(200);
    app.user("ada").await;
    app.catches_up().await;
    let ready = anyone.get("/readyz").await.is(200);
    assert_eq!(
        ready,
        json!({
            "ready": true, "log": "ok", "database": "ok", "vault": "ok", "projections": "ok",
            "worker": "ok",
            "events": 1, "applied": 1,
        })
    );
}

/// A log on a full disk, or none.
struct Gone;

#[async_trait]
impl EventLog for Gone {
    async fn append(&self, _: Append) -> Result<Appended, LogError> {
        Err(full())
    }

    async fn read_stream(&self, _: &StreamName, _: u64, _: usize) -> Result<Vec<Stored>, LogError> {
        Err(full())
    }

    async fn read_all(&self, _: u64, _: usize) -> Result<Vec<Stored>, LogError> {
        Err(full())
    }

    async fn size(&self) -> Result<u64, LogError> {
        Err(full())
    }

    fn watch(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }
}

/// A log with a fault of ours in it.
struct Faulty;

#[async_trait]
impl EventLog for Faulty {
    async fn append(&self, _: Append) -> Result<Appended, LogError> {
        panic!("the secret is sesame")
    }

    async fn read_stream(&self, _: &StreamName, _: u64, _: usize) -> Result<Vec<Stored>, LogError> {
        panic!("the secret is sesame")
    }

    async fn read_all(&self, _: u64, _: usize) -> Result<Vec<Stored>, LogError> {
        panic!("the secret is sesame")
    }

    async fn size(&self) -> Result<u64, LogError> {
        panic!("the secret is sesame")
    }

    fn watch(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }
}

#[tokio::test]
async fn a_fault_of_ours_is_told_as_one_and_as_nothing_else() {
    let mut app = TestApp::new().await;
    let token = app.admin().await.token;
    let clock = Arc::new(FixedClock::at(BEGIN.parse().unwrap()));
    app.loses_its_log(Arc::new(Faulty), clock);
    let admin = app.anyone().with(token);
    for path in ["/readyz", "/api/v1/settings"] {
        let answer = admin.get(path).await;
        let problem = answer.is_problem(500, "internal");
        assert!(!answer.body.contains("sesame"), "{}", answer.body);
        let fields: Vec<_> = problem.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["instance", "status", "title", "type"]);
    }
}

fn full() -> LogError {
    LogError::Unavailable("/secret/path: no space left on device".to_owned())
}

#[tokio::test]
async fn without_a_log_everything_is_not_now_and_says_nothing_of_why() {
    let mut app = TestApp::new().await;
    let token = app.admin().await.token;
    let clock = Arc::new(FixedClock::at(BEGIN.parse().unwrap()));
    app.loses_its_log(Arc::new(Gone), clock);
    let admin = app.anyone().with(token);
    let answer = admin.get("/api/v1/providers/github").await;
    answer.is_problem(503, "unavailable");
    assert_eq!(answer.header("retry-after"), "5");
    assert!(!answer.body.contains("device"), "{}", answer.body);
    let answer = admin
        .patch("/api/v1/settings", json!({ "algorithm": "rsa-4096" }))
        .await;
    answer.is_problem(503, "unavailable");
    let ready = admin.get("/readyz").await.is(503);
    assert_eq!(ready["log"], "unavailable");
    assert_eq!(ready["ready"], false);
}
