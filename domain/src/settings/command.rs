//! What can be asked of the settings.

use crate::keyring::Algorithm;

/// A command to the settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SettingsCommand {
    /// Changes what is given, leaves what is absent.
    ChangeSettings {
        /// The algorithm of new keys; those that exist stay.
        algorithm: Option<Algorithm>,
    },
}
