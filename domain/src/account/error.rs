//! Why a command to an account is refused.

use crate::{RefusalKind, RefusedRule};

/// The rule that refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// Not linked, and never was, or no longer.
    #[error("there is no such linked account")]
    NotFound,
    /// Somebody else linked it; who stays unsaid.
    #[error(
        "this account at the provider is linked to another user; it must be unlinked there first"
    )]
    LinkedElsewhere,
    /// It is being unlinked.
    #[error("the account is being unlinked")]
    Unlinking,
    /// Another renewal was stored meanwhile.
    #[error("the grant was renewed meanwhile")]
    GrantSuperseded,
    /// The tokens it came with are on their way back to the provider.
    #[error("the link took too long: what the provider gave for it is given back")]
    LinkGivenUp,
    /// The key waits for nobody there.
    #[error("the key is not parked there: nothing is to be given up")]
    NotParked,
    /// A key is still to be withdrawn.
    #[error("a key of this account is still to be withdrawn")]
    KeysRemain,
}

impl RefusedRule for AccountError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "account-not-found",
            Self::LinkedElsewhere => "account-linked-elsewhere",
            Self::Unlinking => "account-unlinking",
            Self::GrantSuperseded => "account-grant-superseded",
            Self::LinkGivenUp => "account-link-given-up",
            Self::NotParked => "account-key-not-parked",
            Self::KeysRemain => "account-keys-remain",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::LinkedElsewhere
            | Self::Unlinking
            | Self::GrantSuperseded
            | Self::LinkGivenUp
            | Self::NotParked
            | Self::KeysRemain => RefusalKind::Conflict,
        }
    }
}
