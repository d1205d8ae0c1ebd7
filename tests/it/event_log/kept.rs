//! What a log promises that outlives its process.

use std::sync::Arc;

use chrono::TimeDelta;
use lanyard::clock::FixedClock;
use lanyard::eventlog::LogError;

use crate::support::logs::{Kept, noon, read_sound, say, says, stream, words};

pub(crate) async fn a_log_opened_again_has_all_it_had_and_goes_on(place: &impl Kept) {
    let mut before = Vec::new();
    for round in 0..3 {
        let log = place.open_now().await;
        assert_eq!(read_sound(&*log).await, before);
        assert_eq!(*log.watch().borrow(), before.len() as u64);
        for id in ["ada", "bob"] {
            let appended = say(&*log, &stream(id), round * 2, &["one", "two"]).await;
            assert_eq!(appended.version, round * 2 + 2);
        }
        before = read_sound(&*log).await;
    }
    assert_eq!(before.len(), 12);
}

pub(crate) async fn time_never_goes_back_over_an_opening(place: &impl Kept) {
    for (expected, hours) in [(0, 5), (1, -5)] {
        let clock = FixedClock::at(noon() + TimeDelta::hours(hours));
        let log = place.open(Arc::new(clock)).await;
        say(&*log, &stream("ada"), expected, &["tick"]).await;
    }
    let events = read_sound(&*place.open_now().await).await;
    assert_eq!(events[1].recorded_at, noon() + TimeDelta::hours(5));
}

pub(crate) async fn races_are_decided_right_after_an_opening(place: &impl Kept) {
    let log = place.open_now().await;
    say(&*log, &stream("ada"), 0, &["one", "two"]).await;
    drop(log);
    let log = place.open_now().await;
    for wrong in [0, 1, 3] {
        let refused = log.append(says(&stream("ada"), wrong, &["late"])).await;
        assert!(matches!(refused, Err(LogError::Conflict)), "at {wrong}");
    }
    say(&*log, &stream("ada"), 2, &["three"]).await;
    read_sound(&*log).await;
}

pub(crate) async fn the_database_itself_refuses_to_change_history(place: &impl Kept) {
    let log = place.open_now().await;
    for expected in 0..3 {
        say(&*log, &stream("ada"), expected, &["true"]).await;
    }
    for (attempt, sql) in place.forgeries() {
        let refused = place.run_sql(&sql).await;
        let said = refused.expect_err(attempt);
        assert!(said.contains("append-only"), "{attempt}: {said}");
    }
    let events = read_sound(&*log).await;
    assert_eq!(events.len(), 3);
    assert!(events.iter().all(|event| words(event) == "true"));
    say(&*log, &stream("ada"), 3, &["and it goes on"]).await;
}
