//! The log in a `SQLite` file: what is true of it beyond what is true of every log.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use lanyard::clock::SystemClock;
use lanyard::datadir::{DataDirectory, DataDirectoryError};
use lanyard::eventlog::sqlite::SqliteLog;
use lanyard::eventlog::{EventLog, LogError};

use super::killed::{acknowledged, appending, this_program};
use crate::support::logs::{Kept, Place, Sqlite, insist, read_sound, say, says, stream, words};

every_log!(Sqlite::new());
kept_log!(Sqlite::new());

/// The file of the index of streams.
const INDEX: &str = "log-index.db";

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_is_refused_and_told_why() {
    let place = Sqlite::new();
    let log = place.open_now().await;
    say(&*log, &stream("ada"), 0, &["mine"]).await;
    let here = DataDirectory::open(place.path("")).unwrap_err();
    assert!(matches!(here, DataDirectoryError::InUse(_)));

    let elsewhere = Command::new(this_program());
    let refused = appending(elsewhere, &place.address(), 0).output().unwrap();
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("InUse"), "{said}");
    assert_eq!(read_sound(&*log).await.len(), 1);
}

/// Fills a log with `streams` of three events each.
async fn fill(log: &Arc<dyn EventLog>, name: &str, streams: usize) {
    let tasks: Vec<_> = (0..streams)
        .map(|n| {
            let (log, stream) = (Arc::clone(log), stream(&format!("{name}-{n}")));
            tokio::spawn(async move {
                say(&*log, &stream, 0, &["one", "two", "three"]).await;
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_reads_the_same_from_memory_from_the_index_and_from_both() {
    let place = Sqlite::new();
    let ada = stream("ada");
    let log = place.open_now().await;
    say(&*log, &ada, 0, &["one", "two"]).await;
    let from_memory = log.read_stream(&ada, 0, 10).await.unwrap();
    drop(log);

    // Closing has indexed it.
    let log = place.open_now().await;
    assert_eq!(log.read_stream(&ada, 0, 10).await.unwrap(), from_memory);
    say(&*log, &ada, 2, &["three", "four"]).await;
    for (after, limit) in [
        (0, 10),
        (0, 2),
        (0, 3),
        (1, 2),
        (1, 1),
        (2, 1),
        (2, 9),
        (3, 9),
    ] {
        let read = log.read_stream(&ada, after, limit).await.unwrap();
        let indexes: Vec<_> = read.iter().map(|stored| stored.index).collect();
        let expected: Vec<_> = (after..4).take(limit).collect();
        assert_eq!(indexes, expected, "after {after}, at most {limit}");
    }
    read_sound(&*log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_whole_while_they_are_being_indexed() {
    let place = Sqlite::new();
    let log = place.open_now().await;
    let ada = stream("ada");
    for round in 0..6 {
        fill(&log, &format!("round-{round}"), 400).await;
        insist(&*log, &ada, "again").await;
        let read = log.read_stream(&ada, 0, usize::MAX).await.unwrap();
        assert_eq!(read.len(), round + 1);
    }
    assert_eq!(read_sound(&*log).await.len(), 6 * 1_201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_index_is_made_anew() {
    let place = Sqlite::new();
    let log = place.open_now().await;
    fill(&log, "filled", 50).await;
    drop(log);
    fs::remove_file(place.path(INDEX)).unwrap();
    let log = place.open_now().await;
    assert_eq!(read_sound(&*log).await.len(), 150);
    let late = log.append(says(&stream("filled-7"), 0, &["late"])).await;
    assert!(matches!(late, Err(LogError::Conflict)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_index_is_made_anew() {
    let place = Sqlite::new();
    let log = place.open_now().await;
    fill(&log, "filled", 50).await;
    drop(log);
    fs::write(
        place.path(INDEX),
        "not a database, not even nearly ".repeat(300),
    )
    .unwrap();
    let log = place.open_now().await;
    assert_eq!(read_sound(&*log).await.len(), 150);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_of_another_log_is_made_anew() {
    let (place, other) = (Sqlite::new(), Sqlite::new());
    for (place, id) in [(&place, "ada"), (&other, "bob")] {
        let log = place.open_now().await;
        say(&*log, &stream(id), 0, &["one", "two"]).await;
    }
    fs::copy(other.path(INDEX), place.path(INDEX)).unwrap();
    let log = place.open_now().await;
    assert_eq!(log.read_stream(&stream("bob"), 0, 9).await.unwrap(), []);
    assert_eq!(read_sound(&*log).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_restored_from_before_gets_an_index_of_its_own() {
    let place = Sqlite::new();
    let log = place.open_now().await;
    say(&*log, &stream("ada"), 0, &["kept"]).await;
    drop(log);
    assert!(!place.path("log.db-wal").exists(), "closed, it is one file");
    fs::copy(place.path("log.db"), place.path("backup")).unwrap();
    let log = place.open_now().await;
    say(&*log, &stream("ada"), 1, &["lost"]).await;
    drop(log);
    fs::copy(place.path("backup"), place.path("log.db")).unwrap();
    let log = place.open_now().await;
    assert_eq!(read_sound(&*log).await.len(), 1);
    say(&*log, &stream("ada"), 1, &["written again"]).await;
    assert_eq!(read_sound(&*log).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_loses_nothing_and_passes() {
    let place = Sqlite::new();
    let log = Arc::new(place.open_sqlite());
    log.limit(60).unwrap();
    let mut acknowledged = Vec::new();
    let mut refused = 0;
    for n in 0..400 {
        let said = format!("{n} {}", "x".repeat(2_000));
        match log.append(says(&stream(&n.to_string()), 0, &[&said])).await {
            Ok(appended) => acknowledged.push((appended.last, said)),
            Err(LogError::Unavailable(why)) => {
                assert!(why.contains("full"), "{why}");
                refused += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(acknowledged.len() > 20 && refused > 20);
    assert_eq!(*log.broken().borrow(), None);
    // Reading goes on.
    let events = read_sound(&*log).await;
    assert_eq!(events.len(), acknowledged.len());
    for (index, said) in &acknowledged {
        assert_eq!(words(&events[usize::try_from(*index).unwrap()]), said);
    }
    // So does writing once there is room, also to a stream that was refused.
    log.limit(u32::MAX).unwrap();
    for n in 0..400 {
        insist(&*log, &stream(&n.to_string()), "there is room").await;
    }
    assert_eq!(read_sound(&*log).await.len(), acknowledged.len() + 400);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg(unix)]
async fn after_an_error_of_the_disk_nothing_more_is_written_and_nothing_is_lost() {
    let place = Sqlite::new();
    // A file that may not grow past a mebibyte answers EFBIG: to SQLite an error like any other
    // of the disk.
    let mut shell = Command::new("sh");
    shell
        .args(["-c", r#"trap "" XFSZ; ulimit -f 2048; exec "$0" "$@""#])
        .arg(this_program());
    let ended = appending(shell, &place.address(), 0).output().unwrap();
    assert!(!ended.status.success());
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(
        said.contains("the log is unavailable: disk I/O error"),
        "{said}"
    );

    let told = String::from_utf8_lossy(&ended.stdout).into_owned();
    let told: Vec<_> = told.lines().filter_map(acknowledged).collect();
    assert!(told.len() > 20, "{} events in a mebibyte", told.len());
    let events = read_sound(&*place.open_now().await).await;
    for (index, said) in &told {
        assert_eq!(words(&events[*index]), said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_taken_and_found_while_the_index_cannot_be_written() {
    let place = Sqlite::new();
    let log = place.open_now().await;
    fill(&log, "before", 100).await;
    let index = place.connect(INDEX);
    index.execute_batch("BEGIN IMMEDIATE").unwrap();
    fill(&log, "during", 1_500).await;
    assert_eq!(read_sound(&*log).await.len(), 4_800);
    index.execute_batch("ROLLBACK").unwrap();
    drop(log);
    let log = place.open_now().await;
    assert_eq!(read_sound(&*log).await.len(), 4_800);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_written_behind_our_back_is_not_written_any_more() {
    let place = Sqlite::new();
    let log = place.open_sqlite();
    say(&log, &stream("ada"), 0, &["ours"]).await;
    let mut broken = log.broken();
    assert_eq!(*broken.borrow_and_update(), None);
    place
        .run_sql("INSERT INTO events VALUES (1, '{}')")
        .await
        .unwrap();
    for attempt in 0..3 {
        let refused = log.append(says(&stream("ada"), 1, &["ours"])).await;
        assert!(
            matches!(refused, Err(LogError::Unavailable(_))),
            "attempt {attempt}"
        );
    }
    broken.changed().await.unwrap();
    let why = broken.borrow().clone().unwrap();
    assert!(why.contains("append-only"), "{why}");
    // What was acknowledged can still be read.
    assert_eq!(
        log.read_stream(&stream("ada"), 0, 9).await.unwrap().len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_a_newer_lanyard_is_refused_and_not_touched() {
    let place = Sqlite::new();
    drop(place.open_now().await);
    place
        .run_sql(
            "INSERT INTO refinery_schema_history \
             VALUES (99, 'from_the_future', '2030-01-01T00:00:00Z', '1')",
        )
        .await
        .unwrap();
    let before = fs::read(place.path("log.db")).unwrap();
    let directory = Arc::new(DataDirectory::open(place.path("")).unwrap());
    let Err(refused) = SqliteLog::open(directory, Arc::new(SystemClock)) else {
        panic!("it was opened");
    };
    let refused = refused.to_string();
    assert!(refused.contains("from_the_future"), "{refused}");
    assert_eq!(fs::read(place.path("log.db")).unwrap(), before);
}
