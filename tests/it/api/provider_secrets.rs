//! Two secrets side by side, and the keys that Lanyard makes for OAuth 1.0a.

use serde_json::{Value, json};

use crate::support::app::TestApp;

const PROVIDERS: &str = "/api/v1/providers";
const GITHUB: &str = "/api/v1/providers/github/secrets";
const BITBUCKET: &str = "/api/v1/providers/bitbucket/secrets";

fn github() -> Value {
    json!({
        "provider": "github", "kind": "github", "name": "GitHub",
        "base_url": "https://github.com", "client_id": "Iv1.abc", "client_secret": "first-sesame",
    })
}

fn bitbucket() -> Value {
    json!({
        "provider": "bitbucket", "kind": "bitbucket_server", "name": "Bitbucket",
        "base_url": "https://git.example.com/bitbucket", "protocol": "oauth1",
    })
}

async fn boxes(app: &TestApp) -> u64 {
    let asked = projections::Statement::new(
        "SELECT COUNT(*) FROM vault_secrets WHERE box IS NOT NULL",
        [],
    );
    let row = app.app.database.get(asked).await.unwrap().unwrap();
    row.number(0).unwrap()
}

#[tokio::test]
async fn a_second_secret_is_staged_then_confirmed_and_one_is_left() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    admin.post(PROVIDERS, github()).await.is(201);
    let second = json!({ "client_secret": "second-sesame" });
    let staged = admin.post(GITHUB, second.clone()).await;
    assert!(!staged.body.contains("sesame"));
    let staged = staged.is(201);
    assert_eq!(staged["staged"], true);
    assert_eq!(staged["staged_public_key"], Value::Null);
    assert_eq!(boxes(&app).await, 2);
    let third = admin.post(GITHUB, second).await;
    third.is_problem(409, "provider-secret-staged");
    assert_eq!(boxes(&app).await, 2, "what is refused is not kept");
    let confirm = format!("{GITHUB}/confirm");
    let confirmed = admin.post(&confirm, json!({})).await.is(200);
    assert_eq!(confirmed["staged"], false);
    assert_eq!(boxes(&app).await, 1);
    let again = admin.post(&confirm, json!({})).await;
    again.is_problem(409, "provider-no-secret-staged");
}

#[tokio::test]
async fn a_staged_secret_is_dropped_and_dropping_nothing_changes_nothing() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    admin.post(PROVIDERS, github()).await.is(201);
    let second = json!({ "client_secret": "second-sesame" });
    admin.post(GITHUB, second).await.is(201);
    let staged = format!("{GITHUB}/staged");
    let dropped = admin.delete(&staged).await.is(200);
    assert_eq!(dropped["staged"], false);
    assert_eq!(boxes(&app).await, 1);
    let again = admin.delete(&staged).await;
    assert_eq!(again.header("lanyard-index"), "");
    assert_eq!(again.is(200)["revision"], 3);
}

#[tokio::test]
async fn a_second_secret_has_to_be_one() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let nowhere = admin.post(GITHUB, json!({})).await;
    nowhere.is_problem(404, "provider-not-found");
    admin.post(PROVIDERS, github()).await.is(201);
    for body in [
        json!({}),
        json!({ "client_secret": "" }),
        json!({ "client_secret": 7 }),
    ] {
        let answer = admin.post(GITHUB, body).await;
        assert_eq!(answer.rejected(), ["client_secret"]);
    }
    let by_hand = json!({
        "provider": "host", "kind": "ssh", "name": "Host", "base_url": "https://git.example.com",
    });
    admin.post(PROVIDERS, by_hand).await.is(201);
    let host = "/api/v1/providers/host/secrets";
    let answer = admin.post(host, json!({ "client_secret": "sesame" })).await;
    answer.is_problem(422, "provider-app-not-used");
    let operator = app.operator().await;
    let answer = operator.post(GITHUB, json!({})).await;
    answer.is_problem(403, "forbidden");
}

#[tokio::test]
async fn for_oauth1_lanyard_makes_the_key_and_shows_its_public_half() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let mut sent = bitbucket();
    sent["client_secret"] = "sesame".into();
    let refused = admin.post(PROVIDERS, sent).await;
    assert_eq!(refused.rejected(), ["client_secret"]);
    let mut sent = bitbucket();
    sent["client_id"] = "k".repeat(201).into();
    let refused = admin.post(PROVIDERS, sent).await;
    assert_eq!(refused.rejected(), ["client_id"]);
    let added = admin.post(PROVIDERS, bitbucket()).await.is(201);
    assert_eq!(added["client_id"], "Lanyard");
    assert_eq!(added["has_client_secret"], true);
    let first = added["public_key"].as_str().unwrap().to_owned();
    assert!(first.starts_with("-----BEGIN PUBLIC KEY-----"), "{first}");
    let changed = json!({ "client_secret": "sesame" });
    let refused = admin.patch("/api/v1/providers/bitbucket", changed.clone());
    refused.await.is_problem(422, "provider-key-is-ours");
    assert_eq!(
        admin.post(BITBUCKET, changed).await.rejected(),
        ["client_secret"]
    );
    let staged = admin.send("POST", BITBUCKET, None, &[]).await.is(201);
    let second = staged["staged_public_key"].as_str().unwrap().to_owned();
    assert_eq!(staged["public_key"], first.as_str());
    assert_ne!(second, first);
    let confirm = format!("{BITBUCKET}/confirm");
    let confirmed = admin.post(&confirm, json!({})).await.is(200);
    assert_eq!(confirmed["public_key"], second.as_str());
    assert_eq!(confirmed["staged_public_key"], Value::Null);
    assert_eq!(boxes(&app).await, 1);
}

#[tokio::test]
async fn one_bitbucket_server_knows_a_consumer_key_once() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    admin.post(PROVIDERS, bitbucket()).await.is(201);
    app.catches_up().await;
    let mut second = bitbucket();
    second["provider"] = "bitbucket-2".into();
    let refused = admin.post(PROVIDERS, second.clone()).await;
    let problem = refused.is_problem(409, "consumer-key-taken");
    assert_eq!(problem["detail"], "the provider bitbucket has it");
    second["client_id"] = "Lanyard-2".into();
    admin.post(PROVIDERS, second).await.is(201);
    app.catches_up().await;
    let place = "/api/v1/providers/bitbucket-2";
    let refused = admin.patch(place, json!({ "client_id": "Lanyard" })).await;
    refused.is_problem(409, "consumer-key-taken");
    let elsewhere = json!({ "client_id": "Lanyard", "base_url": "https://other.example.com" });
    admin.patch(place, elsewhere).await.is(200);
    app.catches_up().await;
    let back = json!({ "base_url": "https://git.example.com/bitbucket" });
    let refused = admin.patch(place, back).await;
    refused.is_problem(409, "consumer-key-taken");
}
