//! Why a command to a token is refused.

use crate::{RefusalKind, RefusedRule};

/// The rule that refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There is no such token.
    #[error("there is no such token")]
    NotFound,
    /// It was made before.
    #[error("this token was already made")]
    AlreadyCreated,
    /// A token without a role could do nothing.
    #[error("a token needs at least one role")]
    NoRole,
    /// A token lives from a moment to a year.
    #[error("a token must end, and within 365 days")]
    BadLife,
}

impl RefusedRule for TokenError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "token-not-found",
            Self::AlreadyCreated => "token-already-created",
            Self::NoRole => "token-no-role",
            Self::BadLife => "token-bad-life",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::AlreadyCreated => RefusalKind::Conflict,
            Self::NoRole | Self::BadLife => RefusalKind::Invalid,
        }
    }
}
