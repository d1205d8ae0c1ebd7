//! Why a command to a keyring is refused.

use crate::{RefusalKind, RefusedRule};

/// The rule that refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// No such key, or it has ended.
    #[error("there is no such key")]
    NotFound,
    /// Another key takes its place already.
    #[error("a rotation is under way: another key already takes the place of this one")]
    RotationUnderWay,
}

impl RefusedRule for KeyringError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "key-not-found",
            Self::RotationUnderWay => "key-rotation-under-way",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::RotationUnderWay => RefusalKind::Conflict,
        }
    }
}
