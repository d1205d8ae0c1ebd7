//! Who leaves, and what goes on again.

use domain::account::PublicationCause;
use domain::offboarding::{OffboardingEvent, OffboardingTally};
use domain::replay::{ReplayEvent, ReplayInclude, ReplayScope};

use super::super::logs::noon;
use super::{Person, Story, github, replay};

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

    /// A replay takes up ada's second key; another is cancelled.
    pub(super) async fn replay(&self, ada: &Person) {
        for number in [1, 2] {
            let started = ReplayEvent::ReplayStarted {
                replay: replay(number),
                scope: ReplayScope {
                    provider: github(),
                    user: Some(ada.user()),
                    since: None,
                    until: Some(noon()),
                    include: ReplayInclude::Parked,
                },
                planned: 1,
            };
            self.tell("olga", started).await;
        }
        let cancelled = ReplayEvent::ReplayCancelled {
            replay: replay(2),
            provider: github(),
        };
        self.tell("olga", cancelled.clone()).await;
        self.tell("olga", resumed(2)).await;
        self.tell("olga", cancelled).await;
        self.tell(
            "policy",
            ada.requested(2, PublicationCause::Replay(replay(1))),
        )
        .await;
        self.tell("publisher", ada.published(2)).await;
        let completed = ReplayEvent::ReplayCompleted {
            replay: replay(1),
            provider: github(),
            settled: 1,
            parked: 0,
            in_place: 0,
        };
        self.tell("policy", completed).await;
    }

    /// The person's only account ends by force, and one key stays.
    pub(super) async fn has_left(&self, person: &Person) {
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

/// A replay that was stopped goes on.
fn resumed(number: u128) -> ReplayEvent {
    ReplayEvent::ReplayResumed {
        replay: replay(number),
        provider: github(),
    }
}
