//! Why a command to a webhook is refused.

use crate::{RefusalKind, RefusedRule};

/// The rule that refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// There is no such webhook.
    #[error("there is no such webhook")]
    NotFound,
    /// It was added before.
    #[error("this webhook was already added")]
    AlreadyAdded,
}

impl RefusedRule for WebhookError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "webhook-not-found",
            Self::AlreadyAdded => "webhook-already-added",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::AlreadyAdded => RefusalKind::Conflict,
        }
    }
}
