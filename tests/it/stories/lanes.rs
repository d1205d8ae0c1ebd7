//! Of several instances one at a time has a provider's lane: it writes, looks and probes there.

use chrono::{DateTime, TimeDelta, Utc};
use forge::{Fault, JournalEntry, RetryAfter};
use lanyard::app::App;

use super::world::{Site, World};
use crate::support::worker::Hands;

const LIST: &str = "GET /user/keys";

/// One instance and its hands.
struct Instance {
    app: App,
    hands: Hands,
}

impl Instance {
    fn of(world: &World) -> Self {
        let app = world.instance();
        let hands = Hands::new(&app);
        Self { app, hands }
    }

    /// Does everything that is due now.
    async fn works(&mut self) -> Option<DateTime<Utc>> {
        loop {
            let round = self.hands.round().await;
            if !round.moved {
                return round.next_at;
            }
        }
    }

    async fn drains(self) {
        self.app.give_lanes_back().await;
    }
}

/// Everything that is to be true of the lanes, on one kind of database.
struct Place {
    world: World,
    github: Site,
    one: Instance,
    other: Instance,
}

impl Place {
    async fn of(world: World) -> Box<Self> {
        let github = world.site("github").await;
        let [one, other] = [(); 2].map(|()| Instance::of(&world));
        Box::new(Self {
            world,
            github,
            one,
            other,
        })
    }

    async fn new() -> Box<Self> {
        Self::of(World::new().await).await
    }

    /// The first has the lane: it put ada's key there.
    async fn first_has_it(mut self: Box<Self>) -> Box<Self> {
        self.world.link("ada", &self.github).await;
        self.one.works().await;
        assert_eq!(self.github.lines("ada").len(), 1);
        self
    }

    fn now(&self) -> DateTime<Utc> {
        self.world.service.app.now()
    }
}

#[tokio::test]
async fn while_one_instance_is_in_a_lane_another_does_not_open_it() {
    let Place {
        world,
        github,
        mut one,
        mut other,
    } = *Place::new().await;
    for person in ["ada", "bob"] {
        world.link(person, &github).await;
        while one.hands.decides().await.moved {}
    }
    github.fail_with(Fault::Held.on(LIST));
    one.hands.opens_lanes().await;
    github
        .until(|journal| journal.iter().any(|entry| entry.route == LIST))
        .await;
    let round = other.hands.acts().await;
    assert!(!round.moved);
    assert!(round.next_at.unwrap() <= world.service.app.now() + TimeDelta::seconds(5));
    assert_eq!(github.calls(LIST), 1);
    github.heal();
    one.hands.lanes_end().await;
    for person in ["ada", "bob"] {
        assert_eq!(github.lines(person).len(), 1, "{person}");
    }
}

#[tokio::test]
async fn two_lanes_may_belong_to_two_instances() {
    let mut place = Place::new().await.first_has_it().await;
    let forge = place.world.site("forge").await;
    place.world.link("bob", &forge).await;
    place.other.works().await;
    assert_eq!(forge.lines("bob").len(), 1);
}

async fn another_takes_the_lane_of_one_that_is_heard_of_no_more(place: Box<Place>) {
    let Place {
        world,
        github,
        one,
        mut other,
    } = *place.first_has_it().await;
    // Killed: nothing is given back.
    drop(one);
    world.link("bob", &github).await;
    other.works().await;
    assert_eq!(github.lines("bob").len(), 0);
    world.passes(TimeDelta::seconds(89));
    other.works().await;
    assert_eq!(github.lines("bob").len(), 0);
    world.passes(TimeDelta::seconds(6));
    other.works().await;
    assert_eq!(github.lines("bob").len(), 1);
}

#[tokio::test]
async fn a_lane_whose_owner_is_heard_of_no_more_is_taken_over() {
    another_takes_the_lane_of_one_that_is_heard_of_no_more(Place::new().await).await;
}

#[tokio::test]
async fn lanes_are_kept_in_postgresql_alike() {
    let Some(world) = World::in_postgresql().await else {
        return;
    };
    another_takes_the_lane_of_one_that_is_heard_of_no_more(Place::of(world).await).await;
}

