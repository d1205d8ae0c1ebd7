//! `kill -9` in the midst of appends: another process appends and tells what was acknowledged
//! until it is killed.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use lanyard::eventlog::EventLog;

use crate::support::logs::{self, Kept, insist, read_sound, stream, words};

/// Names the place at which [`appends_until_killed`] appends.
const PLACE: &str = "LANYARD_STORY_APPENDS_AT";
/// How many appends are acknowledged before a process is killed.
const BEFORE_THE_KILL: usize = 120;

pub(crate) async fn what_was_acknowledged_survives_a_kill_in_the_midst_of_appends(
    place: &impl Kept,
) {
    let mut acknowledged = Vec::new();
    for round in 0..4 {
        let address = place.address();
        let told = tokio::task::spawn_blocking(move || told_until_killed(&address, round));
        acknowledged.extend(told.await.unwrap());
        let log = place.open_now().await;
        let events = read_sound(&*log).await;
        for (index, said) in &acknowledged {
            assert_eq!(
                words(&events[*index]),
                said,
                "an acknowledged event is lost"
            );
        }
        // It goes on where it stood.
        let appended = insist(&*log, &stream("survivor"), "still here").await;
        assert_eq!(appended.last, events.len() as u64);
    }
}

/// Starts a process that appends, kills it in the midst, and returns what it had been told.
fn told_until_killed(address: &str, round: usize) -> Vec<(usize, String)> {
    let mut child = appending(Command::new(this_program()), address, round)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        told.extend(acknowledged(&line.unwrap()));
        if told.len() == BEFORE_THE_KILL {
            child.kill().unwrap();
        }
    }
    assert!(!child.wait().unwrap().success(), "it was killed");
    assert!(told.len() >= BEFORE_THE_KILL);
    told
}

/// This program, which is also the one that appends.
pub(super) fn this_program() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// Lets a command for [`this_program`] append to the log at `address` until it is killed.
pub(super) fn appending(mut program: Command, address: &str, round: usize) -> Command {
    program
        .args(["--exact", "--nocapture"])
        .arg("event_log::killed::appends_until_killed")
        .env(PLACE, format!("{round} {address}"));
    program
}

/// Reads the index and the words of an acknowledged event from a line that it prints.
pub(super) fn acknowledged(line: &str) -> Option<(usize, String)> {
    // The test runner's own words may stand before ours.
    let (_, acknowledged) = line.split_once("acknowledged ")?;
    let (index, said) = acknowledged.split_once(' ')?;
    Some((index.parse().unwrap(), said.to_owned()))
}

/// The other process of the story above; by itself it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_until_killed() {
    let Some(place) = std::env::var_os(PLACE) else {
        return;
    };
    let place = place.to_str().map(str::to_owned);
    let (round, address) = place.as_deref().and_then(|p| p.split_once(' ')).unwrap();
    let log = logs::open(address).await;
    let writers: Vec<_> = (0..8)
        .map(|writer| tokio::spawn(append_for_ever(Arc::clone(&log), round.to_owned(), writer)))
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

/// Appends to one of three streams, which the writers share, and tells each acknowledgement at
/// once.
async fn append_for_ever(log: Arc<dyn EventLog>, round: String, writer: usize) {
    let shared = stream(&format!("shared-{}", writer % 3));
    for number in 0.. {
        let said = format!("writer {writer} of round {round} says {number}");
        let appended = insist(&*log, &shared, &said).await;
        let mut out = std::io::stdout().lock();
        writeln!(out, "acknowledged {} {said}", appended.last).unwrap();
        out.flush().unwrap();
    }
}
