//! The keys by which a provider's SSH server is known.

use forge::{GitHub, GitHubOptions};
use projections::Statement;
use serde_json::{Value, json};

use crate::host_keys::practice::{Lie, start};
use crate::support::app::TestApp;

const PROVIDERS: &str = "/api/v1/providers";
const KEYS: &str = "/api/v1/providers/github/host-keys";
/// github.com's own (GitHub, "GitHub's SSH key fingerprints").
const LINE: &str = "github.com ssh-ed25519 \
    AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
const FINGERPRINT: &str = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU";

fn github(base_url: &str) -> Value {
    json!({
        "provider": "github", "kind": "github", "name": "GitHub", "base_url": base_url,
        "client_id": "Iv1.abc", "client_secret": "sesame",
    })
}

#[tokio::test]
async fn an_admin_enters_host_keys_and_everybody_sees_their_fingerprints() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let added = admin.post(PROVIDERS, github("https://github.com")).await;
    let ssh = json!({
        "user": "git", "host": "github.com", "port": 22,
        "example": "git@github.com:OWNER/REPO.git",
        "fallback": "ssh://git@ssh.github.com:443/OWNER/REPO.git",
    });
    assert_eq!(added.is(201)["ssh"], ssh);
    let none = admin.get(KEYS).await.is(200);
    assert_eq!(none, json!({ "keys": [], "known_hosts": "" }));
    let commented = format!("{LINE} github");
    let body = json!({ "keys": [commented, LINE] });
    let put = admin.send("PUT", KEYS, Some(body), &[]).await;
    assert_eq!(put.header("etag"), "\"2\"");
    let known = put.is(200);
    let key = json!({
        "hosts": ["github.com"], "type": "ssh-ed25519", "fingerprint": FINGERPRINT, "line": LINE,
    });
    assert_eq!(known["keys"], json!([key]), "twice is once");
    assert_eq!(known["known_hosts"], format!("{LINE}\n"));
    let ada = app.user("ada").await;
    assert_eq!(ada.get(KEYS).await.is(200), known);
    let body = json!({ "keys": [LINE], "source": "scanned" });
    let refused = ada.send("PUT", KEYS, Some(body.clone()), &[]).await;
    refused.is_problem(403, "forbidden");
    let again = admin.send("PUT", KEYS, Some(body), &[]).await;
    assert_eq!(again.header("lanyard-index"), "", "they are the same");
}

#[tokio::test]
async fn every_line_that_is_no_host_key_is_named() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let added = admin.post(PROVIDERS, github("https://github.com")).await;
    added.is(201);
    let put = async |body: Value| {
        let answer = admin.send("PUT", KEYS, Some(body), &[]).await;
        answer.is_problem(422, "invalid-input")
    };
    let problem = put(json!({ "keys": ["|1|x|y ssh-rsa AAAA", LINE, 7] })).await;
    let errors = problem["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(
        errors[0]["detail"]
            .as_str()
            .unwrap()
            .starts_with("number 1: ")
    );
    assert!(
        errors[1]["detail"]
            .as_str()
            .unwrap()
            .starts_with("number 3: ")
    );
    put(json!({})).await;
    put(json!({ "keys": LINE })).await;
    put(json!({ "keys": vec![LINE; 21] })).await;
    put(json!({ "keys": [LINE], "source": "official" })).await;
}

#[tokio::test]
async fn what_the_vendor_publishes_is_fetched_and_what_nobody_publishes_is_not() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let cloud = GitHub::start(GitHubOptions::dot_com()).await.unwrap();
    admin
        .post(PROVIDERS, github(cloud.base_url()))
        .await
        .is(201);
    let official = format!("{KEYS}/official");
    let known = admin.post(&official, json!({})).await.is(200);
    assert!(!known["keys"].as_array().unwrap().is_empty());
    assert_eq!(known["keys"][0]["hosts"], json!(["127.0.0.1"]));
    // gitlab.com's are published in a page, and nobody is called for them.
    let mut com = github("https://gitlab.com");
    com["provider"] = "gitlab".into();
    com["kind"] = "gitlab".into();
    admin.post(PROVIDERS, com).await.is(201);
    let official = "/api/v1/providers/gitlab/host-keys/official";
    let known = admin.post(official, json!({})).await.is(200);
    let keys = known["keys"].as_array().unwrap();
    let fingerprints: Vec<&str> = keys
        .iter()
        .map(|key| key["fingerprint"].as_str().unwrap())
        .collect();
    assert_eq!(
        fingerprints,
        [
            "SHA256:eUXGGm1YGsMAS7vkcx6JOJdOGHPem5gQp4taiCfCLB8",
            "SHA256:HbW3g8zUjNSksFbqTiUWPWg2Bq1x8xdGUrliXFzSnUw",
            "SHA256:ROQFvPThGrW4RuWLoL9tq9I9zJ42fK4XywyRtbOz/EQ",
        ]
    );
    assert!(keys.iter().all(|key| key["hosts"] == json!(["gitlab.com"])));
    let server = GitHub::start(GitHubOptions::enterprise()).await.unwrap();
    let mut ghes = github(server.base_url());
    ghes["provider"] = "ghes".into();
    admin.post(PROVIDERS, ghes).await.is(201);
    let official = "/api/v1/providers/ghes/host-keys/official";
    let refused = admin.post(official, json!({})).await;
    refused.is_problem(409, "host-keys-not-published");
    let host = json!({
        "provider": "host", "kind": "ssh", "name": "Host", "base_url": "https://git.example.com",
    });
    admin.post(PROVIDERS, host).await.is(201);
    let official = "/api/v1/providers/host/host-keys/official";
    let refused = admin.post(official, json!({})).await;
    refused.is_problem(409, "host-keys-not-published");
}

