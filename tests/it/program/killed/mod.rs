//! `kill -9` of the whole server, again and again, while several people write and keys are carried
//! to a practice server.
//!
//! A plain run does a few rounds; `LANYARD_KILL_ROUNDS` says how many.

mod keys;

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use domain::Event;
use reqwest::Method;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use self::keys::Keys;
use super::remote::{Remote, Told};
use super::{Server, verified};
use crate::support::app::PUBLIC_URL;
use crate::support::wanted;

/// A command that was acknowledged: what it said, and the place in the log that it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Acknowledged {
    pub(super) word: Option<String>,
    pub(super) index: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_once_after_every_kill_and_so_is_every_key() {
    let rounds = wanted("LANYARD_KILL_ROUNDS").unwrap_or(4);
    let home = tempfile::tempdir().unwrap();
    let mut seen = Seen::default();
    let mut server = starts(home.path());
    let admin = Remote::first_admin(&server).await;
    let keys = Keys::linked(&admin, &server).await;
    for round in 0..rounds {
        let told = until(server, &admin, keys.person(round), round, drop).await;
        // The server itself mends what the kill left; whoever only reads comes after it.
        server = starts(home.path());
        seen.read_on(home.path());
        for acknowledged in told {
            seen.has(&acknowledged);
        }
    }
    assert!(seen.words.len() > rounds * 5, "hardly anything happened");
    assert!(
        seen.keys > rounds / 8,
        "only {} keys were made in {rounds} rounds",
        seen.keys
    );
    keys.are_as_the_log_says(&server, home.path()).await;
    assert!(server.end("-TERM").success());
    verified(home.path());
}

