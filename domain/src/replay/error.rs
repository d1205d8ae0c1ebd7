//! Why a command to a replay is refused.

use crate::{RefusalKind, RefusedRule};

/// The rule that refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// There is no such replay.
    #[error("there is no such replay")]
    NotFound,
    /// It was started before.
    #[error("this replay was already started")]
    AlreadyStarted,
    /// It came to its end.
    #[error("this replay is completed: nothing is left to go on with")]
    Completed,
    /// Its window ends before it begins.
    #[error("the window must begin before it ends")]
    EmptyWindow,
}

impl RefusedRule for ReplayError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "replay-not-found",
            Self::AlreadyStarted => "replay-already-started",
            Self::Completed => "replay-completed",
            Self::EmptyWindow => "replay-empty-window",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::AlreadyStarted | Self::Completed => RefusalKind::Conflict,
            Self::EmptyWindow => RefusalKind::Invalid,
        }
    }
}
