//! The way to a provider, as an admin may choose it.

use serde_json::{Value, json};

use crate::support::app::TestApp;

const PROVIDERS: &str = "/api/v1/providers";
const GITHUB: &str = "/api/v1/providers/github";

fn github(proxy: Option<&str>) -> Value {
    json!({
        "provider": "github", "kind": "github", "name": "GitHub",
        "base_url": "https://github.com", "client_id": "Iv1.abc", "client_secret": "sesame",
        "proxy": proxy,
    })
}

#[tokio::test]
async fn a_proxy_stands_where_a_provider_may_stand() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let closed = [
        "http://10.0.0.1:3128",
        "http://[fd00::1]:3128",
        "http://localhost:3128",
        "http://169.254.169.254",
        "http://metadata.google.internal",
        "http://proxy.example.com:22",
    ];
    for proxy in closed {
        let answer = admin.post(PROVIDERS, github(Some(proxy))).await;
        assert_eq!(answer.rejected(), ["proxy"], "{proxy}");
    }
    admin.post(PROVIDERS, github(None)).await.is(201);
    for proxy in closed {
        let answer = admin.patch(GITHUB, json!({ "proxy": proxy })).await;
        assert_eq!(answer.rejected(), ["proxy"], "{proxy}");
    }
    // The server's own configuration lists this machine.
    for proxy in ["http://127.0.0.1:3128", "http://proxy.example.com:3128"] {
        let changed = admin.patch(GITHUB, json!({ "proxy": proxy })).await;
        assert_eq!(changed.is(200)["proxy"], proxy);
    }
}

#[tokio::test]
async fn certificates_that_cannot_be_read_are_not_blamed_on_the_proxy() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let mut body = github(Some("http://proxy.example.com:3128"));
    body["ca_bundle"] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----".into();
    let answer = admin.post(PROVIDERS, body.clone()).await;
    assert_eq!(answer.rejected(), ["ca_bundle"]);
    admin.post(PROVIDERS, github(None)).await.is(201);
    let change = json!({ "ca_bundle": body["ca_bundle"], "proxy": body["proxy"] });
    let answer = admin.patch(GITHUB, change).await;
    assert_eq!(answer.rejected(), ["ca_bundle"]);
}
