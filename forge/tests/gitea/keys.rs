use forge::GiteaOptions;
use serde_json::Value;

use crate::support::{ED25519, FINGERPRINT, Play, json_of, key, refused};

#[tokio::test]
async fn a_key_is_created_and_keeps_its_comment() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    let line = format!("{ED25519} ada@laptop");
    let answer = play.post(&token, "Lanyard", &line).await;
    assert_eq!(answer.status(), 201);
    let body = json_of(answer).await;
    let id = body["id"].as_u64().unwrap();
    assert_eq!(body["key"], line);
    assert_eq!(body["title"], "Lanyard");
    assert_eq!(body["fingerprint"], FINGERPRINT);
    assert_eq!(body["url"], play.gitea.api(&format!("/user/keys/{id}")));
    assert_eq!(body["created_at"], "2026-09-01T12:00:00Z");
    assert_eq!(body["key_type"], "user");
    assert_eq!(body["user"]["login"], "ada");
    let shown = play.get(&format!("/user/keys/{id}"), &token).await;
    assert_eq!(json_of(shown).await, body);
    let listed = json_of(play.get("/user/keys", &token).await).await;
    assert_eq!(listed, Value::Array(vec![body]));
    let held = play.gitea.keys_of("ada");
    assert_eq!(held[0].created_by.as_deref(), Some(&*play.app.client_id));
    assert_eq!(held[0].key, ED25519);
}

#[tokio::test]
async fn a_deleted_key_is_gone_and_cannot_be_deleted_twice() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    let id = json_of(play.post(&token, "t", ED25519).await).await["id"].clone();
    let path = format!("/user/keys/{id}");
    let deleted = play.delete(&path, &token).await;
    assert_eq!(deleted.status(), 204);
    assert_eq!(deleted.bytes().await.unwrap().len(), 0);
    assert_eq!(
        refused(play.delete(&path, &token).await, 404).await,
        "not found"
    );
    assert_eq!(play.post(&token, "t", ED25519).await.status(), 201);
}

#[tokio::test]
async fn pages_say_how_many_there_are_and_end_empty() {
    let play = Play::with(GiteaOptions {
        most_per_page: 3,
        ..GiteaOptions::gitea()
    })
    .await;
    for number in 1..=7 {
        play.gitea
            .paste_key("ada", &number.to_string(), &key(number))
            .unwrap();
    }
    let token = play.ada().await;
    for (query, titles) in [
        ("", vec!["1", "2", "3"]),
        ("?page=2&limit=100", vec!["4", "5", "6"]),
        ("?page=3", vec!["7"]),
        ("?page=4", vec![]),
        ("?page=2&limit=2", vec!["3", "4"]),
        ("?page=x&limit=0", vec!["1", "2", "3"]),
    ] {
        let answer = play.get(&format!("/user/keys{query}"), &token).await;
        assert_eq!(answer.headers()["x-total-count"], "7");
        assert!(!answer.headers().contains_key("link"));
        let rows = json_of(answer).await;
        let rows = rows.as_array().unwrap();
        let titled = rows.iter().map(|row| row["title"].as_str().unwrap());
        let found: Vec<_> = titled.collect();
        assert_eq!(found, titles, "{query}");
    }
}

#[tokio::test]
async fn an_old_server_has_no_pages_and_counts_nothing() {
    let play = Play::with(GiteaOptions {
        pages: false,
        counts: false,
        ..GiteaOptions::gitea()
    })
    .await;
    for number in 1..=70 {
        play.gitea
            .paste_key("ada", &number.to_string(), &key(number))
            .unwrap();
    }
    let token = play.ada().await;
    for query in ["", "?page=2", "?page=2&limit=10"] {
        let answer = play.get(&format!("/user/keys{query}"), &token).await;
        assert!(!answer.headers().contains_key("x-total-count"));
        assert_eq!(json_of(answer).await.as_array().unwrap().len(), 70);
    }
}

#[tokio::test]
async fn a_fingerprint_finds_the_keys_of_everybody() {
    let play = Play::gitea().await;
    play.gitea.add_user("bob");
    let bobs = play.gitea.paste_key("bob", "laptop", ED25519).unwrap();
    let token = play.ada().await;
    let url = format!("/user/keys?fingerprint={}", FINGERPRINT.replace('+', "%2B"));
    let answer = play.get(&url, &token).await;
    assert_eq!(answer.headers()["x-total-count"], "1");
    let found = json_of(answer).await;
    assert_eq!(found[0]["id"], bobs.id);
    // Whose it is is not said.
    assert_eq!(found[0].get("user"), None);
    let listed = json_of(play.get("/user/keys", &token).await).await;
    assert_eq!(listed, Value::Array(vec![]));
}

#[tokio::test]
async fn somebody_elses_key_is_shown_but_not_deleted() {
    let play = Play::gitea().await;
    play.gitea.add_user("bob");
    let bobs = play.gitea.paste_key("bob", "laptop", ED25519).unwrap();
    let token = play.ada().await;
    let path = format!("/user/keys/{}", bobs.id);
    assert_eq!(play.get(&path, &token).await.status(), 200);
    let words = refused(play.delete(&path, &token).await, 403).await;
    assert_eq!(words, "You do not have access to this key");
    assert_eq!(play.gitea.keys_of("bob").len(), 1);
    assert!(play.gitea.remove_key("bob", bobs.id));
    assert_eq!(play.get(&path, &token).await.status(), 404);
    assert_eq!(play.get("/user/keys/x", &token).await.status(), 404);
}

#[tokio::test]
async fn a_key_of_a_directory_is_not_deleted() {
    let play = Play::gitea().await;
    let key = play.gitea.synchronise_key("ada", "ldap", ED25519).unwrap();
    let token = play.ada().await;
    let answer = play.delete(&format!("/user/keys/{}", key.id), &token).await;
    let words = refused(answer, 403).await;
    assert_eq!(words, "SSH Key is externally managed for this user");
}
