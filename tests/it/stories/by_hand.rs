//! Keys that people carry themselves: to Azure DevOps, and to hosts that nobody knows anything of.

use chrono::TimeDelta;
use domain::account::{Account, AccountCommand, AccountEvent, Presence, PublicationCause};
use domain::{AccountId, Event, KeyId};
use lanyard::app::Caller;
use lanyard::clock::Clock;
use serde_json::{Value, json};

use super::world::World;
use crate::support::by_hand::{azure, builds, confirms, links};

impl World {
    async fn links_by_hand(&self, who: &str, provider: &str) -> AccountId {
        let person = self.service.user(who).await;
        let account = links(&person, provider, who).await;
        self.settles().await;
        account.parse().unwrap()
    }

    async fn confirms(&self, who: &str, account: AccountId, key: &Value, placed: bool) -> Value {
        let person = self.service.user(who).await;
        let key = key["key"].as_str().unwrap();
        let known = confirms(&person, &account.to_string(), key, placed).await;
        self.settles().await;
        known
    }

    /// Lists what a person is asked to do, oldest key first.
    async fn errands(&self, who: &str) -> Vec<String> {
        let keys = self.keys(who).await;
        let asked = keys
            .iter()
            .map(|key| &key["placements"][0]["by_hand"]["do"]);
        asked
            .filter_map(|errand| errand.as_str().map(str::to_owned))
            .collect()
    }
}

#[tokio::test]
async fn a_key_is_pasted_renewed_rotated_and_taken_back_as_anywhere_else() {
    let world = World::new().await;
    azure(&world.service).await;
    let account = world.links_by_hand("ada", "azure").await;
    let first = world.current_key("ada", account).await;
    assert_eq!(world.errands("ada").await, ["paste"]);
    world.confirms("ada", account, &first, true).await;
    assert_eq!(world.errands("ada").await, [""; 0]);

    let old = first;
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    let new = world.current_key("ada", account).await;
    assert_ne!(new["public_key"], old["public_key"]);
    assert_eq!(
        world.errands("ada").await,
        ["paste"],
        "the old one stays until then"
    );
    world.confirms("ada", account, &new, true).await;
    assert_eq!(world.errands("ada").await, ["remove"]);
    world.confirms("ada", account, &old, false).await;
    assert_eq!(world.keys("ada").await.len(), 1);

    world.unlink("ada", account).await;
    world.settles().await;
    assert_eq!(world.accounts("ada").await[0]["status"], "unlinking");
    assert_eq!(world.errands("ada").await, ["remove"]);
    world.confirms("ada", account, &new, false).await;
    assert!(world.accounts("ada").await.is_empty());
    assert!(world.keys("ada").await.is_empty());
    assert_eq!(
        world.story_of(account).await,
        [
            "AccountLinked",
            "KeyPublicationRequested",
            "KeyPublished",
            "KeyPublicationRequested",
            "KeyPublished",
            "KeyWithdrawalRequested",
            "KeyWithdrawn",
            "UnlinkRequested",
            "KeyWithdrawalRequested",
            "KeyWithdrawn",
            "AccountUnlinked",
        ]
    );

    assert_eq!(world.links_by_hand("ada", "azure").await, account);
    let anew = world.current_key("ada", account).await;
    assert_ne!(anew["public_key"], new["public_key"]);
    assert_eq!(world.errands("ada").await, ["paste"]);
}

