//! A grant that cannot be revoked yet.

use super::*;

fn record_failed(retry: bool) -> C {
    C::RecordGrantRevocationFailed {
        failure: outage(),
        retry_at: retry.then(noon),
    }
}

#[test]
fn each_failed_revocation_is_counted_and_the_last_one_parks_it() {
    after([unlinking()])
        .when(record_failed(true))
        .then_expect_events(vec![revocation_failed(1)]);
    after([unlinking(), revocation_failed(1)])
        .when(record_failed(true))
        .then_expect_events(vec![revocation_failed(2)]);
    after([unlinking(), revocation_failed(11)])
        .when(record_failed(false))
        .then_expect_events(vec![revocation_parked(12)]);
}

#[test]
fn a_parked_revocation_fails_no_more() {
    for retry in [true, false] {
        after([unlinking(), revocation_parked(12)])
            .when(record_failed(retry))
            .then_expect_events(vec![]);
    }
}

#[test]
fn nobody_revokes_the_grant_of_an_account_that_stays() {
    for command in [record_failed(true), C::RequestGrantRevocation] {
        after([]).when(command).then_expect_events(vec![]);
    }
    not_linked()
        .when(record_failed(true))
        .then_expect_events(vec![]);
    not_linked()
        .when(C::RequestGrantRevocation)
        .then_expect_error(Refusal::NotFound);
}

#[test]
fn another_try_begins_to_count_anew_and_is_asked_for_once() {
    for before in [revocation_failed(3), revocation_parked(12)] {
        after([unlinking(), before.clone()])
            .when(C::RequestGrantRevocation)
            .then_expect_events(vec![revocation_requested()]);
        after([unlinking(), before.clone(), revocation_requested()])
            .when(C::RequestGrantRevocation)
            .then_expect_events(vec![]);
        after([unlinking(), before, revocation_requested()])
            .when(record_failed(true))
            .then_expect_events(vec![revocation_failed(1)]);
    }
}

#[test]
fn one_that_never_failed_is_on_its_way_anyway() {
    after([unlinking()])
        .when(C::RequestGrantRevocation)
        .then_expect_events(vec![]);
}

#[test]
fn an_unlinking_ends_wherever_the_revocation_stands() {
    for before in [
        vec![],
        vec![revocation_failed(1)],
        vec![revocation_parked(12)],
    ] {
        after([unlinking()])
            .and(before)
            .when(record_unlinked(&[]))
            .then_expect_events(vec![unlinked(&[])]);
    }
}
