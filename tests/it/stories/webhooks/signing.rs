//! Secrets and signatures.

use std::io::Write as _;
use std::process::{Command, Stdio};

use chrono::TimeDelta;
use domain::Role;
use lanyard::clock::Clock;
use serde_json::json;

use super::Post;
use crate::support::receiver::Taken;

/// Says by Python's own library whether a message carries the signature of a secret: nothing of
/// ours is asked. Nothing where there is no Python.
fn python_finds(secret: &str, taken: &Taken) -> Option<bool> {
    const VERIFY: &str = "\
import base64, hashlib, hmac, json, sys
said = json.load(sys.stdin)
key = base64.b64decode(said['secret'].removeprefix('whsec_'), validate=True)
content = '.'.join([said['id'], str(said['timestamp']), said['body']]).encode()
good = 'v1,' + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
print(good in said['signatures'])
";
    let python = Command::new("python3")
        .args(["-c", VERIFY])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut python) = python else {
        let must = std::env::var_os("LANYARD_TESTS_MUST_NOT_SKIP").is_some();
        assert!(!must, "python3 is missing");
        eprintln!("SKIPPED: python3 is missing, so no stranger checks the signatures");
        return None;
    };
    let said = json!({
        "secret": secret, "id": taken.id, "timestamp": taken.timestamp, "body": taken.body,
        "signatures": taken.signatures,
    });
    let mut stdin = python.stdin.take().unwrap();
    stdin.write_all(said.to_string().as_bytes()).unwrap();
    drop(stdin);
    let said = python.wait_with_output().unwrap();
    assert!(said.status.success());
    Some(said.stdout == b"True\n")
}

#[tokio::test]
async fn a_message_is_signed_as_a_stranger_would_check_it() {
    let mut post = Post::new().await;
    post.pauses().await;
    post.goes().await;
    let taken = &post.receiver.taken()[0];
    assert_eq!(taken.path, "/hooks");
    assert_eq!(taken.content_type, "application/json");
    assert_eq!(taken.timestamp, post.world.service.clock.now().timestamp());
    assert_eq!(taken.signatures.len(), 1);
    assert!(!taken.id.contains('.') && taken.id.starts_with("msg_"));
    let secret = post.webhook["secret"].as_str().unwrap();
    assert_ne!(python_finds(secret, taken), Some(false));
    let mut forged = taken.clone();
    forged.body.push(' ');
    assert_ne!(python_finds(secret, &forged), Some(true));
}

#[tokio::test]
async fn while_a_secret_is_rotated_both_sign_and_then_the_new_one_alone() {
    let mut post = Post::new().await;
    let old = post.webhook["secret"].as_str().unwrap().to_owned();
    let body = json!({ "overlap_hours": 2 });
    let new = post.asks("/rotation", body).await["secret"].clone();
    let new = new.as_str().unwrap();
    assert_ne!(new, old);
    post.pauses().await;
    post.goes_for(TimeDelta::hours(3)).await;
    post.resumes().await;
    post.goes().await;
    let [during, after] = &post.receiver.taken()[..] else {
        panic!("two messages");
    };
    assert_eq!(during.signatures.len(), 2);
    assert_ne!(python_finds(&old, during), Some(false));
    assert_ne!(python_finds(new, during), Some(false));
    assert_eq!(after.signatures.len(), 1);
    assert_ne!(python_finds(&old, after), Some(true));
    assert_ne!(python_finds(new, after), Some(false));
    // A secret that leaked ends at once.
    let body = json!({ "overlap_hours": 0 });
    let newest = post.asks("/rotation", body).await["secret"].clone();
    post.pauses().await;
    post.goes().await;
    let last = post.receiver.taken().pop().unwrap();
    assert_eq!(last.signatures.len(), 1);
    assert_ne!(python_finds(newest.as_str().unwrap(), &last), Some(false));
}

/// Counts the secrets of webhooks that can still be opened.
async fn secrets_left(post: &Post) -> u64 {
    let asked = projections::Statement::new(
        "SELECT COUNT(*) FROM vault_secrets WHERE purpose = 'webhook-secret' AND box IS NOT NULL",
        [],
    );
    let rows = post.world.service.app.database.query(asked).await.unwrap();
    rows[0].number(0).unwrap()
}

#[tokio::test]
async fn secrets_that_sign_no_more_are_destroyed() {
    let mut post = Post::new().await;
    for _ in 0..3 {
        post.asks("/rotation", json!({})).await;
    }
    assert_eq!(secrets_left(&post).await, 2);
    let until = post.goes().await;
    assert_eq!(
        until,
        Some(post.world.service.clock.now() + TimeDelta::hours(24))
    );
    post.goes_for(TimeDelta::hours(25)).await;
    assert_eq!(secrets_left(&post).await, 1);
    let admin = post.world.service.admin().await;
    admin.delete(&post.path("")).await.is(204);
    assert_eq!(secrets_left(&post).await, 0);
}

#[tokio::test]
async fn a_test_message_says_what_comes_of_it_and_moves_nothing() {
    let post = Post::new().await;
    let fine = post.asks("/test", json!({})).await;
    assert_eq!(fine, json!({ "delivered": true }));
    let taken = &post.receiver.taken()[0];
    assert_eq!(taken.kind(), "webhook.test");
    let secret = post.webhook["secret"].as_str().unwrap();
    assert_ne!(python_finds(secret, taken), Some(false));
    for (status, problem) in [
        (500, "status 500"),
        (410, "status 410: it wants nothing any more"),
        (302, "status 302: a redirect is not followed"),
    ] {
        post.receiver.answers_once(status, &[]);
        let answer = post.asks("/test", json!({})).await;
        assert_eq!(answer, json!({ "delivered": false, "problem": problem }));
    }
    assert_eq!(post.shown().await["status"], "active");
    let operator = post.world.service.actor("olga", &[Role::Operator]).await;
    let refused = operator.post(&post.path("/test"), json!({})).await;
    refused.is_problem(403, "forbidden");
}
