use forge::RedirectRule;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{CALLBACK, ECDSA, ED25519, Play, SCOPES, json_of, key, refused};

#[tokio::test]
async fn a_live_token_is_described() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    let answer = play.manage(Method::POST, "token", &token).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let body = json_of(answer).await;
    assert_eq!(body["token"], *token);
    assert_eq!(body["token_last_eight"], token[token.len() - 8..]);
    assert_eq!(body["app"]["client_id"], *play.app.client_id);
    assert_eq!(body["app"]["name"], "Lanyard");
    assert_eq!(body["user"]["login"], "ada");
    assert_eq!(body["expires_at"], "2026-09-01T20:00:00Z");
    let scopes = ["admin:public_key", "admin:ssh_signing_key", "read:user"];
    assert_eq!(body["scopes"], json!(scopes));
}

#[tokio::test]
async fn a_dead_token_is_not_found() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    assert_eq!(
        refused(play.manage(Method::POST, "token", "gho_x").await, 404).await,
        "Not Found"
    );
    play.passes(28_800);
    refused(play.manage(Method::POST, "token", &token).await, 404).await;
}

#[tokio::test]
async fn resetting_gives_another_token() {
    let play = Play::dot_com().await;
    let old = play.ada().await;
    let answer = play.manage(Method::PATCH, "token", &old).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let new = json_of(answer).await["token"].as_str().unwrap().to_owned();
    assert_ne!(new, old);
    assert_eq!(
        play.get("/user", &old).await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(play.get("/user/keys", &new).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn deleting_a_token_leaves_the_keys() {
    let play = Play::dot_com().await;
    let (one, two) = (play.ada().await, play.ada().await);
    play.post(&one, "Lanyard", ED25519).await;
    let answer = play.manage(Method::DELETE, "token", &one).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(
        play.get("/user", &one).await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(play.get("/user", &two).await.status(), StatusCode::OK);
    assert_eq!(play.github.keys_of("ada").len(), 1);
}

#[tokio::test]
async fn deleting_the_grant_deletes_every_key_the_app_created() {
    let play = Play::dot_com().await;
    play.github.add_user("bob");
    let (one, two) = (play.ada().await, play.token_of("ada", "read:user").await);
    let bob = play.token_of("bob", SCOPES).await;
    play.post(&one, "Lanyard", ED25519).await;
    play.post(&bob, "Lanyard", ECDSA).await;
    play.github.paste_key("ada", "laptop", &key(1)).unwrap();
    let answer = play.manage(Method::DELETE, "grant", &one).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    for dead in [&one, &two] {
        assert_eq!(
            play.get("/user", dead).await.status(),
            StatusCode::UNAUTHORIZED
        );
    }
    let left: Vec<_> = play
        .github
        .keys_of("ada")
        .into_iter()
        .map(|key| key.title)
        .collect();
    assert_eq!(left, ["laptop"]);
    assert_eq!(play.github.keys_of("bob").len(), 1);
    assert_eq!(play.get("/user", &bob).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_deleted_grant_takes_refresh_tokens_and_codes_along() {
    let play = Play::dot_com().await;
    let pair = play.link("ada", SCOPES).await;
    let code = play.code("ada", SCOPES).await;
    let token = pair["access_token"].as_str().unwrap();
    play.manage(Method::DELETE, "grant", token).await;
    let refresh = pair["refresh_token"].as_str().unwrap();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    assert_eq!(play.token(&fields).await["error"], "bad_refresh_token");
    assert_eq!(
        play.token(&[("code", &code)]).await["error"],
        "bad_verification_code"
    );
    assert_eq!(play.link("ada", "").await["scope"], "");
}

#[tokio::test]
async fn changing_needs_a_token_that_lives() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    play.passes(28_800);
    for (method, what) in [
        (Method::PATCH, "token"),
        (Method::DELETE, "token"),
        (Method::DELETE, "grant"),
    ] {
        for dead in [&*token, "gho_nobody"] {
            let answer = play.manage(method.clone(), what, dead).await;
            assert_eq!(refused(answer, 422).await, "Validation Failed");
        }
    }
}

#[tokio::test]
async fn the_token_must_be_named() {
    let play = Play::dot_com().await;
    let url = play
        .github
        .api(&format!("/applications/{}/token", play.app.client_id));
    let request = play
        .http
        .post(url)
        .basic_auth(&play.app.client_id, Some(&play.app.client_secret))
        .json(&json!({}));
    assert_eq!(
        refused(request.send().await.unwrap(), 422).await,
        "Validation Failed"
    );
}

#[tokio::test]
async fn an_app_manages_only_its_own_tokens() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    let other = play
        .github
        .register_app("Other", CALLBACK, RedirectRule::Exact);
    let ask = async |path_id: &str, id: &str, secret: &str| {
        play.http
            .post(play.github.api(&format!("/applications/{path_id}/token")))
            .basic_auth(id, Some(secret))
            .json(&json!({ "access_token": token }))
            .send()
            .await
            .unwrap()
    };
    let ours = &*play.app.client_id;
    let (theirs, secret) = (&*other.client_id, &*other.client_secret);
    assert_eq!(
        refused(ask(ours, theirs, secret).await, 404).await,
        "Not Found"
    );
    assert_eq!(
        refused(ask(theirs, theirs, secret).await, 404).await,
        "Not Found"
    );
    assert_eq!(
        refused(ask(ours, ours, "wrong").await, 401).await,
        "Bad credentials"
    );
    let path = format!("/applications/{ours}/token");
    let bearer = play
        .call(Method::POST, &path, &token)
        .json(&json!({ "access_token": token }));
    assert_eq!(
        refused(bearer.send().await.unwrap(), 401).await,
        "Requires authentication"
    );
}
