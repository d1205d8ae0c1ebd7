//! What can be asked of an off-boarding.

use super::OffboardingTally;
use crate::UserId;

/// A command to one person's off-boarding.
#[derive(Debug, Clone, PartialEq)]
pub enum OffboardingCommand {
    /// Begins it. No event while it is under way, but for the first time that it is forced.
    RequestOffboarding {
        /// The person.
        user: UserId,
        /// Whether no provider is to be waited for.
        force: bool,
    },
    /// Reports that nothing of the person is left here.
    RecordOffboardingCompleted {
        /// What came of it.
        tally: OffboardingTally,
    },
}
