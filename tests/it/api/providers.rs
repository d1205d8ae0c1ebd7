//! The providers, as admins and operators see them.

use serde_json::{Value, json};

use crate::support::app::TestApp;

const PROVIDERS: &str = "/api/v1/providers";
const GITHUB: &str = "/api/v1/providers/github";

fn github() -> Value {
    json!({
        "provider": "github", "kind": "github", "name": "GitHub",
        "base_url": "https://github.com/", "client_id": "Iv1.abc", "client_secret": "s3cr3t-sesame",
    })
}

fn shown() -> Value {
    json!({
        "provider": "github", "kind": "github", "name": "GitHub", "description": "",
        "base_url": "https://github.com", "client_id": "Iv1.abc", "has_client_secret": true,
        "callback": "own",
        "redirect_url": "https://lanyard.example.com/oauth/callback/github",
        "outdated_redirect_url": null,
        "algorithm": null, "pkce": null, "status": "active", "linked_accounts": 0, "revision": 1,
        "protocol": "oauth2", "public_key": null, "signing": false, "ca_bundle": null,
        "proxy": null, "on_missing": "report", "has_hook_secret": false,
        "staged": false, "staged_public_key": null, "refused": null,
        "leaving": false, "forced": false,
        "breaker": {
            "state": "closed", "since": null, "reason": null, "detail": null,
            "next_probe_at": null,
        },
        "ssh": {
            "user": "git", "host": "github.com", "port": 22,
            "example": "git@github.com:OWNER/REPO.git",
            "fallback": "ssh://git@ssh.github.com:443/OWNER/REPO.git",
        },
    })
}

/// A certificate that signs itself.
fn ca() -> &'static str {
    include_str!("ca.pem").trim_end()
}

#[tokio::test]
async fn an_admin_adds_a_provider_and_copies_its_redirect_url() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let added = admin.post(PROVIDERS, github()).await;
    assert_eq!(added.is(201), shown());
    assert_eq!(added.header("location"), GITHUB);
    assert_eq!(added.header("etag"), "\"1\"");
    assert_eq!(added.header("lanyard-index"), "1");
    let ada = app.user("ada").await;
    assert_eq!(ada.get(GITHUB).await.is(200), shown());
    let listed = ada.sees(PROVIDERS).await.is(200);
    assert_eq!(listed, json!({ "providers": [shown()] }));
}

#[tokio::test]
async fn the_secret_is_seen_nowhere_again() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let added = admin.post(PROVIDERS, github()).await;
    let changed = admin
        .patch(GITHUB, json!({ "client_secret": "an0ther-sesame" }))
        .await;
    let auditor = app.auditor().await;
    let trail = auditor.sees("/api/v1/audit/events").await;
    for answer in [&added, &changed, &trail, &admin.get(GITHUB).await] {
        assert!(answer.status.is_success());
        assert!(!answer.body.contains("sesame"), "{}", answer.body);
    }
    for file in std::fs::read_dir(app.home()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let found = bytes.windows(6).any(|window| window == b"sesame");
        assert!(!found, "a secret lies about in a file");
    }
}

#[tokio::test]
async fn every_wrong_field_of_a_provider_is_named_in_one_answer() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let body = json!({
        "provider": "Git Hub", "kind": "svn", "name": 7, "description": "\u{202e}gnp",
        "base_url": "github.com", "client_id": "a b", "client_secret": ["x"],
        "callback": "their", "algorithm": "dsa", "pkce": "yes", "enterprise": true,
        "protocol": "oauth3", "signing": 1, "ca_bundle": "none", "proxy": "ftp://proxy",
    });
    let answer = admin.post(PROVIDERS, body).await;
    assert_eq!(
        answer.rejected(),
        [
            "provider",
            "kind",
            "name",
            "description",
            "base_url",
            "client_id",
            "client_secret",
            "callback",
            "algorithm",
            "pkce",
            "protocol",
            "signing",
            "ca_bundle",
            "proxy",
            "enterprise",
        ]
    );
    let answer = admin.post(PROVIDERS, json!({})).await;
    assert_eq!(answer.rejected(), ["provider", "kind", "name", "base_url"]);
}

