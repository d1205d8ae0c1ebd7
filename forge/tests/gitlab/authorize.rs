use forge::{ForgeError, GitLabAccount};
use reqwest::StatusCode;

use crate::support::{CALLBACK, CHALLENGE, Play, query};

/// What the page says that leads nowhere.
async fn dead_end(play: &Play, url: &str) -> String {
    match play.gitlab.approve(url, "ada").await {
        Err(ForgeError::DeadEnd { page, .. }) => page,
        other => panic!("the browser went on: {other:?}"),
    }
}

#[tokio::test]
async fn consent_brings_a_code_and_the_state_to_the_callback() {
    let play = Play::start().await;
    let back = play.gitlab.approve(&play.authorize(&[]), "ada").await;
    let back = back.unwrap();
    assert!(back.as_str().starts_with(CALLBACK));
    assert_eq!(query(&back, "state").as_deref(), Some("s"));
    assert_eq!(query(&back, "code").unwrap().len(), 64);
}

#[tokio::test]
async fn refusal_brings_access_denied_and_no_code() {
    let play = Play::start().await;
    let back = play.gitlab.deny(&play.authorize(&[]), "ada").await.unwrap();
    assert_eq!(query(&back, "error").as_deref(), Some("access_denied"));
    assert_eq!(
        query(&back, "error_description").as_deref(),
        Some("The resource owner or authorization server denied the request.")
    );
    assert_eq!(query(&back, "state").as_deref(), Some("s"));
    assert_eq!(query(&back, "code"), None);
}

#[tokio::test]
async fn the_redirect_uri_is_exact() {
    let play = Play::start().await;
    for wrong in [
        "",
        "http://127.0.0.1:8080/oauth/callback",
        "http://127.0.0.1:8080/oauth/callback/gitlab/",
        "http://127.0.0.1:8080/oauth/callback/gitlab?a=b",
        "http://127.0.0.1:8081/oauth/callback/gitlab",
        "https://127.0.0.1:8080/oauth/callback/gitlab",
        "http://evil.example/oauth/callback/gitlab",
    ] {
        let page = dead_end(&play, &play.authorize(&[("redirect_uri", wrong)])).await;
        assert!(
            page.contains("redirect URI included is not valid"),
            "{wrong}"
        );
    }
    let second = "http://127.0.0.1:8080/oauth/callback";
    play.gitlab.add_redirect(&play.app.client_id, second);
    let url = play.authorize(&[("redirect_uri", second)]);
    let back = play.gitlab.approve(&url, "ada").await.unwrap();
    assert_eq!(back.path(), "/oauth/callback");
}

#[tokio::test]
async fn what_is_wrong_is_shown_to_the_person_and_sent_nowhere() {
    let play = Play::start().await;
    for (field, value, words) in [
        ("client_id", "nobody", "Client authentication failed"),
        ("response_type", "", "missing a required parameter"),
        (
            "response_type",
            "token",
            "does not support this response type",
        ),
        ("scope", "sudo", "requested scope is invalid"),
        ("scope", "api read_repository", "requested scope is invalid"),
    ] {
        let page = dead_end(&play, &play.authorize(&[(field, value)])).await;
        assert!(page.contains(words), "{field}={value}: {page}");
    }
    let odd = [
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S512"),
    ];
    let page = dead_end(&play, &play.authorize(&odd)).await;
    assert!(page.contains("must be plain or S256"));
}

#[tokio::test]
async fn without_a_scope_api_is_asked_for() {
    let play = Play::start().await;
    let token = play.token_of("ada", "").await;
    let made = play.post(&token, "Lanyard", &crate::support::key(1)).await;
    assert_eq!(made.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn an_account_that_is_not_active_does_not_get_past_the_sign_in() {
    let play = Play::start().await;
    play.gitlab.block_user("ada");
    let page = dead_end(&play, &play.authorize(&[])).await;
    assert!(page.contains("Your account has been blocked."));
    play.gitlab.set_account("ada", GitLabAccount::Unconfirmed);
    let page = dead_end(&play, &play.authorize(&[])).await;
    assert!(page.contains("Verify the email address"));
}

#[tokio::test]
async fn a_form_is_good_once() {
    let play = Play::start().await;
    let page = play.http.get(play.authorize(&[])).send().await.unwrap();
    let page = page.text().await.unwrap();
    let (_, rest) = page
        .split_once("name=\"authenticity_token\" value=\"")
        .unwrap();
    let (ticket, _) = rest.split_once('"').unwrap();
    let form = [
        ("authenticity_token", ticket),
        ("login", "ada"),
        ("authorize", "1"),
    ];
    let first = play.post_form("/oauth/authorize", &form).await;
    assert_eq!(first.status(), StatusCode::FOUND);
    let second = play.post_form("/oauth/authorize", &form).await;
    assert_eq!(second.status(), StatusCode::UNPROCESSABLE_ENTITY);
}
