use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Play, header, json_of, key, refused};

#[tokio::test]
async fn a_call_without_a_known_token_is_unauthorized() {
    let play = Play::start().await;
    for path in [
        "/user",
        "/user/keys",
        "/user/keys/1",
        "/version",
        "/metadata",
    ] {
        let bare = play.http.get(play.gitlab.api(path)).send().await.unwrap();
        assert_eq!(refused(bare, 401).await, "401 Unauthorized", "{path}");
        let unknown = play.get(path, "nobodys").await;
        assert_eq!(refused(unknown, 401).await, "401 Unauthorized", "{path}");
    }
    let basic = play
        .http
        .get(play.gitlab.api("/user"))
        .basic_auth("ada", Some("password"));
    let answer = basic.send().await.unwrap();
    assert_eq!(refused(answer, 401).await, "401 Unauthorized");
}

#[tokio::test]
async fn a_dead_token_comes_with_a_challenge() {
    let play = Play::start().await;
    let token = play.ada().await;
    play.passes(7200);
    let answer = play.get("/user", &token).await;
    assert_eq!(
        header(&answer, "www-authenticate"),
        Some(
            "Bearer realm=\"Protected by OAuth 2.0\", error=\"invalid_token\", \
             error_description=\"Token is expired. You can either do re-authorization or token \
             refresh.\""
        )
    );
}

#[tokio::test]
async fn only_api_opens_a_write() {
    let play = Play::start().await;
    let token = play.token_of("ada", "read_user").await;
    let listed = play.get("/user/keys", &token).await;
    assert_eq!(listed.status(), StatusCode::OK);
    let answer = play.post(&token, "Lanyard", &key(1)).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(header(&answer, "www-authenticate"), None);
    assert_eq!(
        json_of(answer).await,
        json!({
            "error": "insufficient_scope",
            "error_description":
                "The request requires higher privileges than provided by the access token.",
            "scope": "api",
        })
    );
    let status = play.delete("/user/keys/1", &token).await.status();
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_person_and_the_version_are_told_to_a_token() {
    let play = Play::start().await;
    let token = play.ada().await;
    let ada = play.gitlab.add_user("ada");
    let me = json_of(play.get("/user", &token).await).await;
    assert_eq!(
        (&me["id"], &me["username"]),
        (&json!(ada.id), &json!("ada"))
    );
    assert_eq!(
        (&me["name"], &me["state"]),
        (&json!("Ada"), &json!("active"))
    );
    play.gitlab.rename_user("ada", "lovelace");
    let me = json_of(play.get("/user", &token).await).await;
    assert_eq!(
        (&me["id"], &me["username"]),
        (&json!(ada.id), &json!("lovelace"))
    );
    let version = json_of(play.get("/version", &token).await).await;
    assert_eq!(version["version"], "18.5.1-ee");
}

#[tokio::test]
async fn what_is_not_there_is_refused_in_the_words_of_the_api() {
    let play = Play::start().await;
    let token = play.ada().await;
    let nothing = play.get("/nothing", &token).await;
    assert_eq!(nothing.status(), StatusCode::NOT_FOUND);
    assert_eq!(json_of(nothing).await["error"], "404 Not Found");
    let patch = play.call(Method::PATCH, "/user/keys/1", &token);
    let patch = patch.send().await.unwrap();
    assert_eq!(patch.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(json_of(patch).await["error"], "405 Not Allowed");
    let page = play.http.get(play.url("/nothing/at/all")).send().await;
    let page = page.unwrap();
    assert_eq!(page.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        header(&page, "content-type"),
        Some("text/html; charset=utf-8")
    );
}
