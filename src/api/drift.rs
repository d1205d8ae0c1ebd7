//! How a provider disagrees with the log, as an operator sees it.

use chrono::{DateTime, Utc};
use domain::reconcile::Drift;
use projections::key_placements::UnknownKey;
use serde::Serialize;
use utoipa::ToSchema;

/// What may be asked for.
pub(super) const DRIFTS: [(&str, Option<Drift>); 9] = [
    ("any", None),
    ("missing", Some(Drift::Missing)),
    ("changed", Some(Drift::Changed)),
    ("expired", Some(Drift::Expired)),
    ("not_usable", Some(Drift::NotUsable)),
    ("wrong_type", Some(Drift::WrongType)),
    ("not_for_signing", Some(Drift::NotForSigning)),
    ("duplicate", Some(Drift::Duplicate)),
    ("foreign", Some(Drift::Foreign)),
];

/// How a provider disagrees with the log about a key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DriftBody {
    /// `missing`, `changed`, `expired`, `not_usable`, `wrong_type`, `not_for_signing`, `duplicate`
    /// or `foreign`.
    what: &'static str,
    /// The reason.
    #[schema(example = "key_missing_at_provider")]
    code: &'static str,
    /// What to do.
    remedy: &'static str,
    /// Since when it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(with = "domain::time::optional")]
    found_at: Option<DateTime<Utc>>,
}

/// A key that bears our name at a provider and that the log does not know. It is never removed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnknownKeyBody {
    /// The account.
    account: String,
    /// The person.
    user: String,
    /// The provider.
    provider: String,
    /// Its fingerprint.
    fingerprint: String,
    /// The provider's own id of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_key: Option<String>,
    /// How it disagrees with the log.
    drift: DriftBody,
}

/// Shows a drift.
pub(super) fn drift_body(what: Drift, found_at: Option<DateTime<Utc>>) -> DriftBody {
    DriftBody {
        what: what.as_str(),
        code: what.code().as_str(),
        remedy: what.code().remedy(),
        found_at,
    }
}

/// Shows a key that the log does not know.
pub(super) fn unknown_key(known: UnknownKey) -> UnknownKeyBody {
    UnknownKeyBody {
        account: known.account.to_string(),
        user: known.user.to_string(),
        provider: known.provider.to_string(),
        fingerprint: known.fingerprint,
        remote_key: known.remote_key,
        drift: drift_body(Drift::Foreign, Some(known.found_at)),
    }
}
