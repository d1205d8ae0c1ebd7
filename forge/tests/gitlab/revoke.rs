use reqwest::{Response, StatusCode};
use serde_json::json;

use crate::support::{CALLBACK, Play, doorkeeper, header, json_of};

async fn revoke(play: &Play, token: &str) -> Response {
    let form = [
        ("client_id", &*play.app.client_id),
        ("client_secret", &*play.app.client_secret),
        ("token", token),
    ];
    play.post_form("/oauth/revoke", &form).await
}

#[tokio::test]
async fn either_half_revokes_the_pair() {
    let play = Play::start().await;
    for half in [0, 1] {
        let (access, refresh) = play.pair_of("ada", "api").await;
        let token = [&access, &refresh][half];
        let answer = revoke(&play, token).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(json_of(answer).await, json!({}));
        let status = play.get("/user", &access).await.status();
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        doorkeeper(play.refresh(&refresh).await, 400, "invalid_grant").await;
    }
    assert_eq!(play.gitlab.unrevoked_tokens_of("ada"), 0);
}

#[tokio::test]
async fn a_pair_whose_access_token_ran_out_is_not_revoked_whatever_the_answer_says() {
    let play = Play::start().await;
    let (access, refresh) = play.pair_of("ada", "api").await;
    play.passes(7200);
    for token in [&access, &refresh] {
        assert_eq!(revoke(&play, token).await.status(), StatusCode::OK);
    }
    assert_eq!(play.refresh(&refresh).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_unknown_token_is_revoked_gladly() {
    let play = Play::start().await;
    assert_eq!(revoke(&play, "nothing").await.status(), StatusCode::OK);
    assert_eq!(revoke(&play, "").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn only_the_application_itself_revokes() {
    let play = Play::start().await;
    let (access, _) = play.pair_of("ada", "api").await;
    let other = play.gitlab.register_app("Other", CALLBACK, "api");
    for (id, secret) in [
        (&*play.app.client_id, "wrong"),
        (&*other.client_id, &*other.client_secret),
    ] {
        let form = [
            ("client_id", id),
            ("client_secret", secret),
            ("token", &access),
        ];
        let answer = play.post_form("/oauth/revoke", &form).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        assert_eq!(json_of(answer).await["error"], "unauthorized_client");
    }
    assert_eq!(play.get("/user", &access).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_live_token_is_described() {
    let play = Play::start().await;
    let (access, _) = play.pair_of("ada", "read_user api").await;
    play.passes(200);
    let info = async || {
        let call = play.http.get(play.url("/oauth/token/info"));
        call.bearer_auth(&access).send().await.unwrap()
    };
    let body = json_of(info().await).await;
    assert_eq!(body["resource_owner_id"], play.gitlab.add_user("ada").id);
    assert_eq!(body["scope"], json!(["read_user", "api"]));
    assert_eq!(body["expires_in"], 7000);
    assert_eq!(body["application"]["uid"], play.app.client_id);
    play.passes(7000);
    let dead = info().await;
    assert!(
        header(&dead, "www-authenticate")
            .unwrap()
            .contains("invalid_token")
    );
    doorkeeper(dead, 401, "invalid_token").await;
}
