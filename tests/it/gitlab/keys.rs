use chrono::TimeDelta;
use domain::{Blame, ReasonCode};
use forge::{Fault, GitLabDuplicate, GitLabOptions, Moment};
use lanyard::providers::{Added, GrantVerdict, NewKey, RemoteKeyId};

use super::support::{Play, after, assert_blames, key, new_key};

#[tokio::test]
async fn a_key_is_put_there_for_signing_in_only_and_recognized_in_spite_of_its_comment() {
    let play = Play::start().await;
    let token = play.ada().await;
    let made = play.created(&token, &key(1)).await;
    assert_eq!(made.line, key(1).line);
    assert_eq!(made.title, "Lanyard");
    assert_eq!(made.expires_at, None);
    assert_eq!(play.list(&token).await.unwrap(), [made]);
    let held = &play.gitlab.keys_of("ada")[0];
    assert_eq!(held.usage, "auth");
    assert_eq!(held.created_by.as_ref(), Some(&play.app.client_id));
}

#[tokio::test]
async fn a_key_may_be_good_for_signing_too() {
    let mut play = Play::start().await;
    play.app.signing = true;
    let token = play.ada().await;
    play.created(&token, &key(1)).await;
    assert_eq!(play.gitlab.keys_of("ada")[0].usage, "auth_and_signing");
}

#[tokio::test]
async fn a_gitlab_before_15_7_does_not_mind_the_usage() {
    let play = Play::with(GitLabOptions {
        usage_type: false,
        ..GitLabOptions::self_managed()
    })
    .await;
    let token = play.ada().await;
    play.created(&token, &key(1)).await;
}

#[tokio::test]
async fn an_end_is_told_and_comes_back() {
    let play = Play::start().await;
    let token = play.ada().await;
    let end = after(90 * 86_400) + TimeDelta::milliseconds(7);
    let (one, whole) = (key(1), after(90 * 86_400));
    let new = NewKey {
        expires_at: Some(end),
        ..new_key("Lanyard", &one)
    };
    let added = play.adapter.add_key(&play.app, &token, &new).await;
    let Ok(Added::Created(made)) = added else {
        panic!("{added:?}");
    };
    assert_eq!(made.expires_at, Some(whole));
    assert_eq!(play.gitlab.keys_of("ada")[0].expires_at, Some(whole));
    assert_eq!(play.list(&token).await.unwrap()[0].expires_at, Some(whole));
}

#[tokio::test]
async fn a_title_that_is_too_long_is_cut() {
    let play = Play::start().await;
    let token = play.ada().await;
    let long = "é".repeat(300);
    let one = key(1);
    let new = new_key(&long, &one);
    let added = play.adapter.add_key(&play.app, &token, &new).await;
    assert!(matches!(added, Ok(Added::Created(_))), "{added:?}");
    assert_eq!(play.gitlab.keys_of("ada")[0].title, "é".repeat(255));
}

#[tokio::test]
async fn a_key_that_is_there_already_is_an_outcome_in_new_words_and_old() {
    for duplicate in [GitLabDuplicate::Sha256, GitLabDuplicate::Older] {
        let play = Play::with(GitLabOptions {
            duplicate,
            ..GitLabOptions::self_managed()
        })
        .await;
        play.gitlab.add_user("bob");
        play.gitlab
            .paste_key("bob", "laptop", &key(1).line)
            .unwrap();
        play.gitlab
            .paste_key("ada", "laptop", &key(2).line)
            .unwrap();
        play.gitlab.add_deploy_key(&key(3).line).unwrap();
        let token = play.ada().await;
        for number in [1, 2, 3] {
            let added = play.add(&token, &key(number)).await.unwrap();
            assert_eq!(added, Added::AlreadyThere, "{number} {duplicate:?}");
        }
        // Only the list tells whose it is.
        let listed = play.list(&token).await.unwrap();
        let lines: Vec<_> = listed.iter().map(|key| key.line.as_str()).collect();
        assert_eq!(lines, [key(2).line]);
    }
}

#[tokio::test]
async fn every_page_is_read() {
    let play = Play::start().await;
    let token = play.ada().await;
    for number in 0..=250 {
        let line = key(number).line;
        play.gitlab.paste_key("ada", "key", &line).unwrap();
    }
    let listed = play.list(&token).await.unwrap();
    assert_eq!(listed.len(), 251);
    assert_eq!(listed[250].line, key(250).line);
    assert_eq!(play.gitlab.calls("GET /user/keys"), 3);
}

#[tokio::test]
async fn a_removed_key_was_there_and_an_absent_one_was_not() {
    let play = Play::start().await;
    let token = play.ada().await;
    let made = play.created(&token, &key(1)).await;
    let remove = async |id: &RemoteKeyId| play.adapter.remove_key(&play.app, &token, id).await;
    assert!(remove(&made.id).await.unwrap());
    assert!(!remove(&made.id).await.unwrap());
    assert!(play.gitlab.keys_of("ada").is_empty());
    play.gitlab.add_user("bob");
    let bobs = play
        .gitlab
        .paste_key("bob", "laptop", &key(2).line)
        .unwrap();
    let id = RemoteKeyId::new(bobs.id.to_string()).unwrap();
    assert!(!remove(&id).await.unwrap(), "somebody else's is not there");
    assert_eq!(play.gitlab.keys_of("bob").len(), 1);
}

#[tokio::test]
async fn a_token_that_may_only_read_lacks_the_scope_to_write() {
    let play = Play::start().await;
    let page = format!(
        "{}/oauth/authorize?client_id={}&redirect_uri={}&response_type=code&scope=read_user",
        play.gitlab.base_url(),
        play.app.client_id,
        play.app.redirect_url,
    );
    let back = play.gitlab.approve(&page, "ada").await.unwrap();
    let code = super::support::query(&back, "code").unwrap();
    let came = super::support::came(code.into());
    let tokens = play.adapter.exchange(&play.app, &came, None).await.unwrap();
    assert_eq!(tokens.scopes.as_deref().unwrap(), ["read_user"]);
    assert!(play.list(&tokens.access).await.is_ok());
    let failure = play.add(&tokens.access, &key(1)).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::ScopeMissing,
        GrantVerdict::Unknown,
    );
    let words = "the scope api was not granted";
    assert_eq!(failure.failure.detail.as_deref(), Some(words));
    let id = RemoteKeyId::new("1").unwrap();
    let removed = play
        .adapter
        .remove_key(&play.app, &tokens.access, &id)
        .await;
    assert_eq!(removed.unwrap_err().failure.code, ReasonCode::ScopeMissing);
}

#[tokio::test]
async fn a_lost_answer_is_found_by_the_next_list() {
    let play = Play::start().await;
    let token = play.ada().await;
    for fault in [Fault::LostAnswer, Fault::Dropped(Moment::AfterEffect)] {
        play.gitlab.fail_with(fault.on("POST /user/keys").once());
        let failure = play.add(&token, &key(1)).await.unwrap_err();
        assert_eq!(failure.failure.blame, Blame::Provider);
        let listed = play.list(&token).await.unwrap();
        assert_eq!(listed[0].line, key(1).line);
        let id = &listed[0].id;
        assert!(
            play.adapter
                .remove_key(&play.app, &token, id)
                .await
                .unwrap()
        );
    }
}
