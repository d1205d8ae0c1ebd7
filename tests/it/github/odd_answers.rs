use domain::{Blame, ReasonCode};
use lanyard::providers::{GrantVerdict, ProviderFailure};

use super::support::{Canned, after, answer, assert_blames};

/// What a list of keys makes of an answer that a test says.
async fn judged(status: u16, headers: &[(&str, &str)], body: &str) -> ProviderFailure {
    let headers: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let body = body.to_owned();
    let canned = Canned::answering(move |_| {
        let headers: Vec<_> = headers.iter().map(|(n, v)| (&**n, &**v)).collect();
        answer(status, &headers, &*body)
    })
    .await;
    let listed = canned
        .adapter
        .list_keys(&canned.app, &"gho_token".into())
        .await;
    listed.unwrap_err()
}

#[tokio::test]
async fn every_other_refusal_is_judged_by_its_words() {
    use GrantVerdict::Unknown;
    let remaining = [("x-ratelimit-remaining", "4999")];
    let sso = [(
        "x-github-sso",
        "required; url=https://github.com/orgs/acme/sso?t=x",
    )];
    let narrow = [("x-oauth-scopes", "repo")];
    for (status, headers, message, blame, code) in [
        (
            403,
            &remaining[..],
            "Resource not accessible by integration",
            Blame::Grant,
            ReasonCode::ScopeMissing,
        ),
        (
            403,
            &sso,
            "Resource protected by organization SAML enforcement.",
            Blame::Grant,
            ReasonCode::KeySsoUnauthorized,
        ),
        (
            403,
            &remaining,
            "Although you appear to have the correct authorization credentials, the `acme` \
             organization has enabled OAuth App access restrictions, meaning that data access to \
             third-parties is limited.",
            Blame::Grant,
            ReasonCode::KeyOrgRestricted,
        ),
        (
            403,
            &narrow,
            "Must have admin rights",
            Blame::Grant,
            ReasonCode::ScopeMissing,
        ),
        (
            403,
            &remaining,
            "Something new",
            Blame::Provider,
            ReasonCode::ProviderError,
        ),
        (
            404,
            &remaining,
            "Not Found",
            Blame::Provider,
            ReasonCode::ProviderProtocol,
        ),
        (
            400,
            &remaining,
            "The version you specified is not a supported version.",
            Blame::Us,
            ReasonCode::ProviderProtocol,
        ),
        (
            403,
            &remaining,
            "You have triggered an abuse detection mechanism.",
            Blame::Provider,
            ReasonCode::ProviderRateLimited,
        ),
    ] {
        let body = format!(r#"{{"message":"{message}"}}"#);
        let failure = judged(status, headers, &body).await;
        assert_blames(&failure, blame, code, Unknown);
        assert!(!failure.failure.detail.unwrap().contains("t=x"));
    }
}

#[tokio::test]
async fn a_proxy_in_between_is_not_taken_for_github() {
    for status in [401, 403, 404, 418] {
        for body in [
            "<html>who are you?</html>",
            r#"{"error":"denied"}"#,
            "{}",
            "",
        ] {
            let failure = judged(status, &[], body).await;
            assert_blames(
                &failure,
                Blame::Provider,
                ReasonCode::ProviderProtocol,
                GrantVerdict::Unknown,
            );
        }
    }
}

#[tokio::test]
async fn a_503_says_when_to_come_back() {
    let failure = judged(503, &[("retry-after", "120")], "").await;
    assert_eq!(failure.failure.code, ReasonCode::ProviderError);
    assert_eq!(failure.not_before, Some(after(120)));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let canned =
        Canned::answering(|_| answer(302, &[("location", "http://169.254.169.254/x?token=y")], ""))
            .await;
    let token = "gho_token".into();
    let failure = canned
        .adapter
        .identify(&canned.app, &token)
        .await
        .unwrap_err();
    assert_eq!(failure.failure.code, ReasonCode::ProviderProtocol);
    let words = failure.failure.detail.unwrap();
    assert_eq!(
        words,
        "status 302: it redirects to http://169.254.169.254/x"
    );
    assert_eq!(canned.seen().len(), 1);
}

#[tokio::test]
async fn an_answer_without_end_is_cut() {
    let canned = Canned::answering(|_| answer(200, &[], " ".repeat(8 << 20))).await;
    let failure = canned
        .adapter
        .identify(&canned.app, &"gho_token".into())
        .await
        .unwrap_err();
    let words = failure.failure.detail.unwrap();
    assert_eq!(words, "status 200: the answer is too long");
}

#[tokio::test]
async fn what_a_provider_echoes_of_our_secrets_is_not_kept() {
    let canned = Canned::answering(|seen| {
        let sent = seen.header("authorization").unwrap().replace("Bearer ", "");
        answer(
            401,
            &[],
            format!(r#"{{"message":"no such token: {sent}\u0007"}}"#),
        )
    })
    .await;
    let failure = canned
        .adapter
        .identify(&canned.app, &"gho_token".into())
        .await
        .unwrap_err();
    assert_eq!(
        failure.failure.detail.as_deref(),
        Some("no such token: [removed]")
    );
    assert!(!format!("{failure:?}").contains("gho_"));
}

#[tokio::test]
async fn words_without_end_are_cut() {
    let body = format!(r#"{{"message":"{}"}}"#, "x".repeat(10_000));
    let failure = judged(401, &[], &body).await;
    assert_eq!(failure.failure.detail.unwrap().len(), 400);
}
