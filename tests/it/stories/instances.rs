//! Two instances work on one log at once.

use chrono::TimeDelta;
use domain::account::{Account, AccountCommand, PublicationCause};
use domain::keyring::{Keyring, KeyringCommand};
use domain::token::{Token, TokenCommand};
use domain::{AccountId, KeyId, Role, TokenId, UserId};
use lanyard::app::{App, Caller, CommandError};
use uuid::Uuid;

use super::world::{Site, World};
use crate::support::worker::Hands;

/// How two instances take turns.
#[derive(Clone, Copy)]
enum Turns {
    /// One after the other.
    Alternating,
    /// Both at the same time.
    AtOnce,
    /// The second only decides while the first acts, then the other way round.
    Crossed,
}

struct Two {
    one: Hands,
    other: Hands,
}

impl Two {
    fn new(one: &App, other: &App) -> Self {
        let [one, other] = [one, other].map(Hands::new);
        Self { one, other }
    }

    async fn settle(&mut self, world: &World, turns: Turns) {
        let until = world.service.app.now() + TimeDelta::seconds(30);
        for _ in 0..500 {
            let (one, other) = match turns {
                Turns::Alternating => (self.one.round().await, self.other.round().await),
                Turns::AtOnce => tokio::join!(self.one.round(), self.other.round()),
                Turns::Crossed => {
                    tokio::join!(self.one.decides(), self.other.acts());
                    tokio::join!(self.one.acts(), self.other.decides())
                }
            };
            let next_at = one.next_at.into_iter().chain(other.next_at).min();
            match next_at {
                _ if one.moved || other.moved => {}
                Some(next) if next <= until => world.service.clock.set(next),
                Some(_) | None => return,
            }
        }
        panic!("they never come to rest");
    }
}

/// Links, rotates and gives up, with two instances at work all the time.
async fn journey(turns: Turns) -> (World, Site, AccountId) {
    let world = World::new().await;
    let github = world.site("github").await;
    let mut two = Two::new(&world.instance(), &world.instance());
    let account = world.link("ada", &github).await;
    two.settle(&world, turns).await;
    assert_eq!(github.lines("ada").len(), 1);
    world.rotate("ada", account).await.is(202);
    two.settle(&world, turns).await;
    assert_eq!(github.lines("ada").len(), 1);
    assert_eq!(world.keys("ada").await.len(), 1);
    (world, github, account)
}

async fn makes_no_key_twice(turns: Turns) {
    let (world, github, account) = Box::pin(journey(turns)).await;
    assert_eq!(github.writes(), "++-");
    assert_eq!(world.happened("KeyGenerated").await, 1);
    assert_eq!(world.happened("KeyPublicationRequested").await, 2);
    assert_eq!(world.happened("KeyPublished").await, 2);
    assert_eq!(world.happened("KeyWithdrawn").await, 1);
    assert_eq!(world.happened("KeyRetired").await, 1);
    // Killed, and two others in their place: what they had is nobody's after a while.
    let mut two = Two::new(&world.instance(), &world.instance());
    world.passes(TimeDelta::seconds(90));
    world.unlink("ada", account).await;
    two.settle(&world, turns).await;
    assert_eq!(github.lines("ada").len(), 0);
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    assert_eq!(world.pending().await.len(), 0);
}

#[tokio::test]
async fn two_instances_that_take_turns_make_no_key_twice() {
    Box::pin(makes_no_key_twice(Turns::Alternating)).await;
}

#[tokio::test]
async fn two_instances_at_the_same_time_make_no_key_twice() {
    Box::pin(makes_no_key_twice(Turns::AtOnce)).await;
}

#[tokio::test]
async fn two_instances_in_each_others_way_make_no_key_twice() {
    Box::pin(makes_no_key_twice(Turns::Crossed)).await;
}

