//! What holds in every story, however commands and reports interleave.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::world::World;
use crate::account::{AccountCommand, AccountEvent, Presence, PublicationCause, WithdrawalCause};
use crate::key_sync::Step;
use crate::keyring::{KeyringEvent, RotationCause};
use crate::samples::{ada, bob, grant, key, noon, outage, replay, revoked};
use crate::{Event, KeyId};

/// Something that somebody does, at any time.
#[derive(Debug, Clone)]
enum Act {
    Link {
        by_bob: bool,
    },
    Ask(AccountCommand),
    /// The provider answers about one of the keys on their way.
    Answer {
        which: usize,
        answer: Answer,
    },
    Unlink,
    Rotate(RotationCause),
    LoseGrant,
    RefreshGrant,
    /// The policy takes the first few steps that are due.
    Policy(usize),
    /// A step that was taken before is delivered again.
    Again(usize),
    /// The policy comes to rest.
    Settle,
}

#[derive(Debug, Clone, Copy)]
enum Answer {
    Done,
    Adopted,
    Failed { by_grant: bool, again: bool },
}

fn any_answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        6 => Just(Answer::Done),
        1 => Just(Answer::Adopted),
        3 => any::<(bool, bool)>()
            .prop_map(|(by_grant, again)| Answer::Failed { by_grant, again }),
    ]
}

fn any_key() -> impl Strategy<Value = KeyId> {
    // Small, so that acts meet; a key that was never made is among them.
    (1..8_u128).prop_map(key)
}

fn any_presence() -> impl Strategy<Value = Presence> {
    prop_oneof![
        4 => Just(Presence::Created),
        1 => Just(Presence::Found),
        1 => Just(Presence::Adopted),
        1 => Just(Presence::ByHand),
    ]
}

fn any_report() -> impl Strategy<Value = AccountCommand> {
    use AccountCommand as C;
    let failure = || prop_oneof![Just(outage()), Just(revoked())];
    let retry_at = || prop_oneof![Just(None), Just(Some(noon()))];
    prop_oneof![
        4 => (any_key(), any_presence()).prop_map(|(key, presence)| C::RecordKeyPublished {
            key,
            remote_key: None,
            presence, expires_at: None,
        }),
        3 => (any_key(), any::<bool>())
            .prop_map(|(key, was_there)| C::RecordKeyWithdrawn { key, was_there }),
        2 => (any_key(), failure(), retry_at()).prop_map(|(key, failure, retry_at)| {
            C::RecordKeyPublicationFailed { key, failure, retry_at }
        }),
        2 => (any_key(), failure(), retry_at()).prop_map(|(key, failure, retry_at)| {
            C::RecordKeyWithdrawalFailed { key, failure, retry_at }
        }),
        1 => (failure(), retry_at()).prop_map(|(failure, retry_at)| {
            C::RecordGrantRevocationFailed { failure, retry_at }
        }),
        1 => Just(C::RecordAccountUnlinked { residue: vec![] }),
    ]
}

/// What an operator or a replay asks for.
fn any_request() -> impl Strategy<Value = AccountCommand> {
    use AccountCommand as C;
    let publication = prop_oneof![
        Just(PublicationCause::Retry),
        Just(PublicationCause::Replay(replay(1)))
    ];
    let withdrawal = prop_oneof![
        Just(WithdrawalCause::Retry),
        Just(WithdrawalCause::Replay(replay(1)))
    ];
    prop_oneof![
        (any_key(), publication).prop_map(|(key, cause)| C::RequestKeyPublication {
            key,
            cause,
            link: None,
        }),
        (any_key(), withdrawal).prop_map(|(key, cause)| C::RequestKeyWithdrawal { key, cause }),
        Just(C::RequestGrantRevocation),
    ]
}

fn any_act(compromised: bool) -> impl Strategy<Value = Act> {
    let rotation = move |told: bool| {
        Act::Rotate(if told && compromised {
            RotationCause::Compromised
        } else {
            RotationCause::Requested
        })
    };
    prop_oneof![
        4 => prop::bool::weighted(0.3).prop_map(|by_bob| Act::Link { by_bob }),
        1 => Just(Act::Unlink),
        2 => any::<bool>().prop_map(rotation),
        1 => Just(Act::LoseGrant),
        1 => Just(Act::RefreshGrant),
        2 => any_report().prop_map(Act::Ask),
        8 => (0..8_usize, any_answer()).prop_map(|(which, answer)| Act::Answer { which, answer }),
        2 => any_request().prop_map(Act::Ask),
        4 => (0..4_usize).prop_map(Act::Policy),
        2 => (0..100_usize).prop_map(Act::Again),
        6 => Just(Act::Settle),
    ]
}

fn any_story(compromised: bool) -> impl Strategy<Value = Vec<Act>> {
    prop::collection::vec(any_act(compromised), 0..50)
}

/// Plays a story on the real aggregates. Refusals are part of it; panics are not.
fn play(story: Vec<Act>) -> World {
    let mut world = World::default();
    let mut taken: Vec<Step> = vec![];
    for act in story {
        match act {
            Act::Link { by_bob } => {
                let user = if by_bob { bob() } else { ada() };
                let _ = world.links(&user);
            }
            Act::Ask(command) => {
                let _ = world.ask(command);
            }
            Act::Answer { which, answer } => answer_about(&mut world, which, answer),
            Act::Unlink => {
                if let Some(user) = world.account.link().map(|link| link.user.clone()) {
                    let _ = world.ask(AccountCommand::UnlinkAccount { user });
                }
            }
            Act::Rotate(cause) => {
                let _ = world.rotates(cause);
            }
            Act::LoseGrant => {
                let _ = world.ask(AccountCommand::RecordGrantLost {
                    generation: world.account.generation(),
                    failure: revoked(),
                });
            }
            Act::RefreshGrant => {
                let _ = world.ask(AccountCommand::RecordGrantRenewed {
                    how: crate::account::Renewal::Refresh,
                    grant: grant(world.account.generation() + 1),
                });
            }
            Act::Policy(count) => {
                for step in world.due().into_iter().take(count) {
                    world.take(step.clone());
                    taken.push(step);
                }
            }
            Act::Again(number) => {
                if let Some(step) = taken.get(number % taken.len().max(1)) {
                    world.take(step.clone());
                }
            }
            Act::Settle => world.settles(),
        }
    }
    world
}

