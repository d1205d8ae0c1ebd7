//! The log read again from its first event: what must hold of every one.

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, Utc};
use domain::{DecodeError, Event, Recorded};

use super::VerifyProgress;
use crate::eventlog::{EventLog, LONGEST_LINE, LogError, Stored};

/// How many events are read at once.
const PAGE: usize = 2_000;

/// What was found in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// How many events are sound, from the first on.
    pub events: u64,
    /// In how many streams.
    pub streams: u64,
    /// The first event that is not, if there is one.
    pub fault: Option<Fault>,
}

/// The first event that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its place in the log.
    pub index: u64,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {}: {}", self.index, self.what)
    }
}

/// Reads the whole log: indexes and versions without gaps, times that never decrease, lines
/// that decode, codes that are those of their types.
pub async fn verify_history(
    log: &dyn EventLog,
    report: &mut (impl FnMut(VerifyProgress) + Send),
) -> Result<History, LogError> {
    let of = log.size().await?;
    let mut reader = Reader::default();
    let mut fault = None;
    while fault.is_none() {
        let page = log.read_all(reader.next, PAGE).await?;
        if page.is_empty() {
            break;
        }
        fault = page.iter().find_map(|stored| reader.take(stored).err());
        let done = reader.next;
        report(VerifyProgress::History {
            done,
            of: of.max(done),
        });
    }
    if fault.is_none() && reader.next < of {
        fault = Some(Fault {
            index: reader.next,
            what: format!("is missing: the log says that it has {of} events"),
        });
    }
    Ok(History {
        events: reader.next,
        streams: reader.versions.len() as u64,
        fault,
    })
}

/// What of the events read so far is needed to judge the next.
#[derive(Default)]
struct Reader {
    next: u64,
    last_time: Option<DateTime<Utc>>,
    /// How many events each stream has, by a hash of its name: most streams are short.
    versions: HashMap<u64, u64>,
}

impl Reader {
    fn take(&mut self, stored: &Stored) -> Result<(), Fault> {
        let index = self.next;
        self.judge(stored).map_err(|what| Fault { index, what })?;
        self.next += 1;
        Ok(())
    }

    fn judge(&mut self, stored: &Stored) -> Result<(), String> {
        if stored.index != self.next {
            return Err(format!("is missing: event {} follows", stored.index));
        }
        if stored.line.len() > LONGEST_LINE || stored.line.contains('\n') {
            return Err("is not one line of at most 65535 bytes".to_owned());
        }
        let event = Event::decode(stored.index, &stored.line)
            .map_err(|error: DecodeError| error.to_string())?;
        judge_kind(&event)?;
        self.judge_time(&event)?;
        self.judge_version(&event)
    }

    fn judge_time(&mut self, event: &Recorded<Event>) -> Result<(), String> {
        if self.last_time.is_some_and(|last| event.recorded_at < last) {
            return Err("is recorded before the event that precedes it".to_owned());
        }
        self.last_time = Some(event.recorded_at);
        Ok(())
    }

    fn judge_version(&mut self, event: &Recorded<Event>) -> Result<(), String> {
        let mut hasher = DefaultHasher::new();
        event.stream.as_str().hash(&mut hasher);
        let version = self.versions.entry(hasher.finish()).or_default();
        if event.version != *version + 1 {
            return Err(format!(
                "is number {} of {}, where number {} belongs",
                event.version,
                event.stream,
                *version + 1
            ));
        }
        *version = event.version;
        Ok(())
    }
}

fn judge_kind(event: &Recorded<Event>) -> Result<(), String> {
    let kind = event.event.kind();
    if event.code != kind.code {
        return Err(format!(
            "has the code {}, which is not that of {} ({})",
            event.code, kind.name, kind.code
        ));
    }
    if event.outcome != kind.outcome() {
        return Err(format!("has another outcome than its code {}", kind.code));
    }
    Ok(())
}
