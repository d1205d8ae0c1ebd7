//! Every rule and every refusal.

use cqrs_es::test::AggregateTestExecutor;

use super::KeyringCommand as C;
use super::KeyringError as Refusal;
use super::KeyringEvent as E;
use super::*;
use crate::samples::{account, ada, given, key, pair};
use crate::{RefusalKind, RefusedRule};

const REQUESTED: RotationCause = RotationCause::Requested;
const COMPROMISED: RotationCause = RotationCause::Compromised;

fn holder() -> Holder {
    Holder::Account(account())
}

fn generate(holder: Holder, made: u128) -> C {
    C::GenerateKey {
        user: ada(),
        holder,
        made: pair(made),
    }
}

fn rotate(replaced: u128, made: u128, cause: RotationCause) -> C {
    C::RotateKey {
        replaced: key(replaced),
        made: pair(made),
        cause,
    }
}

fn retire(ended: u128) -> C {
    C::RetireKey { key: key(ended) }
}

fn generated(holder: Holder, made: u128) -> E {
    let made = pair(made);
    E::KeyGenerated {
        user: ada(),
        key: made.key,
        holder,
        algorithm: made.algorithm,
        public_key: made.public_key,
        private_key: made.private_key,
    }
}

fn rotated(replaced: u128, made: u128, cause: RotationCause) -> E {
    let made = pair(made);
    E::KeyRotated {
        user: ada(),
        key: made.key,
        replaced: key(replaced),
        holder: holder(),
        algorithm: made.algorithm,
        public_key: made.public_key,
        private_key: made.private_key,
        cause,
    }
}

fn retired(ended: u128) -> E {
    E::KeyRetired {
        user: ada(),
        key: key(ended),
        holder: holder(),
    }
}

fn keyring<const N: usize>(events: [E; N]) -> AggregateTestExecutor<Keyring> {
    given(events)
}

#[test]
fn a_holder_gets_a_first_key() {
    keyring([])
        .when(generate(holder(), 1))
        .then_expect_events(vec![generated(holder(), 1)]);
    keyring([])
        .when(generate(Holder::Personal, 1))
        .then_expect_events(vec![generated(Holder::Personal, 1)]);
}

#[test]
fn a_holder_that_has_a_key_gets_no_second_one() {
    keyring([generated(holder(), 1)])
        .when(generate(holder(), 2))
        .then_expect_events(vec![]);
    keyring([generated(holder(), 1), rotated(1, 2, REQUESTED)])
        .when(generate(holder(), 3))
        .then_expect_events(vec![]);
}

#[test]
fn every_holder_has_keys_of_its_own() {
    keyring([generated(holder(), 1)])
        .when(generate(Holder::Personal, 2))
        .then_expect_events(vec![generated(Holder::Personal, 2)]);
}

#[test]
fn a_holder_whose_key_has_ended_gets_another() {
    keyring([generated(holder(), 1), retired(1)])
        .when(generate(holder(), 2))
        .then_expect_events(vec![generated(holder(), 2)]);
}

#[test]
fn a_current_key_is_replaced_for_whatever_cause() {
    for cause in [REQUESTED, COMPROMISED] {
        keyring([generated(holder(), 1)])
            .when(rotate(1, 2, cause))
            .then_expect_events(vec![rotated(1, 2, cause)]);
    }
}

#[test]
fn the_same_rotation_again_gives_no_event() {
    keyring([generated(holder(), 1), rotated(1, 2, REQUESTED)])
        .when(rotate(1, 2, REQUESTED))
        .then_expect_events(vec![]);
}

#[test]
fn a_key_is_not_replaced_by_two() {
    keyring([generated(holder(), 1), rotated(1, 2, REQUESTED)])
        .when(rotate(1, 3, COMPROMISED))
        .then_expect_error(Refusal::RotationUnderWay);
}

