//! One key at one account: where it stands on its way there or away.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{PublicationCause, WithdrawalCause};
use crate::ReplayId;
use crate::reconcile::Drift;

/// Where one key stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// On which way, and how far.
    pub status: PlacementStatus,
    /// The provider's own id of the key, once known.
    pub remote_key: Option<String>,
    /// Whether it was at the provider before us.
    pub adopted: bool,
    /// How many tries have failed since the last request.
    pub attempts: u32,
    /// The newest replay that took it up.
    pub replay: Option<ReplayId>,
    /// When the provider ends it by itself, if it does.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether the person was reminded of that.
    pub reminded: bool,
    /// How the provider disagrees with the log about it, if it does.
    pub drift: Option<Drift>,
    /// Whether the provider's policy has put it back: it does so once.
    pub restored: bool,
}

impl Placement {
    pub(super) const GONE: Self = Self {
        status: PlacementStatus::Gone,
        remote_key: None,
        adopted: false,
        attempts: 0,
        replay: None,
        expires_at: None,
        reminded: false,
        drift: None,
        restored: false,
    };

    /// Says whether a replay may take the key up: once, whatever became of it since, and not after
    /// a replay that began later (the time is in the ids), so that two never take it from each
    /// other in turn.
    pub(super) fn is_for(&self, replay: ReplayId) -> bool {
        self.replay.is_none_or(|last| last < replay)
    }
}

/// On which way a key is, and how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlacementStatus {
    /// To be published.
    Publishing(PublicationCause),
    /// To be published; waits for somebody.
    PublishingParked,
    /// At the provider.
    Published,
    /// To be withdrawn.
    Withdrawing(WithdrawalCause),
    /// To be withdrawn; waits for somebody.
    WithdrawingParked,
    /// Not at the provider, or left to the person; for ever.
    Gone,
}
