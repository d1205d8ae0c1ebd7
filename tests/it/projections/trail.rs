//! How an auditor finds events.

use chrono::TimeDelta;
use domain::{Event, Recorded};
use projections::audit_trail::{self, Order, Search, search};
use projections::{Limit, Statement};

use super::{Base, events};
use crate::support::logs::noon;
use crate::support::story::{Person, Story, github};

/// Reads all pages of a search, a few rows each.
async fn all(base: &Base, what: &Search, order: Order) -> Vec<u64> {
    let mut found = Vec::new();
    loop {
        let cursor = found.last().copied();
        let page = base
            .ask(search(what, order, cursor, Limit::new(3).unwrap()))
            .await;
        if page.is_empty() {
            return found;
        }
        found.extend(page.iter().map(|row| row.number(0).unwrap()));
    }
}

/// Says whether an event is one of those looked for.
type Fits = fn(&Recorded<Event>) -> bool;

/// One search for every filter, and some for several, with what must be found.
fn searches() -> Vec<(Search, Fits)> {
    let any = Search::default;
    let ada = Person::new("ada");
    vec![
        (any(), |_| true),
        (
            Search {
                actor: Some("publisher".to_owned()),
                ..any()
            },
            |event| event.header.actor.id == "publisher",
        ),
        (
            Search {
                user: Some(ada.user()),
                ..any()
            },
            |event| names(event, "user", "ada"),
        ),
        (
            Search {
                provider: Some(github()),
                ..any()
            },
            // A keyring's events are filed where their account is.
            |event| {
                names(event, "provider", "github")
                    || serde_json::to_string(&data(event))
                        .unwrap()
                        .contains("\"account\":")
            },
        ),
        (
            Search {
                event_type: Some("KeyPublished".to_owned()),
                ..any()
            },
            |event| event.event.kind().name == "KeyPublished",
        ),
        (
            Search {
                code: Some("LKY02I".to_owned()),
                ..any()
            },
            |event| event.code == "LKY02I",
        ),
        (
            Search {
                since: Some(noon() + TimeDelta::seconds(20)),
                ..any()
            },
            |event| event.recorded_at >= noon() + TimeDelta::seconds(20),
        ),
        (
            Search {
                until: Some(noon() + TimeDelta::seconds(20)),
                ..any()
            },
            |event| event.recorded_at < noon() + TimeDelta::seconds(20),
        ),
        (
            Search {
                since: Some(noon() + TimeDelta::days(1)),
                ..any()
            },
            |_| false,
        ),
        (
            Search {
                user: Some(ada.user()),
                actor: Some("policy".to_owned()),
                since: Some(noon() + TimeDelta::seconds(20)),
                until: Some(noon() + TimeDelta::seconds(40)),
                ..any()
            },
            |event| {
                let (since, until) = (TimeDelta::seconds(20), TimeDelta::seconds(40));
                names(event, "user", "ada")
                    && event.header.actor.id == "policy"
                    && (noon() + since..noon() + until).contains(&event.recorded_at)
            },
        ),
        (
            Search {
                known_below: Some(5),
                ..any()
            },
            |event| event.index < 5,
        ),
    ]
}

fn data(event: &Recorded<Event>) -> serde_json::Value {
    match &event.event {
        Event::Access(event) => serde_json::to_value(event),
        Event::Account(event) => serde_json::to_value(event),
        Event::Campaign(event) => serde_json::to_value(event),
        Event::Keyring(event) => serde_json::to_value(event),
        Event::Offboarding(event) => serde_json::to_value(event),
        Event::Provider(event) => serde_json::to_value(event),
        Event::Replay(event) => serde_json::to_value(event),
        Event::Settings(event) => serde_json::to_value(event),
        Event::Token(event) => serde_json::to_value(event),
        Event::Webhook(event) => serde_json::to_value(event),
    }
    .unwrap()
}

fn names(event: &Recorded<Event>, field: &str, value: &str) -> bool {
    let data = &data(event)["data"];
    // A campaign that names one person is about them.
    let alone = field == "user" && data["scope"]["users"] == serde_json::json!([value]);
    data[field] == value || data["scope"][field] == value || alone
}

#[tokio::test]
async fn every_filter_finds_what_it_should_and_nothing_else_in_both_orders() {
    let story = Story::new();
    story.everything().await;
    let events = events(&*story.log).await;
    for base in Base::of_every_kind().await {
        base.hear(&story).await;
        for (what, fits) in searches() {
            let fitting = events.iter().filter(|event| fits(event));
            let mut expected: Vec<_> = fitting.map(|event| event.index).collect();
            for order in [Order::OldestFirst, Order::NewestFirst] {
                let found = all(&base, &what, order).await;
                assert_eq!(found, expected, "{what:?} in {}", base.name);
                expected.reverse();
            }
        }
    }
}

#[tokio::test]
async fn a_row_says_what_its_event_says() {
    let story = Story::new();
    story.everything().await;
    let base = Base::sqlite();
    base.hear(&story).await;
    for event in events(&*story.log).await {
        let row = base.ask(audit_trail::by_index(event.index)).await;
        let row = audit_trail::from_row(&row[0]).unwrap();
        assert_eq!(row.recorded_at, event.recorded_at);
        assert_eq!(row.actor, event.header.actor.id);
        assert_eq!(row.actor_kind, event.header.actor.kind);
        assert_eq!(row.event_type, event.event.kind().name);
        assert_eq!((row.code, row.stream), (event.code, event.stream));
        assert_eq!(row.outcome, event.outcome);
        assert_eq!(row.correlation, event.header.correlation);
    }
}

#[tokio::test]
async fn every_filter_is_a_range_of_an_index_in_the_order_asked_for() {
    let story = Story::new();
    story.people_link(0..50).await;
    let base = Base::sqlite();
    base.hear(&story).await;
    for (what, _) in searches() {
        for order in Order::ALL {
            let question = search(&what, *order, Some(50), Limit::default());
            let explained = Statement {
                sql: format!("EXPLAIN QUERY PLAN {}", question.sql).into(),
                ..question
            };
            for row in base.ask(explained).await {
                let step = row.text(3).unwrap();
                assert!(
                    !step.contains("SCAN") || step.contains("SCAN b"),
                    "{what:?}: {step}"
                );
                assert!(!step.contains("TEMP B-TREE"), "{what:?}: {step}");
            }
        }
    }
}
