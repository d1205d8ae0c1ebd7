//! People's linked accounts.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::key_sync::LinkState;
use domain::{AccountId, Blame, DisplayName, Failure, ProviderSlug, Role, UserId};
use projections::linked_accounts::AccountRow;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::caller::{Asking, Subject, parse};
use super::extract::{Fields, InPath, Params};
use super::fresh::Index;
use super::openapi::Doc;
use super::problem::{FieldError, Problem};
use super::words::{LocalPath, Reason};
use crate::app::App;
use crate::app::accounts::KnownAccount;

/// A link to be begun.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct BeginLink {
    /// The provider.
    #[schema(example = "github")]
    provider: String,
    /// Where the browser goes afterwards: a path of this server.
    #[schema(example = "/accounts")]
    return_to: Option<String>,
    /// The account to link again; if somebody else comes back, the link is stopped.
    account: Option<String>,
    /// The person's name there: needed where people carry their keys by hand, and nowhere else.
    /// 1 to 100 characters.
    #[schema(example = "ada@example.com")]
    login: Option<String>,
}

/// A link that was begun, or is there already.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum LinkBody {
    /// Where there is something to sign in to.
    Begun(BegunBody),
    /// Where people carry their keys by hand.
    ByHand(LinkedBody),
}

/// An account that is linked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LinkedBody {
    /// The account's id.
    account: String,
    /// The person.
    user: String,
    /// The provider.
    provider: String,
    /// `linked`.
    status: &'static str,
    /// The person's name there.
    login: String,
}

/// A link that was begun.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BegunBody {
    /// Where the person's browser starts. It works once, and the same browser has to come back.
    #[schema(example = "https://lanyard.example.com/oauth/start/…")]
    start_url: String,
    /// Until when it has to be finished.
    expires_at: DateTime<Utc>,
}

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
    expires_at: Option<DateTime<Utc>>,
    /// Why the grant no longer works, if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureBody>,
    /// What the last unlinking left at the provider.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    residue: Vec<domain::account::Residue>,
    /// When it was linked.
    linked_at: DateTime<Utc>,
    /// When link or grant last changed.
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

pub(super) async fn begin(
    State(app): State<App>,
    asking: Asking,
    Fields(mut input): Fields,
) -> Result<Response, Problem> {
    let provider = input.required::<ProviderSlug>("provider");
    let return_to = input.optional::<LocalPath>("return_to");
    let account = input.optional::<AccountId>("account");
    let login = input.optional::<DisplayName>("login");
    let (provider, return_to, account, login) =
        input.finish((|| Ok((provider?, return_to?, account?, login?)))())?;
    let by_hand = app.links_by_hand(&provider).await?;
    let of_browsers = [
        ("return_to", return_to.is_some()),
        ("account", account.is_some()),
    ];
    if let Some(wrong) = misplaced(by_hand, login.is_some(), &of_browsers) {
        return Err(wrong);
    }
    if let Some(login) = login {
        return link_by_hand(&app, &asking, &provider, &login).await;
    }
    let return_to = return_to.map(|path| path.0);
    let begun = app
        .begin_link(&asking.principal, &provider, return_to, account)
        .await?;
    let body = LinkBody::Begun(BegunBody {
        start_url: begun.start_url.to_string(),
        expires_at: begun.expires_at,
    });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

async fn link_by_hand(
    app: &App,
    asking: &Asking,
    provider: &ProviderSlug,
    login: &DisplayName,
) -> Result<Response, Problem> {
    let user = &asking.principal.user;
    let linked = app
        .link_by_hand(user, provider, login, &asking.caller())
        .await?;
    let status = match linked.index {
        Some(_) => StatusCode::CREATED,
        None => StatusCode::OK,
    };
    let body = LinkBody::ByHand(LinkedBody {
        account: linked.account.to_string(),
        user: user.to_string(),
        provider: provider.to_string(),
        status: LinkState::Linked.as_str(),
        login: login.to_string(),
    });
    let place = [(header::LOCATION, place(user, linked.account))];
    Ok((status, place, Index(linked.index), Json(body)).into_response())
}

/// Rejects the fields that do not go with the provider's kind.
fn misplaced(by_hand: bool, login: bool, of_browsers: &[(&'static str, bool)]) -> Option<Problem> {
    let mut errors = Vec::new();
    let mut reject = |field: &'static str, detail: &str| {
        errors.push(FieldError {
            field: field.into(),
            detail: detail.to_owned(),
        });
    };
    if by_hand {
        if !login {
            reject("login", "is required: your name at this provider");
        }
        for (field, is_there) in of_browsers {
            if *is_there {
                reject(field, "has no meaning where no browser is needed");
            }
        }
    } else if login {
        reject(
            "login",
            "has no meaning here: the provider says who you are",
        );
    }
    (!errors.is_empty()).then(|| Problem::new("invalid-input").errors(errors))
}

pub(super) fn begin_doc() -> Doc {
    Doc::new("beginLink", "Begins to link an account")
        .says(
            "Open `start_url` in the person's browser. Only the person begins a link of theirs, \
             and the browser that starts is the one that has to come back. Where people carry \
             their keys by hand there is nothing to sign in to: with `login` the account is \
             linked at once, and the person's keys say what to do next.",
        )
        .takes::<BeginLink>()
        .answers_with::<LinkBody>(
            201,
            "where the browser starts, or the account that is linked",
            &["Location", "Lanyard-Index"],
        )
        .answers_with::<LinkedBody>(200, "the account that was linked already", &["Location"])
        .problems(&[
            "invalid-input",
            "provider-not-found",
            "provider-disabled",
            "provider-leaving",
            "account-not-found",
            "account-unlinking",
            "offboarding-under-way",
        ])
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

fn place(user: &UserId, account: AccountId) -> String {
    format!("/api/v1/users/{user}/accounts/{account}")
}

fn body(known: KnownAccount) -> AccountBody {
    let KnownAccount { row, profile } = known;
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
        missing_scopes: grant
            .as_ref()
            .map(|grant| grant.missing_scopes.clone())
            .unwrap_or_default(),
        scopes: grant.map(|grant| grant.scopes).unwrap_or_default(),
        failure: failure.map(failed),
        residue,
        linked_at,
        changed_at,
    }
}

/// Shows the failure of what waits for somebody.
pub(super) fn parked(failure: Failure) -> FailureBody {
    let remedy = match failure.blame {
        Blame::Provider => "once the provider answers again, replay it, or ask for another try",
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
