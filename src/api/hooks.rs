//! What a product tells us by itself. Whoever sends it has no token: it knows a secret instead.
//! Whether the provider, its secret or the signature is missing or wrong, the answer is the same.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

use super::caller::parse;
use super::extract::{InPath, read};
use super::openapi::Doc;
use super::problem::Problem;
use crate::app::{App, CaseError};

/// The longest text of a header that is looked at.
const LONGEST_HEADER: usize = 512;

pub(super) async fn gitlab(
    State(app): State<App>,
    InPath(provider): InPath<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let body = read(&headers, body).await?;
    let Ok(provider) = parse("provider", &provider) else {
        return Ok(StatusCode::UNAUTHORIZED);
    };
    let token = header(&headers, "x-gitlab-token");
    answer(app.gitlab_hook(&provider, token, &body).await)
}

pub(super) fn gitlab_doc() -> Doc {
    Doc::new("takeGitlabHook", "Takes a system hook of a GitLab")
        .says(
            "`X-Gitlab-Token` is the provider's hook secret. A hook is an early sign: Lanyard looks \
             at the account's keys at once, and believes what it finds there.",
        )
        .answers_empty(204, "it is taken, or says nothing of keys")
        .answers_empty(401, "it is not known to be from there")
        .problems(&["body-too-large"])
}

pub(super) async fn github(
    State(app): State<App>,
    InPath(provider): InPath<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let body = read(&headers, body).await?;
    let Ok(provider) = parse("provider", &provider) else {
        return Ok(StatusCode::UNAUTHORIZED);
    };
    let signature = header(&headers, "x-hub-signature-256");
    let event = header(&headers, "x-github-event");
    answer(app.github_hook(&provider, signature, event, &body).await)
}

pub(super) fn github_doc() -> Doc {
    Doc::new("takeGithubHook", "Takes a webhook of a GitHub App")
        .says(
            "`X-Hub-Signature-256` is the HMAC-SHA256 of the body with the provider's hook secret. \
             `github_app_authorization` with the action `revoked` has the account looked at at once.",
        )
        .answers_empty(204, "it is taken, or says nothing of grants")
        .answers_empty(401, "it is not known to be from there")
        .problems(&["body-too-large"])
}

fn answer(taken: Result<bool, CaseError>) -> Result<StatusCode, Problem> {
    Ok(if taken? {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::UNAUTHORIZED
    })
}

/// Returns a header that was sent once.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut sent = headers.get_all(name).iter();
    let (Some(value), None) = (sent.next(), sent.next()) else {
        return None;
    };
    value
        .to_str()
        .ok()
        .filter(|text| text.len() <= LONGEST_HEADER)
}
