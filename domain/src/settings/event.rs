//! What can have happened to the deployment's settings.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::{GraceHours, KeyAge};
use crate::keyring::Algorithm;
use crate::provider::Choice;
use crate::{Kind, LoggedEvent};

/// A fact about the settings. Stream `settings-deployment`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum SettingsEvent {
    /// An admin changed some settings; what is absent stayed as it was.
    SettingsChanged {
        /// The algorithm of new keys.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        algorithm: Option<Algorithm>,
        /// How many hours a replaced key stays where its successor is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rotation_grace_hours: Option<GraceHours>,
        /// How many days old a key may grow; `default`: as old as it may.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_key_age_days: Option<Choice<KeyAge>>,
    },
}

impl LoggedEvent for SettingsEvent {
    fn kind(&self) -> Kind {
        match self {
            Self::SettingsChanged { .. } => Kind::new("SettingsChanged", "LST01I", 1),
        }
    }
}

impl DomainEvent for SettingsEvent {
    fn event_type(&self) -> String {
        self.kind().name.to_owned()
    }

    fn event_version(&self) -> String {
        self.kind().schema.to_string()
    }
}
