//! The audit trail, as an auditor reads it.

use serde_json::{Value, json};

use crate::support::app::TestApp;

const EVENTS: &str = "/api/v1/audit/events";

async fn story(app: &TestApp) {
    let admin = app.admin().await;
    for name in ["github", "ghe"] {
        let body = json!({
            "provider": name, "kind": "github", "name": "GitHub",
            "base_url": format!("https://{name}.example.com"), "client_id": "a",
            "client_secret": "b",
        });
        admin.post("/api/v1/providers", body).await.is(201);
    }
    let body = json!({ "algorithm": "ecdsa-p256" });
    admin.patch("/api/v1/settings", body).await.is(200);
}

fn indexes(page: &Value) -> Vec<u64> {
    let events = page["events"].as_array().unwrap().iter();
    events
        .map(|event| event["index"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn an_auditor_reads_what_happened_newest_first() {
    let app = TestApp::new().await;
    story(&app).await;
    let auditor = app.auditor().await;
    let page = auditor.sees(EVENTS).await.is(200);
    assert_eq!(indexes(&page), [4, 3, 2, 1, 0]);
    let sentences: Vec<_> = page["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["sentence"].as_str().unwrap())
        .collect();
    assert_eq!(
        sentences[2],
        "root added the github provider ghe at https://ghe.example.com"
    );
    let event = &page["events"][2]["event"];
    assert_eq!(event["type"], "ProviderAdded");
    assert_eq!(event["code"], "LPR01I");
    assert_eq!(event["recorded_at"], "2026-11-22T09:00:00.000000Z");
    assert_eq!(page["events"][2]["personal"]["address"], "192.0.2.7");
}

#[tokio::test]
async fn an_auditor_reads_from_where_and_with_what_somebody_came() {
    let app = TestApp::new().await;
    let (auditor, admin) = (app.auditor().await, app.admin().await);
    let change = json!({ "algorithm": "ecdsa-p256" });
    let with = [("user-agent", "a-script/1.0 (by \"root\")")];
    let sent = admin.send("PATCH", "/api/v1/settings", Some(change), &with);
    sent.await.is(200);
    let page = auditor.sees(EVENTS).await.is(200);
    let event = &page["events"][0];
    let came = json!({ "address": "192.0.2.7", "agent": with[0].1 });
    assert_eq!(event["personal"], came);
    assert_eq!(event["event"]["origin"]["sender"]["person"], "root");
    assert!(!event["event"].to_string().contains("a-script"));
}

#[tokio::test]
async fn filters_find_what_fits_and_nothing_else() {
    let app = TestApp::new().await;
    story(&app).await;
    let auditor = app.auditor().await;
    app.catches_up().await;
    for (filter, found) in [
        ("provider=ghe", vec![2]),
        ("type=ProviderAdded", vec![2, 1]),
        ("code=LST01I", vec![3]),
        ("actor=root", vec![3, 2, 1]),
        ("user=root", vec![0]),
        ("actor=nobody", vec![]),
        ("since=2026-11-22T09:00:01Z", vec![]),
        ("until=2026-11-22T09:00:00Z", vec![]),
        ("after=0&limit=2", vec![1, 2]),
        ("before=3&limit=2", vec![2, 1]),
        ("order=oldest_first&limit=2", vec![0, 1]),
    ] {
        let page = auditor.get(&format!("{EVENTS}?{filter}")).await.is(200);
        let mut seen = indexes(&page);
        // What the reads themselves left is newer than the story.
        seen.retain(|index| *index < 4);
        assert_eq!(seen, found, "{filter}");
    }
}

#[tokio::test]
async fn every_wrong_filter_is_named() {
    let app = TestApp::new().await;
    let auditor = app.auditor().await;
    let query = "user=A&provider=B&since=now&limit=1001&actors=x&correlation=1";
    let answer = auditor.get(&format!("{EVENTS}?{query}")).await;
    assert_eq!(
        answer.rejected(),
        [
            "user",
            "provider",
            "correlation",
            "since",
            "limit",
            "actors"
        ]
    );
    for query in [
        "before=1&after=1",
        "order=newest_first&after=1",
        "order=oldest_first&before=1",
        "order=random",
        "actor=a&actor=b",
        "actor=%00",
        "actor=a%0Ab",
        &format!("actor={}", "a".repeat(101)),
        "type=KeyPublishd",
        "type=%00",
        "code=LAC7I",
        "code=lac07i",
        "code=%00",
    ] {
        let answer = auditor.get(&format!("{EVENTS}?{query}")).await;
        answer.is_problem(422, "invalid-input");
    }
}

#[tokio::test]
async fn every_read_is_itself_in_the_trail_before_it_is_answered() {
    let app = TestApp::new().await;
    story(&app).await;
    let auditor = app.auditor().await;
    auditor
        .sees(&format!("{EVENTS}?type=ProviderAdded"))
        .await
        .is(200);
    auditor.get(&format!("{EVENTS}/1")).await.is(200);
    let page = auditor
        .sees(&format!("{EVENTS}?type=AuditRead"))
        .await
        .is(200);
    let reads: Vec<_> = page["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["event"]["data"].clone())
        .collect();
    assert_eq!(
        reads,
        [
            json!({ "query": "/api/v1/audit/events/1", "returned": 1 }),
            json!({ "query": "type=ProviderAdded", "returned": 2 }),
        ]
    );
    assert_eq!(page["events"][0]["event"]["actor"]["id"], "audrey");
}

#[tokio::test]
async fn lines_are_given_as_they_are_stored_byte_for_byte() {
    let app = TestApp::new().await;
    story(&app).await;
    let auditor = app.auditor().await;
    app.catches_up().await;
    let stored = app.app.log.read_all(0, 5).await.unwrap();
    let mut expected = String::new();
    for stored in &stored {
        expected.push_str(&stored.line);
        expected.push('\n');
    }
    let lines = [("accept", "application/x-ndjson")];
    let path = format!("{EVENTS}?order=oldest_first");
    let answer = auditor.send("GET", &path, None, &lines).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    assert_eq!(answer.body, expected);
    let answer = auditor
        .send("GET", &format!("{path}&limit=2"), None, &lines)
        .await;
    assert_eq!(answer.body.lines().count(), 2);
    assert_eq!(answer.header("lanyard-next"), "1");
    let newest = auditor
        .send("GET", &format!("{EVENTS}?before=5"), None, &lines)
        .await;
    let mut backwards: Vec<_> = expected.lines().collect();
    backwards.reverse();
    assert_eq!(newest.body.lines().collect::<Vec<_>>(), backwards);
}

#[tokio::test]
async fn a_long_export_comes_whole() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for round in 0..1200 {
        let algorithm = ["ecdsa-p256", "ecdsa-p384"][round % 2];
        let body = json!({ "algorithm": algorithm });
        admin.patch("/api/v1/settings", body).await.is(200);
    }
    let auditor = app.auditor().await;
    app.catches_up().await;
    let lines = [("accept", "application/x-ndjson")];
    let path = format!("{EVENTS}?type=SettingsChanged&order=oldest_first");
    let answer = auditor.send("GET", &path, None, &lines).await;
    assert_eq!(answer.body.lines().count(), 1200);
    let read = auditor
        .sees(&format!("{EVENTS}?type=AuditRead"))
        .await
        .is(200);
    assert_eq!(read["events"][0]["event"]["data"]["returned"], 1200);
}

#[tokio::test]
async fn one_event_comes_from_the_log_with_what_followed() {
    let app = TestApp::new().await;
    story(&app).await;
    let auditor = app.auditor().await;
    let seen = auditor.sees(&format!("{EVENTS}/1")).await.is(200);
    assert_eq!(seen["index"], 1);
    assert_eq!(seen["event"]["data"]["provider"], "github");
    assert_eq!(seen["caused"], json!([]));
    let answer = auditor.get(&format!("{EVENTS}/1000000")).await;
    answer.is_problem(404, "event-not-found");
    let answer = auditor.get(&format!("{EVENTS}/-1")).await;
    assert_eq!(answer.rejected(), ["index"]);
}

#[tokio::test]
async fn pages_miss_nothing_while_more_happens() {
    let app = TestApp::new().await;
    story(&app).await;
    let auditor = app.auditor().await;
    let (mut seen, mut after) = (Vec::new(), String::new());
    // Every read adds an event behind the cursor's back.
    while seen.len() < 12 {
        let page = auditor
            .sees(&format!("{EVENTS}?order=oldest_first&limit=2{after}"))
            .await
            .is(200);
        seen.extend(indexes(&page));
        if let Some(last) = seen.last() {
            after = format!("&after={last}");
        }
    }
    let expected: Vec<u64> = (0..seen.len() as u64).collect();
    assert_eq!(seen, expected);
}
