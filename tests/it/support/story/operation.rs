//! What admins and operators have done to many keys: replays and campaigns.

use domain::account::PublicationCause;
use domain::campaign::{CampaignEvent, CampaignScope, KeysPerMinute};
use domain::keyring::RotationCause;
use domain::replay::{ReplayEvent, ReplayInclude, ReplayScope};
use domain::{CampaignId, ReplayId};
use uuid::Uuid;

use super::{Person, Story, github};
use crate::support::logs::noon;

pub(crate) fn replay(number: u128) -> ReplayId {
    ReplayId::new(Uuid::from_u128(number))
}

fn campaign(number: u128) -> CampaignId {
    CampaignId::new(Uuid::from_u128(number))
}

impl Story {
    /// A campaign replaces ada's third key; another is paused, resumed and cancelled.
    pub(super) async fn campaigns(&self, ada: &Person) {
        for number in [1, 2] {
            let started = CampaignEvent::CampaignStarted {
                campaign: campaign(number),
                scope: CampaignScope {
                    provider: Some(github()),
                    users: vec![ada.user()],
                    ..CampaignScope::default()
                },
                compromised: false,
                keys_per_minute: KeysPerMinute::default(),
                planned: 1,
                skipped: 0,
            };
            self.tell("root", started).await;
        }
        let cause = RotationCause::Campaign {
            campaign: campaign(1),
            compromised: false,
        };
        self.tell("policy", ada.rotated(3, 4, cause)).await;
        let completed = CampaignEvent::CampaignCompleted {
            campaign: campaign(1),
            rotated: 1,
            placed: 0,
            parked: 1,
            skipped: 0,
        };
        self.tell("policy", completed).await;
        let campaign = campaign(2);
        self.tell("olga", CampaignEvent::CampaignPaused { campaign })
            .await;
        self.tell("olga", CampaignEvent::CampaignResumed { campaign })
            .await;
        self.tell("root", CampaignEvent::CampaignCancelled { campaign })
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
        let resumed = ReplayEvent::ReplayResumed {
            replay: replay(2),
            provider: github(),
        };
        self.tell("olga", resumed).await;
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
}
