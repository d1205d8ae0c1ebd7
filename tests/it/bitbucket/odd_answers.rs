use domain::provider::Protocol;
use domain::{Blame, ReasonCode};
use lanyard::providers::GrantVerdict;
use lanyard::vault::Secret;

use super::support::{Canned, answer, assert_blames, envelope, words};

/// Who asks, as every answer says it.
const ADA: &[(&str, &str)] = &[("x-ausername", "ada")];

#[tokio::test]
async fn a_list_with_a_hole_or_without_an_end_is_no_list() {
    for body in [
        r#"{"values":[{"id":7,"text":"ssh-ed25519"}],"isLastPage":true}"#,
        r#"{"values":[{"id":7}],"isLastPage":true}"#,
        r#"{"values":[{"id":"7","text":"ssh-ed25519 AAAA"}],"isLastPage":true}"#,
        r#"{"values":[],"isLastPage":false}"#,
        r#"{"values":[],"isLastPage":false,"nextPageStart":0}"#,
        r#"{"values":[],"isLastPage":false,"nextPageStart":null}"#,
        r#"{"isLastPage":true}"#,
        "[]",
        "null",
        "",
    ] {
        let canned = Canned::answering(Protocol::Oauth2, move |_| answer(200, ADA, body)).await;
        let failure = canned
            .adapter
            .list_keys(&canned.app, &Secret::from("t"))
            .await;
        assert_blames(
            &failure.unwrap_err(),
            Blame::Provider,
            ReasonCode::ProviderProtocol,
            GrantVerdict::Unknown,
        );
    }
}

#[tokio::test]
async fn pages_that_never_end_are_given_up() {
    let canned = Canned::answering(Protocol::Oauth2, |seen| {
        let start: u64 = seen.line.rsplit('=').next().unwrap().parse().unwrap();
        let next = start + 1;
        let body = format!(r#"{{"values":[],"isLastPage":false,"nextPageStart":{next}}}"#);
        answer(200, ADA, body)
    })
    .await;
    let failure = canned
        .adapter
        .list_keys(&canned.app, &Secret::from("t"))
        .await;
    assert_eq!(words(&failure.unwrap_err()), "the pages of keys do not end");
    assert_eq!(canned.seen().len(), 100);
}

#[tokio::test]
async fn a_401_that_is_not_bitbuckets_costs_nobody_their_grant() {
    for (status, body) in [
        (401, "<html>proxy</html>"),
        (401, ""),
        (401, r#"{"message":"401 Unauthorized"}"#),
        (401, r#"{"errors":[]}"#),
        (403, "<html>forbidden</html>"),
        (404, "<html>not found</html>"),
        (418, "teapot"),
    ] {
        for protocol in [Protocol::Oauth1, Protocol::Oauth2] {
            let canned = Canned::answering(protocol, move |_| answer(status, &[], body)).await;
            let token = Secret::from("t");
            let failures = [
                canned
                    .adapter
                    .list_keys(&canned.app, &token)
                    .await
                    .unwrap_err(),
                canned
                    .adapter
                    .identify(&canned.app, &token)
                    .await
                    .unwrap_err(),
            ];
            for failure in failures {
                assert_blames(
                    &failure,
                    Blame::Provider,
                    ReasonCode::ProviderProtocol,
                    GrantVerdict::Unknown,
                );
            }
        }
    }
}

#[tokio::test]
async fn a_lock_that_wants_a_captcha_is_the_accounts() {
    let canned = Canned::answering(Protocol::Oauth2, |_| {
        let name = "com.atlassian.bitbucket.auth.CaptchaRequiredAuthenticationException";
        envelope(403, name, "CAPTCHA required.")
    })
    .await;
    let failure = canned
        .adapter
        .list_keys(&canned.app, &Secret::from("t"))
        .await;
    assert_blames(
        &failure.unwrap_err(),
        Blame::Grant,
        ReasonCode::AccountSuspended,
        GrantVerdict::Unknown,
    );
}

#[tokio::test]
async fn a_maintenance_page_that_is_a_redirect_is_an_outage() {
    let canned = Canned::answering(Protocol::Oauth2, |_| {
        answer(302, &[("location", "/bitbucket/maintenance")], "")
    })
    .await;
    let failure = canned
        .adapter
        .list_keys(&canned.app, &Secret::from("t"))
        .await;
    assert_blames(
        &failure.unwrap_err(),
        Blame::Provider,
        ReasonCode::ProviderError,
        GrantVerdict::Unknown,
    );
}

#[tokio::test]
async fn revoking_is_left_to_the_person_because_there_is_nothing_to_call() {
    let canned = Canned::answering(Protocol::Oauth1, |_| answer(500, &[], "")).await;
    let tokens = super::renewal::tokens("the-token", None);
    let failure = canned.adapter.revoke(&canned.app, &tokens).await;
    assert_blames(
        &failure.unwrap_err(),
        Blame::Grant,
        ReasonCode::RemoveByHand,
        GrantVerdict::Unknown,
    );
    assert!(canned.seen().is_empty());
}
