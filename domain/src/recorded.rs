//! The envelope: what every event says besides its fact.
//!
//! A stored event is one JSON line, written once and never re-serialised. Its index in the log
//! is its place and so not in the line; the time is joined in by the log itself, because only
//! the log can promise that it never decreases.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::TIME_LENGTH;
use crate::{EventId, LoggedEvent, Sealed, TokenId};

/// The name of one stream: `<aggregate>-<id>`, the aggregate without a dash.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamName(String);

/// Not a stream's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a stream is named <aggregate>-<id>, in at most 200 printable characters")]
pub struct InvalidStreamName;

impl StreamName {
    /// Names the stream of one aggregate.
    pub fn of(aggregate: &str, id: &impl fmt::Display) -> Self {
        Self(format!("{aggregate}-{id}"))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns what precedes the first dash.
    pub fn aggregate(&self) -> &str {
        self.0
            .split_once('-')
            .map_or(&self.0, |(aggregate, _)| aggregate)
    }

    /// Returns what follows the first dash.
    pub fn id(&self) -> &str {
        self.0.split_once('-').map_or("", |(_, id)| id)
    }
}

impl TryFrom<String> for StreamName {
    type Error = InvalidStreamName;

    fn try_from(text: String) -> Result<Self, InvalidStreamName> {
        let fits = text.len() <= 200
            && text.chars().all(|c| c.is_ascii_graphic())
            && text.split_once('-').is_some_and(|(aggregate, id)| {
                !aggregate.is_empty()
                    && aggregate.bytes().all(|b| b.is_ascii_lowercase())
                    && !id.is_empty()
            });
        if fits {
            Ok(Self(text))
        } else {
            Err(InvalidStreamName)
        }
    }
}

impl FromStr for StreamName {
    type Err = InvalidStreamName;

    fn from_str(text: &str) -> Result<Self, InvalidStreamName> {
        text.to_owned().try_into()
    }
}

impl From<StreamName> for String {
    fn from(stream: StreamName) -> Self {
        stream.0
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Configures providers, settings and roles.
    Admin,
    /// Reads all history.
    Auditor,
    /// Pauses, replays, rebuilds.
    Operator,
    /// Links accounts and uses keys.
    Member,
    /// A workspace acting for its owner.
    Workspace,
}

impl Role {
    /// Every role, in the order in which they are shown.
    pub const ALL: [Self; 5] = [
        Self::Admin,
        Self::Auditor,
        Self::Operator,
        Self::Member,
        Self::Workspace,
    ];

    /// Returns the word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
            Self::Member => "member",
            Self::Workspace => "workspace",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What kind of actor caused an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person.
    Person,
    /// A part of Lanyard acting by itself: `policy`, `publisher`.
    System,
    /// Whoever stands at the server's own terminal.
    Terminal,
}

/// How the actor proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// An API token.
    Token(TokenId),
    /// The one-time secret printed at the server's own terminal.
    FirstSecret,
    /// Being part of the server.
    Internal,
}

/// Who caused an event, with the roles held at that time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Person, part of the server, or its terminal.
    pub kind: ActorKind,
    /// The person's id, or the part's name.
    pub id: String,
    /// The roles held at that time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    /// How they proved who they are.
    pub means: Means,
}

/// From where a request came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The request's id, as answered in `X-Request-Id`; absent for what the server does itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Uuid>,
    /// The sender's address and user agent, sealed together: personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Sealed>,
}

/// Whether what was tried came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did.
    Success,
    /// It did not.
    Failure,
}

/// Everything an event says besides its fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// This event, for ever.
    pub id: EventId,
    /// Who caused it.
    pub actor: Actor,
    /// From where.
    pub origin: Origin,
    /// Why, in the words of whoever asked for it.
    pub reason: Option<String>,
    /// What belongs together: the request's id, handed on through everything that follows.
    pub correlation: Uuid,
    /// The event that this one follows from.
    pub causation: Option<EventId>,
}

/// An event ready to be appended: its JSON line with a gap where the log writes the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    before: String,
    after: String,
}

