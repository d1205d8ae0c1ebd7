use reqwest::StatusCode;
use serde_json::json;

use crate::support::{
    CALLBACK, CHALLENGE, Play, VERIFIER, doorkeeper, header, json_of, noon, query,
};

#[tokio::test]
async fn a_code_brings_a_pair_for_two_hours() {
    let play = Play::start().await;
    let code = play.code("ada", "read_user api").await;
    let answer = play.exchange(&code).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(header(&answer, "cache-control"), Some("no-store"));
    let body = json_of(answer).await;
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 7200);
    assert_eq!(body["scope"], "read_user api");
    assert_eq!(body["created_at"], noon().timestamp());
    let token = body["access_token"].as_str().unwrap();
    assert_ne!(body["refresh_token"], body["access_token"]);
    play.passes(7199);
    assert_eq!(play.get("/user", token).await.status(), StatusCode::OK);
    play.passes(1);
    let late = json_of(play.get("/user", token).await).await;
    assert_eq!(
        late,
        json!({
            "error": "invalid_token",
            "error_description":
                "Token is expired. You can either do re-authorization or token refresh.",
        })
    );
}

#[tokio::test]
async fn a_code_works_once() {
    let play = Play::start().await;
    let code = play.code("ada", "api").await;
    assert_eq!(play.exchange(&code).await.status(), StatusCode::OK);
    let words = doorkeeper(play.exchange(&code).await, 400, "invalid_grant").await;
    assert!(words.starts_with("The provided authorization grant is invalid, expired, revoked,"));
}

#[tokio::test]
async fn a_code_lives_ten_minutes() {
    let play = Play::start().await;
    let (first, second) = (play.code("ada", "api").await, play.code("ada", "api").await);
    play.passes(599);
    assert_eq!(play.exchange(&first).await.status(), StatusCode::OK);
    play.passes(1);
    doorkeeper(play.exchange(&second).await, 400, "invalid_grant").await;
}

#[tokio::test]
async fn a_code_belongs_to_its_application() {
    let play = Play::start().await;
    let code = play.code("ada", "api").await;
    let other = play.gitlab.register_app("Other", CALLBACK, "api");
    let form = [
        ("client_id", &*other.client_id),
        ("client_secret", &*other.client_secret),
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", CALLBACK),
    ];
    let answer = play.post_form("/oauth/token", &form).await;
    doorkeeper(answer, 400, "invalid_grant").await;
    assert_eq!(play.exchange(&code).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_redirect_uri_must_come_again_and_be_the_same() {
    let play = Play::start().await;
    let code = play.code("ada", "api").await;
    let with = async |more: &[(&str, &str)]| {
        let mut fields = vec![("grant_type", "authorization_code"), ("code", &*code)];
        fields.extend_from_slice(more);
        play.post_token(&fields).await
    };
    let words = doorkeeper(with(&[]).await, 400, "invalid_request").await;
    assert_eq!(words, "Missing required parameter: redirect_uri.");
    let second = "http://127.0.0.1:8080/oauth/callback";
    play.gitlab.add_redirect(&play.app.client_id, second);
    doorkeeper(
        with(&[("redirect_uri", second)]).await,
        400,
        "invalid_grant",
    )
    .await;
    let right = with(&[("redirect_uri", CALLBACK)]).await;
    assert_eq!(right.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_challenge_wants_its_verifier() {
    let play = Play::start().await;
    for (challenge, method, verifier) in
        [(CHALLENGE, "S256", VERIFIER), (VERIFIER, "plain", VERIFIER)]
    {
        let asked = [
            ("code_challenge", challenge),
            ("code_challenge_method", method),
        ];
        let url = play.authorize(&asked);
        let back = play.gitlab.approve(&url, "ada").await.unwrap();
        let code = query(&back, "code").unwrap();
        let words = doorkeeper(play.exchange(&code).await, 400, "invalid_request").await;
        assert_eq!(words, "Missing required parameter: code_verifier.");
        let with = async |verifier: &str| {
            let fields = [
                ("grant_type", "authorization_code"),
                ("code", &*code),
                ("redirect_uri", CALLBACK),
                ("code_verifier", verifier),
            ];
            play.post_token(&fields).await
        };
        doorkeeper(with("another").await, 400, "invalid_grant").await;
        assert_eq!(with(verifier).await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn an_application_that_is_gone_or_has_another_secret_is_no_client() {
    let play = Play::start().await;
    let code = play.code("ada", "api").await;
    let new = play.gitlab.renew_secret(&play.app.client_id);
    let words = doorkeeper(play.exchange(&code).await, 401, "invalid_client").await;
    assert!(words.starts_with("Client authentication failed"));
    let form = [
        ("client_id", &*play.app.client_id),
        ("client_secret", &*new),
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", CALLBACK),
    ];
    let answer = play.post_form("/oauth/token", &form).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let token = json_of(answer).await["access_token"].clone();
    play.gitlab.delete_app(&play.app.client_id);
    let answer = play.get("/user", token.as_str().unwrap()).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(json_of(answer).await["message"], "401 Unauthorized");
    doorkeeper(play.exchange("any").await, 401, "invalid_client").await;
}

#[tokio::test]
async fn a_made_up_code_of_a_known_application_is_no_grant() {
    let play = Play::start().await;
    doorkeeper(play.exchange("made-up").await, 400, "invalid_grant").await;
}

#[tokio::test]
async fn the_grant_type_must_be_there_and_known() {
    let play = Play::start().await;
    let words = doorkeeper(play.post_token(&[]).await, 400, "invalid_request").await;
    assert_eq!(words, "Missing required parameter: grant_type.");
    let odd = play.post_token(&[("grant_type", "implicit")]).await;
    doorkeeper(odd, 400, "unsupported_grant_type").await;
}

#[tokio::test]
async fn credentials_may_come_in_the_header_and_the_body_as_json() {
    let play = Play::start().await;
    let code = play.code("ada", "api").await;
    let body = json!({
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
    });
    let call = play
        .http
        .post(play.url("/oauth/token"))
        .basic_auth(&play.app.client_id, Some(&play.app.client_secret))
        .json(&body);
    assert_eq!(call.send().await.unwrap().status(), StatusCode::OK);
}
