use domain::{Blame, ReasonCode};
use lanyard::providers::{GrantVerdict, ProviderFailure, RemoteKeyId};

use super::support::{Canned, after, answer, assert_blames, key, new_key};

/// What the adapter makes of one answer to a list.
async fn judged(status: u16, headers: &[(&str, &str)], body: &str) -> ProviderFailure {
    let headers: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let body = body.to_owned();
    let canned = Canned::answering(move |_| {
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        answer(status, &headers, body.clone())
    })
    .await;
    let token = "the-token".into();
    let listed = canned.adapter.list_keys(&canned.app, &token).await;
    listed.unwrap_err()
}

#[tokio::test]
async fn the_answer_of_something_before_gitlab_costs_nobody_their_grant() {
    for (status, body) in [
        (401, "<html>sign in</html>"),
        (401, ""),
        (401, r#"{"detail":"who are you?"}"#),
        (403, "<html>blocked by the firewall</html>"),
        (403, "[]"),
        (404, "not found"),
        (418, r#"{"message":"a teapot"}"#),
        (302, ""),
        (204, ""),
        (200, r#"{"keys":[]}"#),
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

#[tokio::test]
async fn refusals_are_judged_by_their_words() {
    let blocked = r#"{"message":"403 Forbidden - Your account has been blocked."}"#;
    let forbidden = r#"{"message":"403 Forbidden"}"#;
    let scope = r#"{"error":"insufficient_scope","error_description":"x","scope":"api read_api"}"#;
    let missing = r#"{"error":"404 Not Found"}"#;
    let unfit = r#"{"error":"page does not have a valid value"}"#;
    for (status, body, blame, code, words) in [
        (
            403,
            blocked,
            Blame::Grant,
            ReasonCode::AccountSuspended,
            "403 Forbidden - Your account has been blocked.",
        ),
        (
            403,
            forbidden,
            Blame::Provider,
            ReasonCode::ProviderError,
            "403 Forbidden",
        ),
        (
            403,
            scope,
            Blame::Grant,
            ReasonCode::ScopeMissing,
            "the scope api read_api was not granted",
        ),
        (
            404,
            missing,
            Blame::Provider,
            ReasonCode::ProviderProtocol,
            "404 Not Found",
        ),
        (
            400,
            unfit,
            Blame::Us,
            ReasonCode::ProviderProtocol,
            "page does not have a valid value",
        ),
    ] {
        let failure = judged(status, &[], body).await;
        assert_blames(&failure, blame, code, GrantVerdict::Unknown);
        assert_eq!(failure.failure.detail.as_deref(), Some(words));
    }
}

#[tokio::test]
async fn a_token_that_does_not_work_is_tried_to_be_refreshed_once() {
    let expired = "Token is expired. You can either do re-authorization or token refresh.";
    let revoked = "Token was revoked. You have to re-authorize from the user.";
    for (words, code) in [
        (expired, ReasonCode::GrantExpired),
        (revoked, ReasonCode::GrantRevoked),
        ("Bad Access Token.", ReasonCode::GrantRevoked),
    ] {
        let body = format!(r#"{{"error":"invalid_token","error_description":"{words}"}}"#);
        let failure = judged(401, &[], &body).await;
        assert_blames(&failure, Blame::Grant, code, GrantVerdict::Expired);
        assert_eq!(failure.failure.detail.as_deref(), Some(words));
    }
    let failure = judged(401, &[], r#"{"message":"401 Unauthorized"}"#).await;
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::GrantRevoked,
        GrantVerdict::Expired,
    );
}

#[tokio::test]
async fn a_limit_without_retry_after_ends_with_its_window() {
    let reset = (after(17)).timestamp().to_string();
    let headers = [("ratelimit-reset", &*reset)];
    let failure = judged(429, &headers, "Retry later\n").await;
    assert_eq!(failure.not_before, Some(after(17)));
    let mad = [("ratelimit-reset", "99999999999999999999")];
    let failure = judged(429, &mad, "Retry later\n").await;
    assert_eq!(failure.not_before, Some(after(60)));
    let far = [("ratelimit-reset", "9999999999")];
    let failure = judged(429, &far, "Retry later\n").await;
    assert_eq!(failure.not_before, Some(after(86_400)));
}

#[tokio::test]
async fn a_list_with_a_hole_is_no_list() {
    let row = r#"[{"id":1,"title":"a","key":"ssh-ed25519"}]"#;
    let failure = judged(200, &[], row).await;
    assert_eq!(failure.failure.code, ReasonCode::ProviderProtocol);
}

/// Rows of keys with the ids of a page.
fn rows(page: usize, many: usize) -> String {
    let row = |n| {
        format!(
            r#"{{"id":{},"key":"ssh-ed25519 AAAA{page}{n} x (y)"}}"#,
            page * 1000 + n
        )
    };
    let rows: Vec<String> = (0..many).map(row).collect();
    format!("[{}]", rows.join(","))
}

fn page_of(line: &str) -> usize {
    let (_, page) = line.split_once("&page=").unwrap();
    page.parse().unwrap()
}

#[tokio::test]
async fn pages_are_asked_for_where_gitlab_is_and_not_where_it_believes_to_be() {
    let canned = Canned::answering(|seen| {
        let page = page_of(&seen.line);
        let next = if page == 1 { "2" } else { "" };
        let link = "<https://evil.example/api/v4/user/keys?page=2>; rel=\"next\"";
        let headers = [("x-next-page", next), ("link", link)];
        answer(200, &headers, rows(page, 2))
    })
    .await;
    let listed = canned
        .adapter
        .list_keys(&canned.app, &"the-token".into())
        .await;
    assert_eq!(listed.unwrap().len(), 4);
    let lines: Vec<String> = canned.seen().into_iter().map(|seen| seen.line).collect();
    assert_eq!(
        lines,
        [
            "GET /api/v4/user/keys?per_page=100&page=1",
            "GET /api/v4/user/keys?per_page=100&page=2"
        ]
    );
}

#[tokio::test]
async fn without_the_header_a_full_page_means_ask_again() {
    let canned = Canned::answering(|seen| {
        let page = page_of(&seen.line);
        answer(200, &[], rows(page, if page < 3 { 100 } else { 7 }))
    })
    .await;
    let listed = canned
        .adapter
        .list_keys(&canned.app, &"the-token".into())
        .await;
    assert_eq!(listed.unwrap().len(), 207);
}

#[tokio::test]
async fn pages_that_do_not_end_are_given_up() {
    let canned = Canned::answering(|seen| {
        let next = (page_of(&seen.line) + 1).to_string();
        answer(200, &[("x-next-page", &next)], rows(1, 1))
    })
    .await;
    let listed = canned
        .adapter
        .list_keys(&canned.app, &"the-token".into())
        .await;
    let words = listed.unwrap_err().failure.detail.unwrap();
    assert_eq!(words, "the pages of keys do not end");
    assert_eq!(canned.seen().len(), 100);
    // A page that leads back is the last one.
    let circle = Canned::answering(|_| answer(200, &[("x-next-page", "1")], rows(1, 1))).await;
    let listed = circle
        .adapter
        .list_keys(&circle.app, &"the-token".into())
        .await;
    assert_eq!(listed.unwrap().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let canned = Canned::answering(|_| {
        let headers = [("location", "https://evil.example/api/v4/user?x=y")];
        answer(302, &headers, "")
    })
    .await;
    let identity = canned
        .adapter
        .identify(&canned.app, &"the-token".into())
        .await;
    let words = identity.unwrap_err().failure.detail.unwrap();
    assert_eq!(
        words,
        "status 302: it redirects to https://evil.example/api/v4/user"
    );
    assert_eq!(canned.seen().len(), 1);
}

#[tokio::test]
async fn only_gitlabs_own_404_says_that_a_key_is_gone() {
    for (status, body, gone) in [
        (404, r#"{"message":"404 Key Not Found"}"#, true),
        (404, r#"{"message":"404 Not found"}"#, true),
        (404, r#"{"error":"404 Not Found"}"#, false),
        (404, "<html>nginx</html>", false),
        (200, "<html>welcome</html>", false),
    ] {
        let canned = Canned::answering(move |_| answer(status, &[], body)).await;
        let id = RemoteKeyId::new("7").unwrap();
        let token = "the-token".into();
        let removed = canned.adapter.remove_key(&canned.app, &token, &id).await;
        assert_eq!(removed.is_ok(), gone, "{status} {body}");
        assert!(!removed.unwrap_or(false), "it was not there: {body}");
        let seen = &canned.seen()[0];
        assert_eq!(seen.line, "DELETE /api/v4/user/keys/7");
        assert_eq!(seen.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_title_is_our_fault() {
    let body = r#"{"message":{"title":["can't be blank"]}}"#;
    let canned = Canned::answering(move |_| answer(400, &[], body)).await;
    let one = key(1);
    let added = canned
        .adapter
        .add_key(&canned.app, &"the-token".into(), &new_key("", &one))
        .await;
    let failure = added.unwrap_err();
    assert_blames(
        &failure,
        Blame::Us,
        ReasonCode::ProviderProtocol,
        GrantVerdict::Unknown,
    );
    assert_eq!(
        failure.failure.detail.as_deref(),
        Some("title can't be blank")
    );
}

#[tokio::test]
async fn what_a_provider_echoes_of_our_secrets_is_not_kept() {
    let echo = r#"{"message":"401 Unauthorized: the-very-secret-token"}"#;
    let canned = Canned::answering(move |_| answer(401, &[], echo)).await;
    let token = "the-very-secret-token".into();
    let failure = canned.adapter.list_keys(&canned.app, &token).await;
    let failure = failure.unwrap_err();
    assert!(!format!("{failure:?}").contains("very-secret"));
}

#[tokio::test]
async fn an_account_that_says_itself_that_it_is_blocked_is_not_linked() {
    let body = r#"{"id":7,"username":"ada","state":"blocked"}"#;
    let canned = Canned::answering(move |_| answer(200, &[], body)).await;
    let failure = canned
        .adapter
        .identify(&canned.app, &"the-token".into())
        .await;
    assert_eq!(
        failure.unwrap_err().failure.code,
        ReasonCode::AccountSuspended
    );
}
