use reqwest::{Method, StatusCode};

use crate::support::{ED25519, Play, header, refused};

#[tokio::test]
async fn writes_are_turned_away_and_reads_are_not() {
    let play = Play::start().await;
    let token = play.ada().await;
    let key = play.gitlab.paste_key("ada", "laptop", ED25519).unwrap();
    play.gitlab.enters_maintenance();
    let words = "GitLab Maintenance: system is in maintenance mode";
    let post = play.post(&token, "Lanyard", &crate::support::key(1)).await;
    assert_eq!(refused(post, 503).await, words);
    let delete = play.delete(&format!("/user/keys/{}", key.id), &token).await;
    assert_eq!(refused(delete, 503).await, words);
    let list = play.get("/user/keys", &token).await;
    assert_eq!(list.status(), StatusCode::OK);
    assert_eq!(play.gitlab.keys_of("ada").len(), 1);
    play.gitlab.leaves_maintenance();
    let post = play.post(&token, "Lanyard", &crate::support::key(1)).await;
    assert_eq!(post.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn the_token_endpoint_goes_on() {
    let play = Play::start().await;
    let (_, refresh) = play.pair_of("ada", "api").await;
    let code = play.code("ada", "api").await;
    play.gitlab.enters_maintenance();
    assert_eq!(play.refresh(&refresh).await.status(), StatusCode::OK);
    assert_eq!(play.exchange(&code).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_write_that_is_not_labelled_json_is_sent_to_the_front_page() {
    let play = Play::start().await;
    let token = play.ada().await;
    let key = play.gitlab.paste_key("ada", "laptop", ED25519).unwrap();
    play.gitlab.enters_maintenance();
    let path = format!("/user/keys/{}", key.id);
    let bare = play.call(Method::DELETE, &path, &token);
    let revoke = play.http.post(play.url("/oauth/revoke"));
    for call in [bare, revoke.form(&[("token", &*token)])] {
        let answer = call.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::MOVED_PERMANENTLY);
        assert_eq!(header(&answer, "location"), Some(&*play.url("/")));
    }
    assert_eq!(play.gitlab.keys_of("ada").len(), 1);
    assert_eq!(play.get("/user", &token).await.status(), StatusCode::OK);
}
