use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{ECDSA, ED25519, Play, header, json_of, key, refused};

/// The one entry in `errors` of a 422.
async fn invalid(answer: reqwest::Response) -> Value {
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let body = json_of(answer).await;
    assert_eq!(body["message"], "Validation Failed");
    assert_eq!(body["errors"].as_array().unwrap().len(), 1);
    body["errors"][0].clone()
}

#[tokio::test]
async fn a_key_is_created_and_comes_back_without_its_comment() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    let answer = play
        .post(&token, "Lanyard", &format!("{ED25519} ada@laptop"))
        .await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let location = header(&answer, "location").unwrap().to_owned();
    let body = json_of(answer).await;
    let id = body["id"].as_u64().unwrap();
    assert_eq!(location, play.github.api(&format!("/user/keys/{id}")));
    let expected = json!({
        "id": id,
        "key": ED25519,
        "url": location,
        "title": "Lanyard",
        "created_at": "2026-09-01T12:00:00Z",
        "verified": true,
        "read_only": false,
        "last_used": null,
    });
    assert_eq!(body, expected);
    assert_eq!(
        json_of(play.get(&format!("/user/keys/{id}"), &token).await).await,
        expected
    );
    assert_eq!(
        json_of(play.get("/user/keys", &token).await).await,
        json!([expected])
    );
    let held = play.github.keys_of("ada");
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].created_by.as_deref(), Some(&*play.app.client_id));
    assert_eq!(
        held[0].fingerprint,
        "SHA256:oJCfD0YJwHwuagEM2T7qhYB+48F8weG2lrSxO3eYZ1k"
    );
}

#[tokio::test]
async fn a_deleted_key_is_gone_and_cannot_be_deleted_twice() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    let id = json_of(play.post(&token, "", ED25519).await).await["id"].clone();
    let path = format!("/user/keys/{id}");
    let deleted = play.delete(&path, &token).await;
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    assert_eq!(deleted.bytes().await.unwrap().len(), 0);
    assert_eq!(
        refused(play.delete(&path, &token).await, 404).await,
        "Not Found"
    );
    assert_eq!(
        refused(play.get(&path, &token).await, 404).await,
        "Not Found"
    );
    assert!(play.github.keys_of("ada").is_empty());
    assert_eq!(
        play.post(&token, "", ED25519).await.status(),
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn somebody_elses_key_is_not_there() {
    let play = Play::dot_com().await;
    play.github.add_user("bob");
    let bobs = play.github.paste_key("bob", "laptop", ED25519).unwrap();
    let token = play.ada().await;
    let path = format!("/user/keys/{}", bobs.id);
    assert_eq!(
        refused(play.get(&path, &token).await, 404).await,
        "Not Found"
    );
    assert_eq!(
        refused(play.delete(&path, &token).await, 404).await,
        "Not Found"
    );
    assert_eq!(
        refused(play.get("/user/keys/none", &token).await, 404).await,
        "Not Found"
    );
    assert_eq!(play.github.keys_of("bob").len(), 1);
}

#[tokio::test]
async fn a_key_is_unique_over_the_whole_server() {
    let play = Play::dot_com().await;
    play.github.add_user("bob");
    play.github.paste_key("bob", "laptop", ED25519).unwrap();
    play.github.add_deploy_key(ECDSA).unwrap();
    let token = play.ada().await;
    assert_eq!(
        play.post(&token, "mine", &key(1)).await.status(),
        StatusCode::CREATED
    );
    let in_use = json!({
        "resource": "PublicKey",
        "code": "custom",
        "field": "key",
        "message": "key is already in use",
    });
    let commented = format!("{ED25519} another comment");
    for taken in [ED25519, ECDSA, &key(1), &commented] {
        assert_eq!(
            invalid(play.post(&token, "title", taken).await).await,
            in_use
        );
    }
    assert_eq!(play.github.keys_of("ada").len(), 1);
}

#[tokio::test]
async fn what_is_not_a_key_is_refused() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    let other_blob = ED25519.replace("ssh-ed25519", "ssh-rsa");
    let cut = &ED25519[..ED25519.len() - 8];
    let two = format!("{ED25519}\n{ECDSA}");
    for wrong in [
        "",
        "hello",
        "ssh-ed25519 hello",
        &other_blob,
        cut,
        &two,
        "ssh-ed448 AAAA",
    ] {
        let error = invalid(play.post(&token, "title", wrong).await).await;
        assert_eq!(error["resource"], "PublicKey");
        assert_eq!(error["code"], "custom");
        assert_eq!(error["field"], "key");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.starts_with("key is invalid. "),
            "{wrong}: {message}"
        );
    }
    assert!(play.github.keys_of("ada").is_empty());
}

