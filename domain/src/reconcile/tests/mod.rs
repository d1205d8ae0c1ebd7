//! Every cell of the table, and looks at whole accounts.

mod twice;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use cqrs_es::Aggregate;

use super::*;
use crate::account::{
    Account, AccountEvent as E, Link, Presence, PublicationCause, WithdrawalCause,
};
use crate::samples::{account, ada, github, grant, key, noon, replay, sealed};
use crate::{KeyId, UserId};

const LINE: &str = "ssh-ed25519 AAAA1";
const TITLES: Titles<'_> = Titles {
    host: "lanyard.example.com",
};
const OURS: &str = "Lanyard lanyard.example.com ada 000000000001";

fn listed<'a>(remote_key: &'a str, title: &'a str) -> Listed<'a> {
    Listed {
        remote_key,
        line: LINE,
        title,
        expires_at: None,
        good_for: GoodFor::SigningIn,
    }
}

fn known(remote_key: Option<&'static str>, adopted: bool) -> Known<'static> {
    Known {
        line: Some(LINE),
        title: OURS,
        remote_key,
        adopted,
    }
}

/// What stands in a cell.
fn word(verdict: Verdict<'_>) -> &'static str {
    match verdict {
        Verdict::Add => "add",
        Verdict::Found(_) => "found",
        Verdict::Adopt(_) => "adopt",
        Verdict::Remove(_) => "remove",
        Verdict::Release(_) => "release",
        Verdict::Nothing => "nothing",
        Verdict::Drift(drift) => drift.as_str(),
    }
}

#[test]
fn every_cell_of_the_table_is_as_it_is_written() {
    let ended = |listed: Listed<'static>| Listed {
        expires_at: Some(noon()),
        ..listed
    };
    let useless = |listed: Listed<'static>| Listed {
        good_for: GoodFor::Nothing,
        ..listed
    };
    // A key is ours by its id on record or by its title.
    let (by_id, by_title) = (listed("77", "renamed"), listed("78", OURS));
    let (both, theirs) = (listed("77", OURS), listed("78", "laptop"));
    let columns = [
        ("missing", None),
        ("ours", Some(both)),
        ("ours, renamed", Some(by_id)),
        ("ours, another id", Some(by_title)),
        ("theirs", Some(theirs)),
        ("ours, ended", Some(ended(both))),
        ("theirs, ended", Some(ended(theirs))),
        ("ours, of no use", Some(useless(both))),
        ("theirs, of no use", Some(useless(theirs))),
    ];
    let (on_record, adopted, new) = (
        known(Some("77"), false),
        known(Some("78"), true),
        known(None, false),
    );
    #[rustfmt::skip]
    let table = [
        // missing, ours, renamed, another id, theirs, ended (ours, theirs), of no use (ours, theirs)
        (Wanted::Put, on_record, [
            "add", "found", "found", "found", "adopt", "expired", "expired", "not_usable", "not_usable",
        ]),
        // Never sent there, as far as is known: only the title tells.
        (Wanted::Put, new, [
            "add", "found", "adopt", "found", "adopt", "expired", "expired", "not_usable", "not_usable",
        ]),
        (Wanted::Kept, on_record, [
            "missing", "nothing", "nothing", "changed", "changed", "expired", "expired", "not_usable", "not_usable",
        ]),
        (Wanted::Kept, adopted, [
            "missing", "nothing", "nothing", "nothing", "nothing", "expired", "expired", "not_usable", "not_usable",
        ]),
        (Wanted::Taken, on_record, [
            "nothing", "remove", "remove", "remove", "release", "remove", "release", "remove", "release",
        ]),
        (Wanted::Nothing, new, [
            "nothing", "foreign", "nothing", "foreign", "nothing", "foreign", "nothing", "foreign", "nothing",
        ]),
    ];
    for (wanted, known, row) in table {
        for ((column, there), expected) in columns.into_iter().zip(row) {
            let list: Vec<_> = there.into_iter().collect();
            let verdict = decide(wanted, &known, Observed::of(&known, &list), noon());
            assert_eq!(word(verdict), expected, "{wanted:?} {known:?}: {column}");
        }
    }
}

