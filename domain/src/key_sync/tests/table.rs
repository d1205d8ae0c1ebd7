//! Every row of the policy's table.

use chrono::TimeDelta;

use crate::account::{AccountEvent, PublicationCause, Residue, WithdrawalCause};
use crate::key_sync::affected;
use crate::key_sync::{
    AccountMemory, Affected, KeyMemory, KeyStanding, LinkState, Place, Revoking, Step,
};
use crate::keyring::{Holder, KeyringEvent};
use crate::replay::{ReplayEvent, ReplayInclude, ReplayScope};
use crate::samples::{account, ada, bob, github, key, noon, outage, replay, revoked};
use crate::settings::SettingsEvent;
use crate::{Event, Failure, UserId};

use KeyStanding::{Compromised, Current, Ended, Replaced};
use LinkState::{GrantLost, Linked, Unlinked, Unlinking};

const PLACES: [Place; 11] = [
    Place::Nowhere,
    Place::Publishing,
    Place::PublishingParked,
    Place::PublishingLost,
    Place::PublishingDue,
    Place::Published,
    Place::Withdrawing,
    Place::WithdrawingParked,
    Place::WithdrawingLost,
    Place::WithdrawingDue,
    Place::Gone,
];

/// Lists what is due for ada's account with keys 1, 2, … that stand so.
fn due(link: LinkState, keys: &[(KeyStanding, Place)]) -> Vec<Step> {
    let mut memory = remembered(link);
    for (number, (standing, place)) in (1..).zip(keys) {
        memory.keys.push(KeyMemory {
            key: key(number),
            user: ada(),
            standing: *standing,
            place: *place,
            relieved_at: None,
        });
    }
    memory.due(noon(), TimeDelta::zero())
}

fn remembered(link: LinkState) -> AccountMemory {
    AccountMemory {
        account: account(),
        user: ada(),
        provider: github(),
        link,
        revoking: Revoking::Due,
        number: 1,
        keys: vec![],
    }
}

fn generate() -> Step {
    let account = account();
    Step::GenerateKey { account }
}

fn publish(number: u128, cause: PublicationCause) -> Step {
    Step::RequestPublication {
        account: account(),
        key: key(number),
        cause,
    }
}

fn withdraw(number: u128, cause: WithdrawalCause) -> Step {
    Step::RequestWithdrawal {
        account: account(),
        key: key(number),
        cause,
    }
}

fn retire(number: u128) -> Step {
    retire_of(ada(), number)
}

fn retire_of(user: UserId, number: u128) -> Step {
    let key = key(number);
    Step::RetireKey { user, key }
}

fn finish(left: &[u128]) -> Step {
    let residue = |number: &u128| Residue::Key {
        key: key(*number),
        remote_key: None,
        fingerprint: None,
    };
    Step::FinishUnlink {
        account: account(),
        residue: left.iter().map(residue).collect(),
    }
}

const LINK: PublicationCause = PublicationCause::Link;
const TURN: PublicationCause = PublicationCause::Rotation;
const ROTATION: WithdrawalCause = WithdrawalCause::Rotation;
const UNLINK: WithdrawalCause = WithdrawalCause::Unlink;

#[test]
fn a_linked_account_without_a_key_gets_one() {
    assert_eq!(due(Linked, &[]), [generate()]);
}

#[test]
fn a_current_key_is_sent_there_once_and_again_when_the_grant_is_renewed() {
    for place in PLACES {
        let expected = match place {
            Place::Nowhere | Place::PublishingDue => vec![publish(1, LINK)],
            Place::Publishing
            | Place::PublishingParked
            | Place::PublishingLost
            | Place::Published
            | Place::Withdrawing
            | Place::WithdrawingParked
            | Place::WithdrawingLost
            | Place::WithdrawingDue
            | Place::Gone => vec![],
        };
        assert_eq!(due(Linked, &[(Current, place)]), expected, "{place:?}");
    }
}

#[test]
fn a_replaced_key_waits_until_its_successor_is_there() {
    for place in PLACES {
        let steps = due(Linked, &[(Replaced, Place::Published), (Current, place)]);
        let asked_back = steps.contains(&withdraw(1, ROTATION));
        assert_eq!(asked_back, place == Place::Published, "{place:?}");
    }
    assert_eq!(
        due(
            Linked,
            &[(Replaced, Place::Published), (Current, Place::Nowhere)]
        ),
        [publish(2, TURN)]
    );
}

