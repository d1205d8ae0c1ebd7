//! The log in `PostgreSQL`.

use std::sync::Arc;

use chrono::TimeDelta;
use domain::{Event, Recorded, StreamName};
use lanyard::clock::{FixedClock, SystemClock};
use lanyard::eventlog::{EventLog, LogError};
use tokio::sync::{mpsc, watch};

use super::promises::follow;
use crate::support::logs::{Place, insist, noon, read_sound, say, says, stream, words};
use crate::support::postgres::{Cluster, Postgres, open_log};

/// A place in `PostgreSQL`, or the end of the test where there is none.
macro_rules! place {
    () => {
        match Postgres::new().await {
            Some(place) => place,
            None => return,
        }
    };
}

every_log!(place!());
kept_log!(place!());

/// Appends to a stream of its own until `events` are acknowledged; tells where they stand.
async fn append_many(log: Arc<dyn EventLog>, name: String, events: u64) -> Vec<(u64, String)> {
    let mut told = Vec::new();
    for expected in 0..events {
        let said = format!("{name} says {expected}");
        let appended = say(&*log, &stream(&name), expected, &[&said]).await;
        told.push((appended.last, said));
    }
    told
}

fn assert_told(events: &[Recorded<Event>], told: &[(u64, String)]) {
    for (index, said) in told {
        let index = usize::try_from(*index).unwrap();
        assert_eq!(words(&events[index]), said, "at {index}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_of_one_instance_misses_nothing_of_what_two_others_append() {
    let place = place!();
    let (ours, theirs, tail) = (
        place.open_now().await,
        place.open_now().await,
        place.open_now().await,
    );
    let tail = tokio::spawn(follow(tail, 320));
    let writers: Vec<_> = (0..16)
        .map(|n| {
            let log = if n % 2 == 0 { &ours } else { &theirs };
            tokio::spawn(append_many(Arc::clone(log), format!("writer-{n}"), 20))
        })
        .collect();
    let mut told = Vec::new();
    for writer in writers {
        told.extend(writer.await.unwrap());
    }
    assert_eq!(tail.await.unwrap(), (0..320).collect::<Vec<_>>());
    let events = read_sound(&*ours).await;
    assert_told(&events, &told);
    assert_eq!(events.len(), 320);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_come_while_another_appends_miss_nothing() {
    let place = place!();
    let ours = place.open_now().await;
    let writing = tokio::spawn(append_many(ours, "busy".to_owned(), 200));
    let mut tails = Vec::new();
    // Alone, the writer tells nobody; from each of these on it must.
    for _ in 0..4 {
        tails.push(tokio::spawn(follow(place.open_now().await, 200)));
    }
    writing.await.unwrap();
    for tail in tails {
        assert_eq!(tail.await.unwrap(), (0..200).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_racers_over_two_instances_exactly_one_wins() {
    let place = place!();
    let logs = [place.open_now().await, place.open_now().await];
    for round in 0..5 {
        let racers: Vec<_> = (0..20)
            .map(|n| {
                let log = Arc::clone(&logs[n % 2]);
                let append = says(&stream("prize"), round, &[&n.to_string()]);
                tokio::spawn(async move { log.append(append).await })
            })
            .collect();
        // Beside them, and in the same batches, others go on undisturbed.
        let neighbours: Vec<_> = (0..10)
            .map(|n| {
                let log = Arc::clone(&logs[n % 2]);
                let append = says(&stream(&format!("neighbour-{n}")), round, &["undisturbed"]);
                tokio::spawn(async move { log.append(append).await })
            })
            .collect();
        let mut winners = 0;
        for racer in racers {
            match racer.await.unwrap() {
                Ok(_) => winners += 1,
                Err(LogError::Conflict) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(winners, 1);
        for neighbour in neighbours {
            neighbour.await.unwrap().unwrap();
        }
    }
    assert_eq!(read_sound(&*logs[0]).await.len(), 55);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_learns_of_versions_that_another_wrote() {
    let place = place!();
    let (ours, theirs) = (place.open_now().await, place.open_now().await);
    let ada = stream("ada");
    say(&*ours, &ada, 0, &["one"]).await;
    // Known here by nothing but the database.
    say(&*theirs, &ada, 1, &["two"]).await;
    say(&*ours, &ada, 2, &["three", "four"]).await;
    for wrong in [0, 1, 2, 3, 5, 9] {
        let refused = theirs.append(says(&ada, wrong, &["late"])).await;
        assert!(matches!(refused, Err(LogError::Conflict)), "at {wrong}");
    }
    assert_eq!(insist(&*theirs, &ada, "five").await.version, 5);
    read_sound(&*ours).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_never_goes_back_though_the_clocks_of_instances_differ() {
    let place = place!();
    let ahead = place.open(Arc::new(FixedClock::at(noon()))).await;
    let behind = FixedClock::at(noon() - TimeDelta::hours(2));
    let behind = place.open(Arc::new(behind)).await;
    for (expected, log) in (0..).zip([&behind, &ahead, &behind, &ahead, &behind]) {
        say(&**log, &stream("ada"), expected, &["tick"]).await;
    }
    let events = read_sound(&*ahead).await;
    let times: Vec<_> = events
        .iter()
        .map(|event| (event.recorded_at - noon()).num_hours())
        .collect();
    assert_eq!(times, [-2, 0, 0, 0, 0]);
}

/// Appends one event, however often the server goes away meanwhile; tells where it stands.
async fn insist_through_outages(
    log: &dyn EventLog,
    up: &mut watch::Receiver<bool>,
    stream: &StreamName,
    said: &str,
) -> u64 {
    let mut expected = 0;
    loop {
        match log.append(says(stream, expected, &[said])).await {
            Ok(appended) => return appended.last,
            Err(LogError::Unavailable(_)) => {}
            Err(LogError::Conflict) => {
                let newer = log.read_stream(stream, expected, usize::MAX).await;
                expected += newer.map_or(0, |newer| newer.len() as u64);
            }
            Err(other) => panic!("{other}"),
        }
        up.wait_for(|up| *up).await.unwrap();
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill_of_the_server_in_the_midst_of_appends() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let database = cluster.database().await;
    let log: Arc<dyn EventLog> = Arc::new(open_log(database.url(), Arc::new(SystemClock)).await);
    let (tell, mut told) = mpsc::unbounded_channel();
    let up = watch::Sender::new(true);
    let writers: Vec<_> = (0..12)
        .map(|n| {
            let (log, tell, mut up) = (Arc::clone(&log), tell.clone(), up.subscribe());
            tokio::spawn(async move {
                for number in 0.. {
                    let said = format!("writer {n} says {number}");
                    let stream = stream(&format!("shared-{}", n % 5));
                    let index = insist_through_outages(&*log, &mut up, &stream, &said).await;
                    if tell.send((index, said)).is_err() {
                        return;
                    }
                }
            })
        })
        .collect();
    let mut acknowledged = Vec::new();
    for _ in 0..3 {
        // Whatever was acknowledged before the kill, and enough after it to see that it goes on.
        for _ in 0..200 {
            acknowledged.push(told.recv().await.unwrap());
        }
        up.send_replace(false);
        tokio::task::block_in_place(|| cluster.kill_and_restart());
        up.send_replace(true);
    }
    acknowledged.push(told.recv().await.unwrap());
    told.close();
    for writer in writers {
        writer.await.unwrap();
    }
    while let Some(late) = told.recv().await {
        acknowledged.push(late);
    }
    let events = read_sound(&*log).await;
    assert_told(&events, &acknowledged);
    assert_eq!(*log.watch().borrow(), events.len() as u64);
}
