//! Off-boarding: everything that a person has here comes to its end.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::accounts::{FailureBody, failed};
use super::answer::Json;
use super::caller::{Asking, Subject};
use super::extract::Fields;
use super::fresh::Index;
use super::openapi::Doc;
use super::problem::Problem;
use super::residue::{self, ResidueBody};
use super::revocations::{RevocationBody, revocation};
use super::words::Reason;
use crate::app::App;
use crate::app::offboarding::{KnownOffboarding, WaitingAccount};

/// An off-boarding to be begun, or to be forced.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct RequestOffboarding {
    /// Why, in your words. It stays in the log.
    #[schema(example = "left the company on 30 November")]
    reason: String,
    /// Whether to wait for no provider: what stays there is named.
    force: Option<bool>,
}

/// An account that is still to be unlinked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WaitingBody {
    /// The account.
    account: String,
    /// The provider.
    provider: String,
    /// `linked`, `grant_lost` or `unlinking`.
    status: &'static str,
    /// How many keys are still to be taken away there.
    keys: u64,
    /// Why that did not come about yet: of a key, or of the grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureBody>,
    /// How far the revocation of its grant is, if a try has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation: Option<RevocationBody>,
}

/// An off-boarding.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OffboardingBody {
    /// The person.
    user: String,
    /// `running` or `completed`.
    status: &'static str,
    /// Whether no provider is waited for.
    forced: bool,
    /// Why it was asked for.
    reason: Option<String>,
    /// Who asked for it.
    requested_by: String,
    /// When.
    #[serde(with = "domain::time")]
    requested_at: DateTime<Utc>,
    /// When it was over.
    #[serde(with = "domain::time::optional")]
    completed_at: Option<DateTime<Utc>>,
    /// How many accounts were unlinked so far.
    accounts_unlinked: u64,
    /// How many keys were taken away from a provider.
    keys_withdrawn: u64,
    /// How many private keys were destroyed.
    keys_destroyed: u64,
    /// How many API tokens were revoked.
    tokens_revoked: u64,
    /// How many keys may still be at a provider.
    keys_left: u64,
    /// How many grants a provider may still honour.
    grants_left: u64,
    /// What it still waits for.
    waiting: Vec<WaitingBody>,
    /// What stays where, newest first, the first thousand.
    residue: Vec<ResidueBody>,
}

pub(super) async fn request(
    State(app): State<App>,
    asking: Asking,
    Subject(user): Subject,
    Fields(mut input): Fields,
) -> Result<impl IntoResponse, Problem> {
    let reason = input.required::<Reason>("reason");
    let force = input.flag("force");
    let (reason, force) = input.finish((|| Ok((reason?, force?)))())?;
    let caller = asking.caller_because(Some(reason.0));
    let index = app.offboard(&user, force.unwrap_or(false), &caller).await?;
    let place = format!("/api/v1/users/{user}/offboarding");
    Ok((
        StatusCode::ACCEPTED,
        [(header::LOCATION, place)],
        Index(index),
        Json(body(app.offboarding(&user).await?)),
    ))
}

pub(super) fn request_doc() -> Doc {
    Doc::new(
        "requestOffboarding",
        "Unlinks every account of a person, ends their keys and revokes their API tokens",
    )
    .says(
        "It goes on by itself, each step an event, through restarts and outages. While it runs \
         nothing new is linked or made for the person. Asking again changes nothing, but for \
         `force`: then no provider is waited for any more, and what stays there is named.",
    )
    .takes::<RequestOffboarding>()
    .answers::<OffboardingBody>(
        202,
        "it runs, or is completed; `Location` shows how far it is",
    )
    .problems(&["invalid-input", "offboarding-oneself"])
}

pub(super) async fn get(
    State(app): State<App>,
    Subject(user): Subject,
) -> Result<Json<OffboardingBody>, Problem> {
    Ok(Json(body(app.offboarding(&user).await?)))
}

pub(super) fn get_doc() -> Doc {
    Doc::new(
        "getOffboarding",
        "Shows a person's last off-boarding: what it waits for, what came of it, what stays where",
    )
    .answers::<OffboardingBody>(200, "the off-boarding")
    .problems(&["offboarding-not-found"])
}

fn body(known: KnownOffboarding) -> OffboardingBody {
    let KnownOffboarding {
        row,
        waiting,
        residue,
    } = known;
    OffboardingBody {
        user: row.user.to_string(),
        status: row.status.as_str(),
        forced: row.forced,
        reason: row.reason,
        requested_by: row.by,
        requested_at: row.requested_at,
        completed_at: row.completed_at,
        accounts_unlinked: row.tally.accounts,
        keys_withdrawn: row.tally.withdrawn,
        keys_destroyed: row.tally.keys,
        tokens_revoked: row.tally.tokens,
        keys_left: row.tally.keys_left,
        grants_left: row.tally.grants_left,
        waiting: waiting.into_iter().map(waits).collect(),
        residue: residue.into_iter().map(residue::body).collect(),
    }
}

fn waits(waiting: WaitingAccount) -> WaitingBody {
    WaitingBody {
        account: waiting.account.to_string(),
        provider: waiting.provider.to_string(),
        status: waiting.status.as_str(),
        keys: waiting.keys,
        failure: waiting.failure.map(failed),
        revocation: waiting.revocation.map(revocation),
    }
}
