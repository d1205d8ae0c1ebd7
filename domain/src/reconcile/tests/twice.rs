//! A key that is there more than once, and one that is there as something else.

use std::collections::BTreeMap;

use cqrs_es::Aggregate;

use crate::account::{Account, AccountEvent, Link, Presence, PublicationCause};
use crate::reconcile::{
    Drift, GoodFor, Known, Listed, Observed, Titles, Verdict, Wanted, amiss, decide, look, spare,
};
use crate::samples::{ada, github, grant, key, noon, sealed};

const LINE: &str = "ssh-ed25519 AAAA1";
const OURS: &str = "Lanyard lanyard.example.com ada 000000000001";

fn listed(remote_key: &'static str, title: &'static str) -> Listed<'static> {
    Listed {
        remote_key,
        line: LINE,
        title,
        expires_at: None,
        good_for: GoodFor::SigningIn,
    }
}

fn known(remote_key: Option<&'static str>) -> Known<'static> {
    Known {
        line: Some(LINE),
        title: OURS,
        remote_key,
        adopted: false,
    }
}

#[test]
fn of_several_the_one_on_record_counts_then_one_of_ours() {
    let (laptop, second, first) = (
        listed("3", "laptop"),
        listed("2", OURS),
        listed("1", "renamed"),
    );
    let list = [laptop, second, first];
    let of = |known: &Known<'_>| Observed::of(known, &list);
    assert_eq!(of(&known(Some("1"))), Observed::Ours(first));
    assert_eq!(of(&known(None)), Observed::Ours(second));
    assert_eq!(
        Observed::of(&known(None), &[laptop]),
        Observed::Theirs(laptop)
    );
}

#[test]
fn what_is_ours_beside_the_one_that_stays_may_go_and_nothing_else() {
    let (laptop, first, second) = (listed("3", "laptop"), listed("1", OURS), listed("2", OURS));
    let another = Listed {
        line: "ssh-ed25519 AAAA2",
        ..second
    };
    let known = known(Some("1"));
    assert_eq!(spare(&known, &[first, second], &first), Some(second));
    assert_eq!(spare(&known, &[first, second], &second), Some(first));
    assert_eq!(spare(&known, &[first], &first), None);
    assert_eq!(spare(&known, &[first, laptop], &first), None);
    assert_eq!(spare(&known, &[first, another], &first), None);
}

#[test]
fn a_key_for_signing_commits_only_is_put_there_anew_where_it_is_ours() {
    let only = |listed: Listed<'static>| Listed {
        good_for: GoodFor::SigningOnly,
        ..listed
    };
    let (ours, theirs) = (only(listed("1", OURS)), only(listed("3", "laptop")));
    let known = known(Some("1"));
    let of = |wanted, there| decide(wanted, &known, Observed::of(&known, &[there]), noon());
    let wrong = Verdict::Drift(Drift::WrongType);
    assert_eq!(of(Wanted::Put, ours), Verdict::Remove(ours));
    assert_eq!(of(Wanted::Put, theirs), wrong);
    assert_eq!(of(Wanted::Kept, ours), wrong);
    assert_eq!(of(Wanted::Kept, theirs), wrong);
    assert_eq!(of(Wanted::Taken, ours), Verdict::Remove(ours));
    assert_eq!(of(Wanted::Taken, theirs), Verdict::Release(theirs));
    assert_eq!(amiss(&[known], &[ours], noon()), Some(Drift::WrongType));
}

#[test]
fn a_key_that_is_not_good_for_signing_commits_is_put_as_any_other_and_is_a_drift_where_it_is_kept()
{
    let not_yet = |listed: Listed<'static>| Listed {
        good_for: GoodFor::SigningInOnly,
        ..listed
    };
    let (ours, theirs) = (not_yet(listed("1", OURS)), not_yet(listed("3", "laptop")));
    let known = known(Some("1"));
    let of = |wanted, there| decide(wanted, &known, Observed::of(&known, &[there]), noon());
    let drift = Verdict::Drift(Drift::NotForSigning);
    assert_eq!(of(Wanted::Put, ours), Verdict::Found(ours));
    assert_eq!(of(Wanted::Put, theirs), Verdict::Adopt(theirs));
    assert_eq!(of(Wanted::Kept, ours), drift);
    assert_eq!(of(Wanted::Kept, theirs), drift);
    assert_eq!(of(Wanted::Taken, ours), Verdict::Remove(ours));
    assert_eq!(of(Wanted::Taken, theirs), Verdict::Release(theirs));
    // Who signs in with it can do so: the one that it replaced may go.
    assert_eq!(amiss(&[known], &[ours], noon()), None);
}

/// Ada's account with the key 1 published under the id 1.
fn link() -> Link {
    let mut account = Account::Absent;
    for event in [
        AccountEvent::AccountLinked {
            account: crate::samples::account(),
            user: ada(),
            provider: github(),
            profile: sealed(&ada()),
            grant: Some(grant(1)),
        },
        AccountEvent::KeyPublicationRequested {
            account: crate::samples::account(),
            user: ada(),
            provider: github(),
            key: key(1),
            cause: PublicationCause::Link,
        },
        AccountEvent::KeyPublished {
            account: crate::samples::account(),
            user: ada(),
            provider: github(),
            key: key(1),
            remote_key: Some("1".to_owned()),
            presence: Presence::Created,
            expires_at: None,
        },
    ] {
        account.apply(event);
    }
    account.link().unwrap().clone()
}

#[test]
fn a_look_tells_a_key_that_is_there_twice_unless_something_worse_is_the_matter() {
    let link = link();
    let lines = BTreeMap::from([(key(1), LINE)]);
    let titles = Titles {
        host: "lanyard.example.com",
    };
    let of = |list: &[Listed<'_>]| {
        let look = look(&link, &lines, list, titles, noon());
        (look.keys.get(&key(1)).copied(), look.foreign.len())
    };
    let (first, second, laptop) = (listed("1", OURS), listed("2", OURS), listed("3", "laptop"));
    let ended = |listed: Listed<'static>| Listed {
        expires_at: Some(noon()),
        ..listed
    };
    assert_eq!(of(&[first]), (None, 0));
    assert_eq!(of(&[first, second]), (Some(Drift::Duplicate), 0));
    assert_eq!(of(&[second, laptop]), (Some(Drift::Duplicate), 0));
    assert_eq!(of(&[first, laptop]), (Some(Drift::Duplicate), 0));
    assert_eq!(of(&[ended(first), second]), (Some(Drift::Expired), 0));
    // Another key under the name of ours.
    let another = Listed {
        line: "ssh-ed25519 AAAA2",
        ..second
    };
    assert_eq!(of(&[first, another]), (None, 1));
}
