//! What is pending, and why.

use chrono::TimeDelta;
use domain::account::{Presence, PublicationCause};
use domain::replay::{ReplayInclude, ReplayScope};
use projections::Limit;
use projections::key_placements::{self as placements, Pending, PlacementStatus, Wanted};

use super::Base;
use crate::support::logs::noon;
use crate::support::story::{Person, Story, down, github, replay};

#[tokio::test]
async fn what_is_due_is_listed_longest_due_first() {
    let story = Story::new();
    let (ada, bob, eve) = (Person::new("ada"), Person::new("bob"), Person::new("eve"));
    for person in [&ada, &bob, &eve] {
        let requested = person.requested(1, PublicationCause::Link);
        story.tell("policy", requested).await;
    }
    let base = Base::after(&story).await;
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
        code: Some(down().code),
    };
    let otherwise = Pending {
        code: Some(domain::ReasonCode::KeyRejected),
        ..parked.clone()
    };
    let none = base.read(pending(&otherwise), placements::from_row).await;
    assert_eq!(none, []);
    let parked = base.one(pending(&parked), placements::from_row).await;
    assert_eq!((parked.failure, parked.attempts), (Some(down()), 2));
}

#[tokio::test]
async fn a_placement_tells_its_whole_way() {
    let story = Story::new();
    let (ada, bob) = (Person::new("ada"), Person::new("bob"));
    story.everything().await;
    let base = Base::after(&story).await;
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
    let base = Base::after(&story).await;
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
    let all = scope(ReplayInclude::All);
    let rest = async |replay| {
        let rest = placements::in_scope(&all, Some(replay), None, Limit::default());
        base.ask(rest).await.len()
    };
    assert_eq!(rest(replay(1)).await, 0);
    assert_eq!(rest(replay(0)).await, 0, "one that began earlier");
    assert_eq!(rest(replay(2)).await, 3);
}

#[tokio::test]
async fn a_page_of_a_scope_begins_after_the_last_one() {
    let story = Story::new();
    story.people_link(0..25).await;
    let base = Base::after(&story).await;
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
