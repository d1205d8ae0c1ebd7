//! What can have happened to an operator's replay.

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::{Kind, LoggedEvent, ProviderSlug, ReplayId, UserId};

/// Which key placements a replay takes up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayScope {
    /// The provider that is to agree with the log again.
    pub provider: ProviderSlug,
    /// One person only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// Only what last changed at or after this time.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::time::optional"
    )]
    pub since: Option<DateTime<Utc>>,
    /// Only what last changed before this time.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::time::optional"
    )]
    pub until: Option<DateTime<Utc>>,
    /// Which states.
    pub include: ReplayInclude,
}

/// Which states a replay takes up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayInclude {
    /// What is requested, failed or parked.
    #[default]
    Unfinished,
    /// What is requested, and no try has failed.
    Requested,
    /// What has failed, and is tried again by itself.
    Failed,
    /// What is parked.
    Parked,
    /// Also what is in place, to be checked.
    All,
}

/// A fact about one replay. Stream `replay-<replay>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum ReplayEvent {
    /// An operator started a replay. Why stands in the envelope's reason.
    ReplayStarted {
        /// The replay.
        replay: ReplayId,
        /// What it takes up.
        scope: ReplayScope,
        /// How many key placements were in the scope when it was asked for.
        planned: u64,
    },
    /// An operator stopped it; what was already requested goes on.
    ReplayCancelled {
        /// The replay.
        replay: ReplayId,
        /// The provider.
        provider: ProviderSlug,
    },
    /// An operator lets it go on with what it had not taken up. Why stands in the envelope's reason.
    ReplayResumed {
        /// The replay.
        replay: ReplayId,
        /// The provider.
        provider: ProviderSlug,
    },
    /// Nothing in its scope is left to do.
    ReplayCompleted {
        /// The replay.
        replay: ReplayId,
        /// The provider.
        provider: ProviderSlug,
        /// How many keys are as the log says.
        settled: u64,
        /// How many wait for somebody.
        parked: u64,
        /// How many of the settled were looked at, and needed nothing.
        #[serde(default, skip_serializing_if = "is_zero")]
        in_place: u64,
    },
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl LoggedEvent for ReplayEvent {
    fn kind(&self) -> Kind {
        match self {
            Self::ReplayStarted { .. } => Kind::new("ReplayStarted", "LRP01I", 1),
            Self::ReplayCancelled { .. } => Kind::new("ReplayCancelled", "LRP02I", 1),
            Self::ReplayCompleted { .. } => Kind::new("ReplayCompleted", "LRP03I", 1),
            Self::ReplayResumed { .. } => Kind::new("ReplayResumed", "LRP04I", 1),
        }
    }
}

impl DomainEvent for ReplayEvent {
    fn event_type(&self) -> String {
        self.kind().name.to_owned()
    }

    fn event_version(&self) -> String {
        self.kind().schema.to_string()
    }
}
