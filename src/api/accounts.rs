//! People's linked accounts.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use domain::{AccountId, Blame, Failure, Role, UserId};
use projections::linked_accounts::AccountRow;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::caller::{Asking, Subject, parse};
use super::extract::{InPath, Params};
use super::fresh::Index;
use super::openapi::Doc;
use super::problem::Problem;
use super::revocations::{RevocationBody, revocation};
use super::words::Reason;
use crate::app::App;
use crate::app::accounts::KnownAccount;

/// A linked account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountBody {
    /// The account's id.
    account: String,
    /// The person.
    user: String,
    /// The provider.
    provider: String,
    /// `linked`, `grant_lost` (only a new link helps), `unlinking` or `unlinked`.
    status: &'static str,
    /// Whether the person carries their keys there by hand: each key says what to do with it.
    by_hand: bool,
    /// The login at the provider; null once the person is erased.
    login: Option<String>,
    /// The display name at the provider, if there is one.
    name: Option<String>,
    /// The provider's own number for the person; null once the person is erased.
    external_id: Option<String>,
    /// The scopes that were granted.
    scopes: Vec<String>,
    /// The scopes that are needed and were not granted.
    missing_scopes: Vec<String>,
    /// When the access token runs out; it is refreshed before.
    #[serde(with = "domain::time::optional")]
    expires_at: Option<DateTime<Utc>>,
    /// Why the grant no longer works, if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureBody>,
    /// How far the revocation of the grant is, while the account is being unlinked.
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation: Option<RevocationBody>,
    /// What the last unlinking left at the provider.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    residue: Vec<domain::account::Residue>,
    /// When it was linked.
    #[serde(with = "domain::time")]
    linked_at: DateTime<Utc>,
    /// When link or grant last changed.
    #[serde(with = "domain::time")]
    changed_at: DateTime<Utc>,
}

/// Why something at a provider did not work.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FailureBody {
    /// Who can mend it: `grant` (the person), `app` (an admin), `provider`, `us` (an operator).
    #[schema(value_type = String, example = "grant")]
    blame: Blame,
    /// What it is.
    #[schema(example = "grant_revoked")]
    pub(super) code: &'static str,
    /// What to do about it.
    pub(super) remedy: &'static str,
    /// What the provider said.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// A person's accounts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountsBody {
    /// By the time they were linked.
    accounts: Vec<AccountBody>,
}

pub(super) async fn list(
    State(app): State<App>,
    Subject(user): Subject,
) -> Result<Json<AccountsBody>, Problem> {
    let known = app.list_accounts(&user).await?;
    Ok(Json(AccountsBody {
        accounts: known.into_iter().map(body).collect(),
    }))
}

pub(super) fn list_doc() -> Doc {
    Doc::new(
        "listAccounts",
        "Lists a person's linked accounts; calls no provider",
    )
    .says("`me` stands for whoever asks. Members see their own, admins everybody's.")
    .answers::<AccountsBody>(200, "the accounts, those no longer linked left out")
}

pub(super) async fn get(
    State(app): State<App>,
    Subject(user): Subject,
    InPath((_, account)): InPath<(String, String)>,
) -> Result<Json<AccountBody>, Problem> {
    let account = parse::<AccountId>("account", &account)?;
    Ok(Json(body(app.account(&user, account).await?)))
}

pub(super) fn get_doc() -> Doc {
    Doc::new(
        "getAccount",
        "Shows a linked account, also one that is no longer linked",
    )
    .answers::<AccountBody>(200, "the account")
    .problems(&["account-not-found"])
}

pub(super) async fn unlink(
    State(app): State<App>,
    asking: Asking,
    Subject(user): Subject,
    InPath((_, account)): InPath<(String, String)>,
    Params(mut input): Params,
) -> Result<impl IntoResponse, Problem> {
    let account = parse::<AccountId>("account", &account)?;
    let force = input.flag("force");
    let reason = input.optional::<Reason>("reason");
    if force == Ok(Some(true)) && reason == Ok(None) {
        input.reject(
            "reason",
            "is required: what is forced leaves something behind",
        );
    }
    let (force, reason) = input.finish((|| Ok((force?, reason?)))())?;
    let caller = asking.caller_because(reason.map(|reason| reason.0));
    let done = if force == Some(true) {
        if !asking.is(Role::Admin) {
            return Err(Problem::new("forbidden").because("only an admin forces an unlinking"));
        }
        app.force_unlink(&user, account, &caller).await?
    } else {
        app.unlink(&user, account, &caller).await?
    };
    Ok((
        StatusCode::ACCEPTED,
        [(header::LOCATION, place(&user, account))],
        Index(done.index),
        (),
    ))
}

pub(super) fn unlink_doc() -> Doc {
    Doc::new("unlinkAccount", "Starts to unlink an account")
        .says(
            "It is unusable here at once. At the provider the key is withdrawn first, then the \
             grant is revoked; what could not be cleaned up is named in the end. With `force`, for \
             admins and with a `reason`, it ends at once: nothing more is asked of the provider, \
             and `/api/v1/sync/residue` names what stays there.",
        )
        .asks("force", "`true` to wait for nothing; only for admins")
        .asks("reason", "why, in your words; needed with `force`")
        .answers_empty(202, "it is being unlinked; `Location` shows how far")
        .problems(&["invalid-input", "account-not-found"])
}

pub(super) fn place(user: &UserId, account: AccountId) -> String {
    format!("/api/v1/users/{user}/accounts/{account}")
}

fn body(known: KnownAccount) -> AccountBody {
    let KnownAccount {
        row,
        profile,
        missing_scopes,
        revocation: revoking,
    } = known;
    let AccountRow {
        account,
        user,
        provider,
        grant,
        status,
        failure,
        residue,
        linked_at,
        changed_at,
        ..
    } = row;
    let (external_id, login, name) = match profile {
        Some(profile) => (Some(profile.id), Some(profile.login), profile.name),
        None => (None, None, None),
    };
    AccountBody {
        account: account.to_string(),
        user: user.to_string(),
        provider: provider.to_string(),
        status: status.as_str(),
        by_hand: grant.is_none(),
        login,
        name,
        external_id,
        expires_at: grant.as_ref().and_then(|grant| grant.expires_at),
        missing_scopes,
        scopes: grant.map(|grant| grant.scopes).unwrap_or_default(),
        failure: failure.map(failed),
        revocation: revoking.map(revocation),
        residue,
        linked_at,
        changed_at,
    }
}

/// Shows the failure of what waits for somebody.
pub(super) fn parked(failure: Failure) -> FailureBody {
    let remedy = match failure.blame {
        Blame::Provider => {
            "once the provider answers again, ask for another try, or replay its keys"
        }
        Blame::Grant | Blame::App | Blame::Us => failure.code.remedy(),
    };
    FailureBody {
        remedy,
        ..failed(failure)
    }
}

/// Shows a failure.
pub(super) fn failed(failure: Failure) -> FailureBody {
    FailureBody {
        blame: failure.blame,
        code: failure.code.as_str(),
        remedy: failure.code.remedy(),
        detail: failure.detail,
    }
}