#[test]
fn a_key_ends_at_its_time_and_not_before() {
    let known = known(Some("77"), false);
    let at = |time| {
        let listed = Listed {
            expires_at: Some(noon()),
            ..listed("77", OURS)
        };
        word(decide(
            Wanted::Kept,
            &known,
            Observed::of(&known, &[listed]),
            time,
        ))
    };
    assert_eq!(at(noon() - TimeDelta::seconds(1)), "nothing");
    assert_eq!(at(noon()), "expired");
}

#[test]
fn keys_are_the_same_by_algorithm_and_blob_alone() {
    let known = known(Some("77"), false);
    let another = Listed {
        line: "ssh-ed25519 AAAA2",
        ..listed("77", OURS)
    };
    assert_eq!(Observed::of(&known, &[another]), Observed::Missing);
    let list = [another, listed("78", "laptop")];
    assert_eq!(
        Observed::of(&known, &list),
        Observed::Theirs(listed("78", "laptop"))
    );
}

#[test]
fn what_is_wanted_follows_from_where_a_key_stands() {
    use PlacementStatus as S;
    for (status, wanted) in [
        (S::Publishing(PublicationCause::Link), Wanted::Put),
        (S::PublishingParked, Wanted::Put),
        (S::Published, Wanted::Kept),
        (S::Withdrawing(WithdrawalCause::Rotation), Wanted::Taken),
        (S::WithdrawingParked, Wanted::Taken),
        (S::Gone, Wanted::Nothing),
    ] {
        assert_eq!(Wanted::of(status), wanted);
    }
}

#[test]
fn every_drift_has_a_word_and_a_code_of_its_own() {
    let words = Drift::ALL.map(|drift| (drift.as_str(), drift.code().as_str()));
    assert_eq!(
        words,
        [
            ("missing", "key_missing_at_provider"),
            ("changed", "key_changed_at_provider"),
            ("expired", "key_expired"),
            ("not_usable", "key_not_usable"),
            ("wrong_type", "key_wrong_type"),
            ("not_for_signing", "key_not_for_signing"),
            ("duplicate", "key_duplicate"),
            ("foreign", "key_foreign"),
        ]
    );
    let restorable = Drift::ALL.into_iter().filter(|drift| drift.is_restorable());
    assert!(restorable.eq([
        Drift::Missing,
        Drift::Changed,
        Drift::WrongType,
        Drift::NotForSigning,
        Drift::Duplicate
    ]));
    let for_the_policy = Drift::ALL
        .into_iter()
        .filter(|drift| drift.is_for_the_policy());
    assert!(for_the_policy.eq([
        Drift::Missing,
        Drift::WrongType,
        Drift::NotForSigning,
        Drift::Duplicate
    ]));
}

#[test]
fn a_title_names_deployment_person_and_key_and_is_known_again() {
    assert_eq!(TITLES.of(&ada(), key(1)), OURS);
    assert!(TITLES.is_one(OURS));
    for other in [
        "Lanyard",
        "laptop",
        "Lanyard elsewhere.example.com ada 000000000001",
        "Lanyard lanyard.example.com.evil ada 000000000001",
        "Lanyard lanyard.example.com ada",
        "Lanyard lanyard.example.com ada 00000000000X",
        "Lanyard lanyard.example.com ada 0000000000011",
        "Lanyard lanyard.example.com Ada! 000000000001",
    ] {
        assert!(!TITLES.is_one(other), "{other}");
    }
}

fn linked(events: Vec<E>) -> Link {
    let mut state = Account::Absent;
    state.apply(E::AccountLinked {
        account: account(),
        user: ada(),
        provider: github(),
        profile: sealed(&ada()),
        grant: Some(grant(1)),
    });
    for event in events {
        state.apply(event);
    }
    state.link().unwrap().clone()
}

fn requested(number: u128) -> E {
    E::KeyPublicationRequested {
        account: account(),
        user: ada(),
        provider: github(),
        key: key(number),
        cause: PublicationCause::Link,
    }
}

fn published(number: u128, presence: Presence) -> Vec<E> {
    let there = E::KeyPublished {
        account: account(),
        user: ada(),
        provider: github(),
        key: key(number),
        remote_key: Some(format!("{number}")),
        presence,
        expires_at: None,
    };
    vec![requested(number), there]
}

