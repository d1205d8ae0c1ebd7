//! Webhooks, as admins register them.

use serde_json::{Value, json};

use crate::support::actors::Actor;
use crate::support::app::TestApp;

const WEBHOOKS: &str = "/api/v1/webhooks";
const URL: &str = "https://ops.example.com/hooks";

async fn added(admin: &Actor<'_>) -> Value {
    let body = json!({ "url": URL, "kinds": ["provider_down", "needs_relink"] });
    admin.post(WEBHOOKS, body).await.is(201)
}

fn path(webhook: &Value, act: &str) -> String {
    format!("{WEBHOOKS}/{}{act}", webhook["webhook"].as_str().unwrap())
}

#[tokio::test]
async fn a_secret_is_shown_once_and_never_again() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let mut made = added(&admin).await;
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"), "{secret}");
    made.as_object_mut().unwrap().remove("secret");
    let id = made["webhook"].clone();
    assert_eq!(
        made,
        json!({
            "webhook": id, "url": URL, "kinds": ["needs_relink", "provider_down"],
            "status": "active", "attempts": 0, "added_at": "2026-11-22T09:00:00.000000Z",
            "added_by": "root", "revision": 1,
        })
    );
    assert_eq!(admin.get(&path(&made, "")).await.is(200), made);
    let list = admin.sees(WEBHOOKS).await;
    assert_eq!(list.is(200), json!({ "webhooks": [made] }));
    let rotated = admin.post(&path(&made, "/rotation"), json!({})).await;
    let rotated = rotated.is(200);
    assert_eq!(rotated["overlap_until"], "2026-11-23T09:00:00.000000Z");
    let new = rotated["secret"].as_str().unwrap();
    // Neither the log nor the database holds one of them in the clear.
    let lines = app.app.log.read_all(0, 1_000).await.unwrap();
    let files = std::fs::read_dir(app.home()).unwrap();
    let files = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
    let lines = lines.into_iter().map(|stored| stored.line.into_bytes());
    for text in lines.chain(files) {
        for secret in [&secret, new] {
            let bytes = secret.trim_start_matches("whsec_").as_bytes();
            assert!(!text.windows(bytes.len()).any(|part| part == bytes));
        }
    }
}

#[tokio::test]
async fn an_address_that_would_never_be_called_is_rejected() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for url in [
        "http://ops.example.com/hooks",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/",
        "https://ops.example.com:22/",
        "https://ada:secret@ops.example.com/",
        "https://ops.example.com/?token=1",
        "ops.example.com",
        "",
    ] {
        let answer = admin.post(WEBHOOKS, json!({ "url": url })).await;
        assert_eq!(answer.rejected(), ["url"], "{url}");
    }
    let answer = admin.post(WEBHOOKS, json!({ "kinds": ["weather"] })).await;
    assert_eq!(answer.rejected(), ["url", "kinds"]);
    let webhook = added(&admin).await;
    let body = json!({ "url": "https://127.0.0.2/", "kinds": "all", "secret": "mine" });
    let answer = admin.patch(&path(&webhook, ""), body).await;
    assert_eq!(answer.rejected(), ["url", "kinds", "secret"]);
    let body = json!({ "overlap_hours": 169 });
    let answer = admin.post(&path(&webhook, "/rotation"), body).await;
    assert_eq!(answer.rejected(), ["overlap_hours"]);
}

#[tokio::test]
async fn a_webhook_is_changed_by_whoever_saw_it_as_it_is() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let webhook = added(&admin).await;
    let path = path(&webhook, "");
    let tag = admin.get(&path).await.header("etag").to_owned();
    let body = json!({ "kinds": [] });
    let seen = [("if-match", tag.as_str())];
    let changed = admin.send("PATCH", &path, Some(body.clone()), &seen).await;
    let changed = changed.is(200);
    assert_eq!(
        (&changed["kinds"], &changed["url"]),
        (&json!([]), &json!(URL))
    );
    let late = json!({ "url": "https://ops.example.com/elsewhere" });
    let late = admin.send("PATCH", &path, Some(late), &seen).await;
    late.is_problem(412, "revision-changed");
    let same = admin.patch(&path, body).await;
    assert_eq!(same.header("lanyard-index"), "");
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let nowhere = json!({ "webhook": "0199aaaa-0000-7000-8000-000000000000" });
    for act in ["/rotation", "/test", "/enable"] {
        let answer = admin.post(&path(&nowhere, act), json!({})).await;
        answer.is_problem(404, "webhook-not-found");
    }
    let nothing = admin.get(&path(&nowhere, "")).await;
    nothing.is_problem(404, "webhook-not-found");
    let nothing = admin.patch(&path(&nowhere, ""), json!({})).await;
    nothing.is_problem(404, "webhook-not-found");
    let nothing = admin.delete(&path(&nowhere, "")).await;
    nothing.is_problem(404, "webhook-not-found");
    let webhook = added(&admin).await;
    admin.delete(&path(&webhook, "")).await.is(204);
    admin.delete(&path(&webhook, "")).await.is(204);
    let gone = admin.sees(&path(&webhook, "")).await;
    gone.is_problem(404, "webhook-not-found");
    assert_eq!(
        admin.sees(WEBHOOKS).await.is(200),
        json!({ "webhooks": [] })
    );
}
