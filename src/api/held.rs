//! What holds up whatever is to be done at a provider.

use domain::ReasonCode;
use serde::Serialize;
use utoipa::ToSchema;

/// What holds up whatever is to be done at a provider.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HeldBody {
    /// What it is.
    #[schema(example = "provider_paused")]
    code: &'static str,
    /// What to do about it.
    remedy: &'static str,
}

pub(super) fn held(code: ReasonCode) -> HeldBody {
    HeldBody {
        code: code.as_str(),
        remedy: code.remedy(),
    }
}
