//! What every log promises.

use std::sync::Arc;

use chrono::TimeDelta;
use domain::{Event, format_time};
use lanyard::clock::FixedClock;
use lanyard::eventlog::{Append, EventLog, LONGEST_LINE, LogError};

use crate::support::logs::{Place, draft, insist, noon, read_sound, say, says, stream, words};

pub(crate) async fn a_new_log_is_empty(place: &impl Place) {
    let log = place.open_now().await;
    assert_eq!(log.size().await.unwrap(), 0);
    assert_eq!(*log.watch().borrow(), 0);
    assert_eq!(log.read_all(0, 10).await.unwrap(), []);
    assert_eq!(log.read_stream(&stream("a"), 0, 10).await.unwrap(), []);
}

pub(crate) async fn events_stand_in_the_order_in_which_they_were_taken(place: &impl Place) {
    let log = place.open_now().await;
    let (ada, bob) = (stream("ada"), stream("bob"));
    let first = say(&*log, &ada, 0, &["one"]).await;
    let second = say(&*log, &bob, 0, &["two", "three"]).await;
    let third = say(&*log, &ada, 1, &["four"]).await;
    assert_eq!((first.last, first.version), (0, 1));
    assert_eq!((second.last, second.version), (2, 2));
    assert_eq!((third.last, third.version), (3, 2));
    let events = read_sound(&*log).await;
    let said: Vec<_> = events.iter().map(words).collect();
    assert_eq!(said, ["one", "two", "three", "four"]);
    assert_eq!(*log.watch().borrow(), 4);
}

pub(crate) async fn each_stream_counts_its_own_versions(place: &impl Place) {
    let log = place.open_now().await;
    for round in 0..5 {
        for id in ["ada", "bob", "cyd"] {
            let appended = say(&*log, &stream(id), round, &["next"]).await;
            assert_eq!(appended.version, round + 1);
        }
    }
    assert_eq!(read_sound(&*log).await.len(), 15);
}

pub(crate) async fn an_append_to_another_version_is_refused_and_changes_nothing(
    place: &impl Place,
) {
    let log = place.open_now().await;
    let ada = stream("ada");
    say(&*log, &ada, 0, &["one", "two"]).await;
    for wrong in [0, 1, 3, 1_000] {
        let refused = log.append(says(&ada, wrong, &["late"])).await;
        assert!(matches!(refused, Err(LogError::Conflict)), "at {wrong}");
    }
    let unborn = log.append(says(&stream("bob"), 1, &["early"])).await;
    assert!(matches!(unborn, Err(LogError::Conflict)));
    assert_eq!(read_sound(&*log).await.len(), 2);
    say(&*log, &ada, 2, &["three"]).await;
    say(&*log, &stream("bob"), 0, &["one"]).await;
}

/// Lets `racers` append to `stream` at one moment, each as if it were at `expected`; returns how
/// many won.
async fn race(log: &Arc<dyn EventLog>, id: &str, expected: u64, racers: usize) -> usize {
    let tasks: Vec<_> = (0..racers)
        .map(|racer| {
            let log = Arc::clone(log);
            let append = says(&stream(id), expected, &[&format!("racer {racer}")]);
            tokio::spawn(async move { log.append(append).await })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(appended) => {
                assert_eq!(appended.version, expected + 1);
                won += 1;
            }
            Err(LogError::Conflict) => {}
            Err(other) => panic!("{other}"),
        }
    }
    won
}

pub(crate) async fn of_twenty_racers_exactly_one_wins(place: &impl Place) {
    let log = place.open_now().await;
    for expected in 0..10 {
        assert_eq!(race(&log, "prize", expected, 20).await, 1);
    }
    assert_eq!(read_sound(&*log).await.len(), 10);
}

pub(crate) async fn racers_on_one_stream_do_no_harm_to_their_neighbours(place: &impl Place) {
    let log = place.open_now().await;
    let racers = {
        let log = Arc::clone(&log);
        tokio::spawn(async move { race(&log, "prize", 0, 20).await })
    };
    let neighbours: Vec<_> = (0..40)
        .map(|n| {
            let log = Arc::clone(&log);
            let append = says(&stream(&format!("neighbour-{n}")), 0, &["undisturbed"]);
            tokio::spawn(async move { log.append(append).await })
        })
        .collect();
    for neighbour in neighbours {
        assert_eq!(neighbour.await.unwrap().unwrap().version, 1);
    }
    assert_eq!(racers.await.unwrap(), 1);
    assert_eq!(read_sound(&*log).await.len(), 41);
}

