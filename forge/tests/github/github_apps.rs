use reqwest::{Method, StatusCode};

use crate::support::{CALLBACK, Play, SCOPES, error_of, header, key, query, refused};

/// Ada's pair from a GitHub App.
async fn of_an_app() -> (Play, serde_json::Value) {
    let play = Play::github_app().await;
    let pair = play.link("ada", SCOPES).await;
    (play, pair)
}

#[tokio::test]
async fn its_tokens_expire_and_are_of_their_own_kind() {
    let (play, pair) = of_an_app().await;
    let (access, refresh) = (
        pair["access_token"].as_str().unwrap(),
        pair["refresh_token"].as_str().unwrap(),
    );
    assert!(access.starts_with("ghu_"), "{access}");
    assert!(refresh.starts_with("ghr_"), "{refresh}");
    assert_eq!(pair["expires_in"], 28_800);
    assert_eq!(pair["refresh_token_expires_in"], 15_811_200);
    assert_eq!(pair["token_type"], "bearer");
    play.passes(28_799);
    assert_eq!(play.get("/user", access).await.status(), StatusCode::OK);
    play.passes(1);
    let words = refused(play.get("/user", access).await, 401).await;
    assert_eq!(words, "Bad credentials");
}

#[tokio::test]
async fn it_has_no_scopes_whatever_is_asked_for() {
    let (play, pair) = of_an_app().await;
    assert_eq!(pair["scope"], "");
    let answer = play
        .get("/user/keys", pair["access_token"].as_str().unwrap())
        .await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(header(&answer, "x-oauth-scopes"), None);
    assert_eq!(header(&answer, "x-accepted-oauth-scopes"), None);
}

#[tokio::test]
async fn its_permissions_open_what_scopes_open_elsewhere() {
    let (play, pair) = of_an_app().await;
    let token = pair["access_token"].as_str().unwrap();
    let added = play.post(token, "laptop", &key(1)).await;
    assert_eq!(added.status(), StatusCode::CREATED);
    let signing = play.get("/user/ssh_signing_keys", token).await;
    let closed = "Resource not accessible by integration";
    assert_eq!(refused(signing, 403).await, closed);
    play.github.permits(&play.app.client_id, false, true);
    assert_eq!(
        refused(play.get("/user/keys", token).await, 403).await,
        closed
    );
    let signing = play.get("/user/ssh_signing_keys", token).await;
    assert_eq!(signing.status(), StatusCode::OK);
    // Who the person is, every token may ask.
    assert_eq!(play.get("/user", token).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_refresh_kills_the_old_pair_at_once_and_works_once() {
    let (play, old) = of_an_app().await;
    let refresh = old["refresh_token"].as_str().unwrap();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let new = play.token(&fields).await;
    assert_eq!(new["scope"], "");
    let access = new["access_token"].as_str().unwrap();
    assert!(access.starts_with("ghu_"), "{access}");
    let old = old["access_token"].as_str().unwrap();
    refused(play.get("/user", old).await, 401).await;
    assert_eq!(play.get("/user", access).await.status(), StatusCode::OK);
    assert_eq!(error_of(&play.token(&fields).await), "bad_refresh_token");
    assert_eq!(play.get("/user", access).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn revoking_a_token_leaves_the_keys_that_it_made() {
    let (play, pair) = of_an_app().await;
    let token = pair["access_token"].as_str().unwrap();
    let added = play.post(token, "laptop", &key(1)).await;
    assert_eq!(added.status(), StatusCode::CREATED);
    let revoked = play.manage(Method::DELETE, "token", token).await;
    assert_eq!(revoked.status(), StatusCode::NO_CONTENT);
    refused(play.get("/user", token).await, 401).await;
    assert_eq!(play.github.keys_of("ada").len(), 1);
    assert_eq!(play.github.live_tokens_of("ada"), 0);
}

#[tokio::test]
async fn its_callback_is_exact() {
    let play = Play::github_app().await;
    let below = format!("{CALLBACK}/below");
    let url = play.authorize(&[("redirect_uri", &below), ("state", "s")]);
    let back = play.github.approve(&url, "ada").await.unwrap();
    assert_eq!(
        query(&back, "error").as_deref(),
        Some("redirect_uri_mismatch")
    );
}
