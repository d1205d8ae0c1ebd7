//! Answers that no practice Gitea gives.

use domain::{Blame, ReasonCode};
use lanyard::providers::{Came, GrantVerdict};

use super::support::{Canned, after, answer, assert_blames};

fn came() -> Came {
    Came {
        code: "gta_the-code".into(),
        token: None,
    }
}

#[tokio::test]
async fn tokens_that_cannot_be_used_are_none() {
    for body in [
        "{}",
        r#"{"access_token":""}"#,
        r#"{"access_token":"a b","token_type":"bearer"}"#,
        r#"{"access_token":"eyJ.a.b","token_type":"mac"}"#,
        r#"{"access_token":7}"#,
        "[]",
        "access_token=eyJ.a.b",
    ] {
        let canned = Canned::answering(move |_| answer(200, &[], body)).await;
        let exchanged = canned.adapter.exchange(&canned.app, &came(), None).await;
        let failure = exchanged.unwrap_err();
        let (blame, code) = (Blame::Provider, ReasonCode::ProviderProtocol);
        assert_blames(&failure, blame, code, GrantVerdict::Unknown);
    }
}

#[tokio::test]
async fn tokens_are_taken_without_what_may_be_missing() {
    let canned = Canned::answering(|line| {
        if line.ends_with("/introspect") {
            answer(200, &[], r#"{"active":false}"#)
        } else {
            answer(
                200,
                &[],
                r#"{"access_token":"eyJ.a.b","expires_in":60,"x":1}"#,
            )
        }
    })
    .await;
    let tokens = canned.adapter.exchange(&canned.app, &came(), None).await;
    let tokens = tokens.unwrap();
    assert_eq!(tokens.access.expose_str(), "eyJ.a.b");
    assert_eq!(tokens.expires_at, Some(after(60)));
    assert!(tokens.refresh.is_none() && tokens.scopes.is_none());
}

#[tokio::test]
async fn no_secret_is_kept_of_a_refusal_that_repeats_it() {
    let words = "gta_the-code the-client-secret";
    let body = format!(r#"{{"error":"strange","error_description":"{words}"}}"#);
    let canned = Canned::answering(move |_| answer(400, &[], body.clone())).await;
    let exchanged = canned.adapter.exchange(&canned.app, &came(), None).await;
    let failure = exchanged.unwrap_err();
    let words = failure.failure.detail.as_deref().unwrap();
    assert_eq!(words, "strange: [removed] [removed]");
}

#[tokio::test]
async fn a_redirect_takes_no_token_along() {
    let canned = Canned::answering(|_| {
        let target = [("location", "https://elsewhere.example/login?next=/x")];
        answer(302, &target, "")
    })
    .await;
    let listed = canned.adapter.list_keys(&canned.app, &canned.token).await;
    let failure = listed.unwrap_err();
    let (blame, code) = (Blame::Provider, ReasonCode::ProviderProtocol);
    assert_blames(&failure, blame, code, GrantVerdict::Unknown);
    let words = failure.failure.detail.unwrap();
    assert!(words.contains("redirects to https://elsewhere.example/login"));
    assert_eq!(canned.seen().len(), 1);
}

#[tokio::test]
async fn a_401_or_403_of_a_proxy_blames_no_grant() {
    for status in [401, 403] {
        for body in ["<html>", r#"{"error":"denied"}"#, ""] {
            let canned = Canned::answering(move |_| answer(status, &[], body)).await;
            let listed = canned.adapter.list_keys(&canned.app, &canned.token).await;
            let failure = listed.unwrap_err();
            let (blame, code) = (Blame::Provider, ReasonCode::ProviderProtocol);
            assert_blames(&failure, blame, code, GrantVerdict::Unknown);
        }
    }
}

#[tokio::test]
async fn an_unknown_403_of_gitea_is_an_error_of_the_provider() {
    let body = r#"{"message":"no","url":"https://x/api/swagger"}"#;
    let canned = Canned::answering(move |_| answer(403, &[], body)).await;
    let listed = canned.adapter.list_keys(&canned.app, &canned.token);
    let failure = listed.await.unwrap_err();
    let (blame, code) = (Blame::Provider, ReasonCode::ProviderError);
    assert_blames(&failure, blame, code, GrantVerdict::Unknown);
}