fn starts(home: &Path) -> Server {
    Server::start_with(home, |command| {
        command.args(["--public-url", PUBLIC_URL, "--allow-host", "127.0.0.1"]);
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_under_load_ends_it_within_ten_seconds_and_nothing_is_lost() {
    let home = tempfile::tempdir().unwrap();
    let mut seen = Seen::default();
    let mut server = starts(home.path());
    let admin = Remote::first_admin(&server).await;
    let keys = Keys::linked(&admin, &server).await;
    for round in 0..3 {
        let told = until(server, &admin, keys.person(round), round, |server| {
            let began = Instant::now();
            let status = server.end("-TERM");
            let took = began.elapsed();
            assert!(status.success(), "{status}");
            assert!(took < Duration::from_secs(10), "it took {took:?}");
        });
        let told = told.await;
        server = starts(home.path());
        seen.read_on(home.path());
        for acknowledged in told {
            seen.has(&acknowledged);
        }
    }
    keys.are_as_the_log_says(&server, home.path()).await;
    drop(server);
    verified(home.path());
}

/// Lets four people write and one rotate a key until so much was acknowledged, ends the server in
/// the midst of it, and returns what they were told.
async fn until(
    server: Server,
    admin: &Remote,
    person: &Remote,
    round: usize,
    end: impl FnOnce(Server),
) -> Vec<Acknowledged> {
    let enough = 6 + round * 7 % 24;
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut writers = JoinSet::new();
    let (person, teller) = (person.at(&server), tell.clone());
    // Once: a token writes once a second, and the rotations of the last rounds are under way.
    let rotates = async move {
        if let Ok(Some((key, answer))) = keys::rotate(&person, round).await {
            let index = answer.index();
            let word = Some(key);
            // Whoever listened is gone after the kill.
            let _gone = teller.send(Acknowledged { word, index });
        }
    };
    // Now the end comes amid the rotation, and now amid what follows from it.
    if round.is_multiple_of(2) {
        rotates.await;
    } else {
        writers.spawn(rotates);
    }
    for writer in 0..4 {
        let (admin, tell) = (admin.at(&server), tell.clone());
        writers.spawn(async move {
            for number in 0.. {
                let word = format!("kill-{round}-{writer}-{number}");
                let Ok((word, answer)) = write(&admin, writer, number, word).await else {
                    return;
                };
                assert!(matches!(answer.status, 200 | 201), "{answer:?}");
                // It is so already.
                if answer.header("lanyard-index").is_empty() {
                    assert_eq!(word, None, "{answer:?}");
                    continue;
                }
                let index = answer.index();
                if tell.send(Acknowledged { word, index }).is_err() {
                    return;
                }
            }
        });
    }
    drop(tell);
    let mut all = Vec::new();
    let mut running = Some((server, end));
    // After the kill, what was acknowledged before it and not yet heard of counts too.
    while let Some(acknowledged) = told.recv().await {
        all.push(acknowledged);
        if all.len() == enough {
            let (server, end) = running.take().unwrap();
            end(server);
        }
    }
    assert!(running.is_none(), "the writers gave up before the end");
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    all
}

/// Writes one thing: a token, a provider with its secret, or a setting.
async fn write(
    admin: &Remote,
    writer: usize,
    number: usize,
    word: String,
) -> reqwest::Result<(Option<String>, Told)> {
    match writer {
        0 | 1 => Ok((Some(word.clone()), admin.make_token(&word).await?)),
        2 => Ok((Some(word.clone()), admin.add_provider(&word).await?)),
        _ => {
            let algorithm = ["rsa-4096", "ecdsa-p256", "ecdsa-p384"][number % 3];
            let body = json!({ "algorithm": algorithm });
            let path = "/api/v1/settings";
            let answer = admin.send(Method::PATCH, path, Some(body), &[]).await?;
            Ok((None, answer))
        }
    }
}

/// What stands in the log.
#[derive(Default)]
pub(super) struct Seen {
    next: u64,
    /// What was made under which name, or as which key.
    words: HashMap<String, u64>,
    settings: Vec<u64>,
    /// How many keys were made.
    keys: usize,
}

impl Seen {
    /// Reads what has come since the last time: without gaps, no word twice.
    pub(super) fn read_on(&mut self, home: &Path) {
        for (index, line, event) in lines_from(home, self.next) {
            assert_eq!(index, self.next, "a gap");
            if matches!(event, Event::Settings(_)) {
                self.settings.push(index);
            }
            let key = keys::made_by(&event).map(|key| key.to_string());
            self.keys += usize::from(key.is_some());
            if let Some(word) = word_of(&line).or(key) {
                let before = self.words.insert(word, index);
                assert_eq!(before, None, "twice: {line}");
            }
            self.next += 1;
        }
    }

    pub(super) fn has(&self, acknowledged: &Acknowledged) {
        let Acknowledged { word, index } = acknowledged;
        match word {
            Some(word) => assert_eq!(self.words.get(word), Some(index), "{word} is lost"),
            None => assert!(
                self.settings.binary_search(index).is_ok(),
                "{index} is lost"
            ),
        }
    }
}

/// Reads the log from an index on: each line with its index and what it says.
fn lines_from(home: &Path, first: u64) -> Vec<(u64, String, Event)> {
    let path = home.join("lanyard-data/log.db");
    let log = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut lines = log
        .prepare("SELECT idx, line FROM events WHERE idx >= ?1 ORDER BY idx")
        .unwrap();
    let lines = lines.query_map([i64::try_from(first).unwrap()], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
    });
    let read = |line: rusqlite::Result<(i64, String)>| {
        let (index, line) = line.unwrap();
        let index = u64::try_from(index).unwrap();
        let event = Event::decode(index, &line).unwrap().event;
        (index, line, event)
    };
    lines.unwrap().map(read).collect()
}

/// Reads the word of a token or a provider that a writer made.
fn word_of(line: &str) -> Option<String> {
    let made = [r#""type":"TokenCreated""#, r#""type":"ProviderAdded""#];
    if !made.iter().any(|made| line.contains(made)) {
        return None;
    }
    let (_, rest) = line.split_once("\"kill-")?;
    let word = rest.split('"').next()?;
    Some(format!("kill-{word}"))
}
