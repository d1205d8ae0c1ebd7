//! What can have happened to a person's off-boarding.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::{Kind, LoggedEvent, UserId};

/// What came of an off-boarding.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OffboardingTally {
    /// How many accounts were unlinked.
    pub accounts: u64,
    /// How many keys were taken away from a provider.
    pub withdrawn: u64,
    /// How many private keys were destroyed.
    pub keys: u64,
    /// How many API tokens were revoked.
    pub tokens: u64,
    /// How many keys may still be at a provider.
    pub keys_left: u64,
    /// How many grants a provider may still honour.
    pub grants_left: u64,
}

/// A fact about one person's off-boarding. Stream `offboarding-<user>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum OffboardingEvent {
    /// An admin asked for everything of a person to end. Why stands in the envelope's reason.
    OffboardingRequested {
        /// The person.
        user: UserId,
        /// Whether no provider is waited for.
        #[serde(default, skip_serializing_if = "is_false")]
        force: bool,
    },
    /// An admin asked not to wait for any provider any more.
    OffboardingForced {
        /// The person.
        user: UserId,
    },
    /// Nothing of the person is left here.
    OffboardingCompleted {
        /// The person.
        user: UserId,
        /// What came of it.
        tally: OffboardingTally,
    },
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl LoggedEvent for OffboardingEvent {
    fn kind(&self) -> Kind {
        match self {
            Self::OffboardingRequested { .. } => Kind::new("OffboardingRequested", "LOF01I", 1),
            Self::OffboardingCompleted { .. } => Kind::new("OffboardingCompleted", "LOF02I", 1),
            Self::OffboardingForced { .. } => Kind::new("OffboardingForced", "LOF03W", 1),
        }
    }
}

impl DomainEvent for OffboardingEvent {
    fn event_type(&self) -> String {
        self.kind().name.to_owned()
    }

    fn event_version(&self) -> String {
        self.kind().schema.to_string()
    }
}