#[test]
fn a_replaced_key_is_withdrawn_from_wherever_it_may_be() {
    for place in PLACES {
        let expected = match place {
            Place::Publishing
            | Place::PublishingParked
            | Place::PublishingLost
            | Place::PublishingDue
            | Place::Published
            | Place::WithdrawingDue => vec![withdraw(1, ROTATION)],
            Place::Nowhere | Place::Gone => vec![retire(1)],
            Place::Withdrawing | Place::WithdrawingParked | Place::WithdrawingLost => vec![],
        };
        let keys = [(Replaced, place), (Current, Place::Published)];
        assert_eq!(due(Linked, &keys), expected, "{place:?}");
    }
}

#[test]
fn every_key_that_was_replaced_goes_once_the_last_of_them_is_there() {
    let keys = |current| {
        [
            (Replaced, Place::Published),
            (Replaced, Place::PublishingParked),
            (Current, current),
        ]
    };
    assert_eq!(due(Linked, &keys(Place::PublishingParked)), []);
    assert_eq!(
        due(Linked, &keys(Place::Published)),
        [withdraw(1, ROTATION), withdraw(2, ROTATION)]
    );
}

#[test]
fn a_compromised_key_is_withdrawn_first() {
    let keys = [(Compromised, Place::Published), (Current, Place::Nowhere)];
    let expected = [withdraw(1, ROTATION), publish(2, TURN)];
    assert_eq!(due(Linked, &keys), expected);
    let keys = [
        (Compromised, Place::Published),
        (Current, Place::PublishingParked),
    ];
    assert_eq!(due(Linked, &keys), [withdraw(1, ROTATION)]);
    let keys = [(Compromised, Place::Gone), (Current, Place::Published)];
    assert_eq!(due(Linked, &keys), [retire(1)]);
}

#[test]
fn nothing_is_asked_of_the_provider_while_the_grant_is_lost() {
    assert_eq!(due(GrantLost, &[]), []);
    for place in PLACES {
        assert_eq!(due(GrantLost, &[(Current, place)]), []);
        let expected = match place {
            Place::Nowhere | Place::Gone => vec![retire(1)],
            Place::Publishing
            | Place::PublishingParked
            | Place::PublishingLost
            | Place::PublishingDue
            | Place::Published
            | Place::Withdrawing
            | Place::WithdrawingParked
            | Place::WithdrawingLost
            | Place::WithdrawingDue => vec![],
        };
        let keys = [(Compromised, place), (Current, Place::Published)];
        assert_eq!(due(GrantLost, &keys), expected, "{place:?}");
    }
}

#[test]
fn an_unlinking_withdraws_every_key_and_ends_when_none_is_left_that_could_be() {
    for place in PLACES {
        let expected = match place {
            Place::Publishing
            | Place::PublishingParked
            | Place::PublishingLost
            | Place::PublishingDue
            | Place::Published
            | Place::WithdrawingDue => vec![withdraw(1, UNLINK)],
            Place::Withdrawing | Place::WithdrawingParked => vec![],
            Place::WithdrawingLost => vec![finish(&[1])],
            Place::Nowhere | Place::Gone => vec![finish(&[])],
        };
        for standing in [Current, Replaced, Compromised] {
            assert_eq!(due(Unlinking, &[(standing, place)]), expected, "{place:?}");
        }
    }
    assert_eq!(due(Unlinking, &[]), [finish(&[])]);
    let keys = [
        (Replaced, Place::WithdrawingLost),
        (Current, Place::Withdrawing),
    ];
    assert_eq!(due(Unlinking, &keys), []);
    let keys = [(Replaced, Place::WithdrawingLost), (Current, Place::Gone)];
    assert_eq!(due(Unlinking, &keys), [finish(&[1])]);
}

#[test]
fn an_unlinked_account_has_its_keys_retired_wherever_they_are() {
    for place in PLACES {
        for standing in [Current, Replaced, Compromised, Ended] {
            assert_eq!(due(Unlinked, &[(standing, place)]), [retire(1)]);
        }
    }
}

