//! Every event there is, and the single door from a stored line to an event.

use std::borrow::Cow;
use std::cell::Cell;

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::access::AccessEvent;
use crate::account::AccountEvent;
use crate::campaign::CampaignEvent;
use crate::keyring::KeyringEvent;
use crate::offboarding::OffboardingEvent;
use crate::provider::ProviderEvent;
use crate::replay::ReplayEvent;
use crate::settings::SettingsEvent;
use crate::token::TokenEvent;
use crate::webhook::WebhookEvent;
use crate::{Actor, EventId, Header, Origin, Outcome, Recorded, StreamName, upcast};

/// What an event's type is called, in the log and everywhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The type: past tense, the same word in Rust, in the log and in the docs.
    pub name: &'static str,
    /// The stable six-character code; its last letter tells the outcome: `I` it came about,
    /// `W` it did not yet, `E` it did not and waits for somebody.
    pub code: &'static str,
    /// The version of the data's shape, from 1.
    pub schema: u32,
}

impl Kind {
    /// Names a kind of event.
    pub const fn new(name: &'static str, code: &'static str, schema: u32) -> Self {
        Self { name, code, schema }
    }

    /// Returns the outcome that the code's suffix tells.
    pub fn outcome(self) -> Outcome {
        if self.code.ends_with('I') {
            Outcome::Success
        } else {
            Outcome::Failure
        }
    }
}

/// An event of one aggregate that can stand in the log.
pub trait LoggedEvent: DomainEvent {
    /// Names the event's kind.
    fn kind(&self) -> Kind;
}

/// Every event there is, by aggregate.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Of a sign-in, a refusal or a read of the audit trail.
    Access(AccessEvent),
    /// Of a person's place at one provider.
    Account(AccountEvent),
    /// Of a rotation of many keys.
    Campaign(CampaignEvent),
    /// Of a person's keys.
    Keyring(KeyringEvent),
    /// Of a person's off-boarding.
    Offboarding(OffboardingEvent),
    /// Of a Git provider.
    Provider(ProviderEvent),
    /// Of an operator's replay.
    Replay(ReplayEvent),
    /// Of the deployment's settings.
    Settings(SettingsEvent),
    /// Of an API token.
    Token(TokenEvent),
    /// Of a receiver of notices.
    Webhook(WebhookEvent),
}

impl Event {
    /// Names the event's kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Access(event) => event.kind(),
            Self::Account(event) => event.kind(),
            Self::Campaign(event) => event.kind(),
            Self::Keyring(event) => event.kind(),
            Self::Offboarding(event) => event.kind(),
            Self::Provider(event) => event.kind(),
            Self::Replay(event) => event.kind(),
            Self::Settings(event) => event.kind(),
            Self::Token(event) => event.kind(),
            Self::Webhook(event) => event.kind(),
        }
    }
}

/// Why a stored line cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not an envelope at all.
    #[error("event {index} is not an envelope: {source}")]
    Envelope {
        /// The event's place in the log.
        index: u64,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// An aggregate or type that this version does not know.
    #[error(
        "event {index} is of the unknown type {aggregate}/{event_type}: a newer Lanyard wrote it"
    )]
    Unknown {
        /// The event's place in the log.
        index: u64,
        /// The stream's aggregate.
        aggregate: String,
        /// The event's type.
        event_type: String,
    },
    /// A shape of the data that this version does not know.
    #[error("event {index} ({event_type}) has schema {schema}, newer than this Lanyard reads")]
    Newer {
        /// The event's place in the log.
        index: u64,
        /// The event's type.
        event_type: String,
        /// Its schema version.
        schema: u32,
    },
    /// The data does not have the shape of its type and schema.
    #[error("event {index} ({event_type}) does not decode: {source}")]
    Data {
        /// The event's place in the log.
        index: u64,
        /// The event's type.
        event_type: String,
        /// What the parser says.
        source: serde_json::Error,
    },
}

/// A stored line, its text borrowed where it can be.
#[derive(Deserialize)]
struct Line<'a> {
    id: EventId,
    stream: StreamName,
    version: u64,
    #[serde(rename = "type", borrow)]
    event_type: Cow<'a, str>,
    #[serde(borrow)]
    code: Cow<'a, str>,
    schema: u32,
    recorded_at: DateTime<Utc>,
    actor: Actor,
    origin: Origin,
    outcome: Outcome,
    #[serde(default)]
    reason: Option<String>,
    correlation: Uuid,
    #[serde(default)]
    causation: Option<EventId>,
    #[serde(borrow)]
    data: &'a RawValue,
}

impl Event {
    /// Reads the line stored at `index`, brought up to today's schema.
    pub fn decode(index: u64, line: &str) -> Result<Recorded<Self>, DecodeError> {
        read_line(index, line, Self::of)
    }

