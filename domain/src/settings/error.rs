//! Why a command to the settings is refused.

use crate::{RefusalKind, RefusedRule};

/// The rule that refused. None exists: every combination of settings makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {}

impl RefusedRule for SettingsError {
    fn code(&self) -> &'static str {
        match *self {}
    }

    fn kind(&self) -> RefusalKind {
        match *self {}
    }
}
