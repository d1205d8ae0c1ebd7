//! An unlinking that an admin ends at once.

use std::collections::BTreeMap;

use super::*;

fn force(user: UserId) -> C {
    let fingerprints = BTreeMap::from([(key(1), "SHA256:1".to_owned())]);
    C::ForceUnlink { user, fingerprints }
}

fn left(remote_key: Option<&str>) -> Residue {
    Residue::Key {
        key: key(1),
        remote_key: remote_key.map(str::to_owned),
        fingerprint: Some("SHA256:1".to_owned()),
    }
}

#[test]
fn a_forced_unlinking_ends_at_once_and_names_what_stays() {
    after([
        requested(PublicationCause::Link),
        published(Presence::Created),
    ])
    .when(force(ada()))
    .then_expect_events(vec![
        unlinking(),
        forced(),
        unlinked(&[left(Some("77")), Residue::Grant]),
    ]);
}

#[test]
fn force_comes_in_the_middle_of_an_unlinking_wherever_the_key_is() {
    for before in [
        vec![],
        vec![withdrawal_requested(WithdrawalCause::Unlink)],
        vec![
            withdrawal_requested(WithdrawalCause::Unlink),
            withdrawal_failed(1),
        ],
        vec![
            withdrawal_requested(WithdrawalCause::Unlink),
            withdrawal_parked(1),
        ],
    ] {
        after([
            requested(PublicationCause::Link),
            published(Presence::Created),
            unlinking(),
        ])
        .and(before)
        .when(force(ada()))
        .then_expect_events(vec![
            forced(),
            unlinked(&[left(Some("77")), Residue::Grant]),
        ]);
    }
}

#[test]
fn a_key_whose_arrival_nobody_saw_may_be_there_all_the_same() {
    for on_its_way in [
        vec![],
        vec![publication_failed(1)],
        vec![publication_parked(1)],
    ] {
        after([requested(PublicationCause::Link)])
            .and(on_its_way)
            .when(force(ada()))
            .then_expect_events(vec![
                unlinking(),
                forced(),
                unlinked(&[left(None), Residue::Grant]),
            ]);
    }
}

#[test]
fn what_is_gone_is_no_residue() {
    after([
        requested(PublicationCause::Link),
        published(Presence::Created),
        unlinking(),
        withdrawal_requested(WithdrawalCause::Unlink),
        withdrawn(),
    ])
    .when(force(ada()))
    .then_expect_events(vec![forced(), unlinked(&[Residue::Grant])]);
}

#[test]
fn a_key_that_was_there_before_us_is_left_to_the_person_and_is_no_residue() {
    after([
        requested(PublicationCause::Link),
        published(Presence::Adopted),
    ])
    .when(force(ada()))
    .then_expect_events(vec![
        unlinking(),
        forced(),
        released(),
        unlinked(&[Residue::Grant]),
    ]);
}

#[test]
fn a_grant_that_was_revoked_at_the_provider_does_not_stay() {
    after([lost()]).when(force(ada())).then_expect_events(vec![
        unlinking(),
        forced(),
        unlinked(&[]),
    ]);
}

#[test]
fn whose_account_it_is_stays_unsaid_and_what_is_over_is_over() {
    let refused = Refusal::NotFound;
    after([]).when(force(bob())).then_expect_error(refused);
    not_linked().when(force(ada())).then_expect_error(refused);
    after([unlinking(), forced(), unlinked(&[])])
        .when(force(ada()))
        .then_expect_error(refused);
}

#[test]
fn a_report_that_comes_after_the_end_says_nothing() {
    for late in [
        record_published(Presence::Created),
        record_withdrawn(),
        record_withdrawal_failed(true),
        record_unlinked(&[]),
    ] {
        after([unlinking(), forced(), unlinked(&[])])
            .when(late)
            .then_expect_events(vec![]);
    }
}
