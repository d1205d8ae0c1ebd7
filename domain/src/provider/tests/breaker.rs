//! An outage: it begins once, is probed, and ends once.

use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::{Blame, Failure, ReasonCode};

fn noon() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn down() -> Failure {
    Failure::new(Blame::Provider, ReasonCode::ProviderUnreachable, None)
}

fn open_at(at: DateTime<Utc>) -> C {
    C::RecordBreakerOpened {
        failure: down(),
        attempts: 5,
        at,
    }
}

fn opened() -> E {
    E::BreakerOpened {
        provider: github(),
        failure: down(),
        attempts: 5,
        since: noon(),
    }
}

fn half_opened() -> E {
    E::BreakerHalfOpened {
        provider: github(),
        since: noon(),
    }
}

fn closed() -> E {
    E::BreakerClosed {
        provider: github(),
        since: noon(),
    }
}

#[test]
fn an_outage_begins_is_probed_and_ends_each_once() {
    let broken = || given::<Provider>([added(), opened()]);
    let probed = || given::<Provider>([added(), opened(), half_opened()]);
    there()
        .when(open_at(noon()))
        .then_expect_events(vec![opened()]);
    broken()
        .when(C::RecordBreakerHalfOpened)
        .then_expect_events(vec![half_opened()]);
    probed()
        .when(C::RecordBreakerClosed)
        .then_expect_events(vec![closed()]);
    // Another instance saw it too, and a report may come twice.
    let later = noon() + TimeDelta::hours(1);
    broken().when(open_at(later)).then_expect_events(vec![]);
    probed().when(open_at(later)).then_expect_events(vec![]);
    probed()
        .when(C::RecordBreakerHalfOpened)
        .then_expect_events(vec![]);
    there()
        .when(C::RecordBreakerHalfOpened)
        .then_expect_events(vec![]);
    there()
        .when(C::RecordBreakerClosed)
        .then_expect_events(vec![]);
}

#[test]
fn an_outage_may_end_without_a_probe_that_was_recorded() {
    given::<Provider>([added(), opened()])
        .when(C::RecordBreakerClosed)
        .then_expect_events(vec![closed()]);
}

#[test]
fn reports_of_a_provider_that_is_not_there_say_nothing() {
    for report in [
        open_at(noon()),
        C::RecordBreakerHalfOpened,
        C::RecordBreakerClosed,
    ] {
        absent().when(report.clone()).then_expect_events(vec![]);
        given::<Provider>([added(), removed()])
            .when(report)
            .then_expect_events(vec![]);
    }
}

#[test]
fn a_registration_knows_of_the_outage_until_it_ends() {
    let known = |events: &[E]| {
        let mut provider = Provider::default();
        provider.apply(added());
        for event in events {
            provider.apply(event.clone());
        }
        provider.registration().unwrap().outage.clone()
    };
    let outage = known(&[opened()]).unwrap();
    assert_eq!((outage.since, outage.probed), (noon(), false));
    assert_eq!(outage.failure, down());
    assert!(known(&[opened(), half_opened()]).unwrap().probed);
    assert_eq!(known(&[opened(), half_opened(), closed()]), None);
    // A second outage is one of its own.
    assert!(
        !known(&[opened(), half_opened(), closed(), opened()])
            .unwrap()
            .probed
    );
}
