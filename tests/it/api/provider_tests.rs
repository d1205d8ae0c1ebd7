//! What a test of a provider answers.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use forge::{BitbucketOptions, BitbucketServer, GitHub, GitHubOptions, RedirectRule};
use lanyard::clock::Clock as _;
use serde_json::{Value, json};

use crate::host_keys::practice::{Lie, start};
use crate::support::actors::Actor;
use crate::support::app::{PUBLIC_URL, TestApp};

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

/// What was found of one thing, once for each secret that there is.
fn findings<'a>(tested: &'a Value, check: &str) -> Vec<&'a Value> {
    let all = tested["findings"].as_array().unwrap().iter();
    all.filter(|finding| finding["check"] == check).collect()
}

/// Asserts what was found with the current secret and with the second: whether it is in order, a
/// part of what was found, and a part of what to do.
#[track_caller]
fn assert_secrets(tested: &Value, expected: [(bool, &str, &str); 2]) {
    let found = findings(tested, "app");
    assert_eq!(found.len(), 2, "{tested}");
    for ((finding, whose), (ok, words, fix)) in
        found.iter().zip(["current", "second"]).zip(expected)
    {
        let said = finding["found"].as_str().unwrap();
        assert!(said.starts_with(&format!("{whose} secret: ")), "{said}");
        assert!(said.contains(words), "{said}");
        assert_eq!(finding["ok"], ok, "{said}");
        let to_do = finding["fix"].as_str().unwrap();
        assert!(to_do.contains(fix), "{to_do}");
        assert_eq!(to_do.is_empty(), fix.is_empty(), "{to_do}");
    }
}

#[tokio::test]
async fn each_of_two_client_secrets_is_tried() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let github = GitHub::start(GitHubOptions::dot_com()).await.unwrap();
    let callback = format!("{PUBLIC_URL}/oauth/callback/github");
    let ours = github.register_app("Lanyard", &callback, RedirectRule::Exact);
    let body = json!({
        "provider": "github", "kind": "github", "name": "GitHub", "base_url": github.base_url(),
        "client_id": ours.client_id, "client_secret": ours.client_secret,
    });
    let one = tested(&admin, body).await;
    assert_eq!(findings(&one, "app").len(), 1);
    let secrets = "/api/v1/providers/github/secrets";
    let test = async || {
        let at = "/api/v1/providers/github/test";
        admin.post(at, json!({})).await.is(200)
    };
    let stage = async |secret: &str| {
        let body = json!({ "client_secret": secret });
        admin.post(secrets, body).await.is(201);
    };
    stage("not-a-secret-of-this-app").await;
    let refused = "the app's id or secret is not accepted";
    let accepted = "the app's id and secret are accepted";
    let enter = "enter the client id";
    assert_secrets(
        &test().await,
        [(true, accepted, ""), (true, refused, enter)],
    );
    // The provider forgets the first one: neither is right.
    let third = github.change_secret(&ours.client_id);
    assert_secrets(
        &test().await,
        [(false, refused, enter), (false, refused, enter)],
    );
    admin.delete(&format!("{secrets}/staged")).await.is(200);
    stage(&third).await;
    let confirm = "lanyard provider secret confirm github";
    let found = test().await;
    assert_secrets(&found, [(true, refused, confirm), (true, accepted, "")]);
    assert!(!found.to_string().contains(&third), "no secret is shown");
}

#[tokio::test]
async fn each_of_two_link_keys_is_tried_and_the_second_is_the_one_to_paste() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let clock = app.clock.clone();
    let options = BitbucketOptions::data_center().with_clock(Arc::new(move || clock.now()));
    let bitbucket = BitbucketServer::start(options).await.unwrap();
    let body = json!({
        "provider": "bitbucket", "kind": "bitbucket_server", "name": "Bitbucket",
        "base_url": bitbucket.base_url(), "protocol": "oauth1",
    });
    let added = admin.post(PROVIDERS, body).await.is(201);
    let first = added["public_key"].as_str().unwrap();
    assert!(bitbucket.link_application("Lanyard", "Lanyard", first));
    let secrets = "/api/v1/providers/bitbucket/secrets";
    let staged = admin.post(secrets, json!({})).await.is(201);
    let second = staged["staged_public_key"].as_str().unwrap();
    let test = async || {
        let at = "/api/v1/providers/bitbucket/test";
        admin.post(at, json!({})).await.is(200)
    };
    let pasted = |found: &Value| {
        let [key] = findings(found, "public_key")[..] else {
            panic!("one key is to be pasted: {found}");
        };
        let words = key["found"].as_str().unwrap();
        assert!(words.contains(second.trim()), "{words}");
        assert!(!words.contains(first.trim()), "{words}");
    };
    let (accepted, refused) = ("accepts the signature", "signature_invalid");
    let before = test().await;
    assert_secrets(
        &before,
        [
            (true, accepted, ""),
            (true, refused, "paste the public key below"),
        ],
    );
    pasted(&before);
    assert!(bitbucket.replace_public_key("Lanyard", second));
    let after = test().await;
    let confirm = "lanyard provider secret confirm bitbucket";
    assert_secrets(&after, [(true, refused, confirm), (true, accepted, "")]);
    pasted(&after);
}

#[tokio::test]
async fn where_people_paste_their_keys_the_address_and_the_ssh_server_are_looked_at() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let (port, blob) = start(Lie::None).await;
    let host = json!({
        "provider": "host", "kind": "ssh", "name": "Host", "base_url": "https://127.0.0.1",
    });
    let keys = "/api/v1/providers/host/host-keys";
    admin.post(PROVIDERS, host).await.is(201);
    let test = async || {
        let at = "/api/v1/providers/host/test";
        admin.post(at, json!({})).await.is(200)
    };
    for (blob, ok, words) in [
        (blob.clone(), true, "with a key that is recorded"),
        // Another key of the same server's port.
        (another(&blob), false, "with none of the recorded keys"),
    ] {
        let line = format!("[127.0.0.1]:{port} ssh-ed25519 {}", STANDARD.encode(blob));
        let body = json!({ "keys": [line], "source": "entered" });
        admin.send("PUT", keys, Some(body), &[]).await.is(200);
        let found = test().await;
        assert_eq!(found["ok"], ok, "{found}");
        let ssh = findings(&found, "ssh")[0];
        assert_eq!(ssh["ok"], ok);
        assert!(ssh["found"].as_str().unwrap().contains(words), "{ssh}");
        let of_the_app = findings(&found, "app")[0];
        assert_eq!(of_the_app["ok"], true, "nothing is to be registered");
    }
    // Nobody listens there any more.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let line = format!("[127.0.0.1]:{port} ssh-ed25519 {}", STANDARD.encode(&blob));
    let body = json!({ "keys": [line], "source": "entered" });
    admin.send("PUT", keys, Some(body), &[]).await.is(200);
    let found = test().await;
    assert_eq!(found["ok"], false);
    let ssh = findings(&found, "ssh")[0];
    assert!(
        ssh["fix"].as_str().unwrap().contains("[host]:port"),
        "{ssh}"
    );
}

/// A key of the same kind with other bytes.
fn another(blob: &[u8]) -> Vec<u8> {
    let mut blob = blob.to_vec();
    if let Some(last) = blob.last_mut() {
        *last ^= 1;
    }
    blob
}