pub(crate) async fn many_commands_on_one_stream_all_come_about_in_the_end(place: &impl Place) {
    let log = place.open_now().await;
    let tasks: Vec<_> = (0..16)
        .map(|n| {
            let log = Arc::clone(&log);
            tokio::spawn(async move { insist(&*log, &stream("busy"), &n.to_string()).await.last })
        })
        .collect();
    let mut places = Vec::new();
    for task in tasks {
        places.push(task.await.unwrap());
    }
    places.sort_unstable();
    assert_eq!(places, (0..16).collect::<Vec<_>>());
    read_sound(&*log).await;
}

pub(crate) async fn several_events_are_stored_all_or_not_at_all(place: &impl Place) {
    let log = place.open_now().await;
    let ada = stream("ada");
    say(&*log, &ada, 0, &["one"]).await;
    let refused = log.append(says(&ada, 0, &["a", "b", "c"])).await;
    assert!(matches!(refused, Err(LogError::Conflict)));
    let endless = "x".repeat(LONGEST_LINE);
    let refused = log.append(says(&ada, 1, &["a", &endless, "c"])).await;
    assert!(matches!(refused, Err(LogError::TooLong(_))));
    assert_eq!(read_sound(&*log).await.len(), 1);
    let taken = say(&*log, &ada, 1, &["two", "three", "four"]).await;
    assert_eq!((taken.last, taken.version), (3, 4));
    assert_eq!(read_sound(&*log).await.len(), 4);
}

/// Reads on whenever the watch says so, until `events` events have come.
pub(crate) async fn follow(log: Arc<dyn EventLog>, events: usize) -> Vec<u64> {
    let mut watch = log.watch();
    let mut seen = Vec::new();
    while seen.len() < events {
        // Marked as seen before reading: what is appended from here on wakes again.
        watch.borrow_and_update();
        let page = log.read_all(seen.len() as u64, 7).await.unwrap();
        if page.is_empty() {
            watch.changed().await.unwrap();
        }
        seen.extend(page.into_iter().map(|stored| stored.index));
    }
    seen
}

pub(crate) async fn a_tail_during_200_parallel_appends_misses_nothing(place: &impl Place) {
    let log = place.open_now().await;
    let tails: Vec<_> = (0..3)
        .map(|_| tokio::spawn(follow(Arc::clone(&log), 300)))
        .collect();
    let appends: Vec<_> = (0..200)
        .map(|n| {
            let log = Arc::clone(&log);
            // Every second one has two events.
            let said = &["one", "two"][..=(n % 2)];
            let append = says(&stream(&n.to_string()), 0, said);
            tokio::spawn(async move { log.append(append).await })
        })
        .collect();
    for append in appends {
        append.await.unwrap().unwrap();
    }
    for tail in tails {
        assert_eq!(tail.await.unwrap(), (0..300).collect::<Vec<_>>());
    }
    assert_eq!(read_sound(&*log).await.len(), 300);
}

pub(crate) async fn a_watch_never_runs_ahead(place: &impl Place) {
    let log = place.open_now().await;
    let mut watch = log.watch();
    let checker = {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            let mut told = 0;
            while told < 50 {
                watch.changed().await.unwrap();
                let size = *watch.borrow_and_update();
                assert!(size > told, "the size only grows");
                told = size;
                let newest = log.read_all(told - 1, 1).await.unwrap();
                assert_eq!(
                    newest.len(),
                    1,
                    "told of {told} events before they were there"
                );
            }
        })
    };
    for expected in 0..50 {
        say(&*log, &stream("ada"), expected, &["next"]).await;
    }
    checker.await.unwrap();
}

pub(crate) async fn time_never_goes_back_though_the_clock_does(place: &impl Place) {
    let clock = Arc::new(FixedClock::at(noon()));
    let log = place.open(clock.clone()).await;
    let ada = stream("ada");
    let hours = [0, 2, -3, 1, 0];
    for (expected, hours) in (0..).zip(hours) {
        clock.set(noon() + TimeDelta::hours(hours));
        say(&*log, &ada, expected, &["tick"]).await;
    }
    let events = read_sound(&*log).await;
    let times: Vec<_> = events
        .iter()
        .map(|e| (e.recorded_at - noon()).num_hours())
        .collect();
    assert_eq!(times, [0, 2, 2, 2, 2]);
}