fn withdrawing(number: u128) -> E {
    E::KeyWithdrawalRequested {
        account: account(),
        user: ada(),
        provider: github(),
        key: key(number),
        cause: WithdrawalCause::Replay(replay(1)),
    }
}

fn withdrawn(number: u128) -> Vec<E> {
    let gone = E::KeyWithdrawn {
        account: account(),
        user: ada(),
        provider: github(),
        key: key(number),
        was_there: true,
    };
    [
        published(number, Presence::Created),
        vec![withdrawing(number), gone],
    ]
    .concat()
}

fn title(user: &UserId, number: u128) -> String {
    TITLES.of(user, key(number))
}

#[test]
fn a_look_says_what_is_otherwise_and_leaves_what_is_on_its_way() {
    let link = linked(
        [
            published(1, Presence::Created),
            published(2, Presence::Created),
            vec![requested(3)],
            [published(4, Presence::Created), vec![withdrawing(4)]].concat(),
            withdrawn(5),
        ]
        .concat(),
    );
    let texts: Vec<_> = (1..=5)
        .map(|number| format!("ssh-ed25519 AAAA{number}"))
        .collect();
    let lines = (1..=4).zip(&texts);
    let lines: BTreeMap<KeyId, &str> = lines
        .map(|(number, line)| (key(number), line.as_str()))
        .collect();
    let titles = [
        title(&ada(), 2),
        title(&ada(), 5),
        title(&"eve".parse().unwrap(), 9),
    ];
    let at = |remote_key, line, title| Listed {
        line,
        ..listed(remote_key, title)
    };
    let list = [
        at("2", &*texts[1], &*titles[0]),
        at("5", &*texts[4], &*titles[1]),
        at("6", "ssh-rsa AAAA6", "laptop"),
        at("9", "ssh-rsa AAAA9", &*titles[2]),
    ];
    let look = look(&link, &lines, &list, TITLES, noon());
    let expected = [(key(1), Drift::Missing), (key(5), Drift::Foreign)];
    assert_eq!(look.keys, BTreeMap::from(expected));
    assert_eq!(look.foreign, [list[3]], "a person's own keys are theirs");
}

#[test]
fn a_key_left_to_the_person_is_not_looked_at() {
    let released = E::KeyReleased {
        account: account(),
        user: ada(),
        provider: github(),
        key: key(1),
    };
    let link = linked([published(1, Presence::Adopted), vec![released]].concat());
    let titles = title(&ada(), 1);
    for list in [vec![], vec![listed("1", &titles)]] {
        let look = look(&link, &BTreeMap::new(), &list, TITLES, noon());
        assert_eq!(look, Look::default());
    }
}

#[test]
fn many_keys_that_nobody_knows_are_one_trouble() {
    let link = linked(vec![]);
    let titles: Vec<_> = (1..=30).map(|number| title(&ada(), number)).collect();
    let list: Vec<_> = titles.iter().map(|title| listed("1", title)).collect();
    let look = look(&link, &BTreeMap::new(), &list, TITLES, noon());
    assert_eq!(look.foreign.len(), 20);
}

#[test]
fn a_replaced_key_stays_while_none_that_took_its_place_is_there_and_good() {
    let there = listed("7", OURS);
    let ended = Listed {
        expires_at: Some(noon()),
        ..there
    };
    let useless = Listed {
        good_for: GoodFor::Nothing,
        ..there
    };
    let one = [known(Some("7"), false)];
    let of = |list: &[Listed<'_>]| amiss(&one, list, noon());
    assert_eq!(of(&[there]), None);
    assert_eq!(of(&[listed("8", OURS)]), None, "it is there all the same");
    assert_eq!(of(&[]), Some(Drift::Missing));
    assert_eq!(of(&[ended]), Some(Drift::Expired));
    assert_eq!(of(&[useless]), Some(Drift::NotUsable));
    let lost = Known {
        line: Some("ssh-ed25519 AAAA2"),
        ..one[0]
    };
    assert_eq!(amiss(&[one[0], lost], &[there], noon()), None);
    assert_eq!(amiss(&[lost, lost], &[there], noon()), Some(Drift::Missing));
    assert_eq!(amiss(&[], &[], noon()), None);
}
