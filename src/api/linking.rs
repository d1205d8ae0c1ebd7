//! A person's link, begun.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::key_sync::LinkState;
use domain::{AccountId, DisplayName, ProviderSlug};
use serde::Serialize;
use utoipa::ToSchema;

use super::accounts::place;
use super::answer::Json;
use super::caller::Asking;
use super::extract::Fields;
use super::fresh::Index;
use super::openapi::Doc;
use super::problem::{FieldError, Problem};
use super::words::LocalPath;
use crate::app::App;
use crate::app::linking::Meant;

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
    /// The account to link again; if somebody else comes back, the link is stopped. If it is left out
    /// and exactly one of the person's accounts there waits for a new link, it is that one.
    account: Option<String>,
    /// `true` if another account than those that are linked is meant.
    another: Option<bool>,
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
    #[serde(with = "domain::time")]
    expires_at: DateTime<Utc>,
}

pub(super) async fn begin(
    State(app): State<App>,
    asking: Asking,
    Fields(mut input): Fields,
) -> Result<Response, Problem> {
    let provider = input.required::<ProviderSlug>("provider");
    let return_to = input.optional::<LocalPath>("return_to");
    let account = input.optional::<AccountId>("account");
    let another = input.flag("another");
    let login = input.optional::<DisplayName>("login");
    if another == Ok(Some(true)) && !matches!(account, Ok(None)) {
        input.reject("another", "has no meaning together with account");
    }
    let (provider, return_to, account, another, login) =
        input.finish((|| Ok((provider?, return_to?, account?, another?, login?)))())?;
    let by_hand = app.links_by_hand(&provider).await?;
    let of_browsers = [
        ("return_to", return_to.is_some()),
        ("account", account.is_some()),
        ("another", another.is_some()),
    ];
    if let Some(wrong) = misplaced(by_hand, login.is_some(), &of_browsers) {
        return Err(wrong);
    }
    if let Some(login) = login {
        return link_by_hand(&app, &asking, &provider, &login).await;
    }
    let return_to = return_to.map(|path| path.0);
    let meant = match (account, another) {
        (Some(account), _) => Meant::Again(account),
        (None, Some(true)) => Meant::Another,
        (None, Some(false) | None) => Meant::Unsaid,
    };
    let begun = app
        .begin_link(&asking.principal, &provider, return_to, meant)
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
