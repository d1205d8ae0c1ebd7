use forge::{BitbucketOptions, BitbucketRate};
use reqwest::{Method, Response, StatusCode};

use crate::support::{
    CALLBACK, KEYS, PROPERTIES, Play, body, header, json_of, key, query, refused,
};

const VERIFIER: &str = "a-verifier-that-is-long-enough-for-anybody-to-like";
const CHALLENGE: &str = "Q5Fi1MHcGmmQw_WDN9FB8A_8tbeef3PM3D4tYA66aNk";

/// Asserts a refusal of the token endpoint.
async fn turned_down(answer: Response, error: &str) {
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let body = json_of(answer).await;
    assert_eq!(body["error"], error);
    assert!(body["error_description"].is_string());
}

async fn exchange(play: &Play, code: &str, more: &[(&str, &str)]) -> Response {
    let mut fields = vec![("grant_type", "authorization_code"), ("code", code)];
    fields.extend_from_slice(more);
    play.token(&fields).await
}

async fn refresh(play: &Play, token: &str) -> Response {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
    play.token(&fields).await
}

#[tokio::test]
async fn a_code_becomes_a_pair_that_acts_for_the_person() {
    let play = Play::new().await;
    let pair = play.link2("ada").await;
    assert_eq!(pair["token_type"], "bearer");
    assert_eq!(pair["expires_in"], 3600);
    assert_eq!(pair["scope"], "ACCOUNT_WRITE");
    let token = pair["access_token"].as_str().unwrap();
    let answer = play
        .bearer(Method::GET, PROPERTIES, token)
        .send()
        .await
        .unwrap();
    assert_eq!(header(&answer, "x-ausername"), Some("ada"));
    let post = play
        .bearer(Method::POST, KEYS, token)
        .json(&body(&key(1), "x"));
    assert_eq!(post.send().await.unwrap().status(), StatusCode::CREATED);
    let held = play.bitbucket.keys_of("ada");
    assert_eq!(held[0].created_by.as_deref(), Some(&*play.client.client_id));
}

#[tokio::test]
async fn a_code_lives_ten_seconds_and_works_once() {
    let play = Play::new().await;
    let late = play.code("ada", &[]).await;
    play.passes(10);
    turned_down(exchange(&play, &late, &[]).await, "invalid_grant").await;
    let code = play.code("ada", &[]).await;
    play.passes(9);
    assert_eq!(exchange(&play, &code, &[]).await.status(), StatusCode::OK);
    turned_down(exchange(&play, &code, &[]).await, "invalid_grant").await;
}

#[tokio::test]
async fn a_verifier_proves_who_asked() {
    let play = Play::new().await;
    for (method, challenge) in [("S256", CHALLENGE), ("plain", VERIFIER)] {
        let asked = [
            ("code_challenge", challenge),
            ("code_challenge_method", method),
        ];
        let code = play.code("ada", &asked).await;
        let right = [("code_verifier", VERIFIER)];
        assert_eq!(
            exchange(&play, &code, &right).await.status(),
            StatusCode::OK
        );
        for wrong in [&[("code_verifier", "wrong")][..], &[]] {
            let code = play.code("ada", &asked).await;
            turned_down(exchange(&play, &code, wrong).await, "invalid_grant").await;
        }
    }
    let code = play.code("ada", &[]).await;
    let needless = [("code_verifier", VERIFIER)];
    turned_down(exchange(&play, &code, &needless).await, "invalid_grant").await;
}

#[tokio::test]
async fn a_refresh_needs_the_redirect_url_and_rotates() {
    let play = Play::new().await;
    let pair = play.link2("ada").await;
    let old = pair["refresh_token"].as_str().unwrap();
    let without = [
        ("grant_type", "refresh_token"),
        ("refresh_token", old),
        ("redirect_uri", ""),
    ];
    turned_down(play.token(&without).await, "invalid_request").await;
    let new = json_of(refresh(&play, old).await).await;
    assert_ne!(new["refresh_token"], pair["refresh_token"]);
    turned_down(refresh(&play, old).await, "invalid_grant").await;
    let dead = pair["access_token"].as_str().unwrap();
    let answer = play.bearer(Method::GET, KEYS, dead).send().await.unwrap();
    let error = refused(answer, 401).await;
    let name = "com.atlassian.bitbucket.auth.AuthenticationException";
    assert_eq!(error["exceptionName"], name);
}

