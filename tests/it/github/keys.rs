use domain::{Blame, ReasonCode};
use forge::{Fault, Moment};
use lanyard::providers::{Added, GrantVerdict, RemoteKeyId};

use super::support::{Canned, Play, answer, assert_blames, key, new_key};

#[tokio::test]
async fn a_key_is_added_listed_and_removed() {
    for play in [Play::dot_com().await, Play::enterprise().await] {
        let token = play.ada().await;
        let (base, adapter) = (&play.app, &play.adapter);
        let added = adapter
            .add_key(base, &token, &new_key("Lanyard ada", &key(1)))
            .await;
        let Added::Created(created) = added.unwrap() else {
            panic!("it was not there before");
        };
        assert_eq!(created.title, "Lanyard ada");
        assert_eq!(created.line, key(1).line);
        let listed = adapter.list_keys(base, &token).await.unwrap();
        assert_eq!(listed, std::slice::from_ref(&created));
        let held = play.github.keys_of("ada");
        assert_eq!(held[0].created_by, Some(play.app.client_id.clone()));
        let remove = async || adapter.remove_key(base, &token, &created.id).await;
        assert!(remove().await.unwrap());
        assert!(!remove().await.unwrap(), "gone already");
        assert!(adapter.list_keys(base, &token).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_key_that_is_there_already_is_an_outcome_wherever_it_is() {
    let play = Play::dot_com().await;
    play.github.add_user("bob");
    let paste = |login, number| play.github.paste_key(login, "laptop", &key(number).line);
    paste("ada", 1).unwrap();
    paste("bob", 2).unwrap();
    play.github.add_deploy_key(&key(3).line).unwrap();
    let token = play.ada().await;
    for number in 1..=3 {
        let added = play
            .adapter
            .add_key(&play.app, &token, &new_key("Lanyard", &key(number)))
            .await;
        assert_eq!(added.unwrap(), Added::AlreadyThere);
    }
    // Only a list can tell whose it is.
    let own = play.adapter.list_keys(&play.app, &token).await;
    let lines: Vec<_> = own.unwrap().into_iter().map(|key| key.line).collect();
    assert_eq!(lines, [key(1).line]);
}

#[tokio::test]
async fn a_key_pasted_with_a_comment_is_found_by_type_and_blob() {
    let play = Play::dot_com().await;
    let commented = format!("{} ada@laptop", key(1).line);
    play.github.paste_key("ada", "laptop", &commented).unwrap();
    let token = play.ada().await;
    let own = play.adapter.list_keys(&play.app, &token).await;
    assert_eq!(own.unwrap()[0].line, key(1).line);
}

#[tokio::test]
async fn every_page_of_a_long_list_is_read() {
    let play = Play::dot_com().await;
    for number in 0..=230 {
        let title = format!("key {number}");
        play.github
            .paste_key("ada", &title, &key(number).line)
            .unwrap();
    }
    let token = play.ada().await;
    let before = play.github.calls("GET /user/keys");
    let own = play.adapter.list_keys(&play.app, &token).await.unwrap();
    assert_eq!(own.len(), 231);
    assert_eq!(own[230].title, "key 230");
    assert_eq!(play.github.calls("GET /user/keys") - before, 3);
}

#[tokio::test]
async fn a_next_page_elsewhere_is_not_fetched() {
    for elsewhere in [
        "https://evil.example/api/v3/user/keys?page=2",
        "http://127.0.0.1:1/api/v3/user/keys?page=2",
        "/user/keys?page=2",
    ] {
        let link = format!("<{elsewhere}>; rel=\"next\"");
        let canned = Canned::answering(move |_| answer(200, &[("link", &link)], "[]")).await;
        let listed = canned
            .adapter
            .list_keys(&canned.app, &"gho_token".into())
            .await;
        if elsewhere.starts_with('/') {
            // Not an absolute URL, so no link at all.
            assert!(listed.unwrap().is_empty());
        } else {
            let failure = listed.unwrap_err();
            assert_blames(
                &failure,
                Blame::Provider,
                ReasonCode::ProviderProtocol,
                GrantVerdict::Unknown,
            );
        }
        assert_eq!(canned.seen().len(), 1);
    }
}

#[tokio::test]
async fn pages_that_go_round_in_circles_end() {
    let canned = Canned::answering(|seen| {
        let host = seen.header("host").unwrap();
        let link = format!("<http://{host}/api/v3/user/keys?page=1>; rel=\"next\"");
        answer(200, &[("link", &link)], "[]")
    })
    .await;
    let listed = canned
        .adapter
        .list_keys(&canned.app, &"gho_token".into())
        .await;
    assert_eq!(
        listed.unwrap_err().failure.code,
        ReasonCode::ProviderProtocol
    );
    assert_eq!(canned.seen().len(), 100);
}

#[tokio::test]
async fn a_list_with_a_hole_is_no_list() {
    for body in [
        r#"[{"id":1,"key":"ssh-ed25519 AAAA"},{"id":2}]"#,
        r#"[{"id":1,"key":"ssh-ed25519"}]"#,
        r#"[{"id":-1,"key":"ssh-ed25519 AAAA"}]"#,
        r#"[{"id":"../1","key":"ssh-ed25519 AAAA"}]"#,
        r#"{"keys":[]}"#,
        "<html>",
        "",
    ] {
        let canned = Canned::answering(move |_| answer(200, &[], body)).await;
        let listed = canned
            .adapter
            .list_keys(&canned.app, &"gho_token".into())
            .await;
        let code = listed.unwrap_err().failure.code;
        assert_eq!(code, ReasonCode::ProviderProtocol, "{body}");
    }
}

#[tokio::test]
async fn a_key_that_is_refused_is_our_fault_and_says_why() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    for (line, code) in [
        ("ssh-ed25519 AAAA", ReasonCode::KeyRejected),
        (
            "ssh-dss AAAAB3NzaC1kc3MAAAABAQAAAAEBAAAAAQEAAAABAQ==",
            ReasonCode::KeyTypeNotAllowed,
        ),
    ] {
        let mut bad = key(1);
        line.clone_into(&mut bad.line);
        let added = play
            .adapter
            .add_key(&play.app, &token, &new_key("Lanyard", &bad))
            .await;
        let failure = added.unwrap_err();
        assert_blames(&failure, Blame::Us, code, GrantVerdict::Unknown);
        assert!(
            failure
                .failure
                .detail
                .unwrap()
                .starts_with("key is invalid.")
        );
    }
}

#[tokio::test]
async fn a_delete_says_what_a_404_hides() {
    let play = Play::dot_com().await;
    let added = play
        .adapter
        .add_key(&play.app, &play.ada().await, &new_key("Lanyard", &key(1)))
        .await;
    let Ok(Added::Created(created)) = added else {
        panic!("{added:?}");
    };
    play.github
        .grants_at_most("ada", "write:public_key read:user");
    let narrow = play.ada().await;
    let removed = play
        .adapter
        .remove_key(&play.app, &narrow, &created.id)
        .await;
    let failure = removed.unwrap_err();
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::ScopeMissing,
        GrantVerdict::Unknown,
    );
    let words = failure.failure.detail.unwrap();
    assert!(words.contains("admin:public_key"), "{words}");
    assert_eq!(play.github.keys_of("ada").len(), 1);
}

#[tokio::test]
async fn a_404_of_something_else_does_not_mean_that_the_key_is_gone() {
    let canned = Canned::answering(|_| answer(404, &[], "<html>not here</html>")).await;
    let id = RemoteKeyId::new("17").unwrap();
    let removed = canned
        .adapter
        .remove_key(&canned.app, &"gho_token".into(), &id)
        .await;
    assert_eq!(
        removed.unwrap_err().failure.code,
        ReasonCode::ProviderProtocol
    );
    assert_eq!(canned.seen()[0].line, "DELETE /api/v3/user/keys/17");
}

#[tokio::test]
async fn a_lost_answer_is_a_failure_and_the_next_try_finds_the_key() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    let add = async || {
        play.adapter
            .add_key(&play.app, &token, &new_key("Lanyard", &key(1)))
            .await
    };
    play.github.fail_with(
        Fault::Dropped(Moment::AfterEffect)
            .on("POST /user/keys")
            .times(1),
    );
    let failure = add().await.unwrap_err();
    assert_blames(
        &failure,
        Blame::Provider,
        ReasonCode::ProviderUnreachable,
        GrantVerdict::Unknown,
    );
    assert_eq!(play.github.keys_of("ada").len(), 1);
    assert_eq!(add().await.unwrap(), Added::AlreadyThere);
    assert_eq!(
        play.github.calls("POST /user/keys"),
        2,
        "no retry of our own"
    );
}
