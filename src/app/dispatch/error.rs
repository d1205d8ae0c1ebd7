//! Why a command came to nothing.

use domain::Refusal;
use projections::UnreadableRow;

use crate::database::DatabaseError;
use crate::eventlog::LogError;
use crate::vault::VaultError;

/// Why a command came to nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommandError {
    /// A rule refused it.
    #[error(transparent)]
    Refused(Refusal),
    /// The thing has another revision than the caller saw.
    #[error("it was changed meanwhile: its revision is now {current}")]
    Changed {
        /// The revision now.
        current: u64,
    },
    /// Others were faster every time.
    #[error("too many changes at once")]
    Conflict,
    /// It says more than an event can hold.
    #[error("an event of {0} bytes is too long")]
    TooLong(usize),
    /// The log or the vault cannot be used now; nothing is known to have happened.
    #[error("the service cannot store anything now: {0}")]
    Unavailable(String),
}

impl CommandError {
    /// Says whether events may have been stored all the same.
    pub fn is_in_doubt(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// Passes a refusal of what nobody waits for: the thing has come to its end meanwhile.
pub(crate) fn unless_refused<T>(done: Result<T, CommandError>) -> Result<(), CommandError> {
    match done {
        Ok(_) | Err(CommandError::Refused(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

impl From<VaultError> for CommandError {
    fn from(error: VaultError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<DatabaseError> for CommandError {
    fn from(error: DatabaseError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<UnreadableRow> for CommandError {
    fn from(row: UnreadableRow) -> Self {
        DatabaseError::from(row).into()
    }
}

impl From<LogError> for CommandError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Conflict => Self::Conflict,
            LogError::TooLong(length) => Self::TooLong(length),
            LogError::Unavailable(_) | LogError::Damaged(_) => Self::Unavailable(error.to_string()),
        }
    }
}
