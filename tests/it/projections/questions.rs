//! What readers are told after a story.

use domain::account::{PublicationCause, Renewal, WithdrawalCause};
use domain::key_sync::{KeyStanding, LinkState, Place};
use domain::keyring::{Algorithm, Holder, RotationCause};
use domain::replay::ReplayInclude;
use projections::replays::ReplayStatus;
use projections::{
    Limit, key_sync, keys, linked_accounts, provider_list, replays, settings, tokens,
};

use super::Base;
use crate::support::logs::noon;
use crate::support::story::{Person, Story, down, github, replay, revoked, token};

#[tokio::test]
async fn a_provider_is_as_it_was_last_changed() {
    let story = Story::new();
    story.everything().await;
    let base = Base::after(&story).await;
    let [github] = &base
        .read(provider_list::all(), provider_list::from_row)
        .await[..]
    else {
        panic!("a removed provider is not listed");
    };
    assert_eq!(github.name.as_str(), "Our GitHub");
    assert_eq!(github.description.as_str(), "where we work");
    assert_eq!(github.base_url.as_str(), "https://github.com");
    assert_eq!((github.algorithm, github.pkce), (None, Some(true)));
    assert_eq!(github.status(), provider_list::ProviderStatus::Active);
    assert_eq!(github.revision, 12);
    assert!(github.added_at < github.changed_at);

    let ghes = "ghes".parse().unwrap();
    let ghes = base
        .one(provider_list::by_slug(&ghes), provider_list::from_row)
        .await;
    assert_eq!(ghes.status(), provider_list::ProviderStatus::Removed);
    assert_eq!(ghes.client_id.unwrap().as_str(), "Iv1.0123");
    let stopped = base.ask(provider_list::stopped()).await;
    assert_eq!(stopped[0].text(0).unwrap(), "ghes");
}

#[tokio::test]
async fn settings_are_the_defaults_until_they_are_changed() {
    let story = Story::new();
    let base = Base::after(&story).await;
    assert!(base.ask(settings::current()).await.is_empty());
    story.everything().await;
    base.hear(&story).await;
    let settings = base.one(settings::current(), settings::from_row).await;
    assert_eq!(
        (settings.algorithm, settings.revision),
        (Algorithm::Rsa4096, 2)
    );
}

#[tokio::test]
async fn a_token_is_found_by_its_digest_and_ends() {
    let story = Story::new();
    story.everything().await;
    let base = Base::after(&story).await;
    let digest = format!("{:064x}", 1);
    let found = base.one(tokens::by_digest(&digest), tokens::from_row).await;
    assert_eq!((found.token, found.created_by.as_str()), (token(1), "root"));
    assert!(found.is_valid(noon()));
    assert!(!found.is_valid(found.expires_at));
    let revoked = base.one(tokens::by_id(token(2)), tokens::from_row).await;
    assert!(!revoked.is_valid(noon()));
    assert_eq!(base.ask(tokens::by_digest("00")).await.len(), 0);
    let first = Limit::new(1).unwrap();
    let page = base.read(tokens::page(None, first), tokens::from_row).await;
    let next = tokens::page(Some(page[0].token), first);
    assert_eq!(base.one(next, tokens::from_row).await.token, token(2));
}

#[tokio::test]
async fn an_account_says_how_far_its_link_is() {
    let story = Story::new();
    let (ada, bob) = (Person::new("ada"), Person::new("bob"));
    story.everything().await;
    let base = Base::after(&story).await;
    let of_ada = linked_accounts::of_user(&ada.user());
    let row = base.one(of_ada, linked_accounts::from_row).await;
    assert_eq!(
        (row.account, row.status),
        (ada.account(), LinkState::Linked)
    );
    assert_eq!(
        (row.failure, row.grant.as_ref().unwrap().generation),
        (None, 2)
    );
    assert_eq!(row.grant.as_ref().unwrap().expires_at, Some(noon()));

    let of_bob = linked_accounts::by_id(bob.account());
    let row = base.one(of_bob, linked_accounts::from_row).await;
    assert_eq!(
        (row.status, row.failure),
        (LinkState::Unlinked, Some(revoked()))
    );
    assert_eq!(row.residue.len(), 1);
    assert!(
        base.ask(linked_accounts::of_user(&bob.user()))
            .await
            .is_empty()
    );
    let count = base.ask(linked_accounts::count_at(&github())).await;
    assert_eq!(count[0].number(0), Ok(1));

    // Anybody may link it anew.
    story.tell("bob", bob.linked()).await;
    base.hear(&story).await;
    let of_bob = linked_accounts::of_user_at(&bob.user(), &github());
    let row = base.one(of_bob, linked_accounts::from_row).await;
    assert_eq!((row.status, row.failure), (LinkState::Linked, None));
    assert!(row.residue.is_empty());
}

