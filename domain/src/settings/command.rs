//! What can be asked of the settings.

use super::{GraceHours, KeyAge};
use crate::keyring::Algorithm;
use crate::provider::Choice;

/// A command to the settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SettingsCommand {
    /// Changes what is given, leaves what is absent.
    ChangeSettings(SettingsChanges),
}

/// New settings; what is absent stays.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct SettingsChanges {
    /// The algorithm of new keys; those that exist stay.
    pub algorithm: Option<Algorithm>,
    /// How long a replaced key stays where its successor is.
    pub rotation_grace_hours: Option<GraceHours>,
    /// How old a key may grow; `Default`: as old as it may.
    pub max_key_age_days: Option<Choice<KeyAge>>,
}
