//! How long a replaced key stays where its successor is.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::world::World;
use crate::account::{AccountEvent, Presence, WithdrawalCause};
use crate::key_sync::{
    AccountMemory, KeyMemory, KeyStanding, LinkState, Place, Revoking, Step, relieves,
};
use crate::keyring::RotationCause;
use crate::samples::{account, ada, github, key, noon, outage};
use crate::{Event, KeyId};

use KeyStanding::{Compromised, Current, Replaced};
use Place::Published;

const DAY: TimeDelta = TimeDelta::hours(24);

/// A key that stands so, relieved some hours before noon if it was.
fn known(number: u128, standing: KeyStanding, place: Place, relieved: Option<i64>) -> KeyMemory {
    KeyMemory {
        key: key(number),
        user: ada(),
        standing,
        place,
        relieved_at: relieved.map(|hours| noon() - TimeDelta::hours(hours)),
    }
}

fn memory<const N: usize>(keys: [KeyMemory; N]) -> AccountMemory {
    AccountMemory {
        account: account(),
        user: ada(),
        provider: github(),
        link: LinkState::Linked,
        revoking: Revoking::Due,
        number: 1,
        keys: keys.into(),
    }
}

/// Lists the keys that are to be withdrawn.
fn withdrawn(memory: &AccountMemory, now: DateTime<Utc>, grace: TimeDelta) -> Vec<KeyId> {
    let due = memory.due(now, grace).into_iter();
    due.filter_map(|step| match step {
        Step::RequestWithdrawal { key, .. } => Some(key),
        Step::GenerateKey { .. }
        | Step::RequestPublication { .. }
        | Step::RetireKey { .. }
        | Step::FinishUnlink { .. } => None,
    })
    .collect()
}

#[test]
fn a_replaced_key_stays_for_its_grace_and_not_a_moment_longer() {
    let memory = memory([
        known(1, Replaced, Published, Some(0)),
        known(2, Current, Published, None),
    ]);
    let moment = TimeDelta::microseconds(1);
    assert_eq!(withdrawn(&memory, noon(), DAY), []);
    assert_eq!(withdrawn(&memory, noon() + DAY - moment, DAY), []);
    assert_eq!(withdrawn(&memory, noon() + DAY, DAY), [key(1)]);
    assert_eq!(withdrawn(&memory, noon(), TimeDelta::zero()), [key(1)]);
}

#[test]
fn a_grace_that_is_over_takes_nothing_away_while_the_successor_is_not_there() {
    for place in [Place::Nowhere, Place::Publishing, Place::PublishingParked] {
        let memory = memory([
            known(1, Replaced, Published, Some(100)),
            known(2, Current, place, None),
        ]);
        assert_eq!(withdrawn(&memory, noon(), DAY), [], "{place:?}");
    }
}

#[test]
fn a_compromised_key_has_no_grace() {
    let memory = memory([
        known(1, Compromised, Published, Some(0)),
        known(2, Current, Published, None),
    ]);
    assert_eq!(withdrawn(&memory, noon(), DAY), [key(1)]);
}

#[test]
fn of_several_replaced_keys_the_oldest_that_is_there_stays_and_the_others_go_at_once() {
    for place in [
        Place::Publishing,
        Place::PublishingParked,
        Place::PublishingLost,
        Place::PublishingDue,
        Published,
    ] {
        let memory = memory([
            known(1, Replaced, Published, Some(3)),
            known(2, Replaced, place, Some(0)),
            known(3, Current, Published, None),
        ]);
        assert_eq!(withdrawn(&memory, noon(), DAY), [key(2)], "{place:?}");
        let later = noon() + TimeDelta::hours(21);
        assert_eq!(withdrawn(&memory, later, DAY), [key(1), key(2)]);
    }
    // The one before it is on its way out: the second is what people have in use.
    for place in [Place::Withdrawing, Place::WithdrawingParked] {
        let memory = memory([
            known(1, Replaced, place, Some(30)),
            known(2, Replaced, Published, Some(0)),
            known(3, Current, Published, None),
        ]);
        assert_eq!(withdrawn(&memory, noon(), DAY), [], "{place:?}");
    }
}

