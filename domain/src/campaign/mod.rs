//! A campaign: many keys are rotated, at a rate, for one reason.
//!
//! Which keys are done follows from the keyrings: a key that was replaced since the campaign began
//! is done, whoever replaced it. So nothing is counted here, and a crash loses nothing.

mod command;
mod error;
mod event;
mod scope;
#[cfg(test)]
mod tests;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use command::{CampaignCommand, StartCampaign};
pub use error::CampaignError;
pub use event::CampaignEvent;
pub use scope::{CampaignScope, Candidate, KeysPerMinute, Skip};

use crate::CampaignId;

/// The life of one campaign.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Campaign {
    /// Never started.
    #[default]
    Absent,
    /// Under way, or paused.
    Begun {
        /// The campaign.
        campaign: CampaignId,
        /// Which keys it takes up.
        scope: CampaignScope,
        /// Whether it is stopped for a while.
        paused: bool,
    },
    /// Cancelled or completed.
    Over,
}

impl Campaign {
    /// Decides what follows from a command.
    pub fn decide(&self, command: CampaignCommand) -> Result<Vec<CampaignEvent>, CampaignError> {
        use CampaignCommand as C;
        use CampaignError as Refusal;
        use CampaignEvent as E;
        match (self, command) {
            (Self::Absent, C::StartCampaign(start)) if start.scope.is_everything() => {
                Err(Refusal::EmptyScope)
            }
            (Self::Absent, C::StartCampaign(start)) => Ok(vec![E::CampaignStarted {
                campaign: start.campaign,
                scope: start.scope,
                compromised: start.compromised,
                keys_per_minute: start.keys_per_minute,
                planned: start.planned,
                skipped: start.skipped,
            }]),
            (Self::Begun { scope, .. }, C::StartCampaign(start)) if *scope == start.scope => {
                Ok(vec![])
            }
            (Self::Begun { .. } | Self::Over, C::StartCampaign(_)) => Err(Refusal::AlreadyStarted),
            (Self::Absent, C::PauseCampaign | C::ResumeCampaign | C::CancelCampaign) => {
                Err(Refusal::NotFound)
            }
            (Self::Over, C::PauseCampaign | C::ResumeCampaign) => Err(Refusal::Over),
            (Self::Begun { paused: true, .. }, C::PauseCampaign)
            | (Self::Begun { paused: false, .. }, C::ResumeCampaign)
            | (Self::Over, C::CancelCampaign)
            | (Self::Absent | Self::Over, C::RecordCampaignCompleted { .. }) => Ok(vec![]),
            (Self::Begun { campaign, .. }, C::PauseCampaign) => Ok(vec![E::CampaignPaused {
                campaign: *campaign,
            }]),
            (Self::Begun { campaign, .. }, C::ResumeCampaign) => Ok(vec![E::CampaignResumed {
                campaign: *campaign,
            }]),
            (Self::Begun { campaign, .. }, C::CancelCampaign) => Ok(vec![E::CampaignCancelled {
                campaign: *campaign,
            }]),
            // It was paused meanwhile: whoever lets it go on wants to see it end.
            (Self::Begun { paused: true, .. }, C::RecordCampaignCompleted { .. }) => Ok(vec![]),
            (
                Self::Begun { campaign, .. },
                C::RecordCampaignCompleted {
                    rotated,
                    placed,
                    parked,
                    skipped,
                },
            ) => Ok(vec![E::CampaignCompleted {
                campaign: *campaign,
                rotated,
                placed,
                parked,
                skipped,
            }]),
        }
    }
}

impl Aggregate for Campaign {
    const TYPE: &'static str = "campaign";
    type Command = CampaignCommand;
    type Event = CampaignEvent;
    type Error = CampaignError;
    type Services = ();

    async fn handle(
        &mut self,
        command: CampaignCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), CampaignError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: CampaignEvent) {
        match (event, self) {
            (
                CampaignEvent::CampaignStarted {
                    campaign, scope, ..
                },
                state,
            ) => {
                *state = Self::Begun {
                    campaign,
                    scope,
                    paused: false,
                };
            }
            (CampaignEvent::CampaignPaused { .. }, Self::Begun { paused, .. }) => *paused = true,
            (CampaignEvent::CampaignResumed { .. }, Self::Begun { paused, .. }) => *paused = false,
            (
                CampaignEvent::CampaignCancelled { .. } | CampaignEvent::CampaignCompleted { .. },
                state,
            ) => *state = Self::Over,
            (
                CampaignEvent::CampaignPaused { .. } | CampaignEvent::CampaignResumed { .. },
                Self::Absent | Self::Over,
            ) => {}
        }
    }
}
