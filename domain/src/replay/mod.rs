//! An operator's replay: makes one provider agree with the log again.

mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use command::ReplayCommand;
pub use error::ReplayError;
pub use event::{ReplayEvent, ReplayInclude, ReplayScope};

use crate::ReplayId;

/// The life of one replay.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Replay {
    /// Never started.
    #[default]
    Absent,
    /// Under way.
    Running {
        /// The replay.
        replay: ReplayId,
        /// What it takes up.
        scope: ReplayScope,
    },
    /// Stopped; it may go on.
    Cancelled {
        /// The replay.
        replay: ReplayId,
        /// What it takes up.
        scope: ReplayScope,
    },
    /// Completed.
    Over,
}

impl Replay {
    /// Decides what follows from a command.
    pub fn decide(&self, command: ReplayCommand) -> Result<Vec<ReplayEvent>, ReplayError> {
        use ReplayCommand as C;
        match (self, command) {
            (
                Self::Absent,
                C::StartReplay {
                    replay,
                    scope,
                    planned,
                },
            ) => {
                if let (Some(since), Some(until)) = (scope.since, scope.until)
                    && since >= until
                {
                    return Err(ReplayError::EmptyWindow);
                }
                Ok(vec![ReplayEvent::ReplayStarted {
                    replay,
                    scope,
                    planned,
                }])
            }
            (Self::Running { scope: known, .. }, C::StartReplay { scope, .. })
                if *known == scope =>
            {
                Ok(vec![])
            }
            (Self::Running { .. } | Self::Cancelled { .. } | Self::Over, C::StartReplay { .. }) => {
                Err(ReplayError::AlreadyStarted)
            }
            (Self::Running { replay, scope }, C::CancelReplay) => {
                Ok(vec![ReplayEvent::ReplayCancelled {
                    replay: *replay,
                    provider: scope.provider.clone(),
                }])
            }
            (Self::Cancelled { replay, scope }, C::ResumeReplay) => {
                Ok(vec![ReplayEvent::ReplayResumed {
                    replay: *replay,
                    provider: scope.provider.clone(),
                }])
            }
            (Self::Absent, C::CancelReplay | C::ResumeReplay) => Err(ReplayError::NotFound),
            (Self::Over, C::ResumeReplay) => Err(ReplayError::Completed),
            (
                Self::Running { replay, scope },
                C::RecordReplayCompleted {
                    settled,
                    parked,
                    in_place,
                },
            ) => Ok(vec![ReplayEvent::ReplayCompleted {
                replay: *replay,
                provider: scope.provider.clone(),
                settled,
                parked,
                in_place,
            }]),
            (Self::Running { .. }, C::ResumeReplay)
            | (Self::Cancelled { .. } | Self::Over, C::CancelReplay)
            | (
                Self::Absent | Self::Cancelled { .. } | Self::Over,
                C::RecordReplayCompleted { .. },
            ) => Ok(vec![]),
        }
    }
}

impl Aggregate for Replay {
    const TYPE: &'static str = "replay";
    type Command = ReplayCommand;
    type Event = ReplayEvent;
    type Error = ReplayError;
    type Services = ();

    async fn handle(
        &mut self,
        command: ReplayCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), ReplayError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ReplayEvent) {
        use ReplayEvent as E;
        *self = match (std::mem::take(self), event) {
            (_, E::ReplayStarted { replay, scope, .. })
            | (Self::Cancelled { replay, scope }, E::ReplayResumed { .. }) => {
                Self::Running { replay, scope }
            }
            (Self::Running { replay, scope }, E::ReplayCancelled { .. }) => {
                Self::Cancelled { replay, scope }
            }
            (_, E::ReplayCompleted { .. }) => Self::Over,
            // Only what runs is stopped, and only what was stopped goes on.
            (before, E::ReplayCancelled { .. } | E::ReplayResumed { .. }) => before,
        };
    }
}
