//! What is parked, given up for good.

use axum::extract::State;
use axum::response::IntoResponse;
use domain::{AccountId, KeyId};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::caller::Asking;
use super::extract::Fields;
use super::fresh::Index;
use super::openapi::Doc;
use super::problem::Problem;
use super::words::Reason;
use crate::app::App;

/// What is given up.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct Discard {
    /// The account.
    account: String,
    /// The key that is parked there.
    key: String,
    /// Why, in your words. It stays in the log.
    #[schema(example = "the server is gone for good")]
    reason: String,
}

/// What was given up.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DiscardedBody {
    /// Whether it was still to be given up.
    discarded: bool,
}

pub(super) async fn discard(
    State(app): State<App>,
    asking: Asking,
    Fields(mut input): Fields,
) -> Result<impl IntoResponse, Problem> {
    let account = input.required::<AccountId>("account");
    let key = input.required::<KeyId>("key");
    let reason = input.required::<Reason>("reason");
    let (account, key, reason) = input.finish((|| Ok((account?, key?, reason?)))())?;
    let caller = asking.caller_because(Some(reason.0));
    let index = app.discard_placement(account, key, &caller).await?;
    let discarded = index.is_some();
    Ok((Index(index), Json(DiscardedBody { discarded })))
}

pub(super) fn discard_doc() -> Doc {
    Doc::new("discardSync", "Gives up a key that is parked")
        .says(
            "Nothing more is tried. A key that was to be put there is not, and a new one takes its \
             place with the next rotation; one that was to be taken away stays, and is listed under \
             /api/v1/sync/residue. What is not parked cannot be given up.",
        )
        .takes::<Discard>()
        .answers_with::<DiscardedBody>(200, "it is given up", &["Lanyard-Index"])
        .problems(&[
            "invalid-input",
            "account-not-found",
            "account-key-not-parked",
        ])
}