    /// Says whether an event of this type can stand in the log, of whichever aggregate.
    pub fn has_type(name: &str) -> bool {
        AGGREGATES.into_iter().any(|aggregate| {
            let type_known = Cell::new(false);
            let parts = TypeAndData {
                event_type: name,
                data: "null",
                next: Field::Type,
                type_known: &type_known,
            };
            // Nothing is the data of no event: what counts is whether it came to the data.
            let _ = Self::of(aggregate, parts);
            type_known.get()
        })
    }

    /// Reads an event of an aggregate; nothing if there is no such aggregate.
    fn of(aggregate: &str, parts: TypeAndData<'_>) -> Result<Option<Self>, serde_json::Error> {
        Ok(Some(match aggregate {
            "access" => Self::Access(AccessEvent::deserialize(parts)?),
            "account" => Self::Account(AccountEvent::deserialize(parts)?),
            "campaign" => Self::Campaign(CampaignEvent::deserialize(parts)?),
            "keyring" => Self::Keyring(KeyringEvent::deserialize(parts)?),
            "offboarding" => Self::Offboarding(OffboardingEvent::deserialize(parts)?),
            "provider" => Self::Provider(ProviderEvent::deserialize(parts)?),
            "replay" => Self::Replay(ReplayEvent::deserialize(parts)?),
            "settings" => Self::Settings(SettingsEvent::deserialize(parts)?),
            "token" => Self::Token(TokenEvent::deserialize(parts)?),
            "webhook" => Self::Webhook(WebhookEvent::deserialize(parts)?),
            _ => return Ok(None),
        }))
    }
}

/// The aggregates, as the names of streams have them.
const AGGREGATES: [&str; 10] = [
    "access",
    "account",
    "campaign",
    "keyring",
    "offboarding",
    "provider",
    "replay",
    "settings",
    "token",
    "webhook",
];

/// Reads the line stored at `index` as an event of one aggregate, brought up to today's schema.
pub fn decode_as<E: LoggedEvent>(index: u64, line: &str) -> Result<Recorded<E>, DecodeError> {
    read_line(index, line, |_, parts| E::deserialize(parts).map(Some))
}

/// Reads a line; `read_event` gives nothing for an aggregate that it does not know.
fn read_line<E>(
    index: u64,
    line: &str,
    read_event: impl FnOnce(&str, TypeAndData<'_>) -> Result<Option<E>, serde_json::Error>,
) -> Result<Recorded<E>, DecodeError> {
    let line: Line<'_> =
        serde_json::from_str(line).map_err(|source| DecodeError::Envelope { index, source })?;
    let event_type: &str = &line.event_type;
    let data = upcast::to_current(event_type, line.schema, line.data).map_err(|newer| {
        DecodeError::Newer {
            index,
            event_type: event_type.to_owned(),
            schema: newer.schema,
        }
    })?;
    let unknown = || DecodeError::Unknown {
        index,
        aggregate: line.stream.aggregate().to_owned(),
        event_type: event_type.to_owned(),
    };
    let type_known = Cell::new(false);
    let parts = TypeAndData {
        event_type,
        data: &data,
        next: Field::Type,
        type_known: &type_known,
    };
    let event = match read_event(line.stream.aggregate(), parts) {
        Ok(event) => event.ok_or_else(unknown)?,
        Err(_) if !type_known.get() => return Err(unknown()),
        Err(source) => {
            return Err(DecodeError::Data {
                index,
                event_type: event_type.to_owned(),
                source,
            });
        }
    };
    Ok(Recorded {
        index,
        version: line.version,
        code: line.code.into_owned(),
        recorded_at: line.recorded_at,
        outcome: line.outcome,
        header: Header {
            id: line.id,
            actor: line.actor,
            origin: line.origin,
            reason: line.reason,
            correlation: line.correlation,
            causation: line.causation,
        },
        stream: line.stream,
        event,
    })
}

/// Presents a type and its raw data as the map that an adjacently tagged enum reads, so that
/// the data goes from text to event in one pass, without a tree in between.
struct TypeAndData<'a> {
    event_type: &'a str,
    data: &'a str,
    next: Field,
    /// Tells a type that the aggregate does not have from data of a wrong shape.
    type_known: &'a Cell<bool>,
}

enum Field {
    Type,
    Data,
    Done,
}

impl<'de> Deserializer<'de> for TypeAndData<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_map(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

impl<'de> MapAccess<'de> for TypeAndData<'de> {
    type Error = serde_json::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Self::Error> {
        let name: &str = match self.next {
            Field::Type => "type",
            Field::Data => "data",
            Field::Done => return Ok(None),
        };
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, Self::Error> {
        match self.next {
            Field::Type => {
                self.next = Field::Data;
                let name: StrDeserializer<'_, Self::Error> = self.event_type.into_deserializer();
                let known = seed.deserialize(name)?;
                self.type_known.set(true);
                Ok(known)
            }
            Field::Data => {
                self.next = Field::Done;
                seed.deserialize(&mut serde_json::Deserializer::from_str(self.data))
            }
            Field::Done => Err(de::Error::custom("no value is left")),
        }
    }
}
