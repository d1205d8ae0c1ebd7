//! Words that only the API reads: reasons, and ways back.

use std::str::FromStr;

use domain::ReasonCode;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as Unknown, StrDeserializer};

/// A reason, in the caller's words: 1 to 500 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reason(pub(super) String);

impl FromStr for Reason {
    type Err = domain::TextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words: domain::Description = text.parse()?;
        if words.is_empty() {
            return Err(domain::TextError::Empty);
        }
        Ok(Self(words.into()))
    }
}

/// A reason code, as failures have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code(pub(super) ReasonCode);

impl FromStr for Code {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word: StrDeserializer<'_, Unknown> = text.into_deserializer();
        ReasonCode::deserialize(word)
            .map(Self)
            .map_err(|_| "must be the code of a failure, such as key_type_not_allowed")
    }
}

/// A path of this server, to go to afterwards: never another host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LocalPath(pub(super) String);

impl FromStr for LocalPath {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |b: u8| b.is_ascii_graphic() && b != b'\\';
        let local = text.starts_with('/') && !text.starts_with("//");
        if local && text.len() <= 500 && text.bytes().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be a path of this server, such as /accounts")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_back_never_leads_to_another_host() {
        for path in ["/", "/accounts?linked=1", "/%2f%2fevil"] {
            assert_eq!(path.parse(), Ok(LocalPath(path.to_owned())));
        }
        for path in [
            "",
            "//evil",
            "https://evil",
            "/\\evil",
            "%2f%2fevil",
            "javascript:alert(1)",
            "/a\r\nSet-Cookie: x",
            "/a b",
        ] {
            assert!(path.parse::<LocalPath>().is_err(), "{path}");
        }
    }
}
