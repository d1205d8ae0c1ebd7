//! What readers are told after a story.

use chrono::TimeDelta;
use domain::account::{Presence, PublicationCause, Renewal, WithdrawalCause};
use domain::key_sync::{KeyStanding, LinkState, Place};
use domain::keyring::{Algorithm, Holder, RotationCause};
use domain::replay::{ReplayInclude, ReplayScope};
use projections::key_placements::{self as placements, Pending, PlacementStatus, Wanted};
use projections::replays::ReplayStatus;
use projections::{
    Limit, Row, Statement, UnreadableRow, key_sync, keys, linked_accounts, provider_list, replays,
    settings, tokens,
};

use super::Base;
use crate::support::logs::noon;
use crate::support::story::{Person, Story, down, github, replay, revoked, token};

impl Base {
    async fn read<T>(
        &self,
        question: Statement,
        read: impl Fn(&Row) -> Result<T, UnreadableRow>,
    ) -> Vec<T> {
        let rows = self.ask(question).await;
        rows.iter().map(|row| read(row).unwrap()).collect()
    }

    async fn one<T>(
        &self,
        question: Statement,
        read: impl Fn(&Row) -> Result<T, UnreadableRow>,
    ) -> T {
        let mut rows = self.read(question, read).await;
        assert_eq!(rows.len(), 1);
        rows.remove(0)
    }
}

async fn after(story: &Story) -> Base {
    let base = Base::sqlite();
    base.hear(story).await;
    base
}

#[tokio::test]
async fn a_provider_is_as_it_was_last_changed() {
    let story = Story::new();
    story.everything().await;
    let base = after(&story).await;
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
    assert_eq!(github.revision, 7);
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
    let base = after(&story).await;
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
    let base = after(&story).await;
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
    let base = after(&story).await;
    let of_ada = linked_accounts::of_user(&ada.user());
    let row = base.one(of_ada, linked_accounts::from_row).await;
    assert_eq!(
        (row.account, row.status),
        (ada.account(), LinkState::Linked)
    );
    assert_eq!((row.failure, row.grant.generation), (None, 2));
    assert_eq!(row.grant.expires_at, Some(noon()));

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
    let base = after(&story).await;
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
            (ada.key(3), "current", None),
            (ada.key(9), "current", None),
        ]
    );
    let current = base
        .one(keys::current_of_account(ada.account()), keys::from_row)
        .await;
    assert_eq!(
        (current.key, current.holder),
        (ada.key(3), Holder::Account(ada.account()))
    );
    let personal = base
        .one(keys::personal_of(&ada.user()), keys::from_row)
        .await;
    assert_eq!(
        (personal.key, personal.holder),
        (ada.key(9), Holder::Personal)
    );
    let found = base
        .one(keys::by_fingerprint("SHA256:ada3"), keys::from_row)
        .await;
    assert_eq!(found.public_key.line, "ssh-ed25519 ada3");
    assert_eq!(base.ask(keys::live_of_user(&ada.user())).await.len(), 2);
    assert_eq!(
        base.ask(keys::live_of_account(ada.account())).await.len(),
        1
    );
}

#[tokio::test]
async fn what_is_due_is_listed_longest_due_first() {
    let story = Story::new();
    let (ada, bob, eve) = (Person::new("ada"), Person::new("bob"), Person::new("eve"));
    for person in [&ada, &bob, &eve] {
        let requested = person.requested(1, PublicationCause::Link);
        story.tell("policy", requested).await;
    }
    let base = after(&story).await;
    let due = async |at| {
        let due = placements::due(&github(), at, Limit::default());
        let due = base.read(due, placements::from_row).await;
        due.into_iter().map(|row| row.user).collect::<Vec<_>>()
    };
    let soon = noon() + TimeDelta::minutes(1);
    assert_eq!(due(soon).await, [ada.user(), bob.user(), eve.user()]);
    assert_eq!(
        due(noon() + TimeDelta::seconds(2)).await,
        [ada.user(), bob.user()]
    );

    // Done, to be tried later, and parked.
    story.tell("publisher", ada.published(1)).await;
    story.tell("publisher", bob.failed(1, 1)).await;
    story.tell("publisher", eve.parked(1, &down())).await;
    base.hear(&story).await;
    assert!(due(soon).await.is_empty());
    assert_eq!(due(noon() + TimeDelta::hours(1)).await, [bob.user()]);
    let next = base.ask(placements::next_due_by_provider()).await;
    assert_eq!(next.len(), 1);
    assert_eq!(next[0].text(1).unwrap(), "2026-11-22T13:00:00.000000Z");
    assert_eq!(
        base.ask(placements::next_due(&github())).await[0].0,
        next[0].0[1..]
    );

    let tally = base
        .read(placements::tally(), placements::tally_from_row)
        .await;
    let tally: Vec<_> = tally.iter().map(|row| (row.status, row.count)).collect();
    assert_eq!(
        tally,
        [(PlacementStatus::Failed, 1), (PlacementStatus::Parked, 1)]
    );
    let pending = |filter: &Pending| placements::pending(filter, None, Limit::default());
    let all = base
        .read(pending(&Pending::default()), placements::from_row)
        .await;
    assert_eq!(all.len(), 2);
    let parked = Pending {
        status: Some(PlacementStatus::Parked),
        provider: Some(github()),
        user: Some(eve.user()),
    };
    let parked = base.one(pending(&parked), placements::from_row).await;
    assert_eq!((parked.failure, parked.attempts), (Some(down()), 2));
}

