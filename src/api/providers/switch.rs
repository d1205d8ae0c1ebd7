//! Pausing and resuming, disabling and enabling a provider, and having it removed.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use domain::provider::ProviderCommand;

use super::body::{ProviderBody, answer};
use super::slug;
use crate::api::caller::Asking;
use crate::api::extract::InPath;
use crate::api::fresh::IfMatch;
use crate::api::openapi::Doc;
use crate::api::problem::Problem;
use crate::app::App;

pub(in crate::api) async fn pause(
    app: State<App>,
    asking: Asking,
    seen: IfMatch,
    provider: InPath<String>,
) -> Result<impl IntoResponse, Problem> {
    switch(app, asking, seen, provider, ProviderCommand::PauseProvider).await
}

pub(in crate::api) fn pause_doc() -> Doc {
    switch_doc("pauseProvider", "Stops key sync at a provider")
}

pub(in crate::api) async fn resume(
    app: State<App>,
    asking: Asking,
    seen: IfMatch,
    provider: InPath<String>,
) -> Result<impl IntoResponse, Problem> {
    switch(app, asking, seen, provider, ProviderCommand::ResumeProvider).await
}

pub(in crate::api) fn resume_doc() -> Doc {
    switch_doc("resumeProvider", "Lets key sync at a provider go on")
}

pub(in crate::api) async fn disable(
    app: State<App>,
    asking: Asking,
    seen: IfMatch,
    provider: InPath<String>,
) -> Result<impl IntoResponse, Problem> {
    switch(
        app,
        asking,
        seen,
        provider,
        ProviderCommand::DisableProvider,
    )
    .await
}

pub(in crate::api) fn disable_doc() -> Doc {
    switch_doc(
        "disableProvider",
        "Stops new links and key sync; what is there stays",
    )
}

pub(in crate::api) async fn enable(
    app: State<App>,
    asking: Asking,
    seen: IfMatch,
    provider: InPath<String>,
) -> Result<impl IntoResponse, Problem> {
    switch(app, asking, seen, provider, ProviderCommand::EnableProvider).await
}

pub(in crate::api) fn enable_doc() -> Doc {
    switch_doc("enableProvider", "Lets a disabled provider work again")
}

pub(in crate::api) async fn leave(
    app: State<App>,
    asking: Asking,
    seen: IfMatch,
    provider: InPath<String>,
) -> Result<impl IntoResponse, Problem> {
    let asked = switch(app, asking, seen, provider, ProviderCommand::RequestRemoval);
    Ok((StatusCode::ACCEPTED, asked.await?))
}

pub(in crate::api) fn leave_doc() -> Doc {
    Doc::new(
        "requestProviderRemoval",
        "Stops new links, unlinks every account, then removes the provider for good",
    )
    .says(
        "It goes on by itself, each step an event; while the provider is away, paused or disabled \
         it waits. There is no way back.",
    )
    .answers_with::<ProviderBody>(202, "the provider, leaving", &["ETag", "Lanyard-Index"])
    .honours_if_match()
    .problems(&["provider-not-found"])
}

async fn switch(
    State(app): State<App>,
    asking: Asking,
    IfMatch(seen): IfMatch,
    InPath(provider): InPath<String>,
    command: ProviderCommand,
) -> Result<impl IntoResponse, Problem> {
    let known = app
        .switch_provider(&slug(&provider)?, command, seen, &asking.caller())
        .await?;
    Ok(answer(&app, &known))
}

fn switch_doc(id: &'static str, summary: &'static str) -> Doc {
    Doc::new(id, summary)
        .says("Asking for what already is changes nothing.")
        .answers_with::<ProviderBody>(200, "the provider after it", &["ETag", "Lanyard-Index"])
        .honours_if_match()
        .problems(&["provider-not-found"])
}
