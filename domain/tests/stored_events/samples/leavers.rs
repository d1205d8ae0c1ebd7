//! What happens when people leave.

use domain::Event;
use domain::offboarding::{OffboardingEvent, OffboardingTally};

use super::{Sample, user};

pub(super) fn samples() -> Vec<Sample> {
    samples! {
        "offboarding-ada", Offboarding(OffboardingEvent) with { user: user(), };
        OffboardingRequested { force: true }
        OffboardingForced {}
        OffboardingCompleted {
            tally: OffboardingTally {
                accounts: 2, withdrawn: 1, keys: 3, tokens: 1, keys_left: 1, grants_left: 0,
            }
        }
    }
}