/// `ssh-dss`, four numbers of one byte each.
const DSA: &str = "ssh-dss AAAAB3NzaC1kc3MAAAABAQAAAAEBAAAAAQEAAAABAQ==";
/// A security key: 32 bytes and the application `ssh:`.
const SECURITY_KEY: &str = "sk-ssh-ed25519@openssh.com \
    AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gAAAABH\
    NzaDo=";

/// A key of `algorithm` whose blob goes on with `parts`.
fn made(algorithm: &str, parts: &[&[u8]]) -> String {
    let mut blob = Vec::new();
    for part in [&[algorithm.as_bytes()], parts].concat() {
        blob.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
        blob.extend(part);
    }
    format!("{algorithm} {}", STANDARD.encode(blob))
}

#[tokio::test]
async fn every_documented_algorithm_is_taken_and_so_is_a_short_rsa_key() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    let mut modulus = vec![0, 0x80];
    modulus.resize(129, 7);
    let point = |length: usize| [vec![4], vec![9; length - 1]].concat();
    let keys = [
        made("ssh-rsa", &[&[1, 0, 1], &modulus]),
        made("ssh-ed25519", &[&[1; 32]]),
        made("ecdsa-sha2-nistp256", &[b"nistp256", &point(65)]),
        made("ecdsa-sha2-nistp384", &[b"nistp384", &point(97)]),
        made("ecdsa-sha2-nistp521", &[b"nistp521", &point(133)]),
    ];
    for line in keys {
        let created = play.post(&token, "", &line).await;
        assert_eq!(created.status(), StatusCode::CREATED, "{line}");
        assert_eq!(json_of(created).await["key"], line);
    }
}

#[tokio::test]
async fn blobs_that_do_not_hold_their_algorithm_are_refused() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    let point = [vec![4], vec![9; 64]].concat();
    let compressed = [vec![2], vec![9; 32]].concat();
    let wrong = [
        made("ssh-rsa", &[&[1, 0, 1]]),
        made("ssh-rsa", &[&[1, 0, 1], &[]]),
        made("ssh-rsa", &[&[1, 0, 1], &[0x80; 128]]),
        made("ssh-rsa", &[&[1, 0, 1], &[7; 128], &[7]]),
        made("ssh-ed25519", &[&[1; 31]]),
        made("ecdsa-sha2-nistp256", &[b"nistp384", &point]),
        made("ecdsa-sha2-nistp256", &[b"nistp256", &compressed]),
        made("ecdsa-sha2-nistp384", &[b"nistp384", &point]),
        made("ssh-ed25519-cert-v01@openssh.com", &[&[1; 32]]),
    ];
    for line in wrong {
        let error = invalid(play.post(&token, "", &line).await).await;
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("key is invalid. "), "{line}: {message}");
    }
}

#[tokio::test]
async fn dsa_and_security_keys_do_not_sign_in() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    for wrong in [DSA, SECURITY_KEY] {
        let error = invalid(play.post(&token, "title", wrong).await).await;
        let message = error["message"].as_str().unwrap();
        assert!(
            message.starts_with("key is invalid. It must begin with"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn bodies_that_are_not_right_are_refused() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    let send = |body: &'static str| {
        play.call(Method::POST, "/user/keys", &token)
            .body(body)
            .send()
    };
    assert_eq!(
        refused(send("{").await.unwrap(), 400).await,
        "Problems parsing JSON"
    );
    assert_eq!(
        refused(send("[1]").await.unwrap(), 400).await,
        "Body should be a JSON object"
    );
    let error = invalid(send("{\"title\":\"x\"}").await.unwrap()).await;
    assert_eq!(
        error,
        json!({"resource": "PublicKey", "code": "missing_field", "field": "key"})
    );
}

#[tokio::test]
async fn lists_come_in_pages_of_thirty() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    for number in 0..31 {
        play.github
            .paste_key("ada", &format!("key {number}"), &key(number))
            .unwrap();
    }
    let first = play.get("/user/keys", &token).await;
    let base = play.github.api("/user/keys");
    let link = format!(
        "<{base}?page=2&per_page=30>; rel=\"next\", <{base}?page=2&per_page=30>; rel=\"last\""
    );
    assert_eq!(header(&first, "link"), Some(&*link));
    assert_eq!(json_of(first).await.as_array().unwrap().len(), 30);
    let second = play.get("/user/keys?page=2", &token).await;
    let link = header(&second, "link").unwrap();
    assert!(link.contains("rel=\"prev\"") && link.contains("rel=\"first\""));
    assert!(!link.contains("rel=\"next\""));
    let rows = json_of(second).await;
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!(rows[0]["title"], "key 30");
    let beyond = play.get("/user/keys?page=9", &token).await;
    assert_eq!(json_of(beyond).await, json!([]));
}