#[tokio::test]
async fn a_placement_tells_its_whole_way() {
    let story = Story::new();
    let (ada, bob) = (Person::new("ada"), Person::new("bob"));
    story.everything().await;
    let base = after(&story).await;
    let of_ada = placements::of_account(ada.account());
    let of_ada = base.read(of_ada, placements::from_row).await;
    let ways: Vec<_> = of_ada
        .iter()
        .map(|row| (row.wanted, row.status, row.presence, row.replay))
        .collect();
    assert_eq!(
        ways,
        [
            (Wanted::Absent, PlacementStatus::Withdrawn, None, None),
            (
                Wanted::Absent,
                PlacementStatus::Released,
                Some(Presence::Adopted),
                Some(replay(1))
            ),
            (Wanted::Present, PlacementStatus::Requested, None, None),
        ]
    );
    let left = placements::one(bob.account(), bob.key(2));
    let left = base.one(left, placements::from_row).await;
    assert_eq!((left.status, left.due_at), (PlacementStatus::Left, None));
    let adopted = &base
        .read(placements::of_user(&bob.user()), placements::from_row)
        .await[0];
    assert_eq!(adopted.presence, Some(Presence::Adopted));
    assert_eq!(adopted.remote_key.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_replay_finds_what_is_in_its_scope_and_how_far_it_is() {
    let story = Story::new();
    let people: Vec<_> = ["ada", "bob", "eve"].map(Person::new).into();
    for person in &people {
        let requested = person.requested(1, PublicationCause::Link);
        story.tell("policy", requested).await;
    }
    story.tell("publisher", people[0].published(1)).await;
    story.tell("publisher", people[1].parked(1, &down())).await;
    let base = after(&story).await;
    let scope = |include| ReplayScope {
        provider: github(),
        user: None,
        since: None,
        until: None,
        include,
    };
    let count = async |scope: &ReplayScope| {
        let count = base.ask(placements::count_in_scope(scope)).await;
        let listed = placements::in_scope(scope, None, None, Limit::default());
        let listed = base.ask(listed).await.len() as u64;
        assert_eq!(count[0].number(0), Ok(listed));
        listed
    };
    assert_eq!(count(&scope(ReplayInclude::Unfinished)).await, 2);
    assert_eq!(count(&scope(ReplayInclude::Parked)).await, 1);
    assert_eq!(count(&scope(ReplayInclude::All)).await, 3);
    let of_eve = ReplayScope {
        user: Some(people[2].user()),
        ..scope(ReplayInclude::All)
    };
    assert_eq!(count(&of_eve).await, 1);
    // Told a second apart, from noon and a second on.
    let window = ReplayScope {
        since: Some(noon() + TimeDelta::seconds(4)),
        until: Some(noon() + TimeDelta::seconds(5)),
        ..scope(ReplayInclude::All)
    };
    assert_eq!(count(&window).await, 1);

    for person in &people {
        let requested = person.requested(1, PublicationCause::Replay(replay(1)));
        story.tell("policy", requested).await;
    }
    story.tell("publisher", people[0].published(1)).await;
    story.tell("publisher", people[1].parked(1, &down())).await;
    base.hear(&story).await;
    let rows = base.ask(placements::progress(replay(1))).await;
    let progress = placements::progress_from_rows(&rows).unwrap();
    assert_eq!(
        (progress.open, progress.settled, progress.parked),
        (1, 1, 1)
    );
    let all = scope(ReplayInclude::All);
    let rest = placements::in_scope(&all, Some(replay(1)), None, Limit::default());
    assert!(base.ask(rest).await.is_empty());
}

#[tokio::test]
async fn a_page_of_a_scope_begins_after_the_last_one() {
    let story = Story::new();
    story.people_link(0..25).await;
    let base = after(&story).await;
    let scope = ReplayScope {
        provider: github(),
        user: None,
        since: None,
        until: None,
        include: ReplayInclude::All,
    };
    let mut seen = Vec::new();
    loop {
        let limit = Limit::new(10).unwrap();
        let page = placements::in_scope(&scope, None, seen.last().copied(), limit);
        let page = base.read(page, placements::from_row).await;
        if page.is_empty() {
            break;
        }
        seen.extend(page.iter().map(|row| (row.account, row.key)));
    }
    assert_eq!(seen.len(), 25);
    assert!(seen.is_sorted());
}

#[tokio::test]
async fn replays_say_who_why_and_how_they_ended() {
    let story = Story::new();
    story.everything().await;
    let base = after(&story).await;
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
    let base = after(&story).await;
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
