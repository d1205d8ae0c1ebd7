//! Types and codes, as the source declares them.

use std::collections::{BTreeMap, BTreeSet};

use domain::upcast::UPCASTS;
use domain::{Event, Outcome};

use crate::samples::samples;

const SOURCES: [&str; 10] = [
    include_str!("../../src/access/event.rs"),
    include_str!("../../src/account/event/mod.rs"),
    include_str!("../../src/campaign/event.rs"),
    include_str!("../../src/keyring/event.rs"),
    include_str!("../../src/offboarding/event.rs"),
    include_str!("../../src/provider/event.rs"),
    include_str!("../../src/replay/event.rs"),
    include_str!("../../src/settings/event.rs"),
    include_str!("../../src/token/event.rs"),
    include_str!("../../src/webhook/event.rs"),
];

/// Lists the declared kinds: type and code.
fn declared() -> Vec<(String, String)> {
    let kinds = SOURCES.iter().flat_map(|source| {
        source.split("Kind::new(").skip(1).map(|rest| {
            let mut texts = rest.split('"').skip(1).step_by(2);
            let mut next = || texts.next().unwrap().to_owned();
            (next(), next())
        })
    });
    kinds.collect()
}

#[test]
fn a_type_names_one_event_of_one_aggregate() {
    let mut seen = BTreeSet::new();
    for (name, _) in declared() {
        assert!(seen.insert(name.clone()), "{name} is declared twice");
    }
}

#[test]
fn a_code_is_six_characters_that_tell_one_event_and_its_outcome() {
    let mut seen = BTreeSet::new();
    for (_, code) in declared() {
        assert!(seen.insert(code.clone()), "{code} is used twice");
        assert_eq!(code.len(), 6, "{code}");
        assert!(code.ends_with(['I', 'W', 'E']), "{code}");
        let fits = code
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        assert!(fits, "{code}");
    }
}

#[test]
fn every_declared_event_is_among_the_samples() {
    let sampled: BTreeMap<_, _> = samples()
        .into_iter()
        .map(|sample| (sample.kind.name.to_owned(), sample.kind.code.to_owned()))
        .collect();
    let declared: BTreeMap<_, _> = declared().into_iter().collect();
    assert_eq!(sampled, declared);
}

#[test]
fn every_declared_type_is_known_by_its_name_and_no_other_is() {
    for (name, _) in declared() {
        assert!(Event::has_type(&name), "{name}");
        assert!(!Event::has_type(&name.to_lowercase()), "{name}");
        assert!(!Event::has_type(&name[1..]), "{name}");
    }
    assert!(!Event::has_type(""));
}

#[test]
fn only_what_came_about_is_a_success() {
    for sample in samples() {
        let expected = if sample.kind.code.ends_with('I') {
            Outcome::Success
        } else {
            Outcome::Failure
        };
        assert_eq!(sample.kind.outcome(), expected, "{}", sample.kind.name);
    }
}

#[test]
fn every_schema_before_todays_has_a_step_to_the_next() {
    for sample in samples() {
        let mut steps: Vec<_> = UPCASTS
            .iter()
            .filter(|upcast| upcast.event_type == sample.kind.name)
            .map(|upcast| upcast.from)
            .collect();
        steps.sort_unstable();
        let expected: Vec<_> = (1..sample.kind.schema).collect();
        assert_eq!(steps, expected, "{}", sample.kind.name);
    }
}