pub(crate) async fn a_line_comes_back_byte_for_byte(place: &impl Place) {
    let log = place.open(Arc::new(FixedClock::at(noon()))).await;
    let ada = stream("ada");
    let said = [
        "plain",
        "quotes \" and \\ and / and \u{1}\n\t",
        "Zoë, Łukasz, 田中, 🔑, e\u{301}, \u{202e}, \u{feff}",
        "'; DROP TABLE events; -- $1 ?1 %s",
        "",
    ];
    let append = says(&ada, 0, &said);
    let time = format_time(noon());
    let written: Vec<_> = append
        .events
        .iter()
        .map(|draft| draft.line(&time))
        .collect();
    log.append(append).await.unwrap();
    for read in [
        log.read_all(0, 10).await.unwrap(),
        log.read_stream(&ada, 0, 10).await.unwrap(),
    ] {
        let lines: Vec<_> = read.iter().map(|stored| stored.line.as_str()).collect();
        assert_eq!(lines, written);
        let decoded = Event::decode(2, lines[2]).unwrap();
        assert_eq!(words(&decoded), said[2]);
    }
}

pub(crate) async fn the_longest_line_is_taken_and_one_byte_more_is_refused(place: &impl Place) {
    let log = place.open_now().await;
    let ada = stream("ada");
    let envelope = draft(&ada, 1, "").line_length();
    let longest = "x".repeat(LONGEST_LINE - envelope);
    let too_long = format!("{longest}x");
    let refused = log.append(says(&ada, 0, &[&too_long])).await;
    assert!(
        matches!(refused, Err(LogError::TooLong(65_536))),
        "{refused:?}"
    );
    assert_eq!(log.size().await.unwrap(), 0);
    say(&*log, &ada, 0, &[&longest]).await;
    let stored = log.read_all(0, 1).await.unwrap();
    assert_eq!(stored[0].line.len(), LONGEST_LINE);
    read_sound(&*log).await;
}

pub(crate) async fn a_stream_is_read_in_pages(place: &impl Place) {
    let log = place.open_now().await;
    let ada = stream("ada");
    for expected in 0..10 {
        say(&*log, &ada, expected, &["hers"]).await;
        say(&*log, &stream("bob"), expected, &["his"]).await;
    }
    let read = async |after, limit| {
        let page = log.read_stream(&ada, after, limit).await.unwrap();
        page.iter().map(|stored| stored.index).collect::<Vec<_>>()
    };
    assert_eq!(read(0, 3).await, [0, 2, 4]);
    assert_eq!(read(3, 3).await, [6, 8, 10]);
    assert_eq!(read(8, 100).await, [16, 18]);
    assert_eq!(read(9, usize::MAX).await, [18]);
    assert!(read(10, 5).await.is_empty());
    assert!(read(u64::MAX, 5).await.is_empty());
    assert!(read(0, 0).await.is_empty());
    // A name that begins like another is another stream.
    assert_eq!(log.read_stream(&stream("ad"), 0, 5).await.unwrap(), []);
}

pub(crate) async fn the_log_is_read_in_pages(place: &impl Place) {
    let log = place.open_now().await;
    for expected in 0..10 {
        say(&*log, &stream("ada"), expected, &["next"]).await;
    }
    let read = async |index, limit| {
        let page = log.read_all(index, limit).await.unwrap();
        page.iter().map(|stored| stored.index).collect::<Vec<_>>()
    };
    assert_eq!(read(0, 4).await, [0, 1, 2, 3]);
    assert_eq!(read(4, 4).await, [4, 5, 6, 7]);
    assert_eq!(read(8, usize::MAX).await, [8, 9]);
    assert!(read(10, 4).await.is_empty());
    assert!(read(u64::MAX, usize::MAX).await.is_empty());
    assert!(read(0, 0).await.is_empty());
}

pub(crate) async fn a_caller_who_goes_away_leaves_a_sound_log(place: &impl Place) {
    let log = place.open_now().await;
    let tasks: Vec<_> = (0..60)
        .map(|n| {
            let log = Arc::clone(&log);
            let append: Append = says(&stream(&n.to_string()), 0, &["one", "two"]);
            tokio::spawn(async move { log.append(append).await })
        })
        .collect();
    for task in tasks.iter().skip(1).step_by(2) {
        task.abort();
    }
    for task in tasks {
        if let Ok(answer) = task.await {
            answer.unwrap();
        }
    }
    // Each of those who left came about whole or not at all, and may be tried again.
    for n in 0..60 {
        let stream = stream(&n.to_string());
        let before = log.read_stream(&stream, 0, 10).await.unwrap().len();
        assert!(before == 0 || before == 2, "half an append: {before}");
        insist(&*log, &stream, "after all").await;
    }
    read_sound(&*log).await;
}
