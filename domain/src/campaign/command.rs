//! What can be asked of a campaign.

use super::{CampaignScope, KeysPerMinute};
use crate::CampaignId;

/// A command to one campaign.
#[derive(Debug, Clone, PartialEq)]
pub enum CampaignCommand {
    /// Starts it. No event if it is under way with the same scope.
    StartCampaign(StartCampaign),
    /// Stops it for a while. No event if it is paused.
    PauseCampaign,
    /// Lets it go on. No event if it is not paused.
    ResumeCampaign,
    /// Stops it for good; the rotations that have begun go on.
    CancelCampaign,
    /// Reports that nothing in its scope is left to do.
    RecordCampaignCompleted {
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

/// A campaign to be started.
#[derive(Debug, Clone, PartialEq)]
pub struct StartCampaign {
    /// Its id.
    pub campaign: CampaignId,
    /// Which keys it takes up.
    pub scope: CampaignScope,
    /// Whether the old keys must not be trusted any more: they are withdrawn first.
    pub compromised: bool,
    /// How fast.
    pub keys_per_minute: KeysPerMinute,
    /// How many keys are to be rotated now.
    pub planned: u64,
    /// How many keys in the scope are left as they are now.
    pub skipped: u64,
}