#[tokio::test]
async fn what_is_published_is_had_while_the_app_is_broken() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let cloud = GitHub::start(GitHubOptions::dot_com()).await.unwrap();
    // Neither the id nor the secret is one that it knows.
    admin
        .post(PROVIDERS, github(cloud.base_url()))
        .await
        .is(201);
    let gone = Statement::new(
        "UPDATE vault_secrets SET box = NULL, destroyed_at = 'x'",
        [],
    );
    app.app.database.transact(vec![gone]).await.unwrap();
    let official = format!("{KEYS}/official");
    let known = admin.post(&official, json!({})).await.is(200);
    assert!(!known["keys"].as_array().unwrap().is_empty());
    let called = cloud.journal();
    assert!(called.iter().all(|entry| entry.route == "GET /meta"));
}

#[tokio::test]
async fn azure_devops_has_a_key_of_its_vendor_and_any_host_those_that_an_admin_brings() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for (provider, kind, base_url) in [
        ("azure", "azure_devops", "https://dev.azure.com/contoso"),
        ("tfs", "azure_devops", "https://tfs.example.com/tfs/Main"),
        ("host", "ssh", "https://git.example.com"),
    ] {
        let body = json!({
            "provider": provider, "kind": kind, "name": provider, "base_url": base_url,
        });
        admin.post(PROVIDERS, body).await.is(201);
    }
    let official = "/api/v1/providers/azure/host-keys/official";
    let known = admin.post(official, json!({})).await.is(200);
    let keys = known["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0]["hosts"], json!(["ssh.dev.azure.com"]));
    assert_eq!(
        keys[0]["fingerprint"],
        "SHA256:ohD8VZEXGWo6Ez8GSEJQ9WpafgLFsOfLOtGGQCQo6Og"
    );
    let (port, _) = start(Lie::None).await;
    for own in ["tfs", "host"] {
        let keys = format!("/api/v1/providers/{own}/host-keys");
        let refused = admin.post(&format!("{keys}/official"), json!({})).await;
        refused.is_problem(409, "host-keys-not-published");
        let asked = json!({ "host": "127.0.0.1", "port": port });
        let shown = admin.post(&format!("{keys}/scan"), asked).await.is(200);
        let confirmed = json!({ "keys": [shown["keys"][0]["line"]], "source": "scanned" });
        let known = admin.send("PUT", &keys, Some(confirmed), &[]).await.is(200);
        assert_eq!(known["known_hosts"], shown["known_hosts"]);
        let entered = json!({ "keys": [LINE.replace("github.com", "git.example.com")] });
        let known = admin.send("PUT", &keys, Some(entered), &[]).await.is(200);
        assert_eq!(known["keys"][0]["hosts"], json!(["git.example.com"]));
    }
}

#[tokio::test]
async fn a_scan_says_why_it_saw_nothing_and_goes_nowhere_it_may_not() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let added = admin.post(PROVIDERS, github("https://github.com")).await;
    added.is(201);
    let scan = format!("{KEYS}/scan");
    for body in [
        json!({ "host": "169.254.169.254" }),
        json!({ "host": "10.0.0.1" }),
        // Nobody listens there.
        json!({ "host": "127.0.0.1", "port": 1 }),
    ] {
        let refused = admin.post(&scan, body).await;
        let problem = refused.is_problem(409, "host-keys-not-had");
        assert!(!problem["detail"].as_str().unwrap().is_empty());
    }
    for port in [0, 65_536] {
        let refused = admin.post(&scan, json!({ "port": port })).await;
        assert_eq!(refused.rejected(), ["port"]);
    }
    let none = admin.get(KEYS).await.is(200);
    assert_eq!(none["keys"], json!([]), "a scan records nothing");
}

#[tokio::test]
async fn a_scan_shows_what_a_server_offers_and_an_admin_confirms_it() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let added = admin.post(PROVIDERS, github("https://github.com")).await;
    added.is(201);
    let (port, _) = start(Lie::None).await;
    let asked = json!({ "host": "127.0.0.1", "port": port });
    let shown = admin.post(&format!("{KEYS}/scan"), asked).await.is(200);
    let [key] = shown["keys"].as_array().unwrap().as_slice() else {
        panic!("it has one key: {shown}");
    };
    assert_eq!(key["hosts"], json!([format!("[127.0.0.1]:{port}")]));
    assert_eq!(key["matches"], "unknown", "GitHub tells nothing of its own");
    let none = admin.get(KEYS).await.is(200);
    assert_eq!(none["keys"], json!([]), "a scan records nothing");
    let confirmed = json!({ "keys": [key["line"]], "source": "scanned" });
    let known = admin.send("PUT", KEYS, Some(confirmed), &[]).await.is(200);
    assert_eq!(known["known_hosts"], shown["known_hosts"]);
}
