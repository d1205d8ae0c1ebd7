//! One long story: link, generate, publish, rotate, outage, replay, withdraw, retire, unlink.

use super::world::World;
use crate::KeyId;
use crate::account::{
    Account, AccountCommand, PlacementStatus, Presence, PublicationCause, Residue, WithdrawalCause,
};
use crate::keyring::RotationCause;
use crate::samples::{ada, bob, key, replay, revoked};

impl World {
    fn publishes(&mut self, key: KeyId) {
        self.is_published(key, Presence::Created);
        self.settles();
    }

    fn withdraws(&mut self, key: KeyId) {
        self.is_withdrawn(key);
        self.settles();
    }

    fn replays(&mut self, key: KeyId) {
        let publication = PublicationCause::Replay(replay(1));
        let withdrawal = WithdrawalCause::Replay(replay(1));
        // The worker asks for both; the account knows which way the key is on. Twice, as ever.
        for _ in 0..2 {
            let cause = publication;
            self.ask(AccountCommand::RequestKeyPublication {
                key,
                cause,
                link: None,
            })
            .unwrap();
            let cause = withdrawal;
            self.ask(AccountCommand::RequestKeyWithdrawal { key, cause })
                .unwrap();
        }
        self.settles();
    }

    fn unlinks(&mut self) {
        self.ask(AccountCommand::UnlinkAccount { user: ada() })
            .unwrap();
        self.settles();
    }

    fn loses_its_grant(&mut self) {
        self.ask(AccountCommand::RecordGrantLost {
            generation: self.account.generation(),
            failure: revoked(),
        })
        .unwrap();
        self.settles();
    }

    /// An account with one key in place.
    fn linked() -> Self {
        let mut world = Self::default();
        world.links(&ada()).unwrap();
        world.settles();
        world.publishes(key(1));
        world
    }
}

/// Lets something happen and returns the types of the events that it gave.
fn then(world: &mut World, happens: impl FnOnce(&mut World)) -> Vec<&'static str> {
    let from = world.log.len();
    happens(world);
    world.told(from)
}

#[test]
fn from_the_link_to_its_end_with_an_outage_between() {
    let world = &mut World::default();

    let told = then(world, |world| {
        world.links(&ada()).unwrap();
        world.settles();
    });
    assert_eq!(
        told,
        ["AccountLinked", "KeyGenerated", "KeyPublicationRequested"]
    );
    assert_eq!(
        then(world, |world| world.publishes(key(1))),
        ["KeyPublished"]
    );

    // The rotation begins while the provider is down: the old key stays.
    let told = then(world, |world| {
        world.rotates(RotationCause::Requested).unwrap();
        world.settles();
        world.provider_fails(true);
        world.settles();
        world.provider_fails(false);
        world.settles();
    });
    assert_eq!(
        told,
        [
            "KeyRotated",
            "KeyPublicationRequested",
            "KeyPublicationFailed",
            "KeyPublicationParked",
        ]
    );
    assert_eq!(world.status(key(1)), PlacementStatus::Published);

    // An operator replays; the old key goes once the new one is there.
    let told = then(world, |world| world.replays(key(2)));
    assert_eq!(told, ["KeyPublicationRequested"]);
    let told = then(world, |world| world.publishes(key(2)));
    assert_eq!(told, ["KeyPublished", "KeyWithdrawalRequested"]);

    // The provider is down again, and replayed again.
    let told = then(world, |world| {
        world.provider_fails(false);
        world.settles();
        world.replays(key(1));
    });
    assert_eq!(told, ["KeyWithdrawalParked", "KeyWithdrawalRequested"]);
    let told = then(world, |world| world.withdraws(key(1)));
    assert_eq!(told, ["KeyWithdrawn", "KeyRetired"]);

    let told = then(world, World::unlinks);
    assert_eq!(told, ["UnlinkRequested", "KeyWithdrawalRequested"]);
    let told = then(world, |world| world.withdraws(key(2)));
    assert_eq!(told, ["KeyWithdrawn", "AccountUnlinked", "KeyRetired"]);
    assert_eq!(world.due(), []);

    // And somebody else begins anew, with a key of their own.
    let told = then(world, |world| {
        world.links(&bob()).unwrap();
        world.settles();
    });
    assert_eq!(
        told,
        ["AccountLinked", "KeyGenerated", "KeyPublicationRequested"]
    );
}

