//! `kill -9` of the whole server, again and again, while several people write.
//!
//! A plain run does a few rounds; `LANYARD_KILL_ROUNDS` says how many.

use std::collections::HashMap;
use std::path::Path;

use domain::Event;
use reqwest::Method;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use tokio::sync::mpsc;

use super::remote::{Remote, Told};
use super::{Server, verified};

/// A command that was acknowledged: what it said, and the place in the log that it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Acknowledged {
    word: Option<String>,
    index: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_once_after_every_kill() {
    let rounds = std::env::var_os("LANYARD_KILL_ROUNDS");
    let rounds: usize = rounds.map_or(4, |rounds| rounds.to_str().unwrap().parse().unwrap());
    let home = tempfile::tempdir().unwrap();
    let mut seen = Seen::default();
    let mut server = Server::start(home.path());
    let admin = Remote::first_admin(&server).await;
    for round in 0..rounds {
        let told = until_killed(server, &admin, round).await;
        // The server itself mends what the kill left; whoever only reads comes after it.
        server = Server::start(home.path());
        seen.read_on(home.path());
        for acknowledged in told {
            seen.has(&acknowledged);
        }
    }
    assert!(seen.words.len() > rounds * 5, "hardly anything happened");
    assert!(server.end("-TERM").success());
    verified(home.path());
}

/// Lets four people write until so much was acknowledged, kills the server in the midst of it, and
/// returns what they were told.
async fn until_killed(server: Server, admin: &Remote, round: usize) -> Vec<Acknowledged> {
    let enough = 8 + round * 7 % 40;
    let (tell, mut told) = mpsc::unbounded_channel();
    for writer in 0..4 {
        let (admin, tell) = (admin.at(&server), tell.clone());
        tokio::spawn(async move {
            for number in 0.. {
                let word = format!("kill-{round}-{writer}-{number}");
                let Ok((word, answer)) = write(&admin, writer, number, word).await else {
                    return;
                };
                assert!(matches!(answer.status, 200 | 201), "{answer:?}");
                let index = answer.index();
                if tell.send(Acknowledged { word, index }).is_err() {
                    return;
                }
            }
        });
    }
    drop(tell);
    let mut all = Vec::new();
    let mut server = Some(server);
    // After the kill, what was acknowledged before it and not yet heard of counts too.
    while let Some(acknowledged) = told.recv().await {
        all.push(acknowledged);
        if all.len() == enough {
            drop(server.take());
        }
    }
    assert!(server.is_none(), "the writers gave up before the kill");
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
struct Seen {
    next: u64,
    words: HashMap<String, u64>,
    settings: Vec<u64>,
}

impl Seen {
    /// Reads what has come since the last time: without gaps, no word twice.
    fn read_on(&mut self, home: &Path) {
        let path = home.join("lanyard-data/log.db");
        let log = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let mut lines = log
            .prepare("SELECT idx, line FROM events WHERE idx >= ?1 ORDER BY idx")
            .unwrap();
        let first = i64::try_from(self.next).unwrap();
        let lines = lines.query_map([first], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        });
        for line in lines.unwrap() {
            let (index, line) = line.unwrap();
            assert_eq!(u64::try_from(index).unwrap(), self.next, "a gap");
            let event = Event::decode(self.next, &line).unwrap();
            if matches!(event.event, Event::Settings(_)) {
                self.settings.push(self.next);
            }
            if let Some(word) = word_of(&line) {
                let before = self.words.insert(word, self.next);
                assert_eq!(before, None, "twice: {line}");
            }
            self.next += 1;
        }
    }

    fn has(&self, acknowledged: &Acknowledged) {
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
