use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use domain::keyring::PublicKey;
use domain::{Blame, ReasonCode};
use lanyard::providers::{Added, GrantVerdict, NewKey};

use super::support::{Play, after, assert_blames, key, new_key, noon};

/// What the adapter makes of a refusal of Ada's first key.
async fn refused(play: &Play, key: &PublicKey, code: ReasonCode) -> String {
    let token = play.ada().await;
    let failure = play.add(&token, key).await.unwrap_err();
    assert_blames(&failure, Blame::Us, code, GrantVerdict::Unknown);
    assert!(play.gitlab.keys_of("ada").is_empty());
    failure.failure.detail.unwrap()
}

fn rsa_of_1024_bits() -> PublicKey {
    let mpint = |bytes: &[u8]| {
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        [&length[..], bytes].concat()
    };
    let modulus = [&[0][..], &[0xff; 128]].concat();
    let blob = [mpint(b"ssh-rsa"), mpint(&[1, 0, 1]), mpint(&modulus)].concat();
    PublicKey {
        line: format!("ssh-rsa {}", STANDARD.encode(blob)),
        fingerprint: "SHA256:rsa".to_owned(),
    }
}

#[tokio::test]
async fn a_type_that_the_instance_forbids_is_not_allowed_and_the_others_are_named() {
    let play = Play::start().await;
    play.gitlab.forbid_keys("ED25519");
    let words = refused(&play, &key(1), ReasonCode::KeyTypeNotAllowed).await;
    let expected = "key type is forbidden. Must be RSA, ECDSA, ECDSA_SK, or ED25519_SK";
    assert_eq!(words, expected);
}

#[tokio::test]
async fn a_length_that_the_instance_forbids_is_too_short() {
    let play = Play::start().await;
    play.gitlab.require_bits("RSA", 3072);
    let words = refused(&play, &rsa_of_1024_bits(), ReasonCode::KeyTooShort).await;
    assert_eq!(words, "key must be at least 3072 bits");
}

#[tokio::test]
async fn a_key_that_the_world_knows_is_rejected() {
    let play = Play::start().await;
    play.gitlab.ban_key(&key(1).line).unwrap();
    let words = refused(&play, &key(1), ReasonCode::KeyRejected).await;
    assert!(words.contains("compromised private key"), "{words}");
}

#[tokio::test]
async fn what_gitlab_cannot_read_is_rejected_and_not_called_a_forbidden_type() {
    let play = Play::start().await;
    let odd = PublicKey {
        line: "ssh-ed25519 AAAA".to_owned(),
        fingerprint: "SHA256:odd".to_owned(),
    };
    let words = refused(&play, &odd, ReasonCode::KeyRejected).await;
    assert!(words.contains("cannot be generated"), "{words}");
}

#[tokio::test]
async fn where_every_key_must_end_it_gets_the_longest_life_there_is() {
    for (days, life) in [(400, 365), (200, 180), (90, 90)] {
        let play = Play::start().await;
        play.gitlab.keys_live_at_most(Some(TimeDelta::days(days)));
        let token = play.ada().await;
        let made = play.created(&token, &key(1)).await;
        assert_eq!(made.expires_at, Some(noon() + TimeDelta::days(life)));
    }
}

#[tokio::test]
async fn where_no_key_may_live_for_a_quarter_of_a_year_it_is_rejected() {
    let play = Play::start().await;
    play.gitlab.keys_live_at_most(Some(TimeDelta::days(30)));
    let words = refused(&play, &key(1), ReasonCode::KeyRejected).await;
    assert!(words.contains("Set a shorter lifetime"), "{words}");
}

#[tokio::test]
async fn an_end_that_was_asked_for_is_kept_and_one_that_has_passed_is_rejected() {
    let play = Play::start().await;
    play.gitlab.keys_live_at_most(Some(TimeDelta::days(90)));
    let token = play.ada().await;
    let one = key(1);
    let ending = |end| NewKey {
        expires_at: Some(end),
        ..new_key("Lanyard", &one)
    };
    let past = play
        .adapter
        .add_key(&play.app, &token, &ending(noon()))
        .await;
    assert_eq!(past.unwrap_err().failure.code, ReasonCode::KeyRejected);
    let near = ending(after(30 * 86_400));
    let added = play.adapter.add_key(&play.app, &token, &near).await;
    let Ok(Added::Created(made)) = added else {
        panic!("it is taken: {added:?}");
    };
    assert_eq!(made.expires_at, Some(after(30 * 86_400)));
}

#[tokio::test]
async fn a_key_that_was_there_before_its_type_was_forbidden_stays_listed() {
    let play = Play::start().await;
    let token = play.ada().await;
    let made = play.created(&token, &key(1)).await;
    play.gitlab.forbid_keys("ED25519");
    assert_eq!(play.list(&token).await.unwrap(), [made]);
}