#[test]
fn a_key_that_was_never_seen_there_has_no_grace() {
    let memory = memory([
        known(1, Replaced, Place::PublishingParked, Some(0)),
        known(2, Current, Published, None),
    ]);
    assert_eq!(withdrawn(&memory, noon(), DAY), [key(1)]);
}

#[test]
fn an_unlinking_waits_for_no_grace() {
    let mut memory = memory([
        known(1, Replaced, Published, Some(0)),
        known(2, Current, Published, None),
    ]);
    memory.link = LinkState::Unlinking;
    assert_eq!(withdrawn(&memory, noon(), DAY), [key(1), key(2)]);
}

#[test]
fn the_grace_runs_from_when_the_first_successor_is_there() {
    let mut world = World::with_grace(DAY);
    world.links(&ada()).unwrap();
    world.settles();
    world.is_published(key(1), Presence::Created);
    world.rotates(RotationCause::Requested).unwrap();
    world.settles();
    world.now += TimeDelta::days(5);
    world.is_published(key(2), Presence::Created);
    world.settles();
    assert_eq!(world.on_their_way(), [], "the old key stays");
    // Another rotation amid the grace: the first key keeps what is left of it.
    world.now += TimeDelta::hours(20);
    world.rotates(RotationCause::Age).unwrap();
    world.settles();
    world.is_published(key(3), Presence::Created);
    world.settles();
    assert_eq!(world.on_their_way(), [key(2)], "the middle key goes");
    world.is_withdrawn(key(2));
    world.settles();
    world.now += TimeDelta::hours(4);
    world.settles();
    assert_eq!(world.on_their_way(), [key(1)]);
}

#[test]
fn only_a_key_that_came_to_the_provider_relieves_others() {
    let (account, user, provider) = (account(), ada(), github());
    let published = AccountEvent::KeyPublished {
        account,
        user: user.clone(),
        provider: provider.clone(),
        key: key(1),
        remote_key: None,
        presence: Presence::Found,
        expires_at: None,
    };
    assert_eq!(relieves(&published), Some(key(1)));
    let parked = AccountEvent::KeyPublicationParked {
        account,
        user,
        provider,
        key: key(1),
        failure: outage(),
        attempts: 1,
    };
    assert_eq!(relieves(&parked), None);
}

proptest! {
    #[test]
    fn however_often_a_key_is_rotated_never_more_than_two_stay(
        hours in prop::collection::vec((0..60_i64, any::<bool>()), 1..12),
    ) {
        let mut world = World::with_grace(DAY);
        world.links(&ada()).unwrap();
        world.settles();
        world.is_published(key(1), Presence::Created);
        for (hours, answers) in hours {
            world.rotates(RotationCause::Requested).unwrap();
            world.settles();
            world.now += TimeDelta::hours(hours);
            if answers {
                for key in world.on_their_way() {
                    world.is_published(key, Presence::Created);
                    world.is_withdrawn(key);
                }
                world.settles();
                for key in world.on_their_way() {
                    world.is_withdrawn(key);
                }
                world.settles();
            }
            let there = world.link().placements.values();
            let there = there.filter(|placed| placed.status == crate::account::PlacementStatus::Published);
            prop_assert!((1..=2).contains(&there.count()));
        }
    }

    #[test]
    fn a_published_key_is_withdrawn_for_a_rotation_only_once_its_grace_is_over(
        hours in prop::collection::vec(0..30_i64, 1..8),
    ) {
        let mut world = World::with_grace(DAY);
        world.links(&ada()).unwrap();
        world.settles();
        world.is_published(key(1), Presence::Created);
        let mut relieved = None;
        for hours in hours {
            if relieved.is_none() {
                world.rotates(RotationCause::Requested).unwrap();
                world.settles();
                let current = world.on_their_way();
                world.is_published(current[0], Presence::Created);
                relieved = Some(world.now);
            }
            world.now += TimeDelta::hours(hours);
            let before = world.log.len();
            world.settles();
            let asked = world.log[before..].iter().any(|event| matches!(
                event,
                Event::Account(AccountEvent::KeyWithdrawalRequested {
                    cause: WithdrawalCause::Rotation, ..
                })
            ));
            let over = relieved.is_some_and(|since| since + DAY <= world.now);
            prop_assert_eq!(asked, over);
            if asked {
                for key in world.on_their_way() {
                    world.is_withdrawn(key);
                }
                world.settles();
                relieved = None;
            }
        }
    }
}
