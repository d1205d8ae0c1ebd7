use forge::{BitbucketDeletes, BitbucketKeyRule};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{ED25519, KEYS, Play, body, json_of, key, refused};

#[tokio::test]
async fn a_key_is_created_and_keeps_its_comment() {
    let play = Play::new().await;
    let token = play.ada().await;
    let text = format!("{ED25519} ada@laptop");
    let answer = play
        .post(
            &token,
            json!({ "text": text, "label": "Lanyard", "expiryDays": 90 }),
        )
        .await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let created = json_of(answer).await;
    let expected = json!({
        "id": created["id"],
        "text": text,
        "label": "Lanyard",
        "algorithmType": "ED25519",
        "bitLength": 256,
        "createdDate": 1_788_264_000_000_u64,
        "expiryDays": 90,
        "fingerprint": "SHA256:oJCfD0YJwHwuagEM2T7qhYB+48F8weG2lrSxO3eYZ1k",
    });
    assert_eq!(created, expected);
    let path = format!("{KEYS}/{}", created["id"]);
    assert_eq!(json_of(play.get(&path, &token).await).await, expected);
    let held = play.bitbucket.keys_of("ada");
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].created_by.as_deref(), Some("Lanyard"));
}

#[tokio::test]
async fn without_a_label_the_comment_is_the_label() {
    let play = Play::new().await;
    let token = play.ada().await;
    let text = format!("{ED25519} ada@laptop");
    let created = json_of(play.post(&token, json!({ "text": text })).await).await;
    assert_eq!(created["label"], "ada@laptop");
    assert!(created.get("expiryDays").is_none());
    let bare = json_of(play.post(&token, json!({ "text": key(1) })).await).await;
    assert_eq!(bare["label"], "");
}

#[tokio::test]
async fn lists_come_in_pages_of_twenty_five() {
    let play = Play::new().await;
    let token = play.ada().await;
    for number in 0..27 {
        let label = format!("key {number}");
        play.bitbucket
            .paste_key("ada", &label, &key(number))
            .unwrap();
    }
    let first = json_of(play.get(KEYS, &token).await).await;
    assert_eq!(first["size"], 25);
    assert_eq!(first["limit"], 25);
    assert_eq!(first["isLastPage"], false);
    assert_eq!(first["nextPageStart"], 25);
    let second = json_of(play.get(&format!("{KEYS}?start=25"), &token).await).await;
    assert_eq!(second["size"], 2);
    assert_eq!(second["isLastPage"], true);
    assert!(second.get("nextPageStart").is_none());
    assert_eq!(second["values"][1]["label"], "key 26");
    let all = json_of(play.get(&format!("{KEYS}?limit=100"), &token).await).await;
    assert_eq!(all["values"].as_array().unwrap().len(), 27);
}

#[tokio::test]
async fn a_key_is_unique_over_the_whole_server() {
    let play = Play::new().await;
    play.bitbucket.add_user("bob");
    play.bitbucket.paste_key("bob", "", &key(2)).unwrap();
    play.bitbucket.add_access_key(&key(3)).unwrap();
    let token = play.ada().await;
    let post = async |text: &str| play.post(&token, body(text, "x")).await;
    assert_eq!(post(&key(1)).await.status(), StatusCode::CREATED);
    for number in 1..=3 {
        let commented = format!("{} other comment", key(number));
        let error = refused(post(&commented).await, 409).await;
        let name = "com.atlassian.bitbucket.ssh.DuplicateSshKeyException";
        assert_eq!(error["exceptionName"], name);
        assert!(error["context"].is_null());
    }
    assert_eq!(play.bitbucket.keys_of("ada").len(), 1);
}

#[tokio::test]
async fn an_absent_key_is_deleted_all_the_same() {
    let play = Play::new().await;
    play.bitbucket.add_user("bob");
    let bobs = play.bitbucket.paste_key("bob", "", &key(2)).unwrap();
    let token = play.ada().await;
    let mine = play.bitbucket.paste_key("ada", "", &key(1)).unwrap();
    for id in [mine.id, mine.id, bobs.id, 4711] {
        let answer = play.delete(&format!("{KEYS}/{id}"), &token).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }
    assert!(play.bitbucket.keys_of("ada").is_empty());
    assert_eq!(play.bitbucket.keys_of("bob").len(), 1);
    assert_eq!(play.bitbucket.deletes_without_an_id(), 0);
    let shown = play.get(&format!("{KEYS}/{}", mine.id), &token).await;
    refused(shown, 404).await;
}

