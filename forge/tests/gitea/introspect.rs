use serde_json::{Value, json};

use crate::support::{Play, json_of};

async fn ask(play: &Play, secret: &str, token: &str) -> reqwest::Response {
    let url = format!("{}/login/oauth/introspect", play.gitea.base_url());
    play.http
        .post(url)
        .basic_auth(&play.app.client_id, Some(secret))
        .form(&[("token", token)])
        .send()
        .await
        .unwrap()
}

async fn told(play: &Play, token: &str) -> Value {
    let answer = ask(play, &play.app.client_secret, token).await;
    assert_eq!(answer.status(), 200);
    json_of(answer).await
}

#[tokio::test]
async fn an_app_learns_the_scopes_of_a_grant() {
    let play = Play::gitea().await;
    let pair = play.link("ada", "openid write:user").await;
    for token in [&pair.access, &pair.refresh] {
        let body = told(&play, token).await;
        assert_eq!(body["active"], true);
        assert_eq!(body["scope"], "openid write:user");
        assert_eq!(body["username"], "ada");
        assert_eq!(body["aud"], json!([play.app.client_id]));
    }
}

#[tokio::test]
async fn a_grant_without_scopes_has_no_such_field() {
    let play = Play::gitea().await;
    let pair = play.link("ada", "").await;
    assert_eq!(told(&play, &pair.access).await.get("scope"), None);
}

#[tokio::test]
async fn a_dead_token_is_not_active() {
    let play = Play::gitea().await;
    let pair = play.link("ada", "write:user").await;
    assert_eq!(told(&play, "x").await, json!({ "active": false }));
    play.gitea.revoke_grant("ada", &play.app.client_id);
    assert_eq!(told(&play, &pair.access).await, json!({ "active": false }));
}

#[tokio::test]
async fn nobody_but_an_app_may_ask() {
    let play = Play::gitea().await;
    let pair = play.link("ada", "write:user").await;
    let answer = ask(&play, "wrong", &pair.access).await;
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.text().await.unwrap(), "no valid authorization");
}
