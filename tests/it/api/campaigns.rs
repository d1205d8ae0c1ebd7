//! Campaigns, as an admin asks for them.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::github::Practice;

const CAMPAIGNS: &str = "/api/v1/campaigns";

#[tokio::test]
async fn a_campaign_is_started_seen_paused_resumed_and_cancelled() {
    let app = TestApp::new().await;
    let practice = Practice::new(&app).await;
    let (admin, operator) = (app.admin().await, app.operator().await);
    let body = json!({
        "algorithms": ["rsa", "ecdsa-p256", "rsa-3072"], "older_than_days": 90,
        "provider": "github", "users": ["bob", "ada", "bob"], "compromised": true,
        "keys_per_minute": 30, "reason": "RSA is to go",
    });
    let started = admin.post(CAMPAIGNS, body).await;
    let answered = started.is(202);
    let id = answered["campaign"].as_str().unwrap().to_owned();
    assert_eq!([&answered["planned"], &answered["skipped"]], [0, 0]);
    let place = format!("{CAMPAIGNS}/{id}");
    assert_eq!(started.header("location"), place);
    let seen = operator.sees(&place).await.is(200);
    assert_eq!(
        seen,
        json!({
            "campaign": id,
            "scope": {
                "algorithms": ["ecdsa-p256", "rsa-3072", "rsa-4096"], "older_than_days": 90,
                "provider": "github", "users": ["ada", "bob"],
            },
            "compromised": true, "keys_per_minute": 30, "status": "running",
            "reason": "RSA is to go", "started_by": "root",
            "started_at": "2026-11-22T09:00:00.000000Z", "finished_at": null,
            "planned": 0, "rotated": 0, "placed": 0, "open": 0, "parked": 0, "over": 0,
            "skipped": 0,
        })
    );
    let listed = operator.get(CAMPAIGNS).await.is(200);
    assert_eq!(listed, json!({ "campaigns": [seen] }));
    let report = operator.get(&format!("{place}/report")).await.is(200);
    assert_eq!(report, json!({ "keys": [] }));
    for (turn, status) in [("pause", "paused"), ("resume", "running")] {
        let path = format!("{place}/{turn}");
        let body = json!({ "reason": "the providers are busy" });
        let turned = operator.post(&path, body.clone()).await;
        assert_eq!(turned.is(200)["status"], status);
        assert!(!turned.header("lanyard-index").is_empty());
        let again = operator.post(&path, body).await;
        assert_eq!(again.is(200)["status"], status);
        assert_eq!(again.header("lanyard-index"), "");
    }
    let cancel = format!("{place}/cancellation");
    let refused = operator.post(&cancel, json!({})).await;
    refused.is_problem(403, "forbidden");
    for _ in 0..2 {
        let over = admin.post(&cancel, json!({})).await.is(200);
        assert_eq!(over["status"], "cancelled");
        assert_eq!(over["finished_at"], "2026-11-22T09:00:00.000000Z");
    }
    for turn in ["pause", "resume"] {
        let answer = operator.post(&format!("{place}/{turn}"), json!({})).await;
        answer.is_problem(409, "campaign-over");
    }
    drop(practice);
}

#[tokio::test]
async fn keys_that_nobody_knows_are_refused() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let id = a_key();
    for key in [id.as_str(), "SHA256:unknown"] {
        let body = json!({ "keys": [key], "reason": "an incident" });
        let answer = admin.post(CAMPAIGNS, body).await;
        answer.is_problem(404, "key-not-found");
    }
    let body = json!({ "keys": ["MD5:00:11"], "reason": "an incident" });
    assert_eq!(admin.post(CAMPAIGNS, body).await.rejected(), ["keys"]);
}

fn a_key() -> String {
    "019ab1c2-d3e4-7000-8000-000000000005".to_owned()
}

#[tokio::test]
async fn a_campaign_has_a_scope_and_a_reason() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let body = json!({
        "algorithms": ["dsa"], "older_than_days": 0, "provider": "Git Hub", "users": ["Ada"],
        "compromised": "yes", "keys_per_minute": 601, "dry_run": 1, "all": true,
    });
    let answer = admin.post(CAMPAIGNS, body).await;
    assert_eq!(
        answer.rejected(),
        [
            "algorithms",
            "older_than_days",
            "provider",
            "users",
            "compromised",
            "keys_per_minute",
            "reason",
            "dry_run",
            "all"
        ]
    );
    for dry_run in [true, false] {
        for scope in [
            json!({}),
            json!({ "algorithms": [], "users": null, "provider": null }),
        ] {
            let mut body = scope;
            body["reason"] = "everybody".into();
            body["dry_run"] = dry_run.into();
            let answer = admin.post(CAMPAIGNS, body).await;
            answer.is_problem(422, "campaign-empty-scope");
        }
        let body = json!({ "provider": "gitlab", "reason": "outage", "dry_run": dry_run });
        let answer = admin.post(CAMPAIGNS, body).await;
        answer.is_problem(404, "provider-not-found");
    }
    let many: Vec<_> = (0..1_001).map(|number| format!("dev{number}")).collect();
    let body = json!({ "users": many, "reason": "everybody" });
    assert_eq!(admin.post(CAMPAIGNS, body).await.rejected(), ["users"]);
}

#[tokio::test]
async fn a_campaign_that_is_not_there_is_not_found() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let unknown = format!("{CAMPAIGNS}/0199aaaa-0000-7000-8000-000000000000");
    for path in [unknown.clone(), format!("{unknown}/report")] {
        let answer = admin.get(&path).await;
        answer.is_problem(404, "campaign-not-found");
    }
    for turn in ["pause", "resume", "cancellation"] {
        let answer = admin.post(&format!("{unknown}/{turn}"), json!({})).await;
        answer.is_problem(404, "campaign-not-found");
        let path = format!("{CAMPAIGNS}/1/{turn}");
        let answer = admin.post(&path, json!({})).await;
        assert_eq!(answer.rejected(), ["campaign"]);
    }
}

#[tokio::test]
async fn many_campaigns_come_in_pages_newest_first() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let mut started = Vec::new();
    for number in 0..5 {
        let reason = format!("try {number}");
        let body = json!({ "algorithms": ["rsa"], "reason": reason });
        admin.post(CAMPAIGNS, body).await.is(202);
        started.push(reason);
    }
    started.reverse();
    app.catches_up().await;
    let (mut seen, mut before) = (Vec::new(), String::new());
    loop {
        let path = format!("{CAMPAIGNS}?limit=2{before}");
        let page = admin.get(&path).await.is(200);
        for campaign in page["campaigns"].as_array().unwrap() {
            seen.push(campaign["reason"].as_str().unwrap().to_owned());
        }
        match &page["next"] {
            Value::Null => break,
            next => before = format!("&before={next}"),
        }
    }
    assert_eq!(seen, started);
}