#[tokio::test]
async fn a_server_may_keep_the_refresh_token() {
    let options = BitbucketOptions {
        rotates_refresh: false,
        ..BitbucketOptions::data_center()
    };
    let play = Play::with(options).await;
    let pair = play.link2("ada").await;
    let refresh_token = pair["refresh_token"].as_str().unwrap();
    for _ in 0..2 {
        let new = json_of(refresh(&play, refresh_token).await).await;
        assert_eq!(new["refresh_token"], pair["refresh_token"]);
        assert_ne!(new["access_token"], pair["access_token"]);
    }
}

#[tokio::test]
async fn an_access_token_lives_an_hour_and_a_refresh_token_ninety_days() {
    let play = Play::new().await;
    let pair = play.link2("ada").await;
    let token = pair["access_token"].as_str().unwrap();
    play.passes(3600);
    let answer = play.bearer(Method::GET, KEYS, token).send().await.unwrap();
    refused(answer, 401).await;
    let new = json_of(refresh(&play, pair["refresh_token"].as_str().unwrap()).await).await;
    play.passes(90 * 86_400);
    let late = refresh(&play, new["refresh_token"].as_str().unwrap()).await;
    turned_down(late, "invalid_grant").await;
}

#[tokio::test]
async fn wrong_credentials_and_wrong_grants_are_turned_down() {
    let play = Play::new().await;
    let code = play.code("ada", &[]).await;
    let wrong = exchange(&play, &code, &[("client_secret", "wrong")]).await;
    turned_down(wrong, "invalid_client").await;
    let wrong = exchange(&play, &code, &[("client_id", "wrong")]).await;
    turned_down(wrong, "invalid_client").await;
    let elsewhere = [("redirect_uri", "http://127.0.0.1:8080/elsewhere")];
    turned_down(exchange(&play, &code, &elsewhere).await, "invalid_request").await;
    let password = play.token(&[("grant_type", "password")]).await;
    turned_down(password, "unsupported_grant_type").await;
    play.bitbucket.change_secret(&play.client.client_id);
    turned_down(exchange(&play, &code, &[]).await, "invalid_client").await;
}

#[tokio::test]
async fn a_person_who_says_no_sends_an_error_back() {
    let play = Play::new().await;
    let back = play
        .bitbucket
        .deny(&play.authorize2(&[]), "ada")
        .await
        .unwrap();
    assert_eq!(query(&back, "error").as_deref(), Some("access_denied"));
    assert_eq!(query(&back, "state").as_deref(), Some("s"));
}