#[tokio::test]
async fn a_base_url_that_is_none_or_would_never_be_called_is_rejected() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let long = format!("https://git.example.com/{}", "x".repeat(500));
    for url in [
        "",
        " ",
        "git.example.com",
        "ftp://git.example.com",
        "javascript:alert(1)",
        "https://",
        "https://user@git.example.com",
        "https://user:secret@git.example.com",
        "https://git.example.com#top",
        "https://git.example.com?x=1",
        "https://git.exa mple.com",
        "http://git.example.com",
        "http://169.254.169.254",
        "https://169.254.169.254",
        "https://metadata.google.internal",
        "https://localhost",
        "https://[::1]",
        "https://2130706434",
        "https://10.0.0.1",
        "https://[::ffff:127.0.0.2]",
        "https://git.example.com:22",
        &long,
    ] {
        let mut body = github();
        body["base_url"] = url.into();
        let answer = admin.post(PROVIDERS, body).await;
        assert_eq!(answer.rejected(), ["base_url"], "{url}");
    }
    // The server's own configuration lists this machine, and nobody else can.
    let mut practice = github();
    practice["base_url"] = "http://127.0.0.1:8080".into();
    admin.post(PROVIDERS, practice).await.is(201);
}

#[tokio::test]
async fn a_name_is_given_once() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    admin.post(PROVIDERS, github()).await.is(201);
    let mut other = github();
    other["base_url"] = "https://git.example.com".into();
    let again = admin.post(PROVIDERS, other.clone()).await;
    let problem = again.is_problem(409, "provider-already-added");
    assert_eq!(problem["title"], "a provider of this name is already there");
    admin.sees(PROVIDERS).await.is(200);
    admin.delete(GITHUB).await.is(204);
    let spent = admin.post(PROVIDERS, other).await;
    spent.is_problem(409, "provider-slug-retired");
    admin
        .get(GITHUB)
        .await
        .is_problem(404, "provider-not-found");
    assert_eq!(
        admin.sees(PROVIDERS).await.is(200),
        json!({ "providers": [] })
    );
}

#[tokio::test]
async fn bitbucket_cloud_is_refused_with_the_reason_and_what_to_do_instead() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let cloud = json!({
        "provider": "cloud", "kind": "bitbucket_server", "name": "Bitbucket",
        "base_url": "https://bitbucket.org/team", "protocol": "oauth2",
        "client_id": "id", "client_secret": "secret",
    });
    let refused = admin.post(PROVIDERS, cloud).await;
    let problem = refused.is_problem(422, "provider-bitbucket-cloud");
    assert!(problem["title"].as_str().unwrap().contains("no app"));
    let page = admin.get(problem["type"].as_str().unwrap()).await;
    assert!(page.body.contains("kind ssh"), "{}", page.body);
    let by_hand = json!({
        "provider": "cloud", "kind": "ssh", "name": "Bitbucket Cloud",
        "base_url": "https://bitbucket.org/account/settings/ssh-keys",
    });
    admin.post(PROVIDERS, by_hand).await.is(201);
}

#[tokio::test]
async fn signing_is_refused_where_nothing_is_done_for_it() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for kind in ["azure_devops", "ssh"] {
        let mut body = json!({
            "provider": kind.replace('_', "-"), "kind": kind, "name": kind,
            "base_url": "https://git.example.com", "signing": true,
        });
        let refused = admin.post(PROVIDERS, body.clone()).await;
        refused.is_problem(422, "provider-signing-not-done");
        body["signing"] = false.into();
        let at = admin.post(PROVIDERS, body).await;
        let at = at.header("location").to_owned();
        let refused = admin.patch(&at, json!({ "signing": true })).await;
        refused.is_problem(422, "provider-signing-not-done");
        admin.patch(&at, json!({ "signing": false })).await.is(200);
    }
}

#[tokio::test]
async fn a_product_is_asked_for_what_it_has() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let cloud = json!({
        "provider": "cloud", "kind": "bitbucket_server", "name": "Bitbucket", "protocol": "oauth2",
        "base_url": "https://bitbucket.org", "client_id": "id", "client_secret": "secret",
    });
    let refused = admin.post(PROVIDERS, cloud).await;
    refused.is_problem(422, "provider-bitbucket-cloud");
    let mut body = github();
    body["protocol"] = "oauth1".into();
    // Lanyard would make the key itself.
    body.as_object_mut().unwrap().remove("client_secret");
    let refused = admin.post(PROVIDERS, body).await;
    refused.is_problem(422, "provider-protocol-not-spoken");
}

#[tokio::test]
async fn github_needs_the_id_and_the_secret_of_its_app() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for missing in ["client_id", "client_secret"] {
        let mut body = github();
        body[missing] = Value::Null;
        let answer = admin.post(PROVIDERS, body).await;
        answer.is_problem(422, "provider-app-missing");
    }
}

