//! A person's word that they have put a key somewhere, or taken it away.

use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use domain::{AccountId, KeyId};
use projections::key_placements::PlacementStatus;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::caller::{Asking, Subject, parse};
use super::extract::{Fields, InPath};
use super::fresh::Index;
use super::openapi::Doc;
use super::problem::Problem;
use crate::app::App;

/// What the person did.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct Confirm {
    /// true: the key is pasted there; false: it is gone from there.
    placed: bool,
}

/// What is known of the key now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConfirmedBody {
    /// The account.
    account: String,
    /// The key.
    key: String,
    /// `published` or `withdrawn`.
    status: &'static str,
    /// When the provider ends the key by itself, if it does; it may be pasted again before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(with = "domain::time::optional")]
    expires_at: Option<DateTime<Utc>>,
}

pub(super) async fn confirm(
    State(app): State<App>,
    asking: Asking,
    Subject(user): Subject,
    InPath((_, account, key)): InPath<(String, String, String)>,
    Fields(mut input): Fields,
) -> Result<impl IntoResponse, Problem> {
    let account = parse::<AccountId>("account", &account)?;
    let key = parse::<KeyId>("key", &key)?;
    let placed = match input.flag("placed") {
        Ok(None) => Err(input.reject("placed", "is required")),
        Ok(Some(placed)) => Ok(placed),
        Err(rejected) => Err(rejected),
    };
    let placed = input.finish(placed)?;
    let confirmed = app
        .confirm_key(&user, (account, key), placed, &asking.caller())
        .await?;
    let status = if placed {
        PlacementStatus::Published
    } else {
        PlacementStatus::Withdrawn
    };
    let body = ConfirmedBody {
        account: account.to_string(),
        key: key.to_string(),
        status: status.as_str(),
        expires_at: confirmed.expires_at,
    };
    Ok((Index(confirmed.index), Json(body)))
}

pub(super) fn confirm_doc() -> Doc {
    Doc::new("confirmKey", "Confirms what `by_hand` of a key asks for")
        .says(
            "Only the person says so: Lanyard cannot look. A key that ends by itself is confirmed \
             again once it was pasted again, and then lasts from that moment on.",
        )
        .takes::<Confirm>()
        .answers_with::<ConfirmedBody>(200, "what is known of the key now", &["Lanyard-Index"])
        .problems(&[
            "invalid-input",
            "account-not-found",
            "key-not-found",
            "not-by-hand",
            "confirmation-not-due",
            "confirmation-other-way",
        ])
}