#[tokio::test]
async fn an_instance_that_was_overtaken_goes_on_where_the_other_is() {
    let world = World::new().await;
    let github = world.site("github").await;
    let (one, other) = (world.instance(), world.instance());
    let mut two = Two::new(&one, &other);
    world.link("ada", &github).await;
    two.settle(&world, Turns::Alternating).await;
    // From here on the first only decides.
    one.give_lanes_back().await;
    world.passes(TimeDelta::seconds(5));
    world.link("bob", &github).await;
    // Whoever is second must be able to go on alone.
    while two.one.decides().await.moved {}
    world.link("cleo", &github).await;
    for _ in 0..20 {
        two.other.round().await;
    }
    assert_eq!(github.lines("bob").len(), 1);
    assert_eq!(github.lines("cleo").len(), 1);
}

#[tokio::test]
async fn what_another_instance_began_is_not_begun_again() {
    let world = World::new().await;
    let (one, other) = (world.instance(), world.instance());
    let caller = Caller::system("bench", one.new_id(), None);
    let create = |digest: &str| TokenCommand::CreateToken {
        token: TokenId::new(Uuid::from_u128(7)),
        user: "ada".parse().unwrap(),
        name: "laptop".parse().unwrap(),
        roles: vec![Role::Member],
        digest: digest.repeat(32),
        now: one.now(),
        life: TimeDelta::days(1),
    };
    let begun = one.dispatch.begin::<Token>(&7, create("5a"), &caller);
    assert_eq!(begun.await.unwrap().revision, 1);
    // What is so already makes no event, also where nothing is known of it.
    let again = other.dispatch.begin::<Token>(&7, create("5a"), &caller);
    let again = again.await.unwrap();
    assert_eq!((again.revision, again.index), (1, None));
    let third = world.instance();
    let taken = third.dispatch.begin::<Token>(&7, create("6b"), &caller);
    let taken = taken.await.unwrap_err();
    assert!(matches!(taken, CommandError::Refused(_)), "{taken}");
    // Nor is what is refused of nothing, refused of what another instance began.
    let fourth = world.instance();
    let revoked = fourth
        .dispatch
        .begin::<Token>(&7, TokenCommand::RevokeToken, &caller);
    assert_eq!(revoked.await.unwrap().revision, 2);
}

/// Has an instance ask for a key on the word of what it saw a while ago.
async fn asks_late(world: &World, account: AccountId, key: KeyId) {
    let app = world.instance();
    let caller = Caller::system("policy", app.new_id(), None);
    let command = AccountCommand::RequestKeyPublication {
        key,
        cause: PublicationCause::Rotation,
        link: None,
    };
    let asked = app.dispatch.execute::<Account>(&account, command, &caller);
    assert_eq!(asked.await.unwrap().events.len(), 1);
}

/// Rotates twice before any instance looks; returns the key between, which was never sent there.
async fn superseded(world: &World, account: AccountId) -> KeyId {
    let between = world.rotate("ada", account).await.is(202);
    world.rotate("ada", account).await.is(202);
    between["key"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_key_that_ended_before_another_instance_asked_for_it_is_not_put_there() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    let between = superseded(&world, account).await;
    world.settles().await;
    asks_late(&world, account, between).await;
    world.settles().await;
    assert_eq!(github.writes(), "++-", "it was never there");
    assert_eq!(world.pending().await.len(), 0);
    assert_eq!(world.happened("KeyWithdrawn").await, 2);
}

#[tokio::test]
async fn a_key_that_is_put_there_while_another_instance_ends_it_goes() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    let between = superseded(&world, account).await;
    asks_late(&world, account, between).await;
    // Nobody decides anything yet.
    let mut hands = Hands::new(&world.instance());
    while hands.acts().await.moved {}
    world.passes(TimeDelta::minutes(1));
    while hands.acts().await.moved {}
    assert_eq!(github.lines("ada").len(), 2);
    let command = KeyringCommand::RetireKey { key: between };
    let app = world.instance();
    let caller = Caller::system("policy", app.new_id(), None);
    let user = "ada".parse::<UserId>().unwrap();
    let ended = app.dispatch.execute::<Keyring>(&user, command, &caller);
    ended.await.unwrap();
    world.passes(TimeDelta::minutes(2));
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 1, "the current one");
    assert_eq!(world.pending().await.len(), 0);
}
