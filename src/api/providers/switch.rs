//! Pausing and resuming, disabling and enabling a provider, and having it removed.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use domain::provider::ProviderCommand;

use utoipa::ToSchema;

use super::body::{ProviderBody, answer};
use super::slug;
use crate::api::caller::Asking;
use crate::api::extract::{Fields, InPath};
use crate::api::fresh::IfMatch;
use crate::api::openapi::Doc;
use crate::api::problem::Problem;
use crate::api::words::Reason;
use crate::app::App;

/// How a provider is to be removed.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct LeaveProvider {
    /// Whether to wait for nothing: what stays at the provider is named.
    force: Option<bool>,
    /// Why, in your words; needed with `force`.
    reason: Option<String>,
}

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
    State(app): State<App>,
    asking: Asking,
    IfMatch(seen): IfMatch,
    InPath(provider): InPath<String>,
    Fields(mut input): Fields,
) -> Result<impl IntoResponse, Problem> {
    let force = input.flag("force");
    let reason = input.optional::<Reason>("reason");
    if force == Ok(Some(true)) && reason == Ok(None) {
        input.reject(
            "reason",
            "is required: what is forced leaves something behind",
        );
    }
    let (force, reason) = input.finish((|| Ok((force?, reason?)))())?;
    let provider = slug(&provider)?;
    let caller = asking.caller_because(reason.map(|reason| reason.0));
    let asked = ProviderCommand::RequestRemoval {
        force: force.unwrap_or_default(),
    };
    let known = app.switch_provider(&provider, asked, seen, &caller).await?;
    Ok((StatusCode::ACCEPTED, answer(&app, &known)))
}

pub(in crate::api) fn leave_doc() -> Doc {
    Doc::new(
        "requestProviderRemoval",
        "Stops new links, unlinks every account, then removes the provider for good",
    )
    .says(
        "It goes on by itself, each step an event; while the provider is away, paused or disabled \
         it waits. With `force` and a `reason` it waits for nothing: every account ends at once, \
         and `/api/v1/sync/residue` names what stays there; that can also be asked for later. Until \
         the provider is gone it can be called off.",
    )
    .takes::<LeaveProvider>()
    .answers_with::<ProviderBody>(202, "the provider, leaving", &["ETag", "Lanyard-Index"])
    .honours_if_match()
    .problems(&["invalid-input", "provider-not-found"])
}

pub(in crate::api) async fn stay(
    app: State<App>,
    asking: Asking,
    seen: IfMatch,
    provider: InPath<String>,
) -> Result<impl IntoResponse, Problem> {
    switch(app, asking, seen, provider, ProviderCommand::CancelRemoval).await
}

pub(in crate::api) fn stay_doc() -> Doc {
    switch_doc(
        "cancelProviderRemoval",
        "Calls a provider's removal off: accounts already asked to unlink still are",
    )
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
