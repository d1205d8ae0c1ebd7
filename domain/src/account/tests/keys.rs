//! Keys on their way to the provider and away from it.

use chrono::{DateTime, TimeDelta, Utc};

use super::*;

const LINK: PublicationCause = PublicationCause::Link;
const ROTATION: WithdrawalCause = WithdrawalCause::Rotation;

/// What a command gives.
#[derive(Clone, Copy)]
enum Gives {
    Nothing,
    /// The event at the head of the column.
    Event,
    Released,
}

const NONE: Gives = Gives::Nothing;
const YES: Gives = Gives::Event;
const FREE: Gives = Gives::Released;

/// Where a key can stand, and what led there.
fn standings() -> [(&'static str, Vec<E>); 11] {
    let sent = || vec![requested(LINK)];
    let there = || vec![requested(LINK), published(Presence::Created)];
    let adopted = || vec![requested(LINK), published(Presence::Adopted)];
    let back = || [there(), vec![withdrawal_requested(ROTATION)]].concat();
    let and = |events: Vec<E>, last: E| [events, vec![last]].concat();
    [
        ("never requested", vec![]),
        ("publishing", sent()),
        ("publishing, failed", and(sent(), publication_failed(1))),
        ("publishing, parked", and(sent(), publication_parked(1))),
        ("published", there()),
        ("adopted", adopted()),
        ("withdrawing", back()),
        ("withdrawing, failed", and(back(), withdrawal_failed(1))),
        ("withdrawing, parked", and(back(), withdrawal_parked(1))),
        ("withdrawn", and(back(), withdrawn())),
        ("released", and(adopted(), released())),
    ]
}

/// Checks for every standing what each command gives there.
fn check<const N: usize>(columns: &[(C, E); N], table: [(&'static str, [Gives; N]); 11]) {
    for ((standing, history), (row, expected)) in standings().into_iter().zip(table) {
        assert_eq!(
            standing, row,
            "the rows stand in the order of the standings"
        );
        for ((command, event), expected) in columns.iter().zip(expected) {
            let events = after([])
                .and(history.clone())
                .when(command.clone())
                .inspect_result()
                .unwrap();
            let expected = match expected {
                Gives::Nothing => vec![],
                Gives::Event => vec![event.clone()],
                Gives::Released => vec![released()],
            };
            assert_eq!(events, expected, "{standing}: {command:?}");
        }
    }
}

#[test]
fn a_publication_is_requested_where_that_changes_something() {
    use PublicationCause as Why;
    let causes = [Why::Link, Why::Rotation, Why::Retry, Why::Replay(replay(1))];
    let columns = causes.map(|cause| (publish(cause), requested(cause)));
    let table = [
        // for a            link, rotation, retry, replay
        ("never requested", [YES, YES, NONE, NONE]),
        ("publishing", [NONE, NONE, NONE, YES]),
        ("publishing, failed", [NONE, NONE, YES, YES]),
        ("publishing, parked", [YES, YES, YES, YES]),
        ("published", [NONE, NONE, NONE, YES]),
        ("adopted", [NONE, NONE, NONE, YES]),
        ("withdrawing", [NONE, NONE, NONE, NONE]),
        ("withdrawing, failed", [NONE, NONE, NONE, NONE]),
        ("withdrawing, parked", [NONE, NONE, NONE, NONE]),
        ("withdrawn", [NONE, NONE, NONE, NONE]),
        ("released", [NONE, NONE, NONE, NONE]),
    ];
    check(&columns, table);
}

#[test]
fn a_withdrawal_is_requested_where_that_changes_something_and_never_of_an_adopted_key() {
    use WithdrawalCause as Why;
    let causes = [
        Why::Rotation,
        Why::Unlink,
        Why::Retry,
        Why::Replay(replay(1)),
    ];
    let columns = causes.map(|cause| (withdraw(cause), withdrawal_requested(cause)));
    let table = [
        // for a            rotation, unlinking, retry, replay
        ("never requested", [NONE, NONE, NONE, NONE]),
        ("publishing", [YES, YES, NONE, NONE]),
        ("publishing, failed", [YES, YES, NONE, NONE]),
        ("publishing, parked", [YES, YES, NONE, NONE]),
        ("published", [YES, YES, NONE, NONE]),
        ("adopted", [FREE, FREE, NONE, NONE]),
        ("withdrawing", [NONE, NONE, NONE, YES]),
        ("withdrawing, failed", [NONE, NONE, YES, YES]),
        ("withdrawing, parked", [YES, YES, YES, YES]),
        ("withdrawn", [NONE, NONE, NONE, NONE]),
        ("released", [NONE, NONE, NONE, NONE]),
    ];
    check(&columns, table);
}

#[test]
fn a_report_counts_while_it_is_waited_for_and_says_nothing_when_it_comes_late() {
    let columns = [
        (
            record_published(Presence::Created),
            published(Presence::Created),
        ),
        (
            record_published(Presence::Adopted),
            published(Presence::Adopted),
        ),
        (record_withdrawn(), withdrawn()),
    ];
    let table = [
        // of a key as      created, adopted, withdrawn
        ("never requested", [NONE, NONE, NONE]),
        ("publishing", [YES, YES, NONE]),
        ("publishing, failed", [YES, YES, NONE]),
        ("publishing, parked", [YES, YES, NONE]),
        ("published", [NONE, NONE, NONE]),
        ("adopted", [NONE, NONE, NONE]),
        ("withdrawing", [NONE, FREE, YES]),
        ("withdrawing, failed", [NONE, FREE, YES]),
        ("withdrawing, parked", [NONE, FREE, YES]),
        ("withdrawn", [NONE, NONE, NONE]),
        ("released", [NONE, NONE, NONE]),
    ];
    check(&columns, table);
}

#[test]
fn a_failed_try_counts_while_it_is_waited_for_and_says_nothing_when_it_comes_late() {
    let only = |standing: &str, attempts: u32| {
        let columns = [
            (
                record_publication_failed(true),
                publication_failed(attempts),
            ),
            (
                record_publication_failed(false),
                publication_parked(attempts),
            ),
            (record_withdrawal_failed(true), withdrawal_failed(attempts)),
            (record_withdrawal_failed(false), withdrawal_parked(attempts)),
        ];
        let (_, history) = standings()
            .into_iter()
            .find(|(name, _)| *name == standing)
            .unwrap();
        columns.map(|(report, event)| {
            let events = after([])
                .and(history.clone())
                .when(report)
                .inspect_result()
                .unwrap();
            assert!(
                events.is_empty() || events == [event],
                "{standing}: {events:?}"
            );
            !events.is_empty()
        })
    };
    for (standing, attempts, [tries, parks, back_tries, back_parks]) in [
        ("never requested", 1, [false; 4]),
        ("publishing", 1, [true, true, false, false]),
        ("publishing, failed", 2, [true, true, false, false]),
        ("publishing, parked", 2, [false; 4]),
        ("published", 1, [false; 4]),
        ("adopted", 1, [false; 4]),
        ("withdrawing", 1, [false, false, true, true]),
        ("withdrawing, failed", 2, [false, false, true, true]),
        ("withdrawing, parked", 2, [false; 4]),
        ("withdrawn", 1, [false; 4]),
        ("released", 1, [false; 4]),
    ] {
        let expected = [tries, parks, back_tries, back_parks];
        assert_eq!(only(standing, attempts), expected, "{standing}");
    }
}

#[test]
fn a_late_report_to_an_account_that_is_not_linked_gives_no_event() {
    let reports = [
        record_published(Presence::Created),
        record_publication_failed(true),
        record_publication_failed(false),
        record_withdrawn(),
        record_withdrawal_failed(true),
        record_withdrawal_failed(false),
    ];
    for report in reports {
        not_linked().when(report.clone()).then_expect_events(vec![]);
        after([unlinking(), unlinked(&[])])
            .when(report)
            .then_expect_events(vec![]);
    }
}

#[test]
fn a_request_counts_tries_from_the_beginning() {
    use PublicationCause::Retry;
    after([
        requested(LINK),
        publication_failed(1),
        publication_failed(2),
    ])
    .when(record_publication_failed(true))
    .then_expect_events(vec![publication_failed(3)]);
    after([requested(LINK), publication_parked(12), requested(Retry)])
        .when(record_publication_failed(true))
        .then_expect_events(vec![publication_failed(1)]);
    after([
        requested(LINK),
        publication_failed(4),
        published(Presence::Found),
    ])
    .and(vec![withdrawal_requested(ROTATION)])
    .when(record_withdrawal_failed(false))
    .then_expect_events(vec![withdrawal_parked(1)]);
}

#[test]
fn a_replay_takes_a_key_up_once() {
    let first = PublicationCause::Replay(replay(1));
    let second = PublicationCause::Replay(replay(2));
    for since in [
        vec![],
        vec![publication_failed(1)],
        vec![publication_parked(1)],
        vec![published(Presence::Found)],
    ] {
        let taken_up = || after([requested(LINK), requested(first)]).and(since.clone());
        taken_up().when(publish(first)).then_expect_events(vec![]);
        taken_up()
            .when(publish(second))
            .then_expect_events(vec![requested(second)]);
    }
    let back = WithdrawalCause::Replay(replay(1));
    after([requested(LINK), withdrawal_requested(ROTATION)])
        .and(vec![withdrawal_requested(back), withdrawal_parked(1)])
        .when(withdraw(back))
        .then_expect_events(vec![]);
}

#[test]
fn two_replays_do_not_take_a_key_from_each_other_in_turn() {
    let older = PublicationCause::Replay(replay(1));
    let newer = PublicationCause::Replay(replay(2));
    after([requested(LINK), requested(older), requested(newer)])
        .when(publish(older))
        .then_expect_events(vec![]);
    let (older, newer) = (
        WithdrawalCause::Replay(replay(1)),
        WithdrawalCause::Replay(replay(2)),
    );
    after([requested(LINK), withdrawal_requested(ROTATION)])
        .and(vec![
            withdrawal_requested(older),
            withdrawal_requested(newer),
        ])
        .when(withdraw(older))
        .then_expect_events(vec![]);
}

#[test]
fn a_key_of_an_earlier_link_does_not_come_back() {
    let relinked = || {
        after([requested(LINK), published(Presence::Created), unlinking()])
            .and(vec![
                withdrawal_requested(WithdrawalCause::Unlink),
                withdrawn(),
            ])
            .and(vec![unlinked(&[]), linked()])
    };
    relinked().when(publish(LINK)).then_expect_events(vec![]);
    relinked()
        .when(record_unlinked(&[]))
        .then_expect_events(vec![]);
    relinked()
        .and(vec![unlinking()])
        .when(record_unlinked(&[]))
        .then_expect_events(vec![unlinked(&[])]);
}

#[test]
fn a_key_stays_adopted_when_it_is_found_again_until_we_put_it_there_ourselves() {
    let again = requested(PublicationCause::Replay(replay(1)));
    let adopted = [requested(LINK), published(Presence::Adopted), again];
    for (presence, expected) in [
        (Presence::Found, released()),
        (Presence::ByHand, released()),
        (Presence::Adopted, released()),
        (Presence::Created, withdrawal_requested(ROTATION)),
    ] {
        after(adopted.clone())
            .and(vec![published(presence)])
            .when(withdraw(ROTATION))
            .then_expect_events(vec![expected]);
    }
}

#[test]
fn the_providers_own_id_is_kept_while_the_key_is_there() {
    let remote_key = |events: Vec<E>| {
        let mut known = Account::default();
        for event in events {
            known.apply(event);
        }
        let link = known.link().unwrap();
        link.placements[&key(1)].remote_key.clone()
    };
    let there = vec![linked(), requested(LINK), published(Presence::Created)];
    assert_eq!(remote_key(there.clone()), Some("77".to_owned()));
    let away = [there, vec![withdrawal_requested(ROTATION), withdrawn()]].concat();
    assert_eq!(remote_key(away), None);
}

fn confirmed(expires_at: Option<DateTime<Utc>>) -> C {
    C::RecordKeyPublished {
        key: key(1),
        remote_key: None,
        presence: Presence::ByHand,
        expires_at,
    }
}

fn there_until(expires_at: Option<DateTime<Utc>>) -> E {
    E::KeyPublished {
        account: account(),
        user: ada(),
        provider: github(),
        key: key(1),
        remote_key: None,
        presence: Presence::ByHand,
        expires_at,
    }
}

fn expiring(expires_at: DateTime<Utc>) -> E {
    E::KeyExpiring {
        account: account(),
        user: ada(),
        provider: github(),
        key: key(1),
        expires_at,
    }
}

#[test]
fn a_person_is_reminded_once_that_a_key_ends_soon() {
    let remind = |expires_at| {
        let key = key(1);
        C::RecordKeyExpiring { key, expires_at }
    };
    let there = [requested(PublicationCause::Link), there_until(Some(noon()))];
    after(there.clone())
        .when(remind(noon()))
        .then_expect_events(vec![expiring(noon())]);
    let [first, second] = there.clone();
    after([first, second, expiring(noon())])
        .when(remind(noon()))
        .then_expect_events(vec![]);
    // Of another time it was said before the key was pasted again.
    after(there)
        .when(remind(noon() - TimeDelta::days(1)))
        .then_expect_events(vec![]);
}

#[test]
fn a_key_that_is_pasted_again_lasts_longer() {
    let later = Some(noon() + TimeDelta::days(365));
    let there = [requested(PublicationCause::Link), there_until(Some(noon()))];
    after(there.clone())
        .when(confirmed(later))
        .then_expect_events(vec![there_until(later)]);
    after(there)
        .when(confirmed(Some(noon())))
        .then_expect_events(vec![]);
}
