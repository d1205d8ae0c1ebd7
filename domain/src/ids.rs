//! Names of things: parsed once, trusted afterwards.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What is wrong with a text that should have been an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Not a UUID in its hyphenated form.
    #[error("must be a UUID")]
    Uuid,
    /// Not a provider's short name.
    #[error(
        "must be 1 to 40 characters of a-z, 0-9 and single dashes, starting and ending with a letter or digit"
    )]
    Slug,
    /// Not a person's id.
    #[error(
        "must be 1 to 64 characters of a-z, 0-9, dot, dash and underscore, starting with a letter or digit"
    )]
    User,
}

/// Declares an id that is a UUID, so that one kind is never passed for another.
macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID made elsewhere; this crate makes none.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// Returns the UUID.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                // `Uuid` reads other forms too; in a path or a stream there is one only.
                match Uuid::try_parse(text) {
                    Ok(uuid) if text.len() == 36 => Ok(Self(uuid)),
                    Ok(_) | Err(_) => Err(InvalidId::Uuid),
                }
            }
        }
    };
}

uuid_id!(
    /// One event, for ever (`UUIDv7`).
    EventId
);
uuid_id!(
    /// A person's place at one provider; see [`AccountId::from_digest`].
    AccountId
);
uuid_id!(
    /// One key pair (`UUIDv7`).
    KeyId
);
uuid_id!(
    /// One replay of a provider (`UUIDv7`).
    ReplayId
);
uuid_id!(
    /// One campaign: a rotation of many keys (`UUIDv7`).
    CampaignId
);
uuid_id!(
    /// One API token; says nothing about the token itself.
    TokenId
);
uuid_id!(
    /// One receiver of notices (`UUIDv7`).
    WebhookId
);
uuid_id!(
    /// Where the vault keeps a secret. The only form in which a secret enters an event.
    SecretRef
);

impl AccountId {
    /// Makes the id of a digest of the provider and the provider's own immutable number for the
    /// person (`UUIDv8`, RFC 9562 section 5.8).
    ///
    /// The id is the uniqueness rule: whoever links the same remote account meets the same
    /// stream. The digest must be keyed: a remote number is easily guessed, and what is derived
    /// from it without a key would still name the person when everything else forgot them.
    pub fn from_digest(digest: [u8; 16]) -> Self {
        Self(uuid::Builder::from_custom_bytes(digest).into_uuid())
    }
}

/// A provider's short name: in URLs, streams and commands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProviderSlug(String);

impl ProviderSlug {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProviderSlug {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let fits = (1..=40).contains(&text.len())
            && text.starts_with(plain)
            && text.ends_with(plain)
            && !text.contains("--")
            && text.chars().all(|c| plain(c) || c == '-');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::Slug)
        }
    }
}

/// A person, by the id the platform gives them. Never an e-mail address: it stays readable for ever.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserId(String);

impl UserId {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let fits = (1..=64).contains(&text.len())
            && text.starts_with(plain)
            && text
                .chars()
                .all(|c| plain(c) || matches!(c, '.' | '-' | '_'));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::User)
        }
    }
}

impl TryFrom<String> for ProviderSlug {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<ProviderSlug> for String {
    fn from(slug: ProviderSlug) -> Self {
        slug.0
    }
}

impl fmt::Display for ProviderSlug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for UserId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<UserId> for String {
    fn from(user: UserId) -> Self {
        user.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slug(text: &str) -> Result<ProviderSlug, InvalidId> {
        text.parse()
    }

    fn user(text: &str) -> Result<UserId, InvalidId> {
        text.parse()
    }

    #[test]
    fn an_id_is_a_uuid_in_its_hyphenated_form() {
        let text = "019ab1c2-d3e4-7000-8000-000000000001";
        let id: KeyId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(text.to_uppercase().parse(), Ok(id));
        for refused in [
            "",
            "7",
            "019ab1c2d3e470008000000000000001",
            "{019ab1c2-d3e4-7000-8000-000000000001}",
            "urn:uuid:019ab1c2-d3e4-7000-8000-000000000001",
            "019ab1c2-d3e4-7000-8000-00000000000g",
            " 019ab1c2-d3e4-7000-8000-00000000001",
        ] {
            assert_eq!(refused.parse::<KeyId>(), Err(InvalidId::Uuid), "{refused}");
        }
    }

    #[test]
    fn an_account_is_known_by_a_digest_for_ever() {
        let id = AccountId::from_digest([0xff; 16]);
        assert_eq!(id.to_string(), "ffffffff-ffff-8fff-bfff-ffffffffffff");
        assert_ne!(id, AccountId::from_digest([0xfe; 16]));
    }

    #[test]
    fn a_slug_has_1_to_40_characters_and_single_dashes_inside() {
        let longest = "a".repeat(40);
        for fine in ["a", "7", "github", "git-lab-2", &longest] {
            assert_eq!(slug(fine).unwrap().as_str(), fine);
        }
        let too_long = "a".repeat(41);
        for refused in [
            "", &too_long, "-a", "a-", "a--b", "-", "GitHub", "a b", "a.b", "a_b", "a/b", "ä",
            "a\n", " a",
        ] {
            assert_eq!(slug(refused), Err(InvalidId::Slug), "{refused}");
        }
    }

    #[test]
    fn a_person_has_1_to_64_characters_and_starts_with_a_letter_or_digit() {
        let longest = "a".repeat(64);
        for fine in ["a", "7", "ada.lovelace", "a--b", "a_", "ada-", &longest] {
            assert_eq!(user(fine).unwrap().as_str(), fine);
        }
        let too_long = "a".repeat(65);
        for refused in [
            "",
            &too_long,
            ".a",
            "-a",
            "_a",
            "..",
            "Ada",
            "ada@example.com",
            "a b",
            "a/b",
            "ä",
            "a\0",
        ] {
            assert_eq!(user(refused), Err(InvalidId::User), "{refused}");
        }
    }

    #[test]
    fn what_a_line_holds_is_parsed_as_well() {
        assert!(serde_json::from_str::<ProviderSlug>("\"git hub\"").is_err());
        assert!(serde_json::from_str::<UserId>("\"Ada\"").is_err());
        assert!(serde_json::from_str::<KeyId>("\"7\"").is_err());
    }

    proptest! {
        #[test]
        fn a_slug_reads_back(text in "[a-z0-9-]{1,45}") {
            if let Ok(slug) = slug(&text) {
                prop_assert_eq!(slug.to_string().parse(), Ok(slug));
            }
        }

        #[test]
        fn a_person_reads_back(text in "[a-z0-9._-]{1,70}") {
            if let Ok(user) = user(&text) {
                prop_assert_eq!(user.to_string().parse(), Ok(user));
            }
        }

        #[test]
        fn an_id_reads_back(number: u128) {
            let id = EventId::new(Uuid::from_u128(number));
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = (slug(&text), user(&text), text.parse::<EventId>());
        }
    }
}
