//! What can be asked of a replay.

use super::ReplayScope;
use crate::ReplayId;

/// A command to one replay.
#[derive(Debug, Clone, PartialEq)]
pub enum ReplayCommand {
    /// Starts it. No event if it is under way with the same scope.
    StartReplay {
        /// Its id.
        replay: ReplayId,
        /// What it takes up.
        scope: ReplayScope,
        /// How many key placements are in the scope now.
        planned: u64,
    },
    /// Stops it; what was already requested goes on.
    CancelReplay,
    /// Lets it go on after it was stopped.
    ResumeReplay,
    /// Reports that nothing in its scope is left to do.
    RecordReplayCompleted {
        /// How many keys are as the log says.
        settled: u64,
        /// How many wait for somebody.
        parked: u64,
        /// How many of the settled were looked at, and needed nothing.
        in_place: u64,
    },
}