fn answer_about(world: &mut World, which: usize, answer: Answer) {
    let keys = world.on_their_way();
    let Some(key) = keys.get(which % keys.len().max(1)).copied() else {
        return;
    };
    match answer {
        // Of the two reports one is waited for; the other comes late.
        Answer::Done => {
            world.is_published(key, Presence::Created);
            world.is_withdrawn(key);
        }
        Answer::Adopted => world.is_published(key, Presence::Adopted),
        Answer::Failed { by_grant, again } => {
            let failure = if by_grant { revoked() } else { outage() };
            world.fails_to_publish(key, failure.clone(), again);
            world.fails_to_withdraw(key, failure, again);
        }
    }
}

fn account_events(world: &World) -> impl Iterator<Item = &AccountEvent> {
    world.log.iter().filter_map(|event| match event {
        Event::Account(event) => Some(event),
        Event::Access(_)
        | Event::Campaign(_)
        | Event::Keyring(_)
        | Event::Provider(_)
        | Event::Offboarding(_)
        | Event::Replay(_)
        | Event::Settings(_)
        | Event::Token(_)
        | Event::Webhook(_) => None,
    })
}

proptest! {
    #[test]
    fn the_policy_comes_to_rest_after_every_story(story in any_story(true)) {
        let mut world = play(story);
        world.settles();
        prop_assert_eq!(world.due(), []);
    }

    #[test]
    fn an_unlinking_ends_once_the_provider_answers(story in any_story(true)) {
        let mut world = play(story);
        let Some(user) = world.account.link().map(|link| link.user.clone()) else {
            return Ok(());
        };
        world.ask(AccountCommand::UnlinkAccount { user }).unwrap();
        for _ in 0..3 {
            world.settles();
            let Some(link) = world.account.link() else {
                break;
            };
            for key in link.remaining_keys().collect::<Vec<_>>() {
                world.is_withdrawn(key);
            }
            // What kept the grant from being revoked is mended as well.
            world.ask(AccountCommand::RequestGrantRevocation).unwrap();
        }
        prop_assert!(world.account.link().is_none(), "{:?}", world.memory());
        prop_assert_eq!(&world.memory().unwrap().keys, &vec![]);
    }

    #[test]
    fn an_adopted_key_is_never_requested_to_be_withdrawn(story in any_story(true)) {
        let mut adopted = BTreeSet::new();
        for event in account_events(&play(story)) {
            use AccountEvent as E;
            if let E::KeyPublished { key, presence, .. } = event {
                match presence {
                    Presence::Adopted => adopted.insert(*key),
                    Presence::Created => adopted.remove(key),
                    Presence::Found | Presence::ByHand => false,
                };
            }
            if let E::KeyWithdrawalRequested { key, .. } = event {
                prop_assert!(!adopted.contains(key));
            }
        }
    }

    #[test]
    fn a_rotation_makes_before_it_breaks(story in any_story(false)) {
        let world = play(story);
        let mut current = None;
        let mut there = BTreeSet::new();
        let mut asked_back = BTreeSet::new();
        let mut unlinking = false;
        for event in &world.log {
            use AccountEvent as E;
            match event {
                Event::Keyring(
                    KeyringEvent::KeyGenerated { key, .. } | KeyringEvent::KeyRotated { key, .. },
                ) => current = Some(*key),
                Event::Account(E::UnlinkRequested { .. }) => unlinking = true,
                Event::Account(E::AccountUnlinked { .. }) => unlinking = false,
                Event::Account(E::KeyPublished { key, .. }) => {
                    there.insert(*key);
                }
                // What was asked back before is asked again by a step that is delivered twice, or
                // turns out to be the person's own: neither takes away a key that was counted on.
                Event::Account(E::KeyWithdrawalRequested { key, .. } | E::KeyReleased { key, .. })
                    if asked_back.contains(key) => {}
                Event::Account(
                    E::KeyWithdrawalRequested { key, cause: WithdrawalCause::Rotation, .. }
                    | E::KeyReleased { key, .. },
                ) if !unlinking => {
                    prop_assert_ne!(Some(*key), current);
                    prop_assert!(current.is_some_and(|current| there.contains(&current)));
                    asked_back.insert(*key);
                }
                Event::Account(_)
                | Event::Keyring(_)
                | Event::Access(_)
                | Event::Campaign(_)
                | Event::Provider(_)
                | Event::Offboarding(_)
                | Event::Replay(_)
                | Event::Settings(_)
                | Event::Token(_)
                | Event::Webhook(_) => {}
            }
        }
    }

    #[test]
    fn no_key_comes_back(story in any_story(true)) {
        let mut gone = BTreeSet::new();
        for event in account_events(&play(story)) {
            use AccountEvent as E;
            if let E::KeyWithdrawn { key, .. } | E::KeyReleased { key, .. } = event {
                gone.insert(*key);
            }
            if let E::KeyPublicationRequested { key, .. } = event {
                prop_assert!(!gone.contains(key));
            }
        }
    }
}
