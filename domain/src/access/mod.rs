//! The record of who read what. One stream per access, so that nothing grows.

mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use command::AccessCommand;
pub use error::AccessError;
pub use event::AccessEvent;

/// One access: recorded or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    recorded: bool,
}

impl Access {
    /// Decides what follows from a command.
    pub fn decide(&self, command: AccessCommand) -> Result<Vec<AccessEvent>, AccessError> {
        match command {
            AccessCommand::RecordAuditRead { .. } if self.recorded => Ok(vec![]),
            AccessCommand::RecordAuditRead { query, returned } => {
                Ok(vec![AccessEvent::AuditRead { query, returned }])
            }
        }
    }
}

impl Aggregate for Access {
    const TYPE: &'static str = "access";
    type Command = AccessCommand;
    type Event = AccessEvent;
    type Error = AccessError;
    type Services = ();

    async fn handle(
        &mut self,
        command: AccessCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), AccessError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: AccessEvent) {
        match event {
            AccessEvent::AuditRead { .. } => self.recorded = true,
        }
    }
}
