//! What a try says of a provider's health.

use crate::{Blame, Failure, ReasonCode};

/// What a try says of a provider's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    /// It answered as itself, be it with a refusal.
    Well,
    /// It is not there, or not itself.
    Outage,
    /// Nothing: it asks us to slow down, or nobody was asked.
    Nothing,
}

impl Sign {
    /// Reads a failure, and the HTTP status that it came with, if an answer came at all.
    pub fn of(failure: &Failure, status: Option<u16>) -> Self {
        use ReasonCode as R;
        match failure.code {
            R::ProviderUnreachable | R::ProviderTls | R::ProviderError | R::ProviderProtocol => {
                match (failure.blame, status) {
                    // What we sent is at fault, or somebody in between speaks: no outage.
                    (Blame::Provider, Some(400..=499))
                    | (Blame::Grant | Blame::App | Blame::Us, _) => Self::Nothing,
                    (Blame::Provider, _) => Self::Outage,
                }
            }
            R::ProviderRateLimited | R::DecryptFailed | R::Internal => Self::Nothing,
            R::KeyConflictOtherAccount
            | R::KeyTypeNotAllowed
            | R::KeyTooShort
            | R::KeyRejected
            | R::RemoveByHand
            | R::KeyMissingAtProvider
            | R::KeyChangedAtProvider
            | R::KeyExpired
            | R::KeyNotUsable
            | R::KeyWrongType
            | R::KeyNotForSigning
            | R::KeyDuplicate
            | R::ProviderPaused
            | R::KeyForeign
            | R::KeySsoUnauthorized
            | R::KeyOrgRestricted
            | R::ScopeMissing
            | R::GrantRevoked
            | R::GrantExpired
            | R::GrantLostRotation
            | R::IdentityMismatch
            | R::AccountSuspended
            | R::AppCredentialsInvalid
            | R::RedirectUriMismatch
            | R::AppSuspended
            | R::AppScopeMissing
            | R::ClockSkew => Self::Well,
        }
    }

    /// Says whether a failure is one of those that pass with an outage, whatever it was that
    /// ended the tries.
    pub fn passes(failure: &Failure) -> bool {
        Self::of(failure, None) == Self::Outage
    }
}
