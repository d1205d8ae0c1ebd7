//! What a search may ask for: a word that no event can bear is refused, for an empty page would
//! read as if it had never happened.

use std::str::FromStr;

use domain::{DisplayName, Event, TextError};

/// Who caused an event: a person's id, or the name of a part of the server.
pub(super) struct ActorId(pub(super) String);

impl FromStr for ActorId {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        // As long as a name may be, and printable; who never acted has caused nothing.
        text.parse::<DisplayName>().map(|name| Self(name.into()))
    }
}

/// The type of an event.
pub(super) struct EventType(pub(super) String);

impl FromStr for EventType {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if Event::has_type(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be the type of an event, such as KeyPublished")
        }
    }
}

/// The code of an event.
pub(super) struct EventCode(pub(super) String);

impl FromStr for EventCode {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_code = match text.as_bytes() {
            [b'L', rest @ .., b'I' | b'W' | b'E'] if rest.len() == 4 => {
                let (area, number) = rest.split_at(2);
                area.iter().all(u8::is_ascii_uppercase) && number.iter().all(u8::is_ascii_digit)
            }
            _ => false,
        };
        if is_code {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be the code of an event, such as LAC07I")
        }
    }
}
