//! Every rule and every refusal.

use super::OffboardingCommand as C;
use super::OffboardingEvent as E;
use super::*;
use crate::samples::{ada, given};
use crate::{RefusalKind, RefusedRule};

fn asked(force: bool) -> C {
    C::RequestOffboarding { user: ada(), force }
}

fn requested(force: bool) -> E {
    E::OffboardingRequested { user: ada(), force }
}

fn forced() -> E {
    E::OffboardingForced { user: ada() }
}

fn tally() -> OffboardingTally {
    OffboardingTally {
        accounts: 2,
        withdrawn: 1,
        keys: 3,
        tokens: 1,
        keys_left: 1,
        grants_left: 0,
    }
}

fn completed() -> E {
    E::OffboardingCompleted {
        user: ada(),
        tally: tally(),
    }
}

fn complete() -> C {
    C::RecordOffboardingCompleted { tally: tally() }
}

#[test]
fn an_off_boarding_begins_once() {
    for force in [false, true] {
        given::<Offboarding>([])
            .when(asked(force))
            .then_expect_events(vec![requested(force)]);
        given::<Offboarding>([requested(force)])
            .when(asked(force))
            .then_expect_events(vec![]);
    }
}

#[test]
fn force_can_come_later_and_counts_once() {
    given::<Offboarding>([requested(false)])
        .when(asked(true))
        .then_expect_events(vec![forced()]);
    for events in [vec![requested(false), forced()], vec![requested(true)]] {
        for force in [false, true] {
            given::<Offboarding>(events.clone())
                .when(asked(force))
                .then_expect_events(vec![]);
        }
    }
}

#[test]
fn it_is_completed_once_and_only_if_it_runs() {
    given::<Offboarding>([requested(false)])
        .when(complete())
        .then_expect_events(vec![completed()]);
    for events in [vec![], vec![requested(true), completed()]] {
        given::<Offboarding>(events)
            .when(complete())
            .then_expect_events(vec![]);
    }
}

#[test]
fn whoever_came_back_can_go_again() {
    let before = [requested(true), completed()];
    given::<Offboarding>(before)
        .when(asked(false))
        .then_expect_events(vec![requested(false)]);
}

#[test]
fn nothing_new_is_made_while_it_runs_and_only_then() {
    let after = |events: &[E]| {
        let mut known = Offboarding::default();
        for event in events {
            known.apply(event.clone());
        }
        known.admits()
    };
    assert_eq!(after(&[]), Ok(()));
    assert_eq!(after(&[requested(false)]), Err(OffboardingError::UnderWay));
    assert_eq!(
        after(&[requested(false), forced()]),
        Err(OffboardingError::UnderWay)
    );
    assert_eq!(after(&[requested(false), completed()]), Ok(()));
}

#[test]
fn refusals_say_what_sort_they_are() {
    let not_found = OffboardingError::NotFound;
    assert_eq!(
        (not_found.code(), not_found.kind()),
        ("offboarding-not-found", RefusalKind::NotFound)
    );
    let under_way = OffboardingError::UnderWay;
    assert_eq!(
        (under_way.code(), under_way.kind()),
        ("offboarding-under-way", RefusalKind::Conflict)
    );
}
