//! What a test of a provider answers.

use serde_json::{Value, json};

use crate::support::actors::Actor;
use crate::support::app::TestApp;

const PROVIDERS: &str = "/api/v1/providers";

async fn tested(admin: &Actor<'_>, body: Value) -> Value {
    let added = admin.post(PROVIDERS, body).await;
    added.is(201);
    let at = format!("{}/test", added.header("location"));
    admin.post(&at, json!({})).await.is(200)
}

#[tokio::test]
async fn a_test_says_what_it_found_and_what_to_do() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let body = json!({
        "provider": "github", "kind": "github", "name": "GitHub", "base_url": nowhere,
        "client_id": "Iv1.abc", "client_secret": "sesame",
    });
    let found = tested(&admin, body).await;
    assert_eq!(found["ok"], false);
    let finding = &found["findings"][0];
    assert_eq!(finding["check"], "connection");
    assert_eq!(finding["ok"], false);
    assert_eq!(finding["found"], "the connection was refused");
    let fix = finding["fix"].as_str().unwrap();
    assert!(fix.starts_with("check the base URL"), "{fix}");
}
