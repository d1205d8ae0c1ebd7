//! Why a command to an off-boarding is refused.

use crate::{RefusalKind, RefusedRule};

/// The rule that refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OffboardingError {
    /// Nobody ever asked for it.
    #[error("nobody asked to off-board this person")]
    NotFound,
    /// Nothing new is made for somebody who is leaving.
    #[error("this person is being off-boarded: nothing new is linked or made for them")]
    UnderWay,
}

impl RefusedRule for OffboardingError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "offboarding-not-found",
            Self::UnderWay => "offboarding-under-way",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::UnderWay => RefusalKind::Conflict,
        }
    }
}
