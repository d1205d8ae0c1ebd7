//! Titles, which are unique among the keys of a person.

use domain::ReasonCode;
use forge::Fault;
use lanyard::providers::Added;

use super::support::{Canned, Play, answer, key};

#[tokio::test]
async fn a_title_holds_the_fingerprint_and_is_listed_without_it() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    for number in 1..=3 {
        let there = play.put(&token, "Lanyard", &key(number)).await;
        assert_eq!(there.title, "Lanyard");
    }
    for held in play.gitea.keys_of("ada") {
        assert_eq!(held.title, format!("Lanyard {}", held.fingerprint));
    }
    let own = play.list(&token).await.unwrap();
    assert!(own.iter().all(|own| own.title == "Lanyard"));
}

#[tokio::test]
async fn a_title_that_a_stranger_has_gives_way_to_another() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    let ours = play.put(&token, "Lanyard", &key(1)).await;
    let used = play.gitea.keys_of("ada")[0].title.clone();
    let removed = play.adapter.remove_key(&play.app, &token, &ours.id).await;
    assert!(removed.unwrap());
    // Another key of the person's own now has the very title that ours would have.
    play.gitea.paste_key("ada", &used, &key(9).line).unwrap();
    let there = play.put(&token, "Lanyard", &key(1)).await;
    assert_eq!(there.title, "Lanyard");
    let held = play.gitea.keys_of("ada");
    assert_eq!(held[1].title, format!("{used} 2"));
    // The stranger's key is seen under its whole title: nobody takes it for ours.
    let own = play.list(&token).await.unwrap();
    assert_eq!((&*own[0].title, &*own[1].title), (&*used, "Lanyard"));
}

#[tokio::test]
async fn a_second_title_is_known_as_ours_even_if_the_answer_was_lost() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    let ours = play.put(&token, "Lanyard", &key(1)).await;
    let used = play.gitea.keys_of("ada")[0].title.clone();
    let removed = play.adapter.remove_key(&play.app, &token, &ours.id).await;
    assert!(removed.unwrap());
    play.gitea.paste_key("ada", &used, &key(9).line).unwrap();
    let lost = Fault::LostAnswer.times(2).on("POST /user/keys");
    play.gitea.fail_with(lost);
    assert!(play.add(&token, "Lanyard", &key(1)).await.is_err());
    play.gitea.heal();
    play.put(&token, "Lanyard", &key(1)).await;
    let own = play.list(&token).await.unwrap();
    let found = own.iter().find(|own| own.line == key(1).line).unwrap();
    assert_eq!(found.title, "Lanyard");
}

#[tokio::test]
async fn a_title_of_ours_means_that_another_try_was_faster() {
    let line = key(1).line;
    let row = format!(r#"[{{"id":7,"title":"Lanyard","key":"{line}"}}]"#);
    let canned = Canned::answering(move |asked| {
        if asked.starts_with("POST") {
            answer(
                422,
                &[],
                r#"{"message":"Key title has been used","url":""}"#,
            )
        } else {
            answer(200, &[("x-total-count", "1")], row.clone())
        }
    })
    .await;
    let new = lanyard::providers::NewKey {
        title: "Lanyard",
        key: &key(1),
        expires_at: None,
    };
    let added = canned
        .adapter
        .add_key(&canned.app, &canned.token, &new)
        .await;
    assert_eq!(added.unwrap(), Added::AlreadyThere);
    assert_eq!(canned.seen().len(), 2);
}

#[tokio::test]
async fn titles_are_not_tried_without_an_end() {
    let canned = Canned::answering(|asked| {
        if asked.starts_with("POST") {
            answer(
                422,
                &[],
                r#"{"message":"Key title has been used","url":""}"#,
            )
        } else {
            answer(200, &[("x-total-count", "0")], "[]")
        }
    })
    .await;
    let new = lanyard::providers::NewKey {
        title: "Lanyard",
        key: &key(1),
        expires_at: None,
    };
    let added = canned.adapter.add_key(&canned.app, &canned.token, &new);
    let code = added.await.unwrap_err().failure.code;
    assert_eq!(code, ReasonCode::KeyRejected);
    assert_eq!(canned.seen().len(), 10);
}