#[tokio::test]
async fn a_scope_that_the_link_does_not_have_is_turned_away() {
    let play = Play::new().await;
    let link = play
        .bitbucket
        .add_incoming_link("Narrow", CALLBACK, &["REPO_READ"]);
    let url = |scope: &str| {
        play.authorize2(&[])
            .replace(&play.client.client_id, &link.client_id)
            .replace("ACCOUNT_WRITE", scope)
    };
    for scope in ["ACCOUNT_WRITE", "NO_SUCH_SCOPE"] {
        let back = play.bitbucket.approve(&url(scope), "ada").await.unwrap();
        assert_eq!(query(&back, "error").as_deref(), Some("invalid_scope"));
    }
    assert!(
        play.bitbucket
            .approve(&url("REPO_READ"), "ada")
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_token_without_the_scope_writes_no_keys() {
    let play = Play::new().await;
    let link = play
        .bitbucket
        .add_incoming_link("Narrow", CALLBACK, &["REPO_READ"]);
    let url = play
        .authorize2(&[])
        .replace(&play.client.client_id, &link.client_id)
        .replace("ACCOUNT_WRITE", "REPO_READ");
    let back = play.bitbucket.approve(&url, "ada").await.unwrap();
    let code = query(&back, "code").unwrap();
    let own = [
        ("client_id", &*link.client_id),
        ("client_secret", &*link.client_secret),
    ];
    let pair = json_of(exchange(&play, &code, &own).await).await;
    let token = pair["access_token"].as_str().unwrap();
    let list = play.bearer(Method::GET, KEYS, token).send().await.unwrap();
    assert_eq!(list.status(), StatusCode::OK);
    let post = play
        .bearer(Method::POST, KEYS, token)
        .json(&body(&key(1), "x"));
    let error = refused(post.send().await.unwrap(), 401).await;
    assert_eq!(
        error["exceptionName"],
        "com.atlassian.bitbucket.AuthorisationException"
    );
    let delete = play.bearer(Method::DELETE, &format!("{KEYS}/1"), token);
    refused(delete.send().await.unwrap(), 401).await;
}

#[tokio::test]
async fn a_redirect_url_that_is_not_registered_is_never_followed() {
    let play = Play::new().await;
    let url = play
        .authorize2(&[])
        .replace("callback%2Fbitbucket", "callback%2Felsewhere");
    let page = play.http.get(url).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::BAD_REQUEST);
    assert_eq!(header(&page, "location"), None);
}

#[tokio::test]
async fn bearer_tokens_count_below_rest_and_scm_only() {
    let play = Play::new().await;
    let pair = play.link2("ada").await;
    let token = pair["access_token"].as_str().unwrap();
    let whoami = "/plugins/servlet/applinks/whoami";
    let answer = play
        .bearer(Method::GET, whoami, token)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::FOUND);
    let location = header(&answer, "location").unwrap();
    assert!(
        location.starts_with(&play.bitbucket.url("/login?next=")),
        "{location}"
    );
    let signed = play.link("ada").await;
    let answer = play.get(whoami, &signed.token).await;
    assert_eq!(answer.text().await.unwrap(), "ada");
}

#[tokio::test]
async fn a_server_may_pass_bearer_tokens_over_in_silence() {
    let play = Play::new().await;
    let pair = play.link2("ada").await;
    let token = pair["access_token"].as_str().unwrap();
    play.bitbucket.heed_bearer_tokens(false);
    let answer = play
        .bearer(Method::GET, PROPERTIES, token)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(header(&answer, "x-ausername"), None);
}

#[tokio::test]
async fn the_rate_limit_is_a_bucket_for_bearer_tokens() {
    let play = Play::new().await;
    let pair = play.link2("ada").await;
    let token = pair["access_token"].as_str().unwrap();
    let rate = BitbucketRate {
        capacity: 2,
        per_second: 1,
    };
    play.bitbucket.limit_rate(Some(rate));
    let get = || play.bearer(Method::GET, KEYS, token).send();
    for _ in 0..2 {
        assert_eq!(get().await.unwrap().status(), StatusCode::OK);
    }
    let over = get().await.unwrap();
    assert_eq!(header(&over, "retry-after"), None);
    refused(over, 429).await;
    play.passes(1);
    assert_eq!(get().await.unwrap().status(), StatusCode::OK);
    // Signed calls are not counted.
    let signed = play.link("ada").await;
    for _ in 0..3 {
        assert_eq!(play.get(KEYS, &signed.token).await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn with_public_access_a_dead_token_is_nobodys_and_nobody_has_an_empty_list() {
    let play = Play::new().await;
    play.bitbucket.paste_key("ada", "", &key(1)).unwrap();
    let pair = play.link2("ada").await;
    let token = pair["access_token"].as_str().unwrap();
    play.bitbucket.public_access(true);
    let get = || play.bearer(Method::GET, KEYS, token).send();
    assert_eq!(json_of(get().await.unwrap()).await["size"], 1);
    play.passes(3600);
    let answer = get().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(header(&answer, "x-ausername"), None);
    assert_eq!(json_of(answer).await["size"], 0);
    let post = play
        .bearer(Method::POST, KEYS, token)
        .json(&body(&key(2), "x"));
    refused(post.send().await.unwrap(), 401).await;
}
