//! The deployment's settings: one stream, `settings-deployment`.

mod command;
mod error;
mod event;
mod limits;
#[cfg(test)]
mod tests;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use command::{SettingsChanges, SettingsCommand};
pub use error::SettingsError;
pub use event::SettingsEvent;
pub(crate) use limits::ranged;
pub use limits::{GraceHours, KeyAge, OutOfRange};

use crate::keyring::Algorithm;

/// The settings as they now are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The algorithm of new keys.
    pub algorithm: Algorithm,
    /// How long a replaced key stays where its successor is.
    pub rotation_grace_hours: GraceHours,
    /// How old a key may grow before another takes its place; nothing: as old as it may.
    pub max_key_age_days: Option<KeyAge>,
}

impl Settings {
    /// The id of the one stream.
    pub const ID: &'static str = "deployment";

    /// Decides what follows from a command.
    pub fn decide(&self, command: SettingsCommand) -> Result<Vec<SettingsEvent>, SettingsError> {
        match command {
            SettingsCommand::ChangeSettings(changes) => {
                let SettingsChanges {
                    algorithm,
                    rotation_grace_hours,
                    max_key_age_days,
                } = changes;
                let algorithm = algorithm.filter(|new| *new != self.algorithm);
                let rotation_grace_hours =
                    rotation_grace_hours.filter(|new| *new != self.rotation_grace_hours);
                let max_key_age_days =
                    max_key_age_days.filter(|new| new.own() != self.max_key_age_days);
                let same = algorithm.is_none()
                    && rotation_grace_hours.is_none()
                    && max_key_age_days.is_none();
                Ok(if same {
                    vec![]
                } else {
                    vec![SettingsEvent::SettingsChanged {
                        algorithm,
                        rotation_grace_hours,
                        max_key_age_days,
                    }]
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
            SettingsEvent::SettingsChanged {
                algorithm,
                rotation_grace_hours,
                max_key_age_days,
            } => {
                if let Some(algorithm) = algorithm {
                    self.algorithm = algorithm;
                }
                if let Some(hours) = rotation_grace_hours {
                    self.rotation_grace_hours = hours;
                }
                if let Some(age) = max_key_age_days {
                    self.max_key_age_days = age.own();
                }
            }
        }
    }
}
