//! Why a command to a keyring is refused.

use crate::{RefusalKind, RefusedRule};

/// The rule that refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// No such key, or it has ended.
    #[error("there is no such key")]
    NotFound,
    /// A rotation of this key's holder is not finished.
    #[error("a rotation is under way: an older key is still in use somewhere")]
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