#[tokio::test]
async fn keys_say_which_one_counts() {
    let story = Story::new();
    let ada = Person::new("ada");
    story.everything().await;
    let base = Base::after(&story).await;
    let all = base.read(keys::of_user(&ada.user()), keys::from_row).await;
    let standing: Vec<_> = all
        .iter()
        .map(|row| (row.key, row.standing.as_str(), row.replaced_by))
        .collect();
    assert_eq!(
        standing,
        [
            (ada.key(1), "retired", Some(ada.key(2))),
            (ada.key(2), "retired", Some(ada.key(3))),
            (ada.key(3), "replaced", Some(ada.key(4))),
            (ada.key(4), "current", None),
            (ada.key(9), "current", None),
        ]
    );
    assert_eq!(all[3].holder, Holder::Account(ada.account()));
    assert_eq!(all[4].holder, Holder::Personal);
    let found = base
        .one(keys::by_fingerprint("SHA256:ada3"), keys::from_row)
        .await;
    assert_eq!(found.public_key.line, "ssh-ed25519 ada3");
    assert_eq!(base.ask(keys::live_of_user(&ada.user())).await.len(), 3);
}

#[tokio::test]
async fn replays_say_who_why_and_how_they_ended() {
    let story = Story::new();
    story.everything().await;
    let base = Base::after(&story).await;
    let limit = Limit::new(1).unwrap();
    let newest = base
        .one(replays::page(None, limit), replays::from_row)
        .await;
    assert_eq!(
        (newest.replay, newest.status),
        (replay(2), ReplayStatus::Cancelled)
    );
    let older = replays::page(Some(newest.begun), limit);
    let older = base.one(older, replays::from_row).await;
    assert_eq!(
        (older.replay, older.status),
        (replay(1), ReplayStatus::Completed)
    );
    assert_eq!(
        (older.planned, older.settled, older.parked),
        (1, Some(1), Some(0))
    );
    assert_eq!(
        (older.by.as_str(), older.reason.as_deref()),
        ("olga", Some("a story"))
    );
    assert_eq!(older.scope.include, ReplayInclude::Parked);
    assert!(base.ask(replays::running()).await.is_empty());
    assert_eq!(
        base.one(replays::by_id(replay(1)), replays::from_row).await,
        older
    );
}

#[tokio::test]
async fn the_policy_remembers_links_and_the_places_of_keys() {
    let story = Story::new();
    let ada = Person::new("ada");
    let base = Base::after(&story).await;
    let memory = async || {
        base.hear(&story).await;
        let rows = base.ask(key_sync::of(ada.account())).await;
        let memory = key_sync::memory(&rows).unwrap()?;
        let keys = memory.keys.iter();
        let keys = keys.map(|known| (known.key, known.standing, known.place));
        Some((memory.link, keys.collect::<Vec<_>>()))
    };
    assert_eq!(memory().await, None);
    story.tell("ada", ada.linked()).await;
    assert_eq!(memory().await, Some((LinkState::Linked, vec![])));
    story.tell("policy", ada.generated(1)).await;
    story
        .tell("policy", ada.requested(1, PublicationCause::Link))
        .await;
    story.tell("publisher", ada.published(1)).await;
    story
        .tell("ada", ada.rotated(1, 2, RotationCause::Compromised))
        .await;
    let (first, second) = (ada.key(1), ada.key(2));
    assert_eq!(
        memory().await.unwrap().1,
        [
            (first, KeyStanding::Compromised, Place::Published),
            (second, KeyStanding::Current, Place::Nowhere),
        ]
    );
    story
        .tell("policy", ada.withdrawing(1, WithdrawalCause::Rotation))
        .await;
    story
        .tell("publisher", ada.withdrawal_parked(1, &revoked()))
        .await;
    story
        .tell("policy", ada.requested(2, PublicationCause::Rotation))
        .await;
    story.tell("publisher", ada.parked(2, &down())).await;
    story.tell("publisher", ada.grant_lost()).await;
    let lost = (
        LinkState::GrantLost,
        vec![
            (first, KeyStanding::Compromised, Place::WithdrawingLost),
            (second, KeyStanding::Current, Place::PublishingParked),
        ],
    );
    assert_eq!(memory().await, Some(lost));
    story.tell("ada", ada.renewed(2, Renewal::Relink)).await;
    let renewed = (
        LinkState::Linked,
        vec![
            (first, KeyStanding::Compromised, Place::WithdrawingDue),
            (second, KeyStanding::Current, Place::PublishingParked),
        ],
    );
    assert_eq!(memory().await, Some(renewed));
    story.tell("ada", ada.unlink_requested()).await;
    // Nothing but its end ends an unlinking.
    story.tell("publisher", ada.grant_lost()).await;
    assert_eq!(memory().await.unwrap().0, LinkState::Unlinking);
    assert_eq!(base.ask(key_sync::unlinking()).await.len(), 1);
    story.tell("publisher", ada.withdrawn(1)).await;
    story.tell("policy", ada.retired(1)).await;
    story.tell("policy", ada.unlinked()).await;
    let ended = (
        LinkState::Unlinked,
        vec![(second, KeyStanding::Ended, Place::PublishingParked)],
    );
    assert_eq!(memory().await, Some(ended));
    let accounts = base.ask(key_sync::accounts(None, Limit::default())).await;
    assert_eq!(accounts.len(), 1);
}
