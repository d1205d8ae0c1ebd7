//! What stays at providers, for whoever cleans up there.

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::{ProviderSlug, UserId};
use projections::Page;
use projections::residues::{Left, ResidueRow};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::extract::Params;
use super::openapi::Doc;
use super::problem::Problem;
use super::tokens::limit;
use crate::app::App;

/// One thing that stayed at a provider.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResidueBody {
    /// `key` or `grant`. A key may be there still; a grant may still be honoured.
    what: &'static str,
    /// The provider.
    provider: String,
    /// The person.
    user: String,
    /// The account; absent where a link ended before it was known whose it was to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    /// The key.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The provider's own id of the key; absent where nobody ever saw it there.
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_key: Option<String>,
    /// The key's fingerprint: how to find it there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU")]
    fingerprint: Option<String>,
    /// Why a grant waits to be revoked, where its unlinking is not over: another try
    /// (`/api/v1/sync/retry`) or force ends that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "provider_error")]
    waits: Option<&'static str>,
    /// Who left it.
    left_by: String,
    /// Why, if it was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// When.
    #[serde(with = "domain::time")]
    left_at: DateTime<Utc>,
}

/// A page of what stayed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResiduesBody {
    /// Newest first.
    residue: Vec<ResidueBody>,
    /// The cursor of the next page, for `before`; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

pub(super) async fn list(
    State(app): State<App>,
    Params(mut input): Params,
) -> Result<Json<ResiduesBody>, Problem> {
    let provider = input.optional::<ProviderSlug>("provider");
    let user = input.optional::<UserId>("user");
    let before = input.optional::<Cursor>("before");
    let limit = limit(&mut input);
    let (provider, user, before, limit) =
        input.finish((|| Ok((provider?, user?, before?, limit?)))())?;
    let left = Left {
        provider,
        user,
        since: 0,
    };
    let before = before.map(|cursor| cursor.0);
    let Page { items, next } = app.residue(&left, before, limit).await?;
    Ok(Json(ResiduesBody {
        residue: items.into_iter().map(body).collect(),
        next: next.map(|(index, item)| format!("{index}.{item}")),
    }))
}

pub(super) fn list_doc() -> Doc {
    Doc::new(
        "listResidue",
        "Lists what stayed at providers when accounts were unlinked or not linked, newest first",
    )
    .says(
        "An unlinking leaves something where its grant no longer worked, where a provider revokes \
         for nobody but the person, or where an admin forced it. A grant that could not be revoked \
         and waits for somebody stands here too, until it is. A link that does not come about \
         leaves its grant where no app can revoke one, or where the provider was not reached for \
         weeks.",
    )
    .asks("provider", "one provider only")
    .asks("user", "one person only")
    .asks("before", "the cursor of the page before")
    .limits()
    .answers::<ResiduesBody>(200, "a page of what stayed")
    .problems(&["invalid-input"])
}

/// A cursor: where an unlinking stands in the log, and a place in what it left.
struct Cursor((u64, u64));

impl std::str::FromStr for Cursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // What fits no column is no place.
        let number = |text: &str| {
            let number: Option<u32> = text.parse().ok();
            number.map(u64::from)
        };
        let parsed = text.split_once('.').and_then(|(index, item)| {
            let index = index.parse().ok().filter(|index| *index <= u64::MAX / 2)?;
            Some((index, number(item)?))
        });
        parsed.map(Self).ok_or("must be a cursor of a page before")
    }
}

/// Shows what stayed.
pub(super) fn body(row: ResidueRow) -> ResidueBody {
    ResidueBody {
        what: if row.key.is_some() { "key" } else { "grant" },
        provider: row.provider.to_string(),
        user: row.user.to_string(),
        account: row.account.map(|account| account.to_string()),
        key: row.key.map(|key| key.to_string()),
        remote_key: row.remote_key,
        fingerprint: row.fingerprint,
        waits: row.waits.map(domain::ReasonCode::as_str),
        left_by: row.by,
        reason: row.reason,
        left_at: row.left_at,
    }
}
