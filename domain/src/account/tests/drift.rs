//! What looks find, and what is put back.

use std::collections::BTreeMap;

use super::*;
use crate::KeyId;
use crate::reconcile::Drift;

const LINK: PublicationCause = PublicationCause::Link;

events! {
    found(what: Drift) = KeyDriftFound {
        key: Some(key(1)), what: what, fingerprint: None, remote_key: None
    };
    settled() = KeyDriftSettled { key: Some(key(1)), fingerprint: None };
    appeared(fingerprint: &str) = KeyDriftFound {
        key: None, what: Drift::Foreign, fingerprint: Some(fingerprint.to_owned()),
        remote_key: Some("9".to_owned())
    };
    went(fingerprint: &str) = KeyDriftSettled {
        key: None, fingerprint: Some(fingerprint.to_owned())
    };
}

fn saw(keys: &[(KeyId, Drift)]) -> C {
    C::RecordKeyDrift {
        keys: keys.iter().copied().collect(),
        foreign: BTreeMap::new(),
    }
}

fn saw_foreign(fingerprints: &[&str]) -> C {
    let named = |fingerprint: &&str| ((*fingerprint).to_owned(), "9".to_owned());
    C::RecordKeyDrift {
        keys: BTreeMap::new(),
        foreign: fingerprints.iter().map(named).collect(),
    }
}

fn there() -> Vec<E> {
    vec![requested(LINK), published(Presence::Created)]
}

fn missing() -> Vec<E> {
    [there(), vec![found(Drift::Missing)]].concat()
}

fn when(history: Vec<E>, command: C) -> Vec<E> {
    let done = after([]).and(history).when(command);
    done.inspect_result().unwrap()
}

#[test]
fn a_look_is_told_once_and_its_end_once() {
    let gone = saw(&[(key(1), Drift::Missing)]);
    assert_eq!(when(there(), gone.clone()), [found(Drift::Missing)]);
    assert_eq!(when(missing(), gone), []);
    let ended = saw(&[(key(1), Drift::Expired)]);
    assert_eq!(when(missing(), ended), [found(Drift::Expired)]);
    assert_eq!(when(missing(), saw(&[])), [settled()]);
    assert_eq!(when(there(), saw(&[])), []);
    let over = [missing(), vec![settled()]].concat();
    assert_eq!(when(over, saw(&[])), []);
}

#[test]
fn what_is_on_its_way_is_not_judged() {
    use WithdrawalCause::Rotation;
    let histories = [
        vec![requested(LINK)],
        vec![requested(LINK), publication_parked(1)],
        [there(), vec![withdrawal_requested(Rotation)]].concat(),
        [missing(), vec![withdrawal_requested(Rotation)]].concat(),
        [
            there(),
            vec![withdrawal_requested(Rotation), withdrawal_parked(1)],
        ]
        .concat(),
    ];
    for history in histories {
        for drift in Drift::ALL {
            assert_eq!(when(history.clone(), saw(&[(key(1), drift)])), []);
        }
        assert_eq!(when(history, saw(&[])), []);
    }
}

#[test]
fn a_key_that_was_taken_away_is_foreign_when_it_is_there_again() {
    use WithdrawalCause::Rotation;
    let gone = [there(), vec![withdrawal_requested(Rotation), withdrawn()]].concat();
    let back = saw(&[(key(1), Drift::Foreign)]);
    assert_eq!(when(gone.clone(), back.clone()), [found(Drift::Foreign)]);
    assert_eq!(when(gone, saw(&[(key(1), Drift::Missing)])), []);
    assert_eq!(when(there(), back.clone()), [], "it is wanted there");
    let adopted = vec![requested(LINK), published(Presence::Adopted), released()];
    assert_eq!(when(adopted, back), [], "it was left to the person");
}

#[test]
fn a_key_that_nobody_knows_is_told_by_its_fingerprint() {
    assert_eq!(when(vec![], saw_foreign(&["a"])), [appeared("a")]);
    let known = vec![appeared("a")];
    assert_eq!(when(known.clone(), saw_foreign(&["a"])), []);
    assert_eq!(when(known, saw_foreign(&["b"])), [appeared("b"), went("a")]);
    assert_eq!(when(vec![appeared("a"), went("a")], saw_foreign(&[])), []);
}

#[test]
fn nobody_looks_at_an_account_that_is_unlinked() {
    let history = [there(), vec![unlinking()]].concat();
    assert_eq!(when(history, saw(&[(key(1), Drift::Missing)])), []);
    let report = saw(&[(key(1), Drift::Missing)]);
    not_linked().when(report).then_expect_events(vec![]);
}

#[test]
fn what_happens_to_a_key_ends_its_drift() {
    use WithdrawalCause::Rotation;
    let again = [missing(), vec![requested(PublicationCause::Restore)]].concat();
    assert_eq!(
        when(again, record_published(Presence::Created)),
        [published(Presence::Created), settled()]
    );
    let taken = [missing(), vec![withdrawal_requested(Rotation)]].concat();
    assert_eq!(when(taken, record_withdrawn()), [withdrawn(), settled()]);
    let adopted = vec![
        requested(LINK),
        published(Presence::Adopted),
        found(Drift::Missing),
    ];
    assert_eq!(when(adopted, withdraw(Rotation)), [released(), settled()]);
}

#[test]
fn what_is_missing_or_changed_is_put_back_when_somebody_asks() {
    let restore = || publish(PublicationCause::Restore);
    let request = requested(PublicationCause::Restore);
    for drift in Drift::ALL {
        let history = [there(), vec![found(drift)]].concat();
        let expected: &[E] = match drift {
            Drift::Missing
            | Drift::Changed
            | Drift::WrongType
            | Drift::NotForSigning
            | Drift::Duplicate => std::slice::from_ref(&request),
            Drift::Expired | Drift::NotUsable | Drift::Foreign => &[],
        };
        assert_eq!(when(history, restore()), expected, "{drift:?}");
    }
    assert_eq!(when(there(), restore()), []);
    assert_eq!(when(vec![], restore()), []);
    assert_eq!(when(vec![requested(LINK)], restore()), []);
    let parked = vec![requested(LINK), publication_parked(1)];
    assert_eq!(when(parked, restore()), [request]);
}

#[test]
fn the_policy_puts_a_key_back_once_and_never_again() {
    let policy = || publish(PublicationCause::AutoRestore);
    let request = || requested(PublicationCause::AutoRestore);
    assert_eq!(when(missing(), policy()), [request()]);
    for drift in [Drift::WrongType, Drift::NotForSigning, Drift::Duplicate] {
        let amiss = [there(), vec![found(drift)]].concat();
        assert_eq!(when(amiss, policy()), [request()], "{drift:?}");
    }
    let changed = [there(), vec![found(Drift::Changed)]].concat();
    assert_eq!(when(changed, policy()), []);
    let restored = [
        missing(),
        vec![request(), published(Presence::Created), settled()],
    ]
    .concat();
    assert_eq!(when(restored.clone(), policy()), []);
    let removed_again = [restored, vec![found(Drift::Missing)]].concat();
    assert_eq!(when(removed_again.clone(), policy()), []);
    let asked = publish(PublicationCause::Restore);
    assert_eq!(
        when(removed_again, asked),
        [requested(PublicationCause::Restore)],
        "somebody may still ask"
    );
    let parked = [missing(), vec![request(), publication_parked(1)]].concat();
    assert_eq!(when(parked, policy()), []);
    assert_eq!(when(vec![requested(LINK)], policy()), []);
    assert_eq!(when(vec![], policy()), []);
}