#[tokio::test]
async fn a_page_holds_at_most_a_hundred() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    for number in 0..101 {
        play.github.paste_key("ada", "", &key(number)).unwrap();
    }
    let page = play.get("/user/keys?per_page=1000", &token).await;
    assert!(
        header(&page, "link")
            .unwrap()
            .contains("page=2&per_page=100>; rel=\"next\"")
    );
    assert_eq!(json_of(page).await.as_array().unwrap().len(), 100);
    let nonsense = play.get("/user/keys?per_page=none&page=0", &token).await;
    assert_eq!(json_of(nonsense).await.as_array().unwrap().len(), 30);
}

#[tokio::test]
async fn signing_keys_are_another_list() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    play.post(&token, "in", ED25519).await;
    let post = |line: &str| {
        let body = json!({ "title": "sign", "key": line });
        play.call(Method::POST, "/user/ssh_signing_keys", &token)
            .json(&body)
            .send()
    };
    let created = post(ED25519).await.unwrap();
    assert_eq!(created.status(), StatusCode::CREATED);
    let location = header(&created, "location").unwrap().to_owned();
    let body = json_of(created).await;
    let path = format!("/user/ssh_signing_keys/{}", body["id"]);
    assert_eq!(location, play.github.api(&path));
    let expected = json!({
        "id": body["id"],
        "key": ED25519,
        "title": "sign",
        "created_at": "2026-09-01T12:00:00Z",
    });
    assert_eq!(body, expected);
    assert_eq!(json_of(play.get(&path, &token).await).await, expected);
    assert_eq!(
        post(SECURITY_KEY).await.unwrap().status(),
        StatusCode::CREATED
    );
    assert_eq!(
        invalid(post(ED25519).await.unwrap()).await["message"],
        "key is already in use"
    );
    assert_eq!(play.github.signing_keys_of("ada").len(), 2);
    assert_eq!(
        play.delete(&path, &token).await.status(),
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        play.delete(&path, &token).await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(play.github.signing_keys_of("ada").len(), 1);
    assert_eq!(play.github.keys_of("ada").len(), 1);
}

#[tokio::test]
async fn dot_com_deletes_keys_that_idle_for_a_year() {
    let play = Play::dot_com().await;
    let used = play.github.paste_key("ada", "used", &key(1)).unwrap();
    play.github.paste_key("ada", "idle", &key(2)).unwrap();
    play.passes(300 * 86_400);
    assert!(play.github.use_key("ada", used.id));
    play.passes(65 * 86_400);
    let titles: Vec<_> = play
        .github
        .keys_of("ada")
        .into_iter()
        .map(|key| key.title)
        .collect();
    assert_eq!(titles, ["used"]);
}

#[tokio::test]
async fn enterprise_server_keeps_idle_keys() {
    let play = Play::enterprise().await;
    play.github.paste_key("ada", "idle", &key(2)).unwrap();
    play.passes(700 * 86_400);
    assert_eq!(play.github.keys_of("ada").len(), 1);
}

#[tokio::test]
async fn a_used_key_says_when() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    let held = play.github.paste_key("ada", "laptop", &key(1)).unwrap();
    play.passes(60);
    assert!(play.github.use_key("ada", held.id));
    let shown = json_of(play.get(&format!("/user/keys/{}", held.id), &token).await).await;
    assert_eq!(shown["last_used"], "2026-09-01T12:01:00Z");
}
