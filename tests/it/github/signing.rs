//! The list of keys for signing, and what it needs.

use domain::reconcile::GoodFor;
use domain::{Blame, ReasonCode};
use forge::Fault;
use lanyard::providers::{GrantVerdict, KeyList};
use lanyard::vault::Secret;

use super::support::{Play, assert_blames, key, new_key, query};
use crate::support::adapter::Signs;

async fn signing() -> (Play, Secret) {
    let mut play = Play::dot_com().await;
    play.app.signing = true;
    let token = play.ada().await;
    (play, token)
}

#[tokio::test]
async fn the_scope_for_signing_is_asked_for_only_where_an_admin_wants_it() {
    let mut play = Play::dot_com().await;
    for (signing, scopes) in [
        (false, "admin:public_key read:user"),
        (true, "admin:public_key admin:ssh_signing_key read:user"),
    ] {
        play.app.signing = signing;
        let begun = play.adapter.begin(&play.app, "s").await.unwrap();
        let asked = query(&begun.authorize_url, "scope");
        assert_eq!(asked.as_deref(), Some(scopes));
    }
    let granted = ["admin:public_key".to_owned(), "read:user".to_owned()];
    let missing = play
        .adapter
        .missing_scopes(play.app.wants(), Some(&granted));
    assert_eq!(missing, ["admin:ssh_signing_key"]);
    assert!(!play.adapter.may_sign(Some(&granted)));
    // A GitHub App: only a try tells.
    assert!(play.adapter.may_sign(None));
    let missing = play.adapter.missing_scopes(play.app.wants(), None);
    assert!(missing.is_empty());
}

#[tokio::test]
async fn a_key_is_put_for_signing_and_dropped_and_twice_is_once() {
    let (play, token) = signing().await;
    let (app, adapter) = (&play.app, &play.adapter);
    let new = key(1);
    for _ in 0..2 {
        let named = new_key("Lanyard", &new);
        let signs = Signs::nothing();
        let put = adapter.put_signing_key(app, &token, &named, &signs);
        put.await.unwrap();
        let there = play.github.signing_keys_of("ada");
        assert_eq!(there.len(), 1);
        assert_eq!(there[0].key, new.line);
    }
    assert!(
        play.github.keys_of("ada").is_empty(),
        "that is another list"
    );
    for _ in 0..2 {
        let dropped = adapter.drop_signing_key(app, &token, &new);
        dropped.await.unwrap();
        assert!(play.github.signing_keys_of("ada").is_empty());
    }
}

#[tokio::test]
async fn a_key_that_is_in_one_list_only_says_so_and_both_lists_are_looked_at() {
    let (play, token) = signing().await;
    let (app, adapter) = (&play.app, &play.adapter);
    let new = key(1);
    let named = new_key("Lanyard", &new);
    adapter.add_key(app, &token, &named).await.unwrap();
    let list = async |tag: Option<&str>| {
        let listed = adapter.list_keys_since(app, &token, tag).await.unwrap();
        match listed {
            KeyList::Same => None,
            KeyList::Keys { keys, tag } => Some((keys[0].good_for, tag.unwrap())),
        }
    };
    let (good_for, before) = list(None).await.unwrap();
    assert_eq!(good_for, GoodFor::SigningInOnly);
    assert_eq!(list(Some(&before)).await, None);
    let signs = Signs::nothing();
    let put = adapter.put_signing_key(app, &token, &named, &signs);
    put.await.unwrap();
    let (good_for, after) = list(Some(&before)).await.unwrap();
    assert_eq!(good_for, GoodFor::SigningIn);
    assert_eq!(list(Some(&after)).await, None);
    let there = play.github.signing_keys_of("ada")[0].id;
    assert!(play.github.remove_key("ada", there));
    let (good_for, _) = list(Some(&after)).await.unwrap();
    assert_eq!(good_for, GoodFor::SigningInOnly);
    // A validator from before signing was wanted is of one list alone.
    let first = after.split(' ').next();
    assert!(list(first).await.is_some());
}

#[tokio::test]
async fn of_the_keys_of_who_may_not_sign_nothing_is_said() {
    let mut play = Play::dot_com().await;
    let token = play.ada().await;
    play.app.signing = true;
    let new = key(1);
    let named = new_key("Lanyard", &new);
    let (app, adapter) = (&play.app, &play.adapter);
    adapter.add_key(app, &token, &named).await.unwrap();
    let listed = adapter.list_keys(app, &token).await.unwrap();
    assert_eq!(listed[0].good_for, GoodFor::SigningIn);
}

#[tokio::test]
async fn a_lost_answer_is_found_by_the_list() {
    let (play, token) = signing().await;
    let route = "POST /user/ssh_signing_keys";
    play.github.fail_with(Fault::LostAnswer.once().on(route));
    let new = key(1);
    let put = async || {
        let named = new_key("Lanyard", &new);
        let signs = Signs::nothing();
        let put = play
            .adapter
            .put_signing_key(&play.app, &token, &named, &signs);
        put.await
    };
    assert_blames(
        &put().await.unwrap_err(),
        Blame::Provider,
        ReasonCode::ProviderError,
        GrantVerdict::Unknown,
    );
    put().await.unwrap();
    assert_eq!(play.github.signing_keys_of("ada").len(), 1);
}

#[tokio::test]
async fn a_key_that_signs_for_somebody_else_is_a_conflict() {
    let (play, token) = signing().await;
    play.github.add_user("bob");
    let theirs = play.link("bob").await.access;
    let new = key(1);
    let put = |token| {
        let (app, adapter, new) = (&play.app, &play.adapter, &new);
        async move {
            let named = new_key("Lanyard", new);
            let signs = Signs::nothing();
            adapter.put_signing_key(app, token, &named, &signs).await
        }
    };
    put(&theirs).await.unwrap();
    let refused = put(&token).await.unwrap_err();
    let code = ReasonCode::KeyConflictOtherAccount;
    assert_blames(&refused, Blame::Us, code, GrantVerdict::Unknown);
}

#[tokio::test]
async fn without_the_scope_nothing_is_put() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    let new = key(1);
    let named = new_key("Lanyard", &new);
    let signs = Signs::nothing();
    let put = play
        .adapter
        .put_signing_key(&play.app, &token, &named, &signs);
    let refused = put.await.unwrap_err();
    let code = ReasonCode::ScopeMissing;
    assert_blames(&refused, Blame::Grant, code, GrantVerdict::Unknown);
}

#[tokio::test]
async fn dot_com_publishes_its_host_keys_and_enterprise_does_not() {
    let dot_com = Play::dot_com().await;
    let keys = dot_com.adapter.published_host_keys(&dot_com.app).await;
    let keys = keys.unwrap();
    assert!(keys.iter().any(|key| key.starts_with("ssh-ed25519 AAAA")));
    let enterprise = Play::enterprise().await;
    let keys = enterprise.adapter.published_host_keys(&enterprise.app);
    assert_eq!(keys.await.unwrap(), Vec::<String>::new());
}
