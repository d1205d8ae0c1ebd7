use domain::{Blame, ReasonCode};
use lanyard::providers::{GrantVerdict, ProviderFailure, Tokens};

use super::support::{CALLBACK, Canned, after, answer, assert_blames, came, made_up};

async fn refreshed(status: u16, body: &'static str) -> Result<Tokens, ProviderFailure> {
    let headers = [("content-type", "application/json; charset=utf-8")];
    let canned = Canned::answering(move |_| answer(status, &headers, body)).await;
    let refreshed = canned.adapter.refresh(&canned.app, &made_up()).await;
    assert_eq!(canned.seen().len(), 1);
    refreshed
}

#[tokio::test]
async fn an_exchange_and_a_refresh_both_name_the_redirect_uri_and_nothing_is_in_the_url() {
    let canned = Canned::answering(|_| answer(200, &[], "{}")).await;
    let verifier = "the-verifier".into();
    let exchanged = canned
        .adapter
        .exchange(&canned.app, &came("the-code".into()), Some(&verifier))
        .await;
    assert_eq!(
        exchanged.unwrap_err().failure.code,
        ReasonCode::ProviderProtocol
    );
    let refreshed = canned.adapter.refresh(&canned.app, &made_up()).await;
    assert!(refreshed.is_err());
    let usual = [
        ("client_id", "the-client"),
        ("client_secret", "the-client-secret"),
        ("redirect_uri", CALLBACK),
    ];
    let exchange = [
        ("grant_type", "authorization_code"),
        ("code", "the-code"),
        ("code_verifier", "the-verifier"),
    ];
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", "the-refresh-token"),
    ];
    let seen = canned.seen();
    for (seen, fields) in seen.iter().zip([&exchange[..], &refresh[..]]) {
        assert_eq!(seen.line, "POST /oauth/token");
        let expected = [&usual[..], fields].concat();
        let form = seen.form();
        let form: Vec<_> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(form, expected);
    }
}

#[tokio::test]
async fn every_refusal_of_the_endpoint_finds_who_is_to_blame() {
    use GrantVerdict::{Lost, Unknown};
    for (status, body, blame, code, grant) in [
        (
            400,
            r#"{"error":"invalid_grant","error_description":"The provided authorization grant is invalid"}"#,
            Blame::Grant,
            ReasonCode::GrantExpired,
            Lost,
        ),
        (
            401,
            r#"{"error":"invalid_client","error_description":"Client authentication failed"}"#,
            Blame::App,
            ReasonCode::AppCredentialsInvalid,
            Unknown,
        ),
        (
            400,
            r#"{"error":"unauthorized_client"}"#,
            Blame::App,
            ReasonCode::AppCredentialsInvalid,
            Unknown,
        ),
        (
            400,
            r#"{"error":"invalid_request"}"#,
            Blame::Us,
            ReasonCode::ProviderProtocol,
            Unknown,
        ),
        (
            400,
            r#"{"error":"unsupported_grant_type"}"#,
            Blame::Us,
            ReasonCode::ProviderProtocol,
            Unknown,
        ),
        (
            400,
            r#"{"error":"something_new","error_description":"Nobody knows it."}"#,
            Blame::Provider,
            ReasonCode::ProviderProtocol,
            Unknown,
        ),
        (
            503,
            r#"{"error":"invalid_grant"}"#,
            Blame::Provider,
            ReasonCode::ProviderError,
            Unknown,
        ),
        (
            200,
            r#"{"error":"invalid_grant"}"#,
            Blame::Provider,
            ReasonCode::ProviderProtocol,
            Unknown,
        ),
        (
            400,
            "<html>bad request</html>",
            Blame::Provider,
            ReasonCode::ProviderProtocol,
            Unknown,
        ),
    ] {
        let failure = refreshed(status, body).await.unwrap_err();
        assert_blames(&failure, blame, code, grant);
    }
}

#[tokio::test]
async fn an_older_answer_without_scope_is_taken() {
    let body = r#"{"access_token":"a","token_type":"bearer","expires_in":7200,"refresh_token":"r","created_at":1607635748}"#;
    let tokens = refreshed(200, body).await.unwrap();
    assert_eq!(tokens.access.expose_str(), "a");
    assert_eq!(tokens.refresh.unwrap().expose_str(), "r");
    assert_eq!(tokens.expires_at, Some(after(7200)));
    assert_eq!(tokens.scopes, None);
}

#[tokio::test]
async fn odd_fields_do_not_cost_the_tokens_beside_them() {
    let body = r#"{"access_token":"a","expires_in":"soon","scope":["api"],"refresh_token":""}"#;
    let tokens = refreshed(200, body).await.unwrap();
    assert_eq!(tokens.access.expose_str(), "a");
    assert!(tokens.refresh.is_none() && tokens.expires_at.is_none());
    assert_eq!(tokens.scopes, None);
}

#[tokio::test]
async fn a_token_that_is_none_is_not_taken() {
    for body in [
        "{}",
        r#"{"access_token":""}"#,
        r#"{"access_token":"a\nb"}"#,
        r#"{"access_token":"a","token_type":"mac"}"#,
    ] {
        let failure = refreshed(200, body).await.unwrap_err();
        assert_eq!(failure.failure.code, ReasonCode::ProviderProtocol, "{body}");
    }
}

#[tokio::test]
async fn an_echo_of_the_refresh_token_or_the_secret_is_not_kept() {
    let body =
        r#"{"error":"invalid_grant","error_description":"the-refresh-token of the-client-secret"}"#;
    let failure = refreshed(400, body).await.unwrap_err();
    let words = failure.failure.detail.unwrap();
    assert_eq!(words, "[removed] of [removed]");
}
