//! The deployment's settings: one stream, `settings-deployment`.

mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use command::SettingsCommand;
pub use error::SettingsError;
pub use event::SettingsEvent;

use crate::keyring::Algorithm;

/// The settings as they now are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The algorithm of new keys.
    pub algorithm: Algorithm,
}

impl Settings {
    /// The id of the one stream.
    pub const ID: &'static str = "deployment";

    /// Decides what follows from a command.
    pub fn decide(&self, command: SettingsCommand) -> Result<Vec<SettingsEvent>, SettingsError> {
        match command {
            SettingsCommand::ChangeSettings { algorithm } => {
                let algorithm = algorithm.filter(|algorithm| *algorithm != self.algorithm);
                Ok(match algorithm {
                    Some(_) => vec![SettingsEvent::SettingsChanged { algorithm }],
                    None => vec![],
                })
            }
        }
    }
}

impl Aggregate for Settings {
    const TYPE: &'static str = "settings";
    type Command = SettingsCommand;
    type Event = SettingsEvent;
    type Error = SettingsError;
    type Services = ();

    async fn handle(
        &mut self,
        command: SettingsCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), SettingsError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: SettingsEvent) {
        match event {
            SettingsEvent::SettingsChanged { algorithm } => {
                if let Some(algorithm) = algorithm {
                    self.algorithm = algorithm;
                }
            }
        }
    }
}
