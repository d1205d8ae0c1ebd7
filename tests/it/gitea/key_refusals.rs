use domain::{Blame, ReasonCode};
use forge::GiteaOptions;
use lanyard::providers::{GrantVerdict, RemoteKeyId};

use super::support::{Play, assert_blames, key, of_line};

const SHORT_RSA: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAwCqqg==";
const DSA: &str = "ssh-dss AAAAB3NzaC1kc3MAAAABAQAAAAEBAAAAAQEAAAABAQ==";

#[tokio::test]
async fn a_key_that_is_refused_is_our_fault_and_says_why() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    for (line, code, said) in [
        (SHORT_RSA, ReasonCode::KeyTooShort, "got 16, needs 3071"),
        (DSA, ReasonCode::KeyTypeNotAllowed, "not allowed: dsa"),
        (
            "ssh-ed448 AAAA",
            ReasonCode::KeyTypeNotAllowed,
            "Unable to verify",
        ),
        (
            "ssh-ed25519 AAAA",
            ReasonCode::KeyRejected,
            "Invalid key content",
        ),
    ] {
        let added = play.add(&token, "Lanyard", &of_line(line)).await;
        let failure = added.unwrap_err();
        assert_blames(&failure, Blame::Us, code, GrantVerdict::Unknown);
        let words = failure.failure.detail.unwrap();
        assert!(words.contains(said), "{words}");
    }
}

#[tokio::test]
async fn where_ssh_is_off_the_key_waits_for_somebody() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    play.gitea.switch_ssh_off();
    let failure = play.add(&token, "Lanyard", &key(1)).await.unwrap_err();
    let (blame, code) = (Blame::Us, ReasonCode::KeyRejected);
    assert_blames(&failure, blame, code, GrantVerdict::Unknown);
    assert_eq!(failure.failure.detail.as_deref(), Some("SSH is disabled"));
}

#[tokio::test]
async fn an_old_servers_500_for_a_bad_key_costs_nothing_and_is_explained() {
    let play = Play::with(GiteaOptions {
        bad_key_status: 500,
        ..GiteaOptions::gitea()
    })
    .await;
    let token = play.ada().await;
    let bad = of_line("ssh-ed25519 AAAA");
    let failure = play.add(&token, "Lanyard", &bad).await.unwrap_err();
    let (blame, code) = (Blame::Provider, ReasonCode::ProviderError);
    assert_blames(&failure, blame, code, GrantVerdict::Unknown);
    assert!(failure.failure.detail.unwrap().contains("before 1.11"));
    play.put(&token, "Lanyard", &key(1)).await;
}

#[tokio::test]
async fn a_person_who_may_manage_no_keys_is_told_so_and_the_key_is_not_said_to_be_gone() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    let there = play.put(&token, "Lanyard", &key(1)).await;
    play.gitea.lock_keys("ada");
    let failure = play.add(&token, "Lanyard", &key(2)).await.unwrap_err();
    let (blame, code) = (Blame::Us, ReasonCode::KeyRejected);
    assert_blames(&failure, blame, code, GrantVerdict::Unknown);
    let removed = play.adapter.remove_key(&play.app, &token, &there.id).await;
    let failure = removed.unwrap_err();
    let (blame, code) = (Blame::Us, ReasonCode::RemoveByHand);
    assert_blames(&failure, blame, code, GrantVerdict::Unknown);
    // What is truly gone is gone for them as well.
    assert!(
        play.gitea
            .remove_key("ada", there.id.as_str().parse().unwrap())
    );
    let removed = play.adapter.remove_key(&play.app, &token, &there.id).await;
    assert!(!removed.unwrap());
}

#[tokio::test]
async fn a_key_of_a_directory_is_to_be_removed_by_hand() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    let key = play.gitea.synchronise_key("ada", "ldap", &key(1).line);
    let id = RemoteKeyId::new(key.unwrap().id.to_string()).unwrap();
    let removed = play.adapter.remove_key(&play.app, &token, &id).await;
    let failure = removed.unwrap_err();
    let (blame, code) = (Blame::Us, ReasonCode::RemoveByHand);
    assert_blames(&failure, blame, code, GrantVerdict::Unknown);
    assert!(failure.failure.detail.unwrap().contains("directory"));
    assert_eq!(play.gitea.keys_of("ada").len(), 1);
}

#[tokio::test]
async fn a_narrow_token_names_the_scope_in_either_products_words() {
    for play in [Play::gitea().await, Play::forgejo().await] {
        // An app of before, which asked for less.
        let mut begun = play.adapter.begin(&play.app, "s").await.unwrap();
        let narrow = begun
            .authorize_url
            .as_str()
            .replace("write%3Auser", "read%3Auser");
        let back = play.gitea.approve(&narrow, "ada").await.unwrap();
        let came = lanyard::providers::Came {
            code: super::support::query(&back, "code").unwrap().into(),
            token: None,
        };
        let kept = begun.kept.take();
        let tokens = play.adapter.exchange(&play.app, &came, kept.as_ref()).await;
        let token = tokens.unwrap().access;
        assert!(play.list(&token).await.unwrap().is_empty());
        let id = RemoteKeyId::new("1").unwrap();
        let added = play.add(&token, "Lanyard", &key(1)).await.unwrap_err();
        let removed = play.adapter.remove_key(&play.app, &token, &id).await;
        for failure in [added, removed.unwrap_err()] {
            let (blame, code) = (Blame::Grant, ReasonCode::ScopeMissing);
            assert_blames(&failure, blame, code, GrantVerdict::Unknown);
            let words = failure.failure.detail.unwrap();
            assert_eq!(words, "the scope write:user was not granted");
        }
    }
}
