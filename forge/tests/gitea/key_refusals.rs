use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use forge::GiteaOptions;

use crate::support::{ED25519, Play, key, refused};

/// A key of `algorithm` whose blob goes on with `parts`.
fn made(algorithm: &str, parts: &[&[u8]]) -> String {
    let mut blob = Vec::new();
    for part in [&[algorithm.as_bytes()], parts].concat() {
        blob.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
        blob.extend(part);
    }
    format!("{algorithm} {}", STANDARD.encode(blob))
}

/// An RSA key whose modulus has so many bytes, the first of them `first`.
fn rsa(first: u8, bytes: usize) -> String {
    let mut modulus = vec![0, first];
    modulus.resize(bytes + 1, 7);
    if first < 0x80 {
        modulus.remove(0);
    }
    made("ssh-rsa", &[&[1, 0, 1], &modulus])
}

#[tokio::test]
async fn a_key_is_unique_over_the_whole_server() {
    let play = Play::gitea().await;
    play.gitea.add_user("bob");
    play.gitea.paste_key("bob", "laptop", ED25519).unwrap();
    play.gitea.add_deploy_key(&key(9)).unwrap();
    let token = play.ada().await;
    assert_eq!(play.post(&token, "mine", &key(1)).await.status(), 201);
    let commented = format!("{ED25519} another comment");
    for taken in [ED25519, &commented, &key(9), &key(1)] {
        let words = refused(play.post(&token, "title", taken).await, 422).await;
        assert_eq!(words, "Key content has been used as non-deploy key");
    }
}

#[tokio::test]
async fn a_title_is_unique_per_person() {
    let play = Play::gitea().await;
    play.gitea.add_user("bob");
    play.gitea.paste_key("bob", "laptop", &key(2)).unwrap();
    let token = play.ada().await;
    assert_eq!(play.post(&token, "laptop", &key(1)).await.status(), 201);
    let words = refused(play.post(&token, "laptop", &key(3)).await, 422).await;
    assert_eq!(words, "Key title has been used");
    // The key is judged before the title.
    let words = refused(play.post(&token, "laptop", &key(1)).await, 422).await;
    assert_eq!(words, "Key content has been used as non-deploy key");
}

#[tokio::test]
async fn both_fields_are_required() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    let words = refused(play.post(&token, "", ED25519).await, 422).await;
    assert_eq!(words, "[Title]: Required");
    let words = refused(play.post(&token, "t", "").await, 422).await;
    assert_eq!(words, "[Key]: Required");
}

#[tokio::test]
async fn what_is_not_a_key_is_refused() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    let other_blob = ED25519.replace("ssh-ed25519", "ssh-rsa");
    for wrong in ["hello", "ssh-ed25519 hello", &other_blob] {
        let words = refused(play.post(&token, "t", wrong).await, 422).await;
        assert!(words.starts_with("Invalid key content: "), "{words}");
    }
    let unknown = made("ssh-ed448", &[&[1; 57]]);
    let words = refused(play.post(&token, "t", &unknown).await, 422).await;
    assert_eq!(words, "Unable to verify key content");
}

#[tokio::test]
async fn old_servers_answer_500_to_what_is_not_a_key() {
    let play = Play::with(GiteaOptions {
        bad_key_status: 500,
        ..GiteaOptions::gitea()
    })
    .await;
    let token = play.ada().await;
    assert_eq!(
        refused(play.post(&token, "t", "hello").await, 500).await,
        ""
    );
    assert_eq!(play.post(&token, "t", ED25519).await.status(), 201);
}

#[tokio::test]
async fn short_rsa_keys_and_dsa_are_refused() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    for (line, bits) in [
        (rsa(0x80, 256), 2048),
        (rsa(0x40, 256), 2047),
        (rsa(0x20, 384), 3070),
    ] {
        let words = refused(play.post(&token, "t", &line).await, 422).await;
        let expected =
            format!("Invalid key content: key length is not enough: got {bits}, needs 3071");
        assert_eq!(words, expected);
    }
    let dsa = made("ssh-dss", &[&[1], &[1], &[1], &[1]]);
    let words = refused(play.post(&token, "t", &dsa).await, 422).await;
    assert_eq!(words, "Invalid key content: key type is not allowed: dsa");
    assert_eq!(play.post(&token, "a", &rsa(0x40, 384)).await.status(), 201);
    assert_eq!(play.post(&token, "b", &rsa(0x80, 384)).await.status(), 201);
}

#[tokio::test]
async fn where_ssh_is_off_no_key_is_taken() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    play.gitea.switch_ssh_off();
    let words = refused(play.post(&token, "t", ED25519).await, 422).await;
    assert_eq!(words, "SSH is disabled");
    play.gitea.switch_ssh_on();
    assert_eq!(play.post(&token, "t", ED25519).await.status(), 201);
}

#[tokio::test]
async fn who_may_not_manage_keys_is_told_that_they_are_not_there() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    let key = play.gitea.paste_key("ada", "t", ED25519).unwrap();
    play.gitea.lock_keys("ada");
    let words = refused(play.post(&token, "u", &crate::support::key(1)).await, 404).await;
    assert_eq!(words, "Not Found");
    let deleted = play.delete(&format!("/user/keys/{}", key.id), &token).await;
    assert_eq!(refused(deleted, 404).await, "Not Found");
    assert_eq!(play.get("/user/keys", &token).await.status(), 200);
}
