//! Linking, the grant, unlinking.

use super::*;
use crate::{RefusalKind, RefusedRule};

#[test]
fn a_person_links_an_account() {
    not_linked()
        .when(link(&ada(), 1))
        .then_expect_events(vec![linked()]);
}

#[test]
fn the_same_link_again_gives_no_event() {
    after([]).when(link(&ada(), 1)).then_expect_events(vec![]);
}

#[test]
fn a_second_user_cannot_link_the_same_account() {
    let refused = Refusal::LinkedElsewhere;
    after([]).when(link(&bob(), 2)).then_expect_error(refused);
    after([unlinking()])
        .when(link(&bob(), 2))
        .then_expect_error(refused);
}

#[test]
fn linking_again_renews_the_grant() {
    after([])
        .when(link(&ada(), 2))
        .then_expect_events(vec![renewed(2)]);
    after([lost()])
        .when(link(&ada(), 2))
        .then_expect_events(vec![renewed(2)]);
}

#[test]
fn a_grant_that_does_not_follow_the_last_is_refused() {
    let refused = Refusal::GrantSuperseded;
    not_linked()
        .when(link(&ada(), 2))
        .then_expect_error(refused);
    after([]).when(link(&ada(), 3)).then_expect_error(refused);
    after([renewed(2)])
        .when(link(&ada(), 1))
        .then_expect_error(refused);
    after([renewed(2), unlinking(), unlinked(&[])])
        .when(link(&bob(), 1))
        .then_expect_error(refused);
}

#[test]
fn an_account_that_is_being_unlinked_cannot_be_linked() {
    after([unlinking()])
        .when(link(&ada(), 2))
        .then_expect_error(Refusal::Unlinking);
}

#[test]
fn after_an_unlinking_anybody_can_link_the_account() {
    after([unlinking(), unlinked(&[])])
        .when(link(&bob(), 2))
        .then_expect_events(vec![E::AccountLinked {
            account: account(),
            user: bob(),
            provider: github(),
            profile: sealed(&bob()),
            grant: Some(grant(2)),
        }]);
}

#[test]
fn a_refreshed_grant_is_recorded_once() {
    let next = record_refreshed(2);
    after([])
        .when(next.clone())
        .then_expect_events(vec![refreshed(2)]);
    after([lost()])
        .when(next.clone())
        .then_expect_events(vec![refreshed(2)]);
    after([unlinking()])
        .when(next.clone())
        .then_expect_events(vec![refreshed(2)]);
    after([refreshed(2)])
        .when(next.clone())
        .then_expect_events(vec![]);
    not_linked().when(next).then_expect_events(vec![]);
}

#[test]
fn a_lost_grant_is_recorded_once_and_only_while_it_is_the_current_one() {
    after([])
        .when(record_lost(1))
        .then_expect_events(vec![lost()]);
    after([unlinking()])
        .when(record_lost(1))
        .then_expect_events(vec![lost()]);
    after([lost(), renewed(2)])
        .when(record_lost(2))
        .then_expect_events(vec![lost()]);
    after([lost()])
        .when(record_lost(1))
        .then_expect_events(vec![]);
    after([renewed(2)])
        .when(record_lost(1))
        .then_expect_events(vec![]);
    not_linked().when(record_lost(1)).then_expect_events(vec![]);
}

#[test]
fn a_person_unlinks_their_account() {
    after([])
        .when(unlink(ada()))
        .then_expect_events(vec![unlinking()]);
    after([lost()])
        .when(unlink(ada()))
        .then_expect_events(vec![unlinking()]);
    after([unlinking()])
        .when(unlink(ada()))
        .then_expect_events(vec![]);
}

#[test]
fn only_an_account_of_ones_own_can_be_unlinked() {
    let refused = Refusal::NotFound;
    after([]).when(unlink(bob())).then_expect_error(refused);
    not_linked().when(unlink(ada())).then_expect_error(refused);
    after([unlinking(), unlinked(&[])])
        .when(unlink(ada()))
        .then_expect_error(refused);
}

#[test]
fn nothing_is_requested_of_an_account_that_is_not_linked() {
    let refused = Refusal::NotFound;
    not_linked()
        .when(publish(PublicationCause::Link))
        .then_expect_error(refused);
    not_linked()
        .when(withdraw(WithdrawalCause::Unlink))
        .then_expect_error(refused);
}

#[test]
fn nothing_is_published_while_the_account_is_being_unlinked() {
    after([unlinking()])
        .when(publish(PublicationCause::Link))
        .then_expect_error(Refusal::Unlinking);
}

#[test]
fn an_unlinking_ends_once_no_key_remains() {
    let gone = [
        requested(PublicationCause::Link),
        published(Presence::Created),
    ];
    let gone = [
        gone.to_vec(),
        vec![unlinking(), withdrawal_requested(WithdrawalCause::Unlink)],
    ];
    let gone = [gone.concat(), vec![withdrawn()]].concat();
    after([unlinking()])
        .when(record_unlinked(&[]))
        .then_expect_events(vec![unlinked(&[])]);
    after([])
        .and(gone)
        .when(record_unlinked(&[Residue::Grant]))
        .then_expect_events(vec![unlinked(&[Residue::Grant])]);
}

