//! How far the revocation of a grant is.

use chrono::{DateTime, Utc};
use projections::revocations::{RevocationRow, RevocationStatus};
use serde::Serialize;
use utoipa::ToSchema;

use super::accounts::{FailureBody, failed, parked};

/// The last step of an unlinking: the grant is revoked at the provider.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RevocationBody {
    /// The account.
    account: String,
    /// The person.
    user: String,
    /// The provider.
    provider: String,
    /// `requested` (once no key is left), `failed`, or `parked`: it waits for another try
    /// (`/api/v1/sync/retry`) or for force.
    status: &'static str,
    /// How many tries have failed since it was asked for.
    attempts: u32,
    /// When it is tried next; absent for what waits for somebody.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(with = "domain::time::optional")]
    next_try: Option<DateTime<Utc>>,
    /// Why the last try failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureBody>,
    /// When it was last asked for.
    #[serde(with = "domain::time")]
    requested_at: DateTime<Utc>,
}

pub(super) fn revocation(row: RevocationRow) -> RevocationBody {
    RevocationBody {
        account: row.account.to_string(),
        user: row.user.to_string(),
        provider: row.provider.to_string(),
        status: row.status.as_str(),
        attempts: row.attempts,
        next_try: row.due_at,
        failure: row.failure.map(|failure| match row.status {
            RevocationStatus::Parked => parked(failure),
            RevocationStatus::Requested | RevocationStatus::Failed | RevocationStatus::Ended => {
                failed(failure)
            }
        }),
        requested_at: row.asked_at,
    }
}
