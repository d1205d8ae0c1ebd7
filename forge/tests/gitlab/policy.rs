use chrono::TimeDelta;
use serde_json::json;

use crate::support::{ECDSA, ED25519, Play, refused};

#[tokio::test]
async fn a_forbidden_type_names_those_that_are_allowed() {
    let play = Play::start().await;
    let token = play.ada().await;
    play.gitlab.paste_key("ada", "laptop", ED25519).unwrap();
    play.gitlab.forbid_keys("ED25519");
    play.gitlab.forbid_keys("ED25519_SK");
    let answer = play.post(&token, "Lanyard", &crate::support::key(1)).await;
    let words = json!({ "key": ["type is forbidden. Must be RSA, ECDSA, or ECDSA_SK"] });
    assert_eq!(refused(answer, 400).await, words);
    assert_eq!(play.gitlab.keys_of("ada").len(), 1, "what is there stays");
}

#[tokio::test]
async fn a_short_key_is_told_how_long_it_must_be() {
    let play = Play::start().await;
    let token = play.ada().await;
    play.gitlab.require_bits("ECDSA", 384);
    let answer = play.post(&token, "Lanyard", ECDSA).await;
    let words = json!({ "key": ["must be at least 384 bits"] });
    assert_eq!(refused(answer, 400).await, words);
}

#[tokio::test]
async fn a_key_that_the_world_knows_is_refused() {
    let play = Play::start().await;
    let token = play.ada().await;
    play.gitlab.ban_key(ED25519).unwrap();
    let message = refused(play.post(&token, "Lanyard", ED25519).await, 400).await;
    let words = message["key"][0].as_str().unwrap();
    assert!(words.contains("it belongs to a compromised private key"));
}

#[tokio::test]
async fn a_key_must_not_have_expired_already() {
    let play = Play::start().await;
    let token = play.ada().await;
    let body = |end: &str| json!({ "title": "Lanyard", "key": ED25519, "expires_at": end });
    let late = play.post_json(&token, &body("2026-09-01T12:00:00Z")).await;
    assert_eq!(refused(late, 400).await, json!({ "key": ["has expired"] }));
    let good = play.post_json(&token, &body("2026-09-01T12:00:01Z")).await;
    assert_eq!(good.status().as_u16(), 201);
}

#[tokio::test]
async fn a_longest_life_wants_an_end_that_is_near() {
    let play = Play::start().await;
    let token = play.ada().await;
    play.gitlab.keys_live_at_most(Some(TimeDelta::days(90)));
    let never = json!({ "title": "Lanyard", "key": ED25519 });
    let far = json!({ "title": "Lanyard", "key": ED25519, "expires_at": "2027-09-01" });
    let near = json!({ "title": "Lanyard", "key": ED25519, "expires_at": "2026-11-01" });
    for (body, status) in [(never, 400), (far, 400), (near, 201)] {
        let answer = play.post_json(&token, &body).await;
        assert_eq!(answer.status().as_u16(), status, "{body}");
    }
}
