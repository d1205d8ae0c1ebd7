//! Notices: what people are told of by themselves.

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::{NoticeKind, ProviderSlug, UserId};
use projections::Page;
use projections::notices::{Filter, NoticeRow};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::caller::Asking;
use super::extract::Params;
use super::openapi::Doc;
use super::problem::Problem;
use super::tokens::limit;
use crate::app::App;

/// One notice. It names people by their id and nothing else.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NoticeBody {
    /// The notice's id: that of the event that opened it.
    notice: String,
    /// `needs_relink`, `key_blocked`, `revocation_blocked`, `key_drift`, `key_expiring`, `app_refused`,
    /// `provider_down` or `provider_paused`.
    #[schema(example = "needs_relink")]
    kind: &'static str,
    /// Why, where something failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "grant_revoked")]
    code: Option<String>,
    /// What it is, in a sentence.
    #[schema(example = "the link to github no longer works and must be made again")]
    words: String,
    /// What to do about it.
    #[schema(example = "link the account again")]
    remedy: &'static str,
    /// Where.
    #[schema(example = "github")]
    provider: String,
    /// Whose, where it is one person's.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// The account, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    /// The key, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The fingerprint, where it is about a key that Lanyard does not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    /// When the provider ends the key, where that is what it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(with = "domain::time::optional")]
    expires_at: Option<DateTime<Utc>>,
    /// Since when.
    #[serde(with = "domain::time")]
    since: DateTime<Utc>,
    /// When it was over; absent while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(with = "domain::time::optional")]
    closed_at: Option<DateTime<Utc>>,
}

/// A page of notices.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NoticesBody {
    /// Newest first.
    notices: Vec<NoticeBody>,
    /// The cursor of the next page, for `before`; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

pub(super) async fn list(
    State(app): State<App>,
    Params(mut input): Params,
) -> Result<Json<NoticesBody>, Problem> {
    let kind = input.optional::<NoticeKind>("kind");
    let provider = input.optional::<ProviderSlug>("provider");
    let user = input.optional::<UserId>("user");
    let open = input.flag("open");
    let before = input.number("before");
    let limit = limit(&mut input);
    let (filter, before, limit) = input.finish((|| {
        let filter = Filter {
            kind: kind?,
            provider: provider?,
            user: user?,
            or_at: Vec::new(),
            open: open?,
        };
        Ok((filter, before?, limit?))
    })())?;
    let page = app.list_notices(&filter, before, limit).await?;
    Ok(Json(body(page)))
}

pub(super) fn list_doc() -> Doc {
    Doc::new("listNotices", "Lists the notices, newest first")
        .asks("kind", "one kind only")
        .asks("provider", "one provider only")
        .asks("user", "one person's only")
        .asks("open", "true: open ones only; false: closed ones only")
        .asks("before", "the cursor of the page before")
        .limits()
        .answers::<NoticesBody>(200, "a page of notices")
        .problems(&["invalid-input"])
}

pub(super) async fn mine(
    State(app): State<App>,
    asking: Asking,
    Params(mut input): Params,
) -> Result<Json<NoticesBody>, Problem> {
    let open = input.flag("open");
    let before = input.number("before");
    let limit = limit(&mut input);
    let (open, before, limit) = input.finish((|| Ok((open?, before?, limit?)))())?;
    let user = &asking.principal.user;
    let page = app.notices_of(user, open, before, limit).await?;
    Ok(Json(body(page)))
}

pub(super) fn mine_doc() -> Doc {
    Doc::new(
        "listMyNotices",
        "Lists what concerns whoever asks, newest first",
    )
    .says("Their own notices, and those of the providers where they have an account.")
    .asks("open", "true: open ones only; false: closed ones only")
    .asks("before", "the cursor of the page before")
    .limits()
    .answers::<NoticesBody>(200, "a page of notices")
    .problems(&["invalid-input"])
}

fn body(page: Page<NoticeRow, u64>) -> NoticesBody {
    NoticesBody {
        notices: page.items.into_iter().map(notice).collect(),
        next: page.next,
    }
}

fn notice(row: NoticeRow) -> NoticeBody {
    NoticeBody {
        words: row.words(),
        remedy: row.remedy(),
        notice: row.notice.to_string(),
        kind: row.kind.as_str(),
        code: row.code,
        provider: row.provider.to_string(),
        user: row.user.map(|user| user.to_string()),
        account: row.account.map(|account| account.to_string()),
        key: row.key.map(|key| key.to_string()),
        fingerprint: row.fingerprint,
        expires_at: row.expires_at,
        since: row.since,
        closed_at: row.closed_at,
    }
}