#[test]
fn a_new_key_can_itself_be_replaced_while_the_old_one_is_still_somewhere() {
    for cause in [REQUESTED, COMPROMISED] {
        keyring([generated(holder(), 1), rotated(1, 2, REQUESTED)])
            .when(rotate(2, 3, cause))
            .then_expect_events(vec![rotated(2, 3, cause)]);
    }
}

#[test]
fn a_key_that_is_not_there_cannot_be_replaced() {
    keyring([])
        .when(rotate(1, 2, REQUESTED))
        .then_expect_error(Refusal::NotFound);
    keyring([generated(holder(), 1), retired(1)])
        .when(rotate(1, 2, REQUESTED))
        .then_expect_error(Refusal::NotFound);
}

#[test]
fn a_key_ends_once() {
    keyring([generated(holder(), 1), rotated(1, 2, REQUESTED)])
        .when(retire(1))
        .then_expect_events(vec![retired(1)]);
    keyring([generated(holder(), 1), retired(1)])
        .when(retire(1))
        .then_expect_events(vec![]);
    keyring([]).when(retire(1)).then_expect_events(vec![]);
}

#[test]
fn the_current_key_is_the_one_that_none_replaces() {
    let mut ring = Keyring::default();
    let current = |ring: &Keyring| ring.current(holder()).map(|(key, _)| key);
    assert_eq!(current(&ring), None);
    for (event, expected) in [
        (generated(holder(), 3), 3),
        (rotated(3, 1, REQUESTED), 1),
        (rotated(1, 2, REQUESTED), 2),
        (retired(3), 2),
        (retired(1), 2),
    ] {
        ring.apply(event);
        assert_eq!(current(&ring), Some(key(expected)));
    }
    assert_eq!(ring.of(holder()).count(), 1);
    assert_eq!(ring.key(key(2)).unwrap().replaced_by, None);
    assert_eq!(ring.key(key(1)), None);
}

#[test]
fn an_algorithm_is_known_by_its_word_and_by_no_other() {
    for algorithm in Algorithm::ALL {
        assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
        let json = serde_json::to_string(&algorithm).unwrap();
        assert_eq!(json, format!("\"{algorithm}\""));
    }
    for text in ["", "rsa", "RSA-4096", "ssh-ed25519", " ed25519"] {
        assert_eq!(text.parse::<Algorithm>(), Err(UnknownAlgorithm));
    }
}

#[test]
fn every_refusal_has_its_code_and_its_kind() {
    let table = [
        (Refusal::NotFound, "key-not-found", RefusalKind::NotFound),
        (
            Refusal::RotationUnderWay,
            "key-rotation-under-way",
            RefusalKind::Conflict,
        ),
    ];
    for (refusal, code, kind) in table {
        assert_eq!((refusal.code(), refusal.kind()), (code, kind));
    }
}

#[test]
fn a_key_that_ends_hands_what_it_replaced_on_to_what_replaced_it() {
    let replaced_by = |events: Vec<E>, of| {
        let mut keyring = Keyring::default();
        for event in events {
            keyring.apply(event);
        }
        keyring.key(key(of)).unwrap().replaced_by
    };
    let first = generated(holder(), 1);
    let thrice = [
        rotated(1, 2, REQUESTED),
        rotated(2, 3, COMPROMISED),
        rotated(3, 4, REQUESTED),
    ];
    let story = |ended: &[u128]| {
        let ended = ended.iter().map(|ended| retired(*ended));
        [first.clone()]
            .into_iter()
            .chain(thrice.clone())
            .chain(ended)
            .collect::<Vec<_>>()
    };
    assert_eq!(replaced_by(story(&[]), 1), Some(key(2)));
    assert_eq!(replaced_by(story(&[2]), 1), Some(key(3)));
    assert_eq!(replaced_by(story(&[2, 3]), 1), Some(key(4)));
    assert_eq!(replaced_by(story(&[3, 2]), 1), Some(key(4)));
    assert_eq!(replaced_by(story(&[2]), 3), Some(key(4)), "others stay");
    // One that is replaced never becomes the current one.
    assert_eq!(replaced_by(story(&[4]), 3), Some(key(4)));
}
