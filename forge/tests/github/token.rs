use std::collections::HashMap;

use forge::TokenLife;
use reqwest::StatusCode;
use serde_json::{Value, json};
use url::form_urlencoded::parse;

use crate::support::{
    CALLBACK, CHALLENGE, Play, SCOPES, VERIFIER, error_of, header, query, refused,
};

#[tokio::test]
async fn a_new_app_on_dot_com_gets_tokens_that_expire() {
    let play = Play::dot_com().await;
    let answer = play.link("ada", SCOPES).await;
    assert!(answer["access_token"].as_str().unwrap().starts_with("gho_"));
    assert!(
        answer["refresh_token"]
            .as_str()
            .unwrap()
            .starts_with("ghr_")
    );
    assert_eq!(answer["expires_in"], 28_800);
    assert_eq!(answer["refresh_token_expires_in"], 15_811_200);
    assert_eq!(answer["token_type"], "bearer");
    assert_eq!(
        answer["scope"],
        "admin:public_key,admin:ssh_signing_key,read:user"
    );
}

#[tokio::test]
async fn enterprise_server_gives_tokens_for_ever() {
    let play = Play::enterprise().await;
    let answer = play.link("ada", SCOPES).await;
    assert!(answer.get("expires_in").is_none() && answer.get("refresh_token").is_none());
    play.passes(3 * 365 * 86_400);
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(play.get("/user", token).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_app_can_be_set_to_tokens_for_ever() {
    let play = Play::dot_com().await;
    play.github
        .tokens_last(&play.app.client_id, TokenLife::Forever);
    let answer = play.link("ada", SCOPES).await;
    assert!(answer.get("refresh_token").is_none());
}

#[tokio::test]
async fn parents_swallow_children_in_the_scope() {
    let play = Play::dot_com().await;
    let answer = play
        .link(
            "ada",
            "write:public_key read:public_key user read:user repo",
        )
        .await;
    assert_eq!(answer["scope"], "repo,user,write:public_key");
}

#[tokio::test]
async fn a_person_may_grant_less_than_was_asked() {
    let play = Play::dot_com().await;
    play.github
        .grants_at_most("ada", "read:public_key read:user");
    let answer = play.link("ada", SCOPES).await;
    assert_eq!(answer["scope"], "read:public_key,read:user");
}

#[tokio::test]
async fn without_a_scope_the_last_granted_set_comes_back() {
    let play = Play::dot_com().await;
    assert_eq!(play.link("ada", "").await["scope"], "");
    play.link("ada", "admin:public_key").await;
    assert_eq!(play.link("ada", "").await["scope"], "admin:public_key");
}

#[tokio::test]
async fn the_answer_is_a_form_unless_json_is_asked_for() {
    let play = Play::dot_com().await;
    let code = play.code("ada", SCOPES).await;
    let url = format!("{}/login/oauth/access_token", play.github.base_url());
    let form = [
        ("client_id", &*play.app.client_id),
        ("client_secret", &play.app.client_secret),
        ("code", &code),
    ];
    let answer = play.http.post(&url).form(&form).send().await.unwrap();
    let kind = "application/x-www-form-urlencoded; charset=utf-8";
    assert_eq!(header(&answer, "content-type"), Some(kind));
    let text = answer.text().await.unwrap();
    let fields: HashMap<_, _> = parse(text.as_bytes()).into_owned().collect();
    assert!(fields["access_token"].starts_with("gho_"));
    assert_eq!(fields["expires_in"], "28800");
    let again = play.http.post(&url).form(&form).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::OK);
    assert!(
        again
            .text()
            .await
            .unwrap()
            .starts_with("error=bad_verification_code&")
    );
}

#[tokio::test]
async fn a_json_body_works() {
    let play = Play::dot_com().await;
    let code = play.code("ada", SCOPES).await;
    let url = format!("{}/login/oauth/access_token", play.github.base_url());
    let body = json!({
        "client_id": play.app.client_id,
        "client_secret": play.app.client_secret,
        "code": code,
    });
    let request = play
        .http
        .post(url)
        .header("accept", "application/json")
        .json(&body);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert!(answer["access_token"].is_string());
}

#[tokio::test]
async fn wrong_client_credentials_are_refused_and_leave_the_code_alone() {
    let play = Play::dot_com().await;
    let code = play.code("ada", SCOPES).await;
    let id = &*play.app.client_id;
    let wrong_secret = [
        ("client_id", id),
        ("client_secret", "wrong"),
        ("code", &code),
    ];
    let answer = play.token_as_is(&wrong_secret).await;
    assert_eq!(error_of(&answer), "incorrect_client_credentials");
    let description = "The client_id and/or client_secret passed are incorrect.";
    assert_eq!(answer["error_description"], description);
    let no_app = [("client_id", "nobody"), ("client_secret", "wrong")];
    assert_eq!(
        error_of(&play.token_as_is(&no_app).await),
        "incorrect_client_credentials"
    );
    assert_eq!(
        error_of(&play.token_as_is(&[]).await),
        "incorrect_client_credentials"
    );
    assert!(play.token(&[("code", &code)]).await["access_token"].is_string());
}

#[tokio::test]
async fn a_code_works_once() {
    let play = Play::dot_com().await;
    let code = play.code("ada", SCOPES).await;
    assert!(play.token(&[("code", &code)]).await["access_token"].is_string());
    let answer = play.token(&[("code", &code)]).await;
    assert_eq!(error_of(&answer), "bad_verification_code");
    assert_eq!(
        answer["error_description"],
        "The code passed is incorrect or expired."
    );
}

#[tokio::test]
async fn a_code_lives_ten_minutes() {
    let play = Play::dot_com().await;
    let (first, second) = (
        play.code("ada", SCOPES).await,
        play.code("ada", SCOPES).await,
    );
    play.passes(599);
    assert!(play.token(&[("code", &first)]).await["access_token"].is_string());
    play.passes(1);
    assert_eq!(
        error_of(&play.token(&[("code", &second)]).await),
        "bad_verification_code"
    );
}

#[tokio::test]
async fn a_code_belongs_to_its_app() {
    let play = Play::dot_com().await;
    let code = play.code("ada", SCOPES).await;
    let other = play
        .github
        .register_app("Other", CALLBACK, forge::RedirectRule::Exact);
    let form = [
        ("client_id", &*other.client_id),
        ("client_secret", &*other.client_secret),
        ("code", &*code),
    ];
    assert_eq!(
        error_of(&play.token_as_is(&form).await),
        "bad_verification_code"
    );
    assert_eq!(error_of(&play.token(&[]).await), "bad_verification_code");
}

#[tokio::test]
async fn the_redirect_uri_must_be_the_one_of_the_authorize_url() {
    let play = Play::dot_com().await;
    let second = "http://127.0.0.1:8080/second";
    play.github.add_callback(&play.app.client_id, second);
    for wrong in [second, "http://127.0.0.1:8080/evil", "not a url"] {
        let code = play.code("ada", SCOPES).await;
        let answer = play
            .token(&[("code", &code), ("redirect_uri", wrong)])
            .await;
        assert_eq!(error_of(&answer), "redirect_uri_mismatch", "{wrong}");
        let right = play
            .token(&[("code", &code), ("redirect_uri", CALLBACK)])
            .await;
        assert!(right["access_token"].is_string());
    }
}

#[tokio::test]
async fn a_challenge_wants_its_verifier() {
    let play = Play::dot_com().await;
    let url = play.authorize(&[
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    let code = async || query(&play.github.approve(&url, "ada").await.unwrap(), "code").unwrap();
    let right = [("code", &*code().await), ("code_verifier", VERIFIER)];
    assert!(play.token(&right).await["access_token"].is_string());
    let wrong = [
        ("code", &*code().await),
        ("code_verifier", "another-verifier"),
    ];
    assert_eq!(error_of(&play.token(&wrong).await), "bad_verification_code");
    let none = [("code", &*code().await)];
    assert_eq!(error_of(&play.token(&none).await), "bad_verification_code");
}

#[tokio::test]
async fn enterprise_server_ignores_verifiers() {
    let play = Play::enterprise().await;
    let url = play.authorize(&[
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    let back = play.github.approve(&url, "ada").await.unwrap();
    let code = query(&back, "code").unwrap();
    let answer = play
        .token(&[("code", &code), ("code_verifier", "anything")])
        .await;
    assert!(answer["access_token"].is_string());
}

#[tokio::test]
async fn an_unverified_mail_address_is_refused() {
    let play = Play::dot_com().await;
    let code = play.code("ada", SCOPES).await;
    play.github.unverify_email("ada");
    let answer = play.token(&[("code", &code)]).await;
    assert_eq!(error_of(&answer), "unverified_user_email");
}

#[tokio::test]
async fn an_unknown_grant_type_is_refused() {
    let play = Play::dot_com().await;
    let code = play.code("ada", SCOPES).await;
    let answer = play
        .token(&[("code", &code), ("grant_type", "password")])
        .await;
    assert_eq!(error_of(&answer), "unsupported_grant_type");
    let named = play
        .token(&[("code", &code), ("grant_type", "authorization_code")])
        .await;
    assert!(named["access_token"].is_string());
}

#[tokio::test]
async fn the_eleventh_token_of_a_kind_kills_the_oldest() {
    let play = Play::enterprise().await;
    let first = play.ada().await;
    let of_another_kind = play.token_of("ada", "read:user").await;
    for _ in 0..9 {
        play.ada().await;
    }
    assert_eq!(play.get("/user", &first).await.status(), StatusCode::OK);
    let eleventh = play.ada().await;
    assert_eq!(
        refused(play.get("/user", &first).await, 401).await,
        "Bad credentials"
    );
    for alive in [&eleventh, &of_another_kind] {
        assert_eq!(play.get("/user", alive).await.status(), StatusCode::OK);
    }
    assert_eq!(play.github.live_tokens_of("ada"), 11);
}

#[tokio::test]
async fn two_secrets_are_valid_at_once_until_they_are_changed() {
    let play = Play::dot_com().await;
    let id = &*play.app.client_id;
    let second = play.github.add_secret(id);
    let works = async |secret: &str| {
        let code = play.code("ada", SCOPES).await;
        let form = [
            ("client_id", id),
            ("client_secret", secret),
            ("code", &*code),
        ];
        play.token_as_is(&form).await["access_token"].is_string()
    };
    assert!(works(&play.app.client_secret).await && works(&second).await);
    let third = play.github.add_secret(id);
    assert!(!works(&play.app.client_secret).await && works(&second).await && works(&third).await);
    let only = play.github.change_secret(id);
    assert!(!works(&second).await && !works(&third).await && works(&only).await);
}

#[tokio::test]
async fn dot_com_forgets_tokens_that_idle_for_a_year() {
    let play = Play::dot_com().await;
    play.github
        .tokens_last(&play.app.client_id, TokenLife::Forever);
    let token = play.ada().await;
    play.passes(364 * 86_400);
    assert_eq!(play.get("/user", &token).await.status(), StatusCode::OK);
    play.passes(365 * 86_400);
    assert_eq!(
        refused(play.get("/user", &token).await, 401).await,
        "Bad credentials"
    );
}