/// Takes JSON for the text that it is.
fn text(json: Vec<u8>) -> String {
    String::from_utf8(json).expect("JSON is text")
}

/// The envelope before the gap, in the order of the stored line.
#[derive(Serialize)]
struct Before<'a> {
    id: EventId,
    stream: &'a StreamName,
    version: u64,
    #[serde(rename = "type")]
    event_type: &'static str,
    code: &'static str,
    schema: u32,
}

/// The envelope after the gap. `data` follows by hand, so that it is serialised once.
#[derive(Serialize)]
struct After<'a> {
    actor: &'a Actor,
    origin: &'a Origin,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    correlation: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    causation: Option<EventId>,
}

impl Draft {
    /// Writes the line of the event that becomes number `version` of `stream`.
    ///
    /// # Panics
    ///
    /// Never: every part of an envelope has text keys and is made of types that serialise.
    pub fn new<E: LoggedEvent>(
        header: &Header,
        stream: &StreamName,
        version: u64,
        event: &E,
    ) -> Self {
        const SERIALISES: &str = "an envelope serialises";
        let kind = event.kind();
        let before = Before {
            id: header.id,
            stream,
            version,
            event_type: kind.name,
            code: kind.code,
            schema: kind.schema,
        };
        let after = After {
            actor: &header.actor,
            origin: &header.origin,
            outcome: kind.outcome(),
            reason: header.reason.as_deref(),
            correlation: header.correlation,
            causation: header.causation,
        };
        let mut line = Vec::with_capacity(256);
        serde_json::to_writer(&mut line, &before).expect(SERIALISES);
        line.pop();
        line.extend(br#","recorded_at":""#);
        let before = text(line);
        // The parts after the gap are written one behind the other, without a copy of any.
        let mut line = Vec::with_capacity(1_024);
        line.push(b'"');
        serde_json::to_writer(&mut line, &after).expect(SERIALISES);
        // The comma takes the place of the envelope's opening brace.
        line[1] = b',';
        line.pop();
        line.extend(br#","data":"#);
        let data = line.len();
        serde_json::to_writer(&mut line, event).expect(SERIALISES);
        // An event serialises as {"type":"…","data":{…}}: the envelope already names the type, and
        // ends with the brace that ends the event.
        line.drain(data..data + r#"{"type":"","data":"#.len() + kind.name.len());
        let after = text(line);
        Self { before, after }
    }

    /// Returns the stored line's length in bytes.
    pub fn line_length(&self) -> usize {
        self.before.len() + TIME_LENGTH + self.after.len()
    }

    /// Joins the parts into the line that is stored. `time` comes from
    /// [`format_time`](crate::format_time).
    pub fn line(&self, time: &str) -> String {
        debug_assert_eq!(time.len(), TIME_LENGTH);
        [&self.before, time, &self.after].concat()
    }

    /// Returns the parts of the line before and after the time, for a database that joins them.
    pub fn parts(&self) -> (&str, &str) {
        (&self.before, &self.after)
    }
}

/// An event as the log gives it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded<E> {
    /// Its place in the log, from 0, without gaps.
    pub index: u64,
    /// Its stream.
    pub stream: StreamName,
    /// Its place in the stream, from 1, without gaps.
    pub version: u64,
    /// Its stable code with the outcome suffix, as stored.
    pub code: String,
    /// When the log took it, UTC; never decreases with the index.
    pub recorded_at: DateTime<Utc>,
    /// Whether what was tried came about.
    pub outcome: Outcome,
    /// Who, from where, why, and what it belongs to.
    pub header: Header,
    /// The fact.
    pub event: E,
}

impl<E> Recorded<E> {
    /// Returns the same envelope around another view of the fact.
    pub fn map<F>(self, fact: impl FnOnce(E) -> F) -> Recorded<F> {
        Recorded {
            index: self.index,
            stream: self.stream,
            version: self.version,
            code: self.code,
            recorded_at: self.recorded_at,
            outcome: self.outcome,
            header: self.header,
            event: fact(self.event),
        }
    }
}
