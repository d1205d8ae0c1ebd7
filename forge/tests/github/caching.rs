use reqwest::{Method, StatusCode};

use crate::support::{ED25519, Play, header, json_of};

#[tokio::test]
async fn a_list_that_did_not_change_is_304_and_costs_nothing() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    let first = play.get("/user/keys", &token).await;
    let tag = header(&first, "etag").unwrap().to_owned();
    assert!(tag.starts_with("W/\""));
    let remaining = header(&first, "x-ratelimit-remaining").unwrap().to_owned();
    let again = || {
        let request = play.call(Method::GET, "/user/keys", &token);
        request.header("if-none-match", &tag).send()
    };
    let same = again().await.unwrap();
    assert_eq!(same.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(header(&same, "etag"), Some(&*tag));
    assert_eq!(header(&same, "x-ratelimit-remaining"), Some(&*remaining));
    assert!(header(&same, "x-oauth-scopes").is_some());
    assert_eq!(same.bytes().await.unwrap().len(), 0);
    let left = json_of(play.get("/rate_limit", &token).await).await["rate"]["remaining"].clone();
    assert_eq!(left.to_string(), remaining);
    play.github.paste_key("ada", "laptop", ED25519).unwrap();
    let changed = again().await.unwrap();
    assert_eq!(changed.status(), StatusCode::OK);
    assert_ne!(header(&changed, "etag"), Some(&*tag));
}

#[tokio::test]
async fn refusals_have_no_etag() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    let answer = play.get("/user/keys/1", &token).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert_eq!(header(&answer, "etag"), None);
}
