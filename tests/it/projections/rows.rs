//! Which rows a story leaves.

use lanyard::eventlog::EventLog;

use super::{Base, events};
use crate::support::story::Story;

#[tokio::test]
async fn a_story_leaves_the_same_rows_in_every_kind_of_database() {
    let story = Story::new();
    story.everything().await;
    let mut all = Vec::new();
    for base in Base::of_every_kind().await {
        base.hear(&story).await;
        all.push((base.name, base.rows().await));
    }
    let (_, first) = &all[0];
    for (table, rows) in first {
        assert!(!rows.is_empty(), "{table} is empty");
    }
    for (name, rows) in &all[1..] {
        assert_eq!(rows, first, "{name}");
    }
}

/// Applies every event, each chunk of so many twice.
async fn hear_twice(base: &Base, log: &dyn EventLog, chunk: usize) {
    let events = events(log).await;
    let twice = events.chunks(chunk).flat_map(|chunk| [chunk, chunk]);
    let statements = twice
        .flatten()
        .flat_map(|event| {
            projections::ALL
                .iter()
                .flat_map(move |known| known.apply(event))
        })
        .collect();
    base.database.transact(statements).await.unwrap();
}

#[tokio::test]
async fn twice_is_once_for_events_and_for_pages() {
    let story = Story::new();
    story.everything().await;
    let once = Base::sqlite();
    once.hear(&story).await;
    let once = once.rows().await;
    let nothing = Story::new();
    for chunk in [1, 2, 7, usize::MAX] {
        for base in Base::of_every_kind().await {
            // Makes the tables.
            base.hear(&nothing).await;
            hear_twice(&base, &*story.log, chunk).await;
            assert_eq!(base.rows().await, once, "{} by {chunk}", base.name);
        }
    }
}
