use std::sync::atomic::{AtomicU64, Ordering};

use domain::ReasonCode;
use forge::{Fault, GiteaOptions, Moment};
use lanyard::providers::{Added, RemoteKeyId};
use serde_json::json;

use super::support::{Canned, Play, answer, key};

#[tokio::test]
async fn a_key_is_added_listed_and_removed() {
    for play in Play::all().await {
        let token = play.ada().await;
        let created = play.put(&token, "Lanyard ada", &key(1)).await;
        assert_eq!(created.title, "Lanyard ada");
        assert_eq!(created.line, key(1).line);
        let listed = play.list(&token).await.unwrap();
        assert_eq!(listed, std::slice::from_ref(&created));
        let held = play.gitea.keys_of("ada");
        assert_eq!(held[0].created_by, Some(play.app.client_id.clone()));
        let remove = async || {
            let removed = play.adapter.remove_key(&play.app, &token, &created.id);
            removed.await
        };
        assert!(remove().await.unwrap());
        assert!(!remove().await.unwrap(), "gone already");
        assert!(play.list(&token).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_key_that_is_there_already_is_an_outcome_wherever_it_is() {
    let play = Play::gitea().await;
    play.gitea.add_user("bob");
    let commented = format!("{} ada@laptop", key(1).line);
    play.gitea.paste_key("ada", "laptop", &commented).unwrap();
    play.gitea.paste_key("bob", "laptop", &key(2).line).unwrap();
    play.gitea.add_deploy_key(&key(3).line).unwrap();
    let token = play.ada().await;
    for number in 1..=3 {
        let added = play.add(&token, "Lanyard", &key(number)).await;
        assert_eq!(added.unwrap(), Added::AlreadyThere);
    }
    // Only a list of the person's own keys can tell whose it is; the comment does not count.
    let own = play.list(&token).await.unwrap();
    let lines: Vec<_> = own.into_iter().map(|key| key.line).collect();
    assert_eq!(lines, [key(1).line]);
}

/// Gitea before 1.12 has no pages, and before 1.15 does not count.
#[tokio::test]
async fn the_list_of_an_old_server_ends_too() {
    for (pages, calls) in [(false, 2), (true, 3)] {
        let play = Play::with(GiteaOptions {
            pages,
            counts: false,
            ..GiteaOptions::gitea()
        })
        .await;
        for number in 0..70 {
            let title = format!("key {number}");
            play.gitea
                .paste_key("ada", &title, &key(number).line)
                .unwrap();
        }
        let token = play.ada().await;
        let listed = play.list(&token).await.unwrap();
        assert_eq!(listed.len(), 70, "each once");
        assert_eq!(play.gitea.calls("GET /user/keys"), calls);
    }
    let play = Play::with(GiteaOptions {
        pages: false,
        counts: false,
        ..GiteaOptions::gitea()
    })
    .await;
    let token = play.ada().await;
    assert!(play.list(&token).await.unwrap().is_empty());
}

#[tokio::test]
async fn every_page_of_a_long_list_is_read() {
    for (most, pages) in [(50, 3), (30, 4), (7, 15)] {
        let play = Play::with(GiteaOptions {
            most_per_page: most,
            ..GiteaOptions::gitea()
        })
        .await;
        for number in 0..=104 {
            let title = format!("key {number}");
            play.gitea
                .paste_key("ada", &title, &key(number).line)
                .unwrap();
        }
        let token = play.ada().await;
        let own = play.list(&token).await.unwrap();
        assert_eq!(own.len(), 105);
        assert_eq!(own[104].title, "key 104");
        assert_eq!(play.gitea.calls("GET /user/keys"), pages);
    }
}

#[tokio::test]
async fn pages_without_a_total_end_with_an_empty_one() {
    let canned = Canned::answering(|line| {
        if line.contains("page=1&") {
            answer(
                200,
                &[],
                r#"[{"id":1,"title":"t","key":"ssh-ed25519 AAAA x"}]"#,
            )
        } else {
            answer(200, &[], "[]")
        }
    })
    .await;
    let own = canned
        .adapter
        .list_keys(&canned.app, &canned.token)
        .await
        .unwrap();
    assert_eq!(own.len(), 1);
    let seen = canned.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|line| !line.contains("fingerprint")));
}

#[tokio::test]
async fn pages_that_do_not_end_are_given_up() {
    let pages = AtomicU64::new(1);
    let canned = Canned::answering(move |_| {
        let id = pages.fetch_add(1, Ordering::Relaxed);
        let row = json!([{ "id": id, "title": "t", "key": "ssh-ed25519 AAAA" }]);
        answer(200, &[], row.to_string())
    })
    .await;
    let listed = canned.adapter.list_keys(&canned.app, &canned.token);
    let code = listed.await.unwrap_err().failure.code;
    assert_eq!(code, ReasonCode::ProviderProtocol);
    assert_eq!(canned.seen().len(), 1000);
}

/// Something on the way drops what page is asked for.
#[tokio::test]
async fn a_page_that_comes_again_where_there_are_more_is_no_list() {
    let row = r#"[{"id":1,"title":"t","key":"ssh-ed25519 AAAA"}]"#;
    let counted = [("x-total-count", "2")];
    let canned = Canned::answering(move |_| answer(200, &counted, row)).await;
    let listed = canned.adapter.list_keys(&canned.app, &canned.token);
    let code = listed.await.unwrap_err().failure.code;
    assert_eq!(code, ReasonCode::ProviderProtocol);
    assert_eq!(canned.seen().len(), 2);
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
        let listed = canned.adapter.list_keys(&canned.app, &canned.token);
        let code = listed.await.unwrap_err().failure.code;
        assert_eq!(code, ReasonCode::ProviderProtocol, "{body}");
    }
}

#[tokio::test]
async fn somebody_elses_key_is_not_here_and_stays() {
    let play = Play::gitea().await;
    play.gitea.add_user("bob");
    let bobs = play.gitea.paste_key("bob", "laptop", &key(1).line).unwrap();
    let token = play.ada().await;
    let id = RemoteKeyId::new(bobs.id.to_string()).unwrap();
    let removed = play.adapter.remove_key(&play.app, &token, &id).await;
    assert!(!removed.unwrap());
    assert_eq!(play.gitea.keys_of("bob").len(), 1);
}

#[tokio::test]
async fn a_404_of_something_else_does_not_mean_that_the_key_is_gone() {
    let canned = Canned::answering(|_| answer(404, &[], "<html>not here</html>")).await;
    let id = RemoteKeyId::new("17").unwrap();
    let removed = canned.adapter.remove_key(&canned.app, &canned.token, &id);
    let code = removed.await.unwrap_err().failure.code;
    assert_eq!(code, ReasonCode::ProviderProtocol);
    assert_eq!(canned.seen(), ["DELETE /api/v1/user/keys/17"]);
}

#[tokio::test]
async fn a_lost_answer_is_a_failure_and_the_next_try_finds_the_key_as_ours() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    let fault = Fault::Dropped(Moment::AfterEffect).once();
    play.gitea.fail_with(fault.on("POST /user/keys"));
    let failure = play.add(&token, "Lanyard", &key(1)).await.unwrap_err();
    assert_eq!(failure.failure.code, ReasonCode::ProviderUnreachable);
    assert_eq!(
        play.gitea.calls("POST /user/keys"),
        1,
        "no retry of our own"
    );
    let again = play.add(&token, "Lanyard", &key(1)).await.unwrap();
    assert_eq!(again, Added::AlreadyThere);
    assert_eq!(play.list(&token).await.unwrap()[0].title, "Lanyard");
}