#[test]
fn an_unlinking_does_not_end_while_a_key_remains() {
    let there = [
        requested(PublicationCause::Link),
        published(Presence::Created),
    ];
    for remaining in [
        vec![unlinking()],
        vec![unlinking(), withdrawal_requested(WithdrawalCause::Unlink)],
        vec![
            unlinking(),
            withdrawal_requested(WithdrawalCause::Unlink),
            withdrawal_parked(1),
        ],
    ] {
        after(there.clone())
            .and(remaining)
            .when(record_unlinked(&[Residue::Grant]))
            .then_expect_error(Refusal::KeysRemain);
    }
}

#[test]
fn what_remains_can_be_left_behind_by_name_and_is_recorded_with_the_providers_own_id() {
    let left = |remote_key: Option<&str>| Residue::Key {
        key: key(1),
        remote_key: remote_key.map(str::to_owned),
        fingerprint: None,
    };
    after([
        requested(PublicationCause::Link),
        published(Presence::Created),
        unlinking(),
    ])
    .when(record_unlinked(&[left(None), Residue::Grant]))
    .then_expect_events(vec![unlinked(&[left(Some("77")), Residue::Grant])]);
    after([requested(PublicationCause::Link), unlinking()])
        .when(record_unlinked(&[left(None)]))
        .then_expect_events(vec![unlinked(&[left(None)])]);
}

#[test]
fn an_unlinking_that_nobody_asked_for_is_not_recorded() {
    after([])
        .when(record_unlinked(&[]))
        .then_expect_events(vec![]);
    after([unlinking(), unlinked(&[])])
        .when(record_unlinked(&[]))
        .then_expect_events(vec![]);
    not_linked()
        .when(record_unlinked(&[]))
        .then_expect_events(vec![]);
}

#[test]
fn every_refusal_has_its_code_and_its_kind() {
    let table = [
        (
            Refusal::NotFound,
            "account-not-found",
            RefusalKind::NotFound,
        ),
        (
            Refusal::LinkedElsewhere,
            "account-linked-elsewhere",
            RefusalKind::Conflict,
        ),
        (
            Refusal::Unlinking,
            "account-unlinking",
            RefusalKind::Conflict,
        ),
        (
            Refusal::GrantSuperseded,
            "account-grant-superseded",
            RefusalKind::Conflict,
        ),
        (
            Refusal::LinkGivenUp,
            "account-link-given-up",
            RefusalKind::Conflict,
        ),
        (
            Refusal::NotParked,
            "account-key-not-parked",
            RefusalKind::Conflict,
        ),
        (
            Refusal::KeysRemain,
            "account-keys-remain",
            RefusalKind::Conflict,
        ),
    ];
    for (refusal, code, kind) in table {
        assert_eq!((refusal.code(), refusal.kind()), (code, kind));
    }
}

#[test]
fn an_account_whose_keys_are_carried_by_hand_has_no_grant() {
    let by_hand = C::LinkAccount {
        account: account(),
        user: ada(),
        provider: github(),
        profile: sealed(&ada()),
        grant: None,
    };
    let there = E::AccountLinked {
        account: account(),
        user: ada(),
        provider: github(),
        profile: sealed(&ada()),
        grant: None,
    };
    not_linked()
        .when(by_hand.clone())
        .then_expect_events(vec![there.clone()]);
    let known = || given::<Account>([there.clone()]);
    known().when(by_hand).then_expect_events(vec![]);
    known()
        .when(record_lost(0))
        .then_expect_events(vec![lost()]);
}

#[test]
fn a_key_that_is_asked_for_in_an_earlier_link_does_not_come_to_a_later_one() {
    let ask = |link| C::RequestKeyPublication {
        key: key(1),
        cause: PublicationCause::Link,
        link: Some(link),
    };
    let asked = || vec![requested(PublicationCause::Link)];
    after([]).when(ask(1)).then_expect_events(asked());
    after([]).when(ask(2)).then_expect_events(vec![]);
    let again = || after([unlinking(), unlinked(&[]), linked()]);
    again().when(ask(1)).then_expect_events(vec![]);
    again().when(ask(2)).then_expect_events(asked());
    let given_up = E::LinkGivenUp {
        account: account(),
        user: ada(),
        provider: github(),
        secret: grant(7).secret,
    };
    // What did not come about does not count.
    let after_one = || given::<Account>([given_up.clone(), linked()]);
    after_one().when(ask(1)).then_expect_events(asked());
    after([unlinking(), unlinked(&[]), given_up.clone(), linked()])
        .when(ask(2))
        .then_expect_events(asked());
}
