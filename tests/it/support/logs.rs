//! Logs to tell stories about: where they live, what to append, and what must hold of all of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::keyring::Algorithm;
use domain::settings::SettingsEvent;
use domain::{
    Actor, ActorKind, Draft, Event, EventId, Header, Means, Origin, Recorded, StreamName,
};
use lanyard::clock::{Clock, Ids, SeededIds, SystemClock};
use lanyard::datadir::DataDirectory;
use lanyard::eventlog::memory::MemoryLog;
use lanyard::eventlog::sqlite::SqliteLog;
use lanyard::eventlog::{Append, Appended, EventLog, LogError};
use rusqlite::Connection;
use tempfile::TempDir;

/// Where a log lives.
#[async_trait]
pub(crate) trait Place: Send + Sync {
    /// Opens the log: for the first time an empty one.
    async fn open(&self, clock: Arc<dyn Clock>) -> Arc<dyn EventLog>;

    /// Opens the log with the machine's clock.
    async fn open_now(&self) -> Arc<dyn EventLog> {
        self.open(Arc::new(SystemClock)).await
    }
}

/// Where a log lives that is still there after its process.
#[async_trait]
pub(crate) trait Kept: Place {
    /// Names the place, so that another process can [`open`] it.
    fn address(&self) -> String;

    /// SQL that would change history in a log of at least three events, with what it tries.
    fn forgeries(&self) -> Vec<(&'static str, String)>;

    /// Runs SQL behind the log's back; answers what the database says against it.
    async fn run_sql(&self, sql: &str) -> Result<(), String>;
}

/// Opens the log at the address of a [`Kept`] place.
pub(crate) async fn open(address: &str) -> Arc<dyn EventLog> {
    match address.split_once(':') {
        Some(("sqlite", path)) => Arc::new(open_sqlite(path.as_ref(), Arc::new(SystemClock))),
        Some(("postgres", _)) => {
            Arc::new(super::postgres::open_log(address, Arc::new(SystemClock)).await)
        }
        _ => panic!("no log lives at {address}"),
    }
}

/// A log in memory.
pub(crate) struct Memory;

#[async_trait]
impl Place for Memory {
    async fn open(&self, clock: Arc<dyn Clock>) -> Arc<dyn EventLog> {
        Arc::new(MemoryLog::new(clock))
    }
}

/// A log in a directory that is gone with this value.
pub(crate) struct Sqlite(TempDir);

impl Sqlite {
    /// A directory without a log.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The path of the log's directory, or of a file in it.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    /// Opens the log as what it is.
    pub(crate) fn open_sqlite(&self) -> SqliteLog {
        open_sqlite(self.0.path(), Arc::new(SystemClock))
    }

    /// Opens one of the log's databases beside the log.
    pub(crate) fn connect(&self, file: &str) -> Connection {
        Connection::open(self.path(file)).unwrap()
    }
}

fn open_sqlite(path: &Path, clock: Arc<dyn Clock>) -> SqliteLog {
    let directory = DataDirectory::open(path).unwrap();
    SqliteLog::open(Arc::new(directory), clock).unwrap()
}

#[async_trait]
impl Place for Sqlite {
    async fn open(&self, clock: Arc<dyn Clock>) -> Arc<dyn EventLog> {
        Arc::new(open_sqlite(self.0.path(), clock))
    }
}

#[async_trait]
impl Kept for Sqlite {
    fn address(&self) -> String {
        format!("sqlite:{}", self.0.path().display())
    }

    fn forgeries(&self) -> Vec<(&'static str, String)> {
        let attempts = [
            (
                "change a line",
                "UPDATE events SET line = '{}' WHERE idx = 1",
            ),
            ("move an event", "UPDATE events SET idx = 9 WHERE idx = 2"),
            ("delete the last event", "DELETE FROM events WHERE idx = 2"),
            ("delete all events", "DELETE FROM events"),
            (
                "replace an event",
                "INSERT OR REPLACE INTO events VALUES (1, '{}')",
            ),
            ("replace by name", "REPLACE INTO events VALUES (2, '{}')"),
            (
                "upsert an event",
                "INSERT INTO events VALUES (1, '{}') ON CONFLICT DO UPDATE SET line = '{}'",
            ),
            ("leave a gap", "INSERT INTO events VALUES (4, '{}')"),
            (
                "go before the first",
                "INSERT INTO events VALUES (-1, '{}')",
            ),
            (
                "let the database choose",
                "INSERT INTO events (line) VALUES ('{}')",
            ),
        ];
        attempts.map(|(what, sql)| (what, sql.to_owned())).to_vec()
    }

