//! Keys are proven by signing a text of the server's.

use aws_lc_rs::digest::{SHA512, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use forge::{GiteaOptions, PublicKey};
use reqwest::{Method, Response};
use serde_json::json;

use crate::support::{Play, json_of, refused};

/// A key pair, another one for each number.
struct Pair(Ed25519KeyPair);

fn written(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
        bytes.extend(*part);
    }
    bytes
}

impl Pair {
    fn new(number: u8) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[number; 32]).unwrap())
    }

    fn blob(&self) -> Vec<u8> {
        written(&[b"ssh-ed25519", self.0.public_key().as_ref()])
    }

    fn line(&self) -> String {
        format!("ssh-ed25519 {}", STANDARD.encode(self.blob()))
    }

    fn fingerprint(&self) -> String {
        PublicKey::parse(&self.line()).unwrap().fingerprint()
    }

    /// What `ssh-keygen -Y sign -n` writes (OpenSSH, PROTOCOL.sshsig).
    fn sign(&self, namespace: &str, text: &str) -> String {
        let hash = digest(&SHA512, text.as_bytes());
        let told = [namespace.as_bytes(), b"", b"sha512"];
        let signed = written(&[told[0], told[1], told[2], hash.as_ref()]);
        let signature = self.0.sign(&[b"SSHSIG".to_vec(), signed].concat());
        let signature = written(&[b"ssh-ed25519", signature.as_ref()]);
        let rest = written(&[&self.blob(), told[0], told[1], told[2], &signature]);
        let blob = [b"SSHSIG\0\0\0\x01".to_vec(), rest].concat();
        let armor = STANDARD.encode(blob);
        format!("-----BEGIN SSH SIGNATURE-----\n{armor}\n-----END SSH SIGNATURE-----\n")
    }
}

async fn forgejo() -> Play {
    Play::with(GiteaOptions::forgejo_that_takes_proofs()).await
}

async fn asks(play: &Play, token: &str) -> String {
    let answer = play.get("/user/ssh_key_token", token).await;
    assert_eq!(answer.status(), 200);
    let kind = answer.headers()["content-type"].clone();
    assert!(kind.to_str().unwrap().starts_with("text/plain"));
    answer.text().await.unwrap()
}

async fn shows(play: &Play, token: &str, fingerprint: &str, signature: &str) -> Response {
    let body = json!({ "fingerprint": fingerprint, "signature": signature });
    let call = play.call(Method::POST, "/user/ssh_key_verify", token);
    call.json(&body).send().await.unwrap()
}

#[tokio::test]
async fn a_key_is_proven_by_a_signature_of_its_own() {
    let play = forgejo().await;
    let token = play.ada().await;
    let pair = Pair::new(1);
    let put = json_of(play.post(&token, "laptop", &pair.line()).await).await;
    assert_eq!(put["verified"], false);
    let text = asks(&play, &token).await;
    assert_eq!(text.len(), 64);
    let signature = pair.sign("localhost", &text);
    let shown = shows(&play, &token, &pair.fingerprint(), &signature).await;
    assert_eq!(shown.status(), 200);
    let shown = json_of(shown).await;
    assert_eq!(shown["id"], put["id"]);
    assert_eq!(shown["verified"], true);
    assert!(play.gitea.keys_of("ada")[0].verified);
    play.gitea.forget_proof("ada", put["id"].as_u64().unwrap());
    let listed = json_of(play.get("/user/keys", &token).await).await;
    assert_eq!(listed[0]["verified"], false);
}

#[tokio::test]
async fn what_is_signed_is_another_text_each_minute_and_for_each_person() {
    let play = forgejo().await;
    play.gitea.add_user("bob");
    let token = play.ada().await;
    let pair = Pair::new(1);
    play.gitea.paste_key("ada", "laptop", &pair.line()).unwrap();
    let text = asks(&play, &token).await;
    let bobs = play.link("bob", "write:user").await.access;
    assert_ne!(asks(&play, &bobs).await, text);
    let signature = pair.sign("localhost", &text);
    let show = async || shows(&play, &token, &pair.fingerprint(), &signature).await;
    play.passes(60);
    assert_ne!(asks(&play, &token).await, text);
    assert_eq!(
        show().await.status(),
        200,
        "until the end of its own minute"
    );
    play.passes(60);
    let words = refused(show().await, 422).await;
    assert!(words.contains("the token is out of date"), "{words}");
}

#[tokio::test]
async fn a_proof_that_is_none_is_refused_as_the_real_one_refuses_it() {
    let play = forgejo().await;
    play.gitea.add_user("bob");
    let token = play.ada().await;
    let (ours, bobs) = (Pair::new(1), Pair::new(2));
    play.gitea.paste_key("ada", "laptop", &ours.line()).unwrap();
    play.gitea.paste_key("bob", "laptop", &bobs.line()).unwrap();
    let text = asks(&play, &token).await;
    for signature in [
        ours.sign("gitea", &text),
        ours.sign("localhost", "another text"),
        bobs.sign("localhost", &text),
        "nonsense".to_owned(),
    ] {
        let answer = shows(&play, &token, &ours.fingerprint(), &signature).await;
        let words = refused(answer, 422).await;
        assert!(words.starts_with("The provided SSH key, signature and token do not match"));
    }
    // Somebody else's key is not there.
    let signature = bobs.sign("localhost", &text);
    let answer = shows(&play, &token, &bobs.fingerprint(), &signature).await;
    refused(answer, 404).await;
    for (fingerprint, signature, words) in [
        ("", "x", "[Fingerprint]: Required"),
        ("x", "", "[Signature]: Required"),
    ] {
        let answer = shows(&play, &token, fingerprint, signature).await;
        assert_eq!(refused(answer, 422).await, words);
    }
    assert!(!play.gitea.keys_of("ada")[0].verified);
}

#[tokio::test]
async fn asking_needs_reading_and_showing_needs_writing() {
    let play = forgejo().await;
    let stranger = play.http.get(play.gitea.api("/user/ssh_key_token"));
    let stranger = stranger.send().await.unwrap();
    assert_eq!(refused(stranger, 401).await, "token is required");
    let reads = play.link("ada", "read:user").await.access;
    asks(&play, &reads).await;
    let answer = shows(&play, &reads, "x", "y").await;
    let words = refused(answer, 403).await;
    assert!(
        words.contains("required scope") && words.contains("write:user"),
        "{words}"
    );
    play.gitea.lock_keys("ada");
    let locked = play.get("/user/ssh_key_token", &reads).await;
    assert_eq!(refused(locked, 404).await, "Not Found");
}

#[tokio::test]
async fn gitea_and_an_older_forgejo_take_no_proofs_and_say_nothing_of_them() {
    for play in [Play::gitea().await, Play::forgejo().await] {
        let token = play.ada().await;
        let line = Pair::new(1).line();
        let put = json_of(play.post(&token, "laptop", &line).await).await;
        assert_eq!(put.get("verified"), None);
        let answer = play.get("/user/ssh_key_token", &token).await;
        assert_eq!(answer.status(), 404);
        let stranger = play.http.get(play.gitea.api("/user/ssh_key_token"));
        assert_eq!(stranger.send().await.unwrap().status(), 404);
        assert_eq!(shows(&play, &token, "x", "y").await.status(), 404);
    }
}
