//! What an adapter makes of a call that failed.

use chrono::{DateTime, Utc};
use domain::{Blame, Failure, ReasonCode};

/// What an adapter makes of a call that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .failure.code.as_str())]
pub struct ProviderFailure {
    /// Who is to blame, and for what.
    pub failure: Failure,
    /// What the caller should do with the grant.
    pub grant: GrantVerdict,
    /// Not to be tried again before this time, as the provider asked.
    pub not_before: Option<DateTime<Utc>>,
    /// Whether that time is a guess of ours, because the provider named none: limited again and
    /// again, the guess grows; in maintenance it is the key that waits, and others may look whether
    /// it is over.
    pub guessed: bool,
    /// The HTTP status of the answer, if one came.
    pub status: Option<u16>,
}

impl ProviderFailure {
    /// Says who is to blame for what, and nothing of the grant.
    pub fn new(blame: Blame, code: ReasonCode) -> Self {
        Self {
            failure: Failure {
                blame,
                code,
                detail: None,
            },
            grant: GrantVerdict::Unknown,
            not_before: None,
            guessed: false,
            status: None,
        }
    }

    /// Adds words, already fit to be kept.
    #[must_use]
    pub fn detail(mut self, words: impl Into<String>) -> Self {
        self.failure.detail = Some(words.into()).filter(|words| !words.is_empty());
        self
    }

    /// Adds what it says of the grant.
    #[must_use]
    pub fn grant(mut self, verdict: GrantVerdict) -> Self {
        self.grant = verdict;
        self
    }

    /// Adds when to try again at the earliest.
    #[must_use]
    pub fn not_before(mut self, time: Option<DateTime<Utc>>) -> Self {
        self.not_before = time;
        self
    }

    /// Adds when to try again at the earliest, where the provider did not say.
    #[must_use]
    pub fn guess(mut self, time: DateTime<Utc>) -> Self {
        self.not_before = Some(time);
        self.guessed = true;
        self
    }

    /// Says whether the product is in maintenance, and does not say for how long.
    pub fn is_of_maintenance(&self) -> bool {
        self.guessed && self.failure.code == ReasonCode::ProviderError
    }

    /// Adds the status of the answer.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }
}

/// What a failed call says about the grant it was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantVerdict {
    /// Nothing.
    Unknown,
    /// The access token no longer works; a refresh token may get another.
    Expired,
    /// Only a new link helps.
    Lost,
}