#[test]
fn a_key_of_an_earlier_link_is_retired_and_a_new_one_is_made() {
    for place in PLACES {
        let keys = [(Ended, place)];
        assert_eq!(due(Linked, &keys), [retire(1), generate()], "{place:?}");
        assert_eq!(due(Unlinking, &keys), [finish(&[])], "{place:?}");
    }
    let keys = [(Ended, Place::WithdrawingLost), (Current, Place::Nowhere)];
    assert_eq!(due(Linked, &keys), [retire(1), publish(2, LINK)]);
}

#[test]
fn a_key_of_somebody_else_is_retired_on_their_keyring() {
    let mut memory = remembered(Linked);
    memory.keys.push(KeyMemory {
        key: key(1),
        user: bob(),
        standing: Current,
        place: Place::Nowhere,
        relieved_at: None,
    });
    let due = memory.due(noon(), TimeDelta::zero());
    assert_eq!(due, [retire_of(bob(), 1), generate()]);
}

/// An event of ada's account in which nothing but its type matters.
fn parked(failure: Failure) -> [AccountEvent; 2] {
    let (account, user, provider) = (account(), ada(), github());
    [
        AccountEvent::KeyPublicationParked {
            account,
            user: user.clone(),
            provider: provider.clone(),
            key: key(1),
            failure: failure.clone(),
            attempts: 1,
        },
        AccountEvent::KeyWithdrawalParked {
            account,
            user,
            provider,
            key: key(1),
            failure,
            attempts: 1,
        },
    ]
}

#[test]
fn what_the_grant_parked_is_told_from_what_something_else_parked() {
    let places = |failure| parked(failure).map(|event| Place::after(&event).unwrap().1);
    assert_eq!(
        places(outage()),
        [Place::PublishingParked, Place::WithdrawingParked]
    );
    assert_eq!(
        places(revoked()),
        [Place::PublishingLost, Place::WithdrawingLost]
    );
}

#[test]
fn a_grant_that_comes_or_goes_does_not_end_an_unlinking() {
    for next in [Linked, GrantLost, Unlinking] {
        assert_eq!(Unlinking.then(next), Unlinking);
    }
    assert_eq!(Unlinking.then(Unlinked), Unlinked);
    for before in [Linked, GrantLost, Unlinked] {
        for next in [Linked, GrantLost, Unlinking, Unlinked] {
            assert_eq!(before.then(next), next);
        }
    }
}

#[test]
fn what_has_ended_stays_so() {
    for next in [Current, Replaced, Compromised, Ended] {
        assert_eq!(Ended.then(next), Ended);
        assert_eq!(Current.then(next), next);
    }
}

#[test]
fn every_word_reads_back() {
    for place in PLACES {
        assert_eq!(Place::from_word(place.as_str()), Some(place));
        let json = serde_json::to_value(place).unwrap();
        assert_eq!(json, place.as_str());
    }
    for link in [Linked, GrantLost, Unlinking, Unlinked] {
        assert_eq!(LinkState::from_word(link.as_str()), Some(link));
        assert_eq!(serde_json::to_value(link).unwrap(), link.as_str());
    }
    for standing in [Current, Replaced, Compromised, Ended] {
        assert_eq!(KeyStanding::from_word(standing.as_str()), Some(standing));
        assert_eq!(serde_json::to_value(standing).unwrap(), standing.as_str());
    }
    assert_eq!(Place::from_word("elsewhere"), None);
}

#[test]
fn an_event_affects_the_account_or_the_replay_that_it_tells_of() {
    let retired = |holder| {
        Event::Keyring(KeyringEvent::KeyRetired {
            user: ada(),
            key: key(1),
            holder,
        })
    };
    let scope = ReplayScope {
        provider: github(),
        user: None,
        since: None,
        until: None,
        include: ReplayInclude::All,
    };
    let begun = ReplayEvent::ReplayStarted {
        replay: replay(1),
        scope,
        planned: 0,
    };
    let [parked, _] = parked(outage());
    let changed = SettingsEvent::SettingsChanged {
        algorithm: None,
        rotation_grace_hours: None,
        max_key_age_days: None,
    };
    let of_account = Affected::Account(account());
    for (event, expected) in [
        (Event::Account(parked), of_account),
        (retired(Holder::Account(account())), of_account),
        (retired(Holder::Personal), Affected::Nothing),
        (Event::Replay(begun), Affected::ReplayBegun(replay(1))),
        (Event::Settings(changed), Affected::Nothing),
    ] {
        assert_eq!(affected(&event), expected);
    }
}
