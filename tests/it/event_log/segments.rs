//! How the log in `PostgreSQL` is stored: segments, and an index of streams that lags behind them.

use std::sync::Arc;

use lanyard::clock::SystemClock;
use lanyard::eventlog::{EventLog, LogError};
use tokio_postgres::{Client, NoTls};

use crate::support::logs::{Place, insist, noon, read_sound, say, says, stream};
use crate::support::postgres::{Cluster, Database, Postgres, open_log};

/// A place in `PostgreSQL`, or the end of the test where there is none.
macro_rules! place {
    () => {
        match Postgres::new().await {
            Some(place) => place,
            None => return,
        }
    };
}

/// A session beside the log.
async fn connect(database: &Database) -> Client {
    let (client, connection) = tokio_postgres::connect(database.url(), NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

/// Keeps the index of streams from being filled, for as long as the session lasts.
async fn without_index(database: &Database) -> Client {
    let client = connect(database).await;
    let hold = "BEGIN; SELECT FROM log_indexed FOR UPDATE";
    client.batch_execute(hold).await.unwrap();
    client
}

/// Asks for one number.
async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_are_whole_however_far_their_index_reaches() {
    let place = place!();
    let log = place.open_now().await;
    for expected in 0..6 {
        for id in ["ada", "bob", "cyd"] {
            say(&*log, &stream(id), expected * 2, &["one", "two"]).await;
        }
    }
    let events = read_sound(&*log).await;
    let client = connect(&place.0).await;
    // Another instance's own indexing may be quicker, which is as well.
    loop {
        number(&client, "SELECT coalesce(log_index(5), 0)").await;
        // One that knows nothing but what is stored.
        assert_eq!(read_sound(&*place.open_now().await).await, events);
        assert_eq!(read_sound(&*log).await, events);
        if number(&client, "SELECT upto FROM log_indexed").await == 36 {
            break;
        }
    }
    let places = "SELECT sum(cardinality(places))::bigint FROM log_places";
    assert_eq!(number(&client, places).await, 36);
    // From the middle of what the index has in one row, and up to there.
    let ada = stream("ada");
    let whole = log.read_stream(&ada, 0, 100).await.unwrap();
    assert_eq!(whole.len(), 12);
    for (after, limit) in (0..12).flat_map(|after| [(after, 1), (after, 3), (after, 100)]) {
        let part = whole.iter().skip(after).take(limit);
        let read = log.read_stream(&ada, after as u64, limit).await.unwrap();
        assert!(read.iter().eq(part), "{limit} after {after}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conflicts_are_found_in_what_another_instance_wrote_and_nobody_indexed() {
    let place = place!();
    let (ours, theirs) = (place.open_now().await, place.open_now().await);
    let _held = without_index(&place.0).await;
    let ada = stream("ada");
    say(&*theirs, &ada, 0, &["one", "two"]).await;
    for log in [ours, place.open_now().await] {
        for wrong in [0, 1, 3] {
            let refused = log.append(says(&ada, wrong, &["late"])).await;
            assert!(matches!(refused, Err(LogError::Conflict)), "at {wrong}");
        }
        assert_eq!(log.read_stream(&ada, 1, 10).await.unwrap().len(), 1);
    }
    say(&*place.open_now().await, &ada, 2, &["three"]).await;
    assert_eq!(insist(&*theirs, &ada, "four").await.version, 4);
    assert_eq!(read_sound(&*theirs).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_begins_once_wherever_its_first_event_stands() {
    let place = place!();
    let theirs = place.open_now().await;
    let ada = stream("ada");
    say(&*theirs, &ada, 0, &["one"]).await;
    let held = without_index(&place.0).await;
    let begins_once = async |which: &str| {
        // One that never heard of it, and has others to write at the same time.
        let ours = place.open_now().await;
        let of_others = stream(which);
        let (late, other) = tokio::join!(
            ours.append(says(&ada, 0, &["late"])),
            ours.append(says(&of_others, 0, &["undisturbed"])),
        );
        assert!(matches!(late, Err(LogError::Conflict)), "{which}");
        assert_eq!(other.unwrap().version, 1, "{which}");
    };
    begins_once("segments").await;
    drop(held);
    let client = connect(&place.0).await;
    while number(&client, "SELECT upto FROM log_indexed").await < 2 {
        number(&client, "SELECT coalesce(log_index(5), 0)").await;
    }
    begins_once("index").await;
    // The database itself refuses it, whatever its writer knows.
    let forged = "INSERT INTO log_segments (first, upto, recorded_at, streams, versions, lines)
        SELECT 3, 3, '9', streams, versions, lines FROM log_segments WHERE first = 0";
    let refused = client.batch_execute(forged).await.unwrap_err();
    let refused = refused.as_db_error().unwrap();
    assert_eq!(refused.constraint(), Some("log_stream_version"));
    assert_eq!(read_sound(&*theirs).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_refuses_whoever_does_not_know_how_far_a_stream_is() {
    let place = place!();
    let log = place.open_now().await;
    for name in ["ada", "bob", "eve"] {
        say(&*log, &stream(name), 0, &["one"]).await;
    }
    let client = connect(&place.0).await;
    // Goes on with the stream of the event at `stream`, and knows the log up to `known`.
    let go_on = async |stream: u64, known: u64| {
        let sql = format!(
            "INSERT INTO log_segments (first, upto, recorded_at, streams, versions, lines)
            SELECT {known}, {known}, '9', streams, ARRAY[2], lines FROM log_segments
            WHERE first = {stream}"
        );
        client.batch_execute(&sql).await
    };
    for (stream, known) in [(2, 2), (2, 0), (1, 1), (1, 0), (0, 0)] {
        let refused = go_on(stream, known).await.unwrap_err();
        let refused = refused.as_db_error().unwrap();
        assert_eq!(
            refused.constraint(),
            Some("log_stream_version"),
            "the stream of {stream}, known up to {known}"
        );
    }
    for (stream, known) in [(0, 1), (1, 2), (2, 3)] {
        go_on(stream, known).await.unwrap();
    }
    assert_eq!(
        number(&client, "SELECT max(upto) FROM log_segments").await,
        6
    );
    // Nobody knows more than there is.
    assert!(go_on(0, 7).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_was_read_while_it_was_empty_is_not_taken_for_empty_later() {
    let place = place!();
    let (ours, theirs) = (place.open_now().await, place.open_now().await);
    let ada = stream("ada");
    assert_eq!(ours.read_stream(&ada, 0, 10).await.unwrap(), []);
    // No more is said of a stream than was asked.
    assert_eq!(ours.read_stream(&stream("bob"), 7, 10).await.unwrap(), []);
    say(&*theirs, &ada, 0, &["one"]).await;
    for expected in [0, 2] {
        let refused = ours.append(says(&ada, expected, &["late"])).await;
        assert!(matches!(refused, Err(LogError::Conflict)), "at {expected}");
    }
    say(&*ours, &stream("bob"), 0, &["one"]).await;
    say(&*ours, &ada, 1, &["two"]).await;
    read_sound(&*theirs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_slept_long_takes_nothing_for_true_that_no_longer_is() {
    let place = place!();
    let (ours, theirs) = (place.open_now().await, place.open_now().await);
    say(&*ours, &stream("ada"), 0, &["one"]).await;
    // More segments than are followed at once.
    let busy = stream("busy");
    say(&*theirs, &stream("ada"), 1, &["two"]).await;
    for expected in 0..600 {
        say(&*theirs, &busy, expected, &["on"]).await;
    }
    let late = ours.append(says(&stream("ada"), 1, &["late"])).await;
    assert!(matches!(late, Err(LogError::Conflict)));
    say(&*ours, &stream("ada"), 2, &["three"]).await;
    say(&*ours, &busy, 600, &["and on"]).await;
    read_sound(&*theirs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_before_the_index_knows_of_events_loses_none_of_them() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let database = cluster.database().await;
    let open = async || open_log(database.url(), Arc::new(SystemClock)).await;
    let log = open().await;
    let _held = without_index(&database).await;
    for n in 0..20 {
        say(&log, &stream(&format!("{}", n % 3)), n / 3, &["said"]).await;
    }
    tokio::task::block_in_place(|| cluster.kill_and_restart());
    let log = open().await;
    assert_eq!(read_sound(&log).await.len(), 20);
    let late = log.append(says(&stream("0"), 0, &["late"])).await;
    assert!(matches!(late, Err(LogError::Conflict)));
    // What the index is made from is all there is to it.
    database
        .run("BEGIN; UPDATE log_indexed SET upto = 0; TRUNCATE log_places; COMMIT")
        .await
        .unwrap();
    assert_eq!(read_sound(&log).await.len(), 20);
    say(&log, &stream("0"), 7, &["on"]).await;
    read_sound(&open().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_find_each_line_in_a_row_of_its_own() {
    let place = place!();
    let log = place.open_now().await;
    for expected in [0, 3, 6] {
        say(&*log, &stream("ada"), expected, &["a", "b \n", "c"]).await;
    }
    let rows = connect(&place.0)
        .await
        .query("SELECT idx, line FROM events ORDER BY idx", &[])
        .await
        .unwrap();
    let rows: Vec<(i64, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let stored = log.read_all(0, 100).await.unwrap();
    let stored = stored.into_iter();
    let stored: Vec<_> = stored
        .map(|stored| (stored.index.cast_signed(), stored.line))
        .collect();
    assert_eq!(rows, stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_segment_that_holds_other_than_it_says_is_damaged() {
    let place = place!();
    let log = place.open_now().await;
    say(&*log, &stream("ada"), 0, &["one"]).await;
    let forged = "INSERT INTO log_segments VALUES (1, 3, '',
        ARRAY[gen_random_uuid(), gen_random_uuid()], '{1,1}', '{}')";
    place.0.run(forged).await.unwrap();
    assert_eq!(log.read_all(0, 1).await.unwrap().len(), 1);
    let read = log.read_all(1, 1).await;
    assert!(matches!(read, Err(LogError::Damaged(_))), "{read:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_time_of_the_envelope_is_raised_over_another_clock() {
    let place = place!();
    let ahead = lanyard::clock::FixedClock::at(noon());
    let behind = lanyard::clock::FixedClock::at(noon() - chrono::TimeDelta::hours(1));
    let ahead = place.open(Arc::new(ahead)).await;
    let behind = place.open(Arc::new(behind)).await;
    say(&*ahead, &stream("ada"), 0, &["noon"]).await;
    let earlier = domain::format_time(noon() - chrono::TimeDelta::hours(1));
    let said = format!("\"recorded_at\":\"{earlier}\"");
    let append = says(&stream("bob"), 0, &[&said, "again"]);
    let time = domain::format_time(noon());
    let expected: Vec<_> = append
        .events
        .iter()
        .map(|draft| draft.line(&time))
        .collect();
    behind.append(append).await.unwrap();
    let read = behind.read_all(1, 10).await.unwrap();
    let lines: Vec<_> = read.into_iter().map(|stored| stored.line).collect();
    assert_eq!(lines, expected);
    assert!(lines[0].contains(&earlier));
}