#[tokio::test]
async fn a_delete_without_an_id_deletes_everything() {
    let play = Play::new().await;
    play.bitbucket.add_user("bob");
    play.bitbucket.paste_key("bob", "", &key(9)).unwrap();
    let token = play.ada().await;
    for number in 1..4 {
        play.bitbucket.paste_key("ada", "", &key(number)).unwrap();
    }
    let answer = play.delete(KEYS, &token).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert!(play.bitbucket.keys_of("ada").is_empty());
    assert_eq!(play.bitbucket.keys_of("bob").len(), 1);
    assert_eq!(play.bitbucket.deletes_without_an_id(), 1);
}

#[tokio::test]
async fn an_admin_may_refuse_deletes() {
    let play = Play::new().await;
    let token = play.ada().await;
    let mine = play.bitbucket.paste_key("ada", "", &key(1)).unwrap();
    let path = format!("{KEYS}/{}", mine.id);
    for status in [401, 403] {
        play.bitbucket.deletes(BitbucketDeletes::Refused(status));
        let error = refused(play.delete(&path, &token).await, status).await;
        assert_eq!(
            error["exceptionName"],
            "com.atlassian.bitbucket.AuthorisationException"
        );
    }
    play.bitbucket.deletes(BitbucketDeletes::InWord);
    let answer = play.delete(&path, &token).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(play.bitbucket.keys_of("ada").len(), 1, "in word alone");
    // The person can, in the web page.
    assert!(play.bitbucket.remove_key("ada", mine.id));
    play.bitbucket.deletes(BitbucketDeletes::Allowed);
    assert_eq!(
        play.delete(&path, &token).await.status(),
        StatusCode::NO_CONTENT
    );
}

#[tokio::test]
async fn an_admin_may_restrict_keys() {
    let play = Play::new().await;
    let token = play.ada().await;
    play.bitbucket.restrict_keys(BitbucketKeyRule {
        refused: vec!["ssh-ed25519".to_owned()],
        shortest_rsa: 3072,
        most_days: Some(90),
    });
    let error = refused(play.post(&token, body(ED25519, "")).await, 400).await;
    let words =
        "Your SSH key does not meet the key type or key length requirements set by your admin.";
    assert_eq!(error["message"], words);
    let error = refused(play.post(&token, body(&rsa(2048), "")).await, 400).await;
    assert_eq!(error["message"], words);
    let long = json!({ "text": rsa(3072), "expiryDays": 91 });
    let error = refused(play.post(&token, long).await, 400).await;
    assert_eq!(error["context"], "expiryDays");
    let created = json_of(play.post(&token, body(&rsa(3072), "")).await).await;
    assert_eq!(created["bitLength"], 3072);
    assert_eq!(created["algorithmType"], "RSA");
    // The most there is, if nobody asks for less.
    assert_eq!(created["expiryDays"], 90);
}

/// A line with an RSA modulus of so many bits.
fn rsa(bits: usize) -> String {
    use base64::Engine as _;
    let mut modulus = vec![0, 0x80];
    modulus.resize(bits / 8 + 1, 7);
    let mut blob = Vec::new();
    for part in [b"ssh-rsa".as_slice(), &[1, 0, 1], &modulus] {
        blob.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
        blob.extend(part);
    }
    let text = base64::engine::general_purpose::STANDARD.encode(blob);
    format!("ssh-rsa {text}")
}

#[tokio::test]
async fn what_is_not_a_key_is_refused() {
    let play = Play::new().await;
    let token = play.ada().await;
    for wrong in [
        "",
        "hello",
        "ssh-ed25519 AAAA",
        &format!("{ED25519}\n{}", key(1)),
    ] {
        let error = refused(play.post(&token, body(wrong, "")).await, 400).await;
        assert_eq!(error["context"], "text");
    }
    for days in [json!(0), json!(-1), json!("90")] {
        let key = json!({ "text": ED25519, "expiryDays": days });
        let error = refused(play.post(&token, key).await, 400).await;
        assert_eq!(error["context"], "expiryDays");
    }
    let broken = play.signed(Method::POST, KEYS, &token);
    let broken = broken.header("content-type", "application/json").body("{");
    refused(broken.send().await.unwrap(), 400).await;
    let text = play.signed(Method::POST, KEYS, &token).body("{}");
    let status = text.send().await.unwrap().status();
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(play.bitbucket.keys_of("ada").is_empty());
}
