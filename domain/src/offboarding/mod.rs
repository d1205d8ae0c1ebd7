//! The off-boarding of a person: everything that they have here comes to its end.

mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use command::OffboardingCommand;
pub use error::OffboardingError;
pub use event::{OffboardingEvent, OffboardingTally};

use crate::UserId;

/// How far one person's off-boarding is. Whoever comes back later may go again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Offboarding {
    /// Never asked for.
    #[default]
    Absent,
    /// Under way: nothing new is made for the person.
    Running {
        /// The person.
        user: UserId,
        /// Whether no provider is waited for.
        forced: bool,
    },
    /// Everything has ended.
    Over {
        /// The person.
        user: UserId,
    },
}

impl Offboarding {
    /// Decides what follows from a command.
    pub fn decide(
        &self,
        command: OffboardingCommand,
    ) -> Result<Vec<OffboardingEvent>, OffboardingError> {
        use OffboardingCommand as C;
        use OffboardingEvent as E;
        match (self, command) {
            (Self::Absent | Self::Over { .. }, C::RequestOffboarding { user, force }) => {
                Ok(vec![E::OffboardingRequested { user, force }])
            }
            (Self::Running { forced: false, .. }, C::RequestOffboarding { user, force: true }) => {
                Ok(vec![E::OffboardingForced { user }])
            }
            (Self::Running { .. }, C::RequestOffboarding { .. }) => Ok(vec![]),
            (Self::Running { user, .. }, C::RecordOffboardingCompleted { tally }) => {
                Ok(vec![E::OffboardingCompleted {
                    user: user.clone(),
                    tally,
                }])
            }
            // A report that comes too late says nothing.
            (Self::Absent | Self::Over { .. }, C::RecordOffboardingCompleted { .. }) => Ok(vec![]),
        }
    }

    /// Says whether it is under way.
    pub fn is_running(&self) -> bool {
        matches!(self, Self::Running { .. })
    }

    /// Refuses what is new for a person who is being off-boarded.
    pub fn admits(&self) -> Result<(), OffboardingError> {
        if self.is_running() {
            Err(OffboardingError::UnderWay)
        } else {
            Ok(())
        }
    }
}

impl Aggregate for Offboarding {
    const TYPE: &'static str = "offboarding";
    type Command = OffboardingCommand;
    type Event = OffboardingEvent;
    type Error = OffboardingError;
    type Services = ();

    async fn handle(
        &mut self,
        command: OffboardingCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), OffboardingError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: OffboardingEvent) {
        *self = match event {
            OffboardingEvent::OffboardingRequested { user, force } => Self::Running {
                user,
                forced: force,
            },
            OffboardingEvent::OffboardingForced { user } => Self::Running { user, forced: true },
            OffboardingEvent::OffboardingCompleted { user, .. } => Self::Over { user },
        };
    }
}
