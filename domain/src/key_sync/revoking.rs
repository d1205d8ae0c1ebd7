//! Whether the last step of an unlinking may be taken: what the policy remembers of it.
//!
//! | event | and then it is |
//! | --- | --- |
//! | `AccountLinked`, `GrantRevocationRequested` | due, once no key is left |
//! | `GrantRevocationFailed` | due at its `retry_at` |
//! | `GrantRevocationParked` | parked: it waits for somebody |

use chrono::{DateTime, Utc};

use crate::account::AccountEvent;

/// Whether the grant of an account that is being unlinked may be revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoking {
    /// It may.
    Due,
    /// Not before this time: a try has failed.
    NotBefore(DateTime<Utc>),
    /// It waits for somebody.
    Parked,
}

impl Revoking {
    /// Returns what an event makes of it.
    pub fn after(event: &AccountEvent) -> Option<Self> {
        use AccountEvent as E;
        match event {
            E::AccountLinked { .. } | E::GrantRevocationRequested { .. } => Some(Self::Due),
            E::GrantRevocationFailed { retry_at, .. } => Some(Self::NotBefore(*retry_at)),
            E::GrantRevocationParked { .. } => Some(Self::Parked),
            E::LinkGivenUp { .. }
            | E::GrantRenewed { .. }
            | E::GrantLost { .. }
            | E::UnlinkRequested { .. }
            | E::UnlinkForced { .. }
            | E::AccountUnlinked { .. }
            | E::KeyPublicationRequested { .. }
            | E::KeyPublished { .. }
            | E::KeyPublicationFailed { .. }
            | E::KeyPublicationParked { .. }
            | E::KeyWithdrawalRequested { .. }
            | E::KeyWithdrawn { .. }
            | E::KeyWithdrawalFailed { .. }
            | E::KeyWithdrawalParked { .. }
            | E::KeyReleased { .. }
            | E::KeyPlacementDiscarded { .. }
            | E::KeyExpiring { .. }
            | E::KeyDriftFound { .. }
            | E::KeyDriftSettled { .. } => None,
        }
    }

    /// Says whether it may be tried at `now`.
    pub fn is_due(self, now: DateTime<Utc>) -> bool {
        match self {
            Self::Due => true,
            Self::NotBefore(at) => at <= now,
            Self::Parked => false,
        }
    }
}