#[tokio::test]
async fn a_key_that_ends_after_a_year_is_pasted_again_in_time() {
    let world = World::new().await;
    azure(&world.service).await;
    let account = world.links_by_hand("ada", "azure").await;
    let key = world.current_key("ada", account).await;
    world.confirms("ada", account, &key, true).await;
    let ends = world.service.clock.now() + TimeDelta::days(365);
    world.settles_within(TimeDelta::days(334)).await;
    assert_eq!(world.happened("KeyExpiring").await, 0);
    let idle = world.round().await;
    assert!(!idle.moved, "nothing is looked at in between");
    let looks = idle.next_at.unwrap();
    assert!(looks > ends - TimeDelta::days(31) && looks < ends - TimeDelta::days(29));

    world.settles_within(TimeDelta::days(2)).await;
    assert_eq!(world.happened("KeyExpiring").await, 1);
    assert_eq!(world.errands("ada").await, ["paste"]);
    world.restarts().await;
    world.settles_within(TimeDelta::days(10)).await;
    assert_eq!(world.happened("KeyExpiring").await, 1, "once is enough");

    let known = world.confirms("ada", account, &key, true).await;
    let lasts: chrono::DateTime<chrono::Utc> =
        known["expires_at"].as_str().unwrap().parse().unwrap();
    assert!(lasts > ends + TimeDelta::days(340));
    assert_eq!(world.errands("ada").await, [""; 0]);
    world.settles_within(TimeDelta::days(334)).await;
    assert_eq!(world.happened("KeyExpiring").await, 1);
    world.restarts().await;
    world.settles_within(TimeDelta::days(2)).await;
    assert_eq!(world.happened("KeyExpiring").await, 2);
    assert_eq!(world.keys("ada").await.len(), 1, "it is the same key");
}

#[tokio::test]
async fn more_keys_than_a_page_holds_end_on_one_day() {
    let world = World::new().await;
    builds(&world.service).await;
    let account = world.links_by_hand("ada", "builds").await;
    let app = &world.service.app;
    let caller = Caller::system("test", app.new_id(), None);
    let expires_at = Some(world.service.clock.now() + TimeDelta::days(40));
    for _ in 0..101 {
        let key = KeyId::new(app.new_id());
        for command in [
            AccountCommand::RequestKeyPublication {
                key,
                cause: PublicationCause::Link,
                link: None,
            },
            AccountCommand::RecordKeyPublished {
                key,
                remote_key: None,
                presence: Presence::ByHand,
                expires_at,
            },
        ] {
            let done = app.dispatch.execute::<Account>(&account, command, &caller);
            done.await.unwrap();
        }
    }
    world.settles_within(TimeDelta::days(9)).await;
    assert_eq!(world.happened("KeyExpiring").await, 0);
    world.settles_within(TimeDelta::days(2)).await;
    assert_eq!(world.happened("KeyExpiring").await, 101);
    let next_at = world.round().await.next_at;
    assert_eq!(next_at, None, "nothing else ends by itself");
}

#[tokio::test]
async fn a_key_that_was_replaced_before_anybody_pasted_it_was_never_there() {
    let world = World::new().await;
    builds(&world.service).await;
    let account = world.links_by_hand("ada", "builds").await;
    let old = world.current_key("ada", account).await;
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(world.errands("ada").await, ["paste", "paste"]);
    let new = world.current_key("ada", account).await;
    world.confirms("ada", account, &new, true).await;
    assert_eq!(world.errands("ada").await, ["remove"]);
    world.confirms("ada", account, &old, false).await;
    let withdrawn = |event: &Event| match event {
        Event::Account(AccountEvent::KeyWithdrawn { was_there, .. }) => Some(*was_there),
        _ => None,
    };
    let events = world.events().await;
    let found: Vec<_> = events
        .iter()
        .filter_map(|recorded| withdrawn(&recorded.event))
        .collect();
    assert_eq!(found, [false]);
}

#[tokio::test]
async fn a_disabled_host_keeps_nobody_from_giving_up_their_account() {
    let world = World::new().await;
    builds(&world.service).await;
    let account = world.links_by_hand("ada", "builds").await;
    let key = world.current_key("ada", account).await;
    world.confirms("ada", account, &key, true).await;
    let admin = world.service.admin().await;
    let answer = admin.post("/api/v1/providers/builds/disable", json!({}));
    assert!(answer.await.status.is_success());
    world.unlink("ada", account).await;
    world.settles().await;
    world.confirms("ada", account, &key, false).await;
    assert!(world.accounts("ada").await.is_empty());
}
