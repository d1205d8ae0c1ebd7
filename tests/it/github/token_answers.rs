use domain::{Blame, ReasonCode};
use lanyard::providers::{GrantVerdict, ProviderFailure, Tokens};

use super::support::{Canned, after, answer, assert_blames, came, refreshing};

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

async fn refreshed(
    status: u16,
    kind: &'static str,
    body: &'static str,
) -> Result<Tokens, ProviderFailure> {
    let canned = Canned::answering(move |_| answer(status, &[("content-type", kind)], body)).await;
    let refreshed = canned
        .adapter
        .refresh(&canned.app, &refreshing(&"ghr_old".into()))
        .await;
    let seen = canned.seen();
    assert_eq!(seen[0].line, "POST /login/oauth/access_token");
    assert_eq!(seen[0].header("accept"), Some("application/json"));
    assert!(seen[0].body.contains("grant_type=refresh_token"));
    assert!(seen[0].body.contains("refresh_token=ghr_old"));
    refreshed
}

#[tokio::test]
async fn errors_with_status_200_are_errors() {
    use GrantVerdict::{Lost, Unknown};
    for (body, blame, code, grant) in [
        (
            r#"{"error":"bad_refresh_token","error_description":"The refresh token passed is incorrect or expired."}"#,
            Blame::Grant,
            ReasonCode::GrantExpired,
            Lost,
        ),
        (
            r#"{"error":"incorrect_client_credentials"}"#,
            Blame::App,
            ReasonCode::AppCredentialsInvalid,
            Unknown,
        ),
        (
            r#"{"error":"redirect_uri_mismatch"}"#,
            Blame::App,
            ReasonCode::RedirectUriMismatch,
            Unknown,
        ),
        (
            r#"{"error":"application_suspended"}"#,
            Blame::App,
            ReasonCode::AppSuspended,
            Unknown,
        ),
        (
            r#"{"error":"unsupported_grant_type"}"#,
            Blame::Us,
            ReasonCode::ProviderProtocol,
            Unknown,
        ),
        (
            r#"{"error":"something_new","error_description":"Never seen."}"#,
            Blame::Provider,
            ReasonCode::ProviderProtocol,
            Unknown,
        ),
        (
            r#"{"error":"bad_refresh_token","access_token":"gho_both"}"#,
            Blame::Grant,
            ReasonCode::GrantExpired,
            Lost,
        ),
    ] {
        let failure = refreshed(200, "application/json", body).await.unwrap_err();
        assert_blames(&failure, blame, code, grant);
    }
}

#[tokio::test]
async fn an_unknown_error_is_named() {
    let body = r#"{"error":"something_new","error_description":"Never seen."}"#;
    let failure = refreshed(200, "application/json", body).await.unwrap_err();
    assert_eq!(
        failure.failure.detail.as_deref(),
        Some("something_new: Never seen.")
    );
}

#[tokio::test]
async fn a_form_is_understood_where_our_accept_header_was_lost() {
    let body = "access_token=gho_new&expires_in=28800&refresh_token=ghr_new\
                &scope=read%3Auser%2Cadmin%3Apublic_key&token_type=bearer";
    let tokens = refreshed(200, FORM, body).await.unwrap();
    assert_eq!(tokens.access.expose_str(), "gho_new");
    assert_eq!(tokens.refresh.unwrap().expose_str(), "ghr_new");
    assert_eq!(tokens.expires_at, Some(after(28_800)));
    assert_eq!(tokens.scopes.unwrap(), ["admin:public_key", "read:user"]);
    let body = "error=bad_refresh_token&error_description=It+is+incorrect+or+expired.";
    let failure = refreshed(200, FORM, body).await.unwrap_err();
    assert_eq!(failure.grant, GrantVerdict::Lost);
    assert_eq!(
        failure.failure.detail.as_deref(),
        Some("It is incorrect or expired.")
    );
}

