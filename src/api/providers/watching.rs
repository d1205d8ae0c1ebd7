//! Whether a provider still agrees with the log: looked at on demand, or when it says so itself.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::slug;
use crate::api::answer::Json;
use crate::api::caller::Asking;
use crate::api::extract::InPath;
use crate::api::fresh::{IfMatch, Index, Revision};
use crate::api::openapi::Doc;
use crate::api::problem::Problem;
use crate::app::App;

/// A sweep that has begun.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SweepBody {
    /// How many accounts are looked at.
    accounts: u64,
}

/// A new secret for hooks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HookSecretBody {
    /// The secret. It is sealed and never shown again.
    secret: String,
    /// Where the product is to send its hooks.
    #[schema(example = "https://lanyard.example.com/hooks/gitlab/gitlab")]
    url: String,
}

pub(in crate::api) async fn sweep(
    State(app): State<App>,
    InPath(provider): InPath<String>,
) -> Result<impl IntoResponse, Problem> {
    let accounts = app.sweep(&slug(&provider)?).await?;
    Ok((StatusCode::ACCEPTED, Json(SweepBody { accounts })))
}

pub(in crate::api) fn sweep_doc() -> Doc {
    Doc::new(
        "sweepProvider",
        "Looks at every account's keys at a provider now, not only once a day",
    )
    .says(
        "It goes on in the background, as fast as the provider's pace allows; what it finds is \
         listed at `/api/v1/sync?drift=any`. While the provider is paused or away it waits.",
    )
    .answers::<SweepBody>(202, "how many accounts are looked at")
    .problems(&["provider-not-found"])
}

pub(in crate::api) async fn hook_secret(
    State(app): State<App>,
    asking: Asking,
    IfMatch(seen): IfMatch,
    InPath(provider): InPath<String>,
) -> Result<impl IntoResponse, Problem> {
    let made = app
        .set_hook_secret(&slug(&provider)?, seen, &asking.caller())
        .await?;
    let body = HookSecretBody {
        secret: made.secret.expose_str().to_owned(),
        url: made.url,
    };
    Ok((
        Revision(made.known.revision),
        Index(made.known.index),
        Json(body),
    ))
}

pub(in crate::api) fn hook_secret_doc() -> Doc {
    Doc::new(
        "setHookSecret",
        "Makes the secret by which a product's own hooks are known",
    )
    .says("It is shown this once. The one before it, if there was one, is of no use from then on.")
    .answers_with::<HookSecretBody>(
        200,
        "the secret, and the address",
        &["ETag", "Lanyard-Index"],
    )
    .honours_if_match()
    .problems(&["provider-not-found", "provider-hooks-not-sent"])
}