#[test]
fn a_compromised_key_goes_before_its_successor_comes() {
    let world = &mut World::linked();
    let told = then(world, |world| {
        world.rotates(RotationCause::Compromised).unwrap();
        world.settles();
    });
    assert_eq!(
        told,
        [
            "KeyRotated",
            "KeyWithdrawalRequested",
            "KeyPublicationRequested"
        ]
    );
    world.provider_fails(false);
    world.settles();
    assert_eq!(world.due(), []);
    assert_eq!(world.status(key(1)), PlacementStatus::WithdrawingParked);
    assert_eq!(world.status(key(2)), PlacementStatus::PublishingParked);
}

#[test]
fn a_key_that_never_got_there_is_replaced_and_taken_back_all_the_same() {
    let world = &mut World::default();
    world.links(&ada()).unwrap();
    world.settles();
    world.provider_fails(false);
    let told = then(world, |world| {
        world.rotates(RotationCause::Requested).unwrap();
        world.settles();
    });
    assert_eq!(told, ["KeyRotated", "KeyPublicationRequested"]);
    // The request may have arrived although its answer did not: only the provider knows.
    let told = then(world, |world| world.publishes(key(2)));
    assert_eq!(told, ["KeyPublished", "KeyWithdrawalRequested"]);
    let told = then(world, |world| world.withdraws(key(1)));
    assert_eq!(told, ["KeyWithdrawn", "KeyRetired"]);
}

#[test]
fn a_key_that_is_refused_amid_a_rotation_is_itself_replaced() {
    let world = &mut World::linked();
    world.rotates(RotationCause::Requested).unwrap();
    world.settles();
    world.provider_fails(false);
    let told = then(world, |world| {
        world.rotates(RotationCause::Requested).unwrap();
        world.settles();
        world.publishes(key(3));
        world.withdraws(key(1));
        world.withdraws(key(2));
    });
    assert_eq!(
        told,
        [
            "KeyRotated",
            "KeyPublicationRequested",
            "KeyPublished",
            "KeyWithdrawalRequested",
            "KeyWithdrawalRequested",
            "KeyWithdrawn",
            "KeyRetired",
            "KeyWithdrawn",
            "KeyRetired",
        ]
    );
}

#[test]
fn linking_again_heals_what_the_lost_grant_parked() {
    let world = &mut World::linked();
    world.rotates(RotationCause::Requested).unwrap();
    world.settles();
    world.fails_to_publish(key(2), revoked(), false);
    world.loses_its_grant();
    assert_eq!(world.due(), []);
    let told = then(world, |world| {
        world.links(&ada()).unwrap();
        world.settles();
    });
    assert_eq!(told, ["GrantRenewed", "KeyPublicationRequested"]);

    // The same on the way back.
    world.publishes(key(2));
    world.loses_its_grant();
    world.fails_to_withdraw(key(1), revoked(), false);
    world.settles();
    let told = then(world, |world| {
        world.links(&ada()).unwrap();
        world.settles();
        world.withdraws(key(1));
    });
    assert_eq!(
        told,
        [
            "GrantRenewed",
            "KeyWithdrawalRequested",
            "KeyWithdrawn",
            "KeyRetired"
        ]
    );
}

#[test]
fn an_account_whose_grant_is_lost_while_it_is_unlinked_says_what_it_leaves_behind() {
    let world = &mut World::linked();
    world.unlinks();
    world.loses_its_grant();
    assert_eq!(world.due(), []);
    let told = then(world, |world| {
        world.fails_to_withdraw(key(1), revoked(), false);
        world.settles();
    });
    assert_eq!(
        told,
        ["KeyWithdrawalParked", "AccountUnlinked", "KeyRetired"]
    );
    assert!(matches!(world.account, Account::Unlinked { .. }));
    let left = Residue::Key {
        key: key(1),
        remote_key: Some("77".to_owned()),
        fingerprint: None,
    };
    assert!(format!("{:?}", world.log).contains(&format!("residue: [{left:?}]")));
}

#[test]
fn a_key_that_was_there_before_us_is_left_to_its_owner() {
    let world = &mut World::default();
    world.links(&ada()).unwrap();
    world.settles();
    let told = then(world, |world| {
        world.is_published(key(1), Presence::Adopted);
        world.unlinks();
    });
    assert_eq!(
        told,
        [
            "KeyPublished",
            "UnlinkRequested",
            "KeyReleased",
            "AccountUnlinked",
            "KeyRetired"
        ]
    );
}