    async fn run_sql(&self, sql: &str) -> Result<(), String> {
        self.connect("log.db")
            .execute_batch(sql)
            .map_err(|e| e.to_string())
    }
}

/// A moment to set clocks to.
pub(crate) fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_348_800, 0).unwrap()
}

/// Names a stream of the stories.
pub(crate) fn stream(id: &str) -> StreamName {
    StreamName::of("settings", &id)
}

/// Writes the event that becomes number `version` of `stream` and says `words`.
pub(crate) fn draft(stream: &StreamName, version: u64, words: &str) -> Draft {
    let ids = SeededIds::new(version);
    let header = Header {
        id: EventId::new(ids.v7(noon())),
        actor: Actor {
            kind: ActorKind::System,
            id: "story".to_owned(),
            roles: Vec::new(),
            means: Means::Internal,
        },
        origin: Origin {
            request: None,
            sender: None,
        },
        reason: Some(words.to_owned()),
        correlation: ids.v7(noon()),
        causation: None,
    };
    let event = SettingsEvent::SettingsChanged {
        algorithm: Some(Algorithm::Ed25519),
        rotation_grace_hours: None,
        max_key_age_days: None,
    };
    Draft::new(&header, stream, version, &event)
}

/// An append of one event for each of `words`, to a stream of `expected` events.
pub(crate) fn says(stream: &StreamName, expected: u64, words: &[&str]) -> Append {
    let numbered = (expected + 1..).zip(words);
    Append {
        stream: stream.clone(),
        expected,
        events: numbered
            .map(|(version, words)| draft(stream, version, words))
            .collect(),
    }
}

/// Appends one event for each of `words`; it must come about.
pub(crate) async fn say(
    log: &dyn EventLog,
    stream: &StreamName,
    expected: u64,
    words: &[&str],
) -> Appended {
    log.append(says(stream, expected, words)).await.unwrap()
}

/// Appends one event after however many the stream has, as a command does that lost a race.
pub(crate) async fn insist(log: &dyn EventLog, stream: &StreamName, words: &str) -> Appended {
    let mut expected = 0;
    loop {
        match log.append(says(stream, expected, &[words])).await {
            Ok(appended) => return appended,
            Err(LogError::Conflict) => {
                let newer = log.read_stream(stream, expected, usize::MAX).await.unwrap();
                expected += newer.len() as u64;
            }
            Err(other) => panic!("{other}"),
        }
    }
}

/// Returns what an event of the stories says.
pub(crate) fn words(event: &Recorded<Event>) -> &str {
    event.header.reason.as_deref().unwrap_or_default()
}

/// Reads the whole log in small pages, and checks what must hold of any log: indexes from 0
/// without gaps, versions from 1 without gaps in every stream, times that never decrease, a size
/// that is its length, and streams that hold the very lines of the log.
pub(crate) async fn read_sound(log: &dyn EventLog) -> Vec<Recorded<Event>> {
    let mut events: Vec<Recorded<Event>> = Vec::new();
    let mut streams: HashMap<StreamName, Vec<_>> = HashMap::new();
    loop {
        let page = log.read_all(events.len() as u64, 97).await.unwrap();
        if page.is_empty() {
            break;
        }
        for stored in page {
            assert_eq!(stored.index, events.len() as u64, "a gap in the log");
            let event = Event::decode(stored.index, &stored.line).unwrap();
            let lines = streams.entry(event.stream.clone()).or_default();
            lines.push(stored);
            assert_eq!(
                event.version,
                lines.len() as u64,
                "a gap in {}",
                event.stream
            );
            if let Some(before) = events.last() {
                assert!(before.recorded_at <= event.recorded_at, "time went back");
            }
            events.push(event);
        }
    }
    assert_eq!(log.size().await.unwrap(), events.len() as u64);
    for (stream, lines) in streams {
        assert_eq!(
            log.read_stream(&stream, 0, usize::MAX).await.unwrap(),
            lines
        );
    }
    events
}
