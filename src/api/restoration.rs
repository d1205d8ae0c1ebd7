//! A key that is no longer at its provider, put back because somebody wants it there.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use domain::{AccountId, KeyId};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::caller::{Asking, Subject, parse};
use super::extract::{Fields, InPath};
use super::fresh::Index;
use super::openapi::Doc;
use super::problem::Problem;
use super::words::Reason;
use crate::app::App;

/// Why a key is to be put back.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct Restore {
    /// Why, in your words.
    reason: Option<String>,
}

/// A key that is put back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RestoredBody {
    /// The account.
    account: String,
    /// The key.
    key: String,
    /// Whether it was requested now; otherwise it is on its way already.
    requested: bool,
}

pub(super) async fn restore(
    State(app): State<App>,
    asking: Asking,
    Subject(user): Subject,
    InPath((_, account, key)): InPath<(String, String, String)>,
    Fields(mut input): Fields,
) -> Result<impl IntoResponse, Problem> {
    let account = parse::<AccountId>("account", &account)?;
    let key = parse::<KeyId>("key", &key)?;
    let reason = input.optional::<Reason>("reason");
    let reason = input.finish(reason)?;
    let caller = asking.caller_because(reason.map(|reason| reason.0));
    let index = app.restore_key(&user, account, key, &caller).await?;
    let body = RestoredBody {
        account: account.to_string(),
        key: key.to_string(),
        requested: index.is_some(),
    };
    Ok((StatusCode::ACCEPTED, Index(index), Json(body)))
}

pub(super) fn restore_doc() -> Doc {
    Doc::new(
        "restoreKey",
        "Puts a key back that is missing at its provider, or takes it as it is there now",
    )
    .says("Whoever removed it there may have meant it: ask before.")
    .takes::<Restore>()
    .answers_with::<RestoredBody>(202, "it is on its way", &["Lanyard-Index"])
    .problems(&[
        "invalid-input",
        "account-not-found",
        "key-not-found",
        "nothing-to-restore",
    ])
}
