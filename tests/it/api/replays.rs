//! Replays, as an operator asks for them.

use serde_json::{Value, json};

use super::sync::parked;
use crate::support::app::TestApp;
use crate::support::github::Practice;

const REPLAYS: &str = "/api/v1/replays";

#[tokio::test]
async fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let (ada, operator) = (app.user("ada").await, app.operator().await);
    let account = practice.links(&ada, "octocat").await;
    let key = parked(&app, &account).await;
    let before = app.app.log.size().await.unwrap();
    let body = json!({ "provider": "github", "reason": "outage", "dry_run": true });
    let plan = operator.post(REPLAYS, body).await.is(200);
    assert_eq!(plan["dry_run"], true);
    assert_eq!(plan["planned"], 1);
    // Nobody ever made this key: nothing can be put there.
    assert_eq!(plan["items"][0]["would"], "nothing");
    assert_eq!(plan["items"][0]["key"], key.to_string());
    assert_eq!(app.app.log.size().await.unwrap(), before);
    let body = json!({
        "provider": "github", "user": "bob", "include": "parked", "reason": "outage",
        "dry_run": true,
    });
    assert_eq!(operator.post(REPLAYS, body).await.is(200)["planned"], 0);
}

#[tokio::test]
async fn a_replay_is_started_seen_and_cancelled() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    practice.github.add_user("octocat");
    let (ada, operator) = (app.user("ada").await, app.operator().await);
    let account = practice.links(&ada, "octocat").await;
    parked(&app, &account).await;
    let body = json!({
        "provider": "github", "since": "2026-11-22T08:00:00Z", "until": "2026-11-22T12:00:00+02:00",
        "include": "parked", "reason": "outage of 22 November",
    });
    let started = operator.post(REPLAYS, body).await;
    let id = started.is(202)["replay"].as_str().unwrap().to_owned();
    let place = format!("{REPLAYS}/{id}");
    assert_eq!(started.header("location"), place);
    let seen = operator.sees(&place).await.is(200);
    assert_eq!(
        seen,
        json!({
            "replay": id, "provider": "github",
            "scope": {
                "since": "2026-11-22T08:00:00.000000Z", "until": "2026-11-22T10:00:00.000000Z",
                "include": "parked",
            },
            "status": "running", "reason": "outage of 22 November", "started_by": "olga",
            "started_at": "2026-11-22T09:00:00.000000Z", "finished_at": null,
            "planned": 1, "open": 0, "settled": 0, "parked": 0,
        })
    );
    assert_eq!(
        operator.get(REPLAYS).await.is(200),
        json!({ "replays": [seen] })
    );
    operator.delete(&place).await.is(204);
    let over = operator.sees(&place).await.is(200);
    assert_eq!(over["status"], "cancelled");
    operator.delete(&place).await.is(204);
}

#[tokio::test]
async fn a_replay_has_a_provider_a_window_and_a_reason() {
    let app = TestApp::new().await;
    let operator = app.operator().await;
    let practice = Practice::new(&app).await;
    let body = json!({ "since": "yesterday", "include": "some", "dry_run": "no", "all": true });
    let answer = operator.post(REPLAYS, body).await;
    assert_eq!(
        answer.rejected(),
        ["provider", "since", "include", "reason", "dry_run", "all"]
    );
    let empty = json!({ "provider": "github", "reason": "  " });
    assert_eq!(operator.post(REPLAYS, empty).await.rejected(), ["reason"]);
    let body = json!({ "provider": "gitlab", "reason": "outage" });
    let answer = operator.post(REPLAYS, body).await;
    answer.is_problem(404, "provider-not-found");
    for dry_run in [true, false] {
        let body = json!({
            "provider": "github", "reason": "outage", "dry_run": dry_run,
            "since": "2026-11-22T09:00:00Z", "until": "2026-11-22T09:00:00Z",
        });
        let answer = operator.post(REPLAYS, body).await;
        answer.is_problem(422, "replay-empty-window");
    }
    let unknown = format!("{REPLAYS}/0199aaaa-0000-7000-8000-000000000000");
    let answer = operator.get(&unknown).await;
    answer.is_problem(404, "replay-not-found");
    let answer = operator.delete(&unknown).await;
    answer.is_problem(404, "replay-not-found");
    assert_eq!(
        operator.get(&format!("{REPLAYS}/1")).await.rejected(),
        ["replay"]
    );
    drop(practice);
}

#[tokio::test]
async fn many_replays_come_in_pages_newest_first() {
    let app = TestApp::new().await;
    let operator = app.operator().await;
    let practice = Practice::new(&app).await;
    let mut started = Vec::new();
    for number in 0..5 {
        let reason = format!("try {number}");
        let body = json!({ "provider": "github", "reason": reason });
        operator.post(REPLAYS, body).await.is(202);
        started.push(reason);
    }
    started.reverse();
    app.catches_up().await;
    let (mut seen, mut before) = (Vec::new(), String::new());
    loop {
        let page = operator
            .get(&format!("{REPLAYS}?limit=2{before}"))
            .await
            .is(200);
        for replay in page["replays"].as_array().unwrap() {
            seen.push(replay["reason"].as_str().unwrap().to_owned());
        }
        match &page["next"] {
            Value::Null => break,
            next => before = format!("&before={next}"),
        }
    }
    assert_eq!(seen, started);
    drop(practice);
}
