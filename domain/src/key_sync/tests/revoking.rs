//! The last step of an unlinking waits for its time, and for somebody.

use chrono::TimeDelta;

use super::world::World;
use crate::account::AccountCommand;
use crate::key_sync::Step;
use crate::samples::{ada, noon, outage};

/// Ada gives her account up before her key was ever there.
fn leaving() -> World {
    let mut world = World::default();
    world.links(&ada()).unwrap();
    let user = ada();
    world.ask(AccountCommand::UnlinkAccount { user }).unwrap();
    world
}

fn is_over(world: &World) -> bool {
    let over = |step: &Step| matches!(step, Step::FinishUnlink { .. });
    world.due().iter().any(over)
}

fn fails(world: &mut World, again: bool) {
    let failure = outage();
    let retry_at = again.then(|| noon() + TimeDelta::minutes(1));
    world
        .ask(AccountCommand::RecordGrantRevocationFailed { failure, retry_at })
        .unwrap();
}

#[test]
fn a_revocation_that_failed_waits_for_its_time() {
    let mut world = leaving();
    assert!(is_over(&world));
    fails(&mut world, true);
    assert!(!is_over(&world));
    world.now = noon() + TimeDelta::minutes(1);
    assert!(is_over(&world));
}

#[test]
fn a_parked_revocation_waits_for_somebody_however_long_it_takes() {
    let mut world = leaving();
    fails(&mut world, false);
    world.now = noon() + TimeDelta::days(30);
    assert!(!is_over(&world));
    world.ask(AccountCommand::RequestGrantRevocation).unwrap();
    assert!(is_over(&world));
}

#[test]
fn an_account_that_is_linked_again_begins_anew() {
    let mut world = leaving();
    fails(&mut world, false);
    let residue = vec![];
    world
        .ask(AccountCommand::RecordAccountUnlinked { residue })
        .unwrap();
    world.links(&ada()).unwrap();
    let user = ada();
    world.ask(AccountCommand::UnlinkAccount { user }).unwrap();
    assert!(is_over(&world));
}
