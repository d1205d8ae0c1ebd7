//! The Git providers.

mod body;
pub(super) mod host_keys;
mod reading;
pub(super) mod secrets;
mod switch;
pub(super) mod watching;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use domain::ProviderSlug;

pub(super) use switch::{
    disable, disable_doc, enable, enable_doc, leave, leave_doc, pause, pause_doc, resume,
    resume_doc, stay, stay_doc,
};

use self::body::{
    ChangedProvider, NewProvider, ProviderBody, ProvidersBody, TestBody, answer, body, tested,
};
use self::reading::{read_changes, read_new};
use super::caller::{Asking, parse};
use super::extract::{Fields, InPath};
use super::fresh::{IfMatch, Index};
use super::openapi::Doc;
use super::problem::Problem;
use crate::api::answer::Json;
use crate::app::App;

pub(super) async fn list(State(app): State<App>) -> Result<Json<ProvidersBody>, Problem> {
    let known = app.list_providers().await?;
    let providers = known.iter().map(|known| body(&app, known)).collect();
    Ok(Json(ProvidersBody { providers }))
}

pub(super) fn list_doc() -> Doc {
    Doc::new("listProviders", "Lists the providers; calls none of them")
        .answers::<ProvidersBody>(200, "the providers, by short name")
}

pub(super) async fn add(
    State(app): State<App>,
    asking: Asking,
    Fields(input): Fields,
) -> Result<impl IntoResponse, Problem> {
    let (added, secret) = read_new(&app, input)?;
    let known = app.add_provider(added, secret, &asking.caller()).await?;
    let place = format!("/api/v1/providers/{}", known.registration.provider);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, place)],
        answer(&app, &known),
    ))
}

pub(super) fn add_doc() -> Doc {
    Doc::new("addProvider", "Registers a provider")
        .says("Register an OAuth app at the provider with the `redirect_url` of the answer.")
        .takes::<NewProvider>()
        .answers_with::<ProviderBody>(201, "the provider", &["Location", "ETag", "Lanyard-Index"])
        .problems(&[
            "invalid-input",
            "provider-already-added",
            "provider-slug-retired",
            "provider-algorithm-not-accepted",
            "provider-app-missing",
            "provider-app-not-used",
            "provider-protocol-not-spoken",
            "provider-signing-not-done",
            "shared-callback-taken",
            "consumer-key-taken",
        ])
}

pub(super) async fn get(
    State(app): State<App>,
    InPath(provider): InPath<String>,
) -> Result<impl IntoResponse, Problem> {
    let known = app.provider(&slug(&provider)?).await?;
    Ok(answer(&app, &known))
}

pub(super) fn get_doc() -> Doc {
    Doc::new("getProvider", "Shows a provider; does not call it")
        .answers_with::<ProviderBody>(200, "the provider", &["ETag"])
        .problems(&["provider-not-found"])
}

pub(super) async fn change(
    State(app): State<App>,
    asking: Asking,
    IfMatch(seen): IfMatch,
    InPath(provider): InPath<String>,
    Fields(input): Fields,
) -> Result<impl IntoResponse, Problem> {
    let provider = slug(&provider)?;
    let (changes, secret) = read_changes(&app, input)?;
    let known = app
        .change_provider(&provider, seen, changes, secret, &asking.caller())
        .await?;
    Ok(answer(&app, &known))
}

pub(super) fn change_doc() -> Doc {
    Doc::new("changeProvider", "Changes a provider; what is absent stays")
        .takes::<ChangedProvider>()
        .answers_with::<ProviderBody>(200, "the provider after it", &["ETag", "Lanyard-Index"])
        .honours_if_match()
        .problems(&[
            "invalid-input",
            "provider-not-found",
            "provider-algorithm-not-accepted",
            "provider-base-url-fixed",
            "provider-app-not-used",
            "provider-bitbucket-cloud",
            "provider-key-is-ours",
            "provider-signing-not-done",
            "shared-callback-taken",
            "consumer-key-taken",
        ])
}

pub(super) async fn remove(
    State(app): State<App>,
    asking: Asking,
    IfMatch(seen): IfMatch,
    InPath(provider): InPath<String>,
) -> Result<impl IntoResponse, Problem> {
    let index = app
        .remove_provider(&slug(&provider)?, seen, &asking.caller())
        .await?;
    Ok((StatusCode::NO_CONTENT, Index(index), ()))
}

pub(super) fn remove_doc() -> Doc {
    Doc::new(
        "removeProvider",
        "Removes a provider for good; its short name is spent",
    )
    .says("While accounts are linked, ask for its removal instead: each is unlinked first.")
    .answers_empty(204, "it is removed")
    .honours_if_match()
    .problems(&["provider-not-found", "provider-accounts-linked"])
}

pub(super) async fn test(
    State(app): State<App>,
    asking: Asking,
    InPath(provider): InPath<String>,
) -> Result<Json<TestBody>, Problem> {
    let findings = app
        .test_provider(&slug(&provider)?, &asking.caller())
        .await?;
    Ok(Json(tested(findings)))
}

pub(super) fn test_doc() -> Doc {
    Doc::new(
        "testProvider",
        "Tries whether a provider is there and knows the app",
    )
    .answers::<TestBody>(200, "what was found, each with what to do")
    .problems(&["provider-not-found"])
}

fn slug(text: &str) -> Result<ProviderSlug, Problem> {
    parse("provider", text)
}
