//! Verifying: the whole log is read again, and every projection is compared with a fresh fold.

mod history;
mod rows;

use projections::Projection;

pub use history::{Fault, History, verify_history};
pub use rows::{Compared, Difference, verify_projections};

use super::reading::FollowError;
use crate::database::Database;
use crate::eventlog::EventLog;

/// What verifying is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifyProgress {
    /// Reading the log: so many events of so many.
    History {
        /// How many events are read.
        done: u64,
        /// How many there are.
        of: u64,
    },
    /// Folding the log anew: so many events of so many.
    Folding {
        /// How many events are applied.
        done: u64,
        /// How many there are.
        of: u64,
    },
    /// Comparing the rows of a projection.
    Comparing(&'static str),
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyReport {
    /// Of the log.
    pub history: History,
    /// Of the projections; none if the log itself is not sound.
    pub projections: Vec<Compared>,
}

impl VerifyReport {
    /// Says whether everything is as it must be.
    pub fn is_sound(&self) -> bool {
        let differs = |compared: &Compared| compared.difference.is_some();
        self.history.fault.is_none() && !self.projections.iter().any(differs)
    }
}

/// Verifies the log, and then the projections against it. Best where no projector runs: rows that
/// move meanwhile are compared again.
pub async fn verify(
    log: &dyn EventLog,
    database: &dyn Database,
    projections: &[&'static dyn Projection],
    mut report: impl FnMut(VerifyProgress) + Send,
) -> Result<VerifyReport, FollowError> {
    let history = verify_history(log, &mut report).await?;
    let projections = if history.fault.is_none() {
        verify_projections(log, database, projections, &mut report).await?
    } else {
        Vec::new()
    };
    Ok(VerifyReport {
        history,
        projections,
    })
}
