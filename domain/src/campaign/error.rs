//! Why a command to a campaign is refused.

use crate::{RefusalKind, RefusedRule};

/// The rule that refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CampaignError {
    /// There is no such campaign.
    #[error("there is no such campaign")]
    NotFound,
    /// It was started before.
    #[error("this campaign was already started")]
    AlreadyStarted,
    /// It is cancelled or completed.
    #[error("this campaign is over")]
    Over,
    /// Its scope leaves nothing out.
    #[error("a campaign needs an algorithm, an age, a provider, people or keys")]
    EmptyScope,
}

impl RefusedRule for CampaignError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "campaign-not-found",
            Self::AlreadyStarted => "campaign-already-started",
            Self::Over => "campaign-over",
            Self::EmptyScope => "campaign-empty-scope",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::AlreadyStarted | Self::Over => RefusalKind::Conflict,
            Self::EmptyScope => RefusalKind::Invalid,
        }
    }
}