#[tokio::test]
async fn a_change_says_only_what_changes() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    admin.post(PROVIDERS, github()).await.is(201);
    let body = json!({
        "name": "Our GitHub", "description": "for everybody", "client_secret": "",
        "algorithm": "ecdsa-p384", "pkce": "never", "signing": true,
        "proxy": "http://proxy.example.com:3128", "ca_bundle": ca(),
    });
    let changed = admin.patch(GITHUB, body).await;
    let mut expected = shown();
    expected["name"] = "Our GitHub".into();
    expected["description"] = "for everybody".into();
    expected["algorithm"] = "ecdsa-p384".into();
    expected["pkce"] = false.into();
    expected["signing"] = true.into();
    expected["proxy"] = "http://proxy.example.com:3128".into();
    expected["ca_bundle"] = ca().into();
    expected["revision"] = 2.into();
    assert_eq!(changed.is(200), expected);
    let body = json!({
        "algorithm": "default", "pkce": "default", "proxy": "default", "ca_bundle": "default",
    });
    let back = admin.patch(GITHUB, body).await.is(200);
    assert_eq!(back["algorithm"], Value::Null);
    for field in ["pkce", "proxy", "ca_bundle"] {
        assert_eq!(back[field], Value::Null, "{field}");
    }
    let body = json!({ "provider": "other", "kind": "github", "pkce": true });
    let answer = admin.patch(GITHUB, body).await;
    assert_eq!(answer.rejected(), ["pkce", "kind", "provider"]);
}

#[tokio::test]
async fn of_two_admins_the_second_is_told_to_look_again() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    admin.post(PROVIDERS, github()).await.is(201);
    let seen = [("if-match", "\"1\"")];
    let first = json!({ "name": "First" });
    let second = json!({ "name": "Second", "client_secret": "n0t-kept" });
    admin
        .send("PATCH", GITHUB, Some(first), &seen)
        .await
        .is(200);
    let late = admin.send("PATCH", GITHUB, Some(second), &seen).await;
    late.is_problem(412, "revision-changed");
    let late = admin.send("DELETE", GITHUB, None, &seen).await;
    late.is_problem(412, "revision-changed");
    let late = admin
        .send("POST", &format!("{GITHUB}/pause"), None, &seen)
        .await;
    late.is_problem(412, "revision-changed");
    assert_eq!(admin.get(GITHUB).await.is(200)["name"], "First");
}

#[tokio::test]
async fn operators_pause_and_admins_disable() {
    let app = TestApp::new().await;
    let (admin, operator) = (app.admin().await, app.operator().await);
    admin.post(PROVIDERS, github()).await.is(201);
    let at = |act: &str| format!("{GITHUB}/{act}");
    for (act, status) in [("pause", "paused"), ("resume", "active")] {
        let answer = operator.post(&at(act), json!({})).await.is(200);
        assert_eq!(answer["status"], status);
    }
    for (act, status) in [("disable", "disabled"), ("enable", "active")] {
        let refused = operator.post(&at(act), json!({})).await;
        refused.is_problem(403, "forbidden");
        let answer = admin.post(&at(act), json!({})).await.is(200);
        assert_eq!(answer["status"], status);
    }
    let again = admin.post(&at("enable"), json!({})).await;
    again.is(200);
    assert_eq!(again.header("lanyard-index"), "");
    let nowhere = admin
        .post("/api/v1/providers/gitlab/pause", json!({}))
        .await;
    nowhere.is_problem(404, "provider-not-found");
}

#[tokio::test]
async fn only_one_provider_has_the_shared_redirect_url() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let mut body = github();
    body["callback"] = "shared".into();
    let added = admin.post(PROVIDERS, body.clone()).await.is(201);
    assert_eq!(
        added["redirect_url"],
        "https://lanyard.example.com/oauth/callback"
    );
    app.catches_up().await;
    body["provider"] = "ghe".into();
    let second = admin.post(PROVIDERS, body.clone()).await;
    second.is_problem(409, "shared-callback-taken");
    body["callback"] = "own".into();
    admin.post(PROVIDERS, body).await.is(201);
    let change = json!({ "callback": "shared" });
    let second = admin.patch("/api/v1/providers/ghe", change).await;
    second.is_problem(409, "shared-callback-taken");
    let same = admin.patch(GITHUB, json!({ "callback": "shared" })).await;
    same.is(200);
}

#[tokio::test]
async fn a_removed_provider_leaves_no_secret() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    admin.post(PROVIDERS, github()).await.is(201);
    let gone = admin.delete(GITHUB).await;
    gone.is(204);
    assert_eq!(gone.header("lanyard-index"), "2");
    admin.delete(GITHUB).await.is(204);
    admin
        .patch(GITHUB, json!({ "name": "x" }))
        .await
        .is_problem(404, "provider-not-found");
    let asked = projections::Statement::new(
        "SELECT COUNT(*) FROM vault_secrets WHERE box IS NOT NULL",
        [],
    );
    let row = app.app.database.get(asked).await.unwrap().unwrap();
    assert_eq!(row.number(0), Ok(0));
}
