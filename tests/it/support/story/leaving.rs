//! Who leaves, and what goes on again.

use domain::offboarding::{OffboardingEvent, OffboardingTally};

use super::{Person, Story};

impl Story {
    /// An admin sees a person off, and does not want to wait.
    pub(super) async fn leaves(&self, person: &Person) {
        let user = person.user();
        let requested = OffboardingEvent::OffboardingRequested {
            user: user.clone(),
            force: false,
        };
        self.tell("root", requested).await;
        self.tell("root", OffboardingEvent::OffboardingForced { user })
            .await;
    }

    /// The person's only account ends by force, and one key stays.
    pub(super) async fn has_left(&self, person: &Person) {
        self.tell("policy", person.revocation_failed()).await;
        self.tell("policy", person.revocation_parked()).await;
        self.tell("oona", person.revocation_requested()).await;
        self.tell("root", person.forced()).await;
        self.tell("root", person.unlinked()).await;
        let completed = OffboardingEvent::OffboardingCompleted {
            user: person.user(),
            tally: OffboardingTally {
                accounts: 1,
                keys_left: 1,
                ..OffboardingTally::default()
            },
        };
        self.tell("policy", completed).await;
    }
}
