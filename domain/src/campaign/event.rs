//! What can have happened to a campaign.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::{CampaignScope, KeysPerMinute};
use crate::{CampaignId, Kind, LoggedEvent};

/// A fact about one campaign. Stream `campaign-<campaign>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum CampaignEvent {
    /// An admin started a rotation of many keys. Why stands in the envelope's reason.
    CampaignStarted {
        /// The campaign.
        campaign: CampaignId,
        /// Which keys it takes up.
        scope: CampaignScope,
        /// Whether the old keys must not be trusted any more: they are withdrawn first.
        compromised: bool,
        /// How fast.
        keys_per_minute: KeysPerMinute,
        /// How many keys were to be rotated when it was asked for.
        planned: u64,
        /// How many keys in the scope were then to be left as they are.
        skipped: u64,
    },
    /// Somebody stopped it for a while; the rotations that have begun go on.
    CampaignPaused {
        /// The campaign.
        campaign: CampaignId,
    },
    /// Somebody let it go on.
    CampaignResumed {
        /// The campaign.
        campaign: CampaignId,
    },
    /// An admin stopped it for good; the rotations that have begun go on.
    CampaignCancelled {
        /// The campaign.
        campaign: CampaignId,
    },
    /// Nothing in its scope is left to do.
    CampaignCompleted {
        /// The campaign.
        campaign: CampaignId,
        /// How many keys were replaced.
        rotated: u64,
        /// How many of the new ones are at their provider.
        placed: u64,
        /// How many of them wait for somebody.
        parked: u64,
        /// How many keys were left as they are.
        skipped: u64,
    },
}

impl LoggedEvent for CampaignEvent {
    fn kind(&self) -> Kind {
        match self {
            Self::CampaignStarted { .. } => Kind::new("CampaignStarted", "LCM01I", 1),
            Self::CampaignPaused { .. } => Kind::new("CampaignPaused", "LCM02I", 1),
            Self::CampaignResumed { .. } => Kind::new("CampaignResumed", "LCM03I", 1),
            Self::CampaignCancelled { .. } => Kind::new("CampaignCancelled", "LCM04I", 1),
            Self::CampaignCompleted { .. } => Kind::new("CampaignCompleted", "LCM05I", 1),
        }
    }
}

impl DomainEvent for CampaignEvent {
    fn event_type(&self) -> String {
        self.kind().name.to_owned()
    }

    fn event_version(&self) -> String {
        self.kind().schema.to_string()
    }
}