#[tokio::test]
async fn an_odd_field_does_not_cost_the_tokens_beside_it() {
    for odd in [
        r#"{"access_token":"gho_new","refresh_token":"ghr_new","expires_in":"28800"}"#,
        r#"{"access_token":"gho_new","refresh_token":"ghr_new","expires_in":28800,"scope":null}"#,
        r#"{"access_token":"gho_new","refresh_token":"ghr_new","expires_in":28800,"scope":["x"]}"#,
    ] {
        let tokens = refreshed(200, "application/json", odd).await.unwrap();
        assert_eq!(tokens.access.expose_str(), "gho_new");
        assert_eq!(tokens.refresh.unwrap().expose_str(), "ghr_new");
        assert_eq!(tokens.expires_at, Some(after(28_800)));
        assert_eq!(tokens.scopes, None);
    }
}

#[tokio::test]
async fn what_an_answer_omits_is_not_made_up() {
    let body = r#"{"access_token":"gho_new","token_type":"bearer"}"#;
    let tokens = refreshed(200, "application/json", body).await.unwrap();
    assert!(tokens.refresh.is_none());
    assert_eq!(tokens.expires_at, None);
    assert_eq!(tokens.scopes, None);
}

#[tokio::test]
async fn an_empty_list_of_scopes_means_none_and_for_a_github_app_nothing() {
    let body = r#"{"access_token":"gho_new","token_type":"bearer","scope":""}"#;
    let tokens = refreshed(200, "application/json", body).await.unwrap();
    assert_eq!(tokens.scopes, Some(vec![]));
    let body = r#"{"access_token":"ghu_new","token_type":"bearer","scope":""}"#;
    let tokens = refreshed(200, "application/json", body).await.unwrap();
    assert_eq!(tokens.scopes, None);
}

#[tokio::test]
async fn what_is_no_token_is_not_taken_for_one() {
    for body in [
        r#"{"access_token":"","token_type":"bearer"}"#,
        r#"{"access_token":"gho new","token_type":"bearer"}"#,
        r#"{"access_token":"gho_\r\nx: y","token_type":"bearer"}"#,
        r#"{"access_token":"gho_new","token_type":"mac"}"#,
        r#"{"access_token":7}"#,
        "{}",
        "[]",
        "null",
        "access token",
        "<html>access_token=gho_new</html>",
        "",
    ] {
        let failure = refreshed(200, "application/json", body).await.unwrap_err();
        assert_blames(
            &failure,
            Blame::Provider,
            ReasonCode::ProviderProtocol,
            GrantVerdict::Unknown,
        );
        assert!(!format!("{failure:?}").contains("gho"), "{failure:?}");
    }
}

#[tokio::test]
async fn an_unknown_app_is_hidden_behind_a_404() {
    let body = r#"{"error":"Not Found"}"#;
    let failure = refreshed(404, "application/json", body).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::App,
        ReasonCode::AppCredentialsInvalid,
        GrantVerdict::Unknown,
    );
}

#[tokio::test]
async fn an_exchange_sends_what_github_asks_for_and_nothing_in_the_url() {
    let canned = Canned::answering(|_| answer(200, &[], "{}")).await;
    let (code, verifier) = (came("the-code".into()), "the-verifier".into());
    let exchanged = canned
        .adapter
        .exchange(&canned.app, &code, Some(&verifier))
        .await;
    assert!(exchanged.is_err());
    let seen = &canned.seen()[0];
    assert_eq!(seen.line, "POST /login/oauth/access_token");
    for field in [
        "client_id=the-client",
        "client_secret=the-client-secret",
        "code=the-code",
        "code_verifier=the-verifier",
        "redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Foauth%2Fcallback%2Fgithub",
    ] {
        assert!(seen.body.split('&').any(|sent| sent == field), "{field}");
    }
    assert!(seen.header("user-agent").unwrap().starts_with("lanyard/"));
    assert_eq!(seen.header("referer"), None);
    assert_eq!(seen.header("cookie"), None);
}

#[tokio::test]
async fn calls_to_the_api_pin_its_version() {
    let canned = Canned::answering(|_| answer(200, &[], "[]")).await;
    let listed = canned
        .adapter
        .list_keys(&canned.app, &"gho_token".into())
        .await;
    assert!(listed.unwrap().is_empty());
    let seen = &canned.seen()[0];
    assert_eq!(seen.line, "GET /api/v3/user/keys?per_page=100");
    assert_eq!(seen.header("x-github-api-version"), Some("2022-11-28"));
    assert_eq!(seen.header("accept"), Some("application/vnd.github+json"));
    assert_eq!(seen.header("authorization"), Some("Bearer gho_token"));
}
