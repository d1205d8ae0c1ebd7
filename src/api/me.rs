//! Whoever asks.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Json;
use super::caller::Asking;
use super::openapi::Doc;

/// Whoever asks, as the server knows them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MeBody {
    /// The person's id.
    #[schema(example = "ada")]
    user: String,
    /// What they may do with this token.
    #[schema(example = json!(["member"]))]
    roles: Vec<&'static str>,
    /// The token's id.
    token: String,
    /// When the token ends.
    #[serde(with = "domain::time")]
    expires_at: DateTime<Utc>,
}

pub(super) async fn get(asking: Asking) -> Json<MeBody> {
    let principal = asking.principal;
    Json(MeBody {
        user: principal.user.to_string(),
        roles: principal.roles.iter().map(|role| role.as_str()).collect(),
        token: principal.token.to_string(),
        expires_at: principal.expires_at,
    })
}

pub(super) fn get_doc() -> Doc {
    Doc::new("getMe", "Says who is asking, and what they may do")
        .answers::<MeBody>(200, "whoever asks")
}