#[tokio::test]
async fn a_lane_that_is_given_back_is_taken_at_once_but_for_the_pause_between_two_writes() {
    let Place {
        world,
        github,
        one,
        mut other,
    } = *Place::new().await.first_has_it().await;
    world.link("bob", &github).await;
    other.works().await;
    assert_eq!(github.lines("bob").len(), 0, "it is not its to take yet");
    one.drains().await;
    world.passes(TimeDelta::seconds(5));
    other.works().await;
    assert_eq!(github.lines("bob").len(), 1);
}

#[tokio::test]
async fn two_writes_with_one_token_are_a_second_apart_whoever_makes_them() {
    let Place {
        world,
        github,
        one,
        mut other,
    } = *Place::new().await.first_has_it().await;
    let account = world.accounts("ada").await[0]["account"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    one.drains().await;
    world.rotate("ada", account).await.is(202);
    for _ in 0..400 {
        other.works().await;
        world.passes(TimeDelta::milliseconds(50));
    }
    assert_eq!(github.writes(), "++-");
    let is_write = |entry: &JournalEntry| matches!(entry.decided, Some(201 | 204));
    let keys = github.journal().into_iter();
    let writes: Vec<_> = keys
        .filter(|entry| entry.route.contains("/user/keys") && is_write(entry))
        .map(|entry| entry.at)
        .collect();
    for pair in writes.windows(2) {
        assert!(pair[1] - pair[0] >= TimeDelta::seconds(1), "{writes:?}");
    }
}

#[tokio::test]
async fn what_a_provider_asked_of_one_instance_the_next_one_obeys() {
    let Place {
        world,
        github,
        mut one,
        mut other,
    } = *Place::new().await.first_has_it().await;
    world.link("bob", &github).await;
    let limit = Fault::TooManyRequests(Some(RetryAfter::Seconds(600)));
    github.fail_with(limit.once());
    one.works().await;
    let asked_at = world.service.app.now();
    one.drains().await;
    let calls = github.calls(LIST);
    while world.service.app.now() < asked_at + TimeDelta::seconds(595) {
        world.passes(TimeDelta::seconds(5));
        other.works().await;
    }
    assert_eq!(github.calls(LIST), calls);
    world.passes(TimeDelta::seconds(10));
    other.works().await;
    assert_eq!(github.lines("bob").len(), 1);
}

#[tokio::test]
async fn however_many_instances_there_are_one_probe_goes_every_thirty_seconds() {
    let mut place = Place::new().await.first_has_it().await;
    place.world.link("bob", &place.github).await;
    place.github.goes_down();
    let asked = |place: &Place| {
        let journal = place.github.journal().into_iter();
        let keys = journal.filter(|entry| entry.route.contains("/user/keys"));
        keys.map(|entry| entry.at).collect::<Vec<_>>()
    };
    let begin = place.now();
    while place.world.happened("BreakerOpened").await == 0 {
        assert!(place.now() < begin + TimeDelta::hours(1));
        place.world.passes(TimeDelta::seconds(5));
        place.one.works().await;
        place.other.works().await;
    }
    let before = asked(&place).len();
    for round in 0..120 {
        place.world.passes(TimeDelta::seconds(5));
        place.one.works().await;
        place.other.works().await;
        // Half way through, the one that has the lane is drained.
        if round == 60 {
            place.one.app.give_lanes_back().await;
            place.other.works().await;
        }
    }
    let asked = asked(&place);
    let probes = &asked[before - 1..];
    assert!(probes.len() > 15, "{probes:?}");
    for pair in probes.windows(2) {
        assert!(pair[1] - pair[0] >= TimeDelta::seconds(30), "{probes:?}");
    }
}

#[tokio::test]
async fn an_instance_that_lost_its_lane_while_it_waited_for_an_answer_writes_no_more() {
    let Place {
        world,
        github,
        mut one,
        mut other,
    } = *Place::new().await;
    world.link("ada", &github).await;
    while one.hands.decides().await.moved {}
    github.fail_with(Fault::Held.on(LIST));
    one.hands.opens_lanes().await;
    github
        .until(|journal| journal.iter().any(|entry| entry.route == LIST))
        .await;
    // It is suspended for longer than its lane lasts, and another goes on.
    world.passes(TimeDelta::seconds(100));
    let taken = other.app.take_lane(&"github".parse().unwrap()).await;
    assert_eq!(taken.unwrap(), None);
    github.heal();
    one.hands.lanes_end().await;
    assert_eq!(github.writes(), "");
    other.works().await;
    assert_eq!(github.writes(), "+");
}
