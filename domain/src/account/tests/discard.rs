//! What is parked can be given up.

use super::*;
use crate::reconcile::Drift;

events! {
    discarded(stays: bool) = KeyPlacementDiscarded {
        key: key(1), stays: stays, remote_key: stays.then(|| "77".to_owned())
    };
    drifted() = KeyDriftFound {
        key: Some(key(1)), what: Drift::Foreign, fingerprint: None, remote_key: None
    };
}

fn discard() -> C {
    C::DiscardPlacement { key: key(1) }
}

fn publishing() -> Vec<E> {
    vec![requested(PublicationCause::Link)]
}

fn withdrawing() -> Vec<E> {
    let mut history = publishing();
    history.extend([
        published(Presence::Created),
        withdrawal_requested(WithdrawalCause::Rotation),
    ]);
    history
}

#[test]
fn a_parked_key_is_given_up_once_and_it_is_said_whether_it_stays() {
    for (mut history, parked, stays) in [
        (publishing(), publication_parked(2), false),
        (withdrawing(), withdrawal_parked(2), true),
    ] {
        history.push(parked);
        after([])
            .and(history.clone())
            .when(discard())
            .then_expect_events(vec![discarded(stays)]);
        history.push(discarded(stays));
        // It is given up once, does not come back, and is not taken away again.
        for command in [
            discard(),
            publish(PublicationCause::Retry),
            publish(PublicationCause::Link),
            withdraw(WithdrawalCause::Retry),
            withdraw(WithdrawalCause::Unlink),
        ] {
            after([])
                .and(history.clone())
                .when(command)
                .then_expect_events(vec![]);
        }
    }
}

#[test]
fn what_stays_is_found_foreign_by_the_next_look() {
    let look = C::RecordKeyDrift {
        keys: [(key(1), Drift::Foreign)].into(),
        foreign: std::collections::BTreeMap::new(),
    };
    after([])
        .and(withdrawing())
        .and(vec![withdrawal_parked(2), discarded(true)])
        .when(look)
        .then_expect_events(vec![drifted()]);
}

#[test]
fn an_unlinking_goes_on_without_what_was_given_up() {
    after([])
        .and(withdrawing())
        .and(vec![unlinking(), withdrawal_parked(2), discarded(true)])
        .when(C::RecordAccountUnlinked { residue: vec![] })
        .then_expect_events(vec![unlinked(&[])]);
}

#[test]
fn what_is_on_its_way_or_there_is_not_given_up() {
    let mut there = publishing();
    there.push(published(Presence::Created));
    for history in [vec![], publishing(), there, withdrawing()] {
        after([])
            .and(history)
            .when(discard())
            .then_expect_error(Refusal::NotParked);
    }
    not_linked()
        .when(discard())
        .then_expect_error(Refusal::NotFound);
}
