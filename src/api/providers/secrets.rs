//! A second client secret beside the first: staged, then confirmed or dropped.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use domain::provider::{Protocol, ProviderCommand};
use utoipa::ToSchema;

use super::body::{ProviderBody, answer};
use super::slug;
use crate::api::caller::Asking;
use crate::api::extract::{Fields, InPath};
use crate::api::fresh::IfMatch;
use crate::api::openapi::Doc;
use crate::api::problem::Problem;
use crate::app::App;

/// A second secret.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct NewSecret {
    /// The app's new secret. It is sealed and never shown again. For `oauth1` it is left out:
    /// Lanyard makes a key pair and answers with its public half.
    client_secret: Option<String>,
}

pub(in crate::api) async fn stage(
    State(app): State<App>,
    asking: Asking,
    IfMatch(seen): IfMatch,
    InPath(provider): InPath<String>,
    Fields(mut input): Fields,
) -> Result<impl IntoResponse, Problem> {
    let provider = slug(&provider)?;
    let now = app.provider(&provider).await?.registration;
    let secret = input.secret("client_secret");
    let secret = match (secret, now.protocol) {
        (Ok(Some(_)), Protocol::Oauth1) => {
            Err(input.reject("client_secret", super::reading::KEY_IS_OURS))
        }
        (Ok(None), Protocol::Oauth2) if !now.kind.is_by_hand() => {
            Err(input.reject("client_secret", "is required"))
        }
        (secret, _) => secret,
    };
    let secret = input.finish(secret)?;
    let known = app
        .stage_secret(&provider, secret, seen, &asking.caller())
        .await?;
    Ok((StatusCode::CREATED, answer(&app, &known)))
}

pub(in crate::api) fn stage_doc() -> Doc {
    Doc::new(
        "stageProviderSecret",
        "Puts a second secret beside the app's: either of them works",
    )
    .says(
        "Until one of the two is confirmed or dropped, a call that is refused with one is made \
         again with the other.",
    )
    .takes::<NewSecret>()
    .answers_with::<ProviderBody>(201, "the provider after it", &["ETag", "Lanyard-Index"])
    .honours_if_match()
    .problems(&[
        "invalid-input",
        "provider-not-found",
        "provider-app-not-used",
        "provider-secret-staged",
    ])
}

pub(in crate::api) async fn confirm(
    app: State<App>,
    asking: Asking,
    seen: IfMatch,
    provider: InPath<String>,
) -> Result<impl IntoResponse, Problem> {
    settle(app, asking, seen, provider, ProviderCommand::ConfirmSecret).await
}

pub(in crate::api) fn confirm_doc() -> Doc {
    Doc::new(
        "confirmProviderSecret",
        "Lets the second secret take the place of the first, which is destroyed",
    )
    .answers_with::<ProviderBody>(200, "the provider after it", &["ETag", "Lanyard-Index"])
    .honours_if_match()
    .problems(&["provider-not-found", "provider-no-secret-staged"])
}

pub(in crate::api) async fn drop_staged(
    app: State<App>,
    asking: Asking,
    seen: IfMatch,
    provider: InPath<String>,
) -> Result<impl IntoResponse, Problem> {
    settle(app, asking, seen, provider, ProviderCommand::DropSecret).await
}

pub(in crate::api) fn drop_doc() -> Doc {
    Doc::new(
        "dropProviderSecret",
        "Lets the second secret go; it is destroyed",
    )
    .says("Where there is none, nothing changes.")
    .answers_with::<ProviderBody>(200, "the provider after it", &["ETag", "Lanyard-Index"])
    .honours_if_match()
    .problems(&["provider-not-found"])
}

async fn settle(
    State(app): State<App>,
    asking: Asking,
    IfMatch(seen): IfMatch,
    InPath(provider): InPath<String>,
    command: ProviderCommand,
) -> Result<impl IntoResponse, Problem> {
    let known = app
        .settle_secret(&slug(&provider)?, command, seen, &asking.caller())
        .await?;
    Ok(answer(&app, &known))
}
