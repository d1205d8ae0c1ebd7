//! How a provider can disagree with the log.

use serde::{Deserialize, Serialize};

use crate::ReasonCode;

/// How a provider disagrees with the log about one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drift {
    /// The key is not there: somebody removed it, or the provider did.
    Missing,
    /// The key is there under another id: somebody removed it and put it there again.
    Changed,
    /// The key is there, and the provider has ended it.
    Expired,
    /// The key is there, and the provider says that nobody can sign in with it.
    NotUsable,
    /// The key is there, and is good for signing commits only.
    WrongType,
    /// The key is there, and is not good for signing commits, which it is to be.
    NotForSigning,
    /// The key is there more than once.
    Duplicate,
    /// A key that bears our name is there, and the log wants none: it knows nothing of it, or had
    /// it taken away.
    Foreign,
}

impl Drift {
    /// Every one, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::Missing,
        Self::Changed,
        Self::Expired,
        Self::NotUsable,
        Self::WrongType,
        Self::NotForSigning,
        Self::Duplicate,
        Self::Foreign,
    ];

    /// Returns the word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::Expired => "expired",
            Self::NotUsable => "not_usable",
            Self::WrongType => "wrong_type",
            Self::NotForSigning => "not_for_signing",
            Self::Duplicate => "duplicate",
            Self::Foreign => "foreign",
        }
    }

    /// Returns the reason code, which says what to do.
    pub const fn code(self) -> ReasonCode {
        match self {
            Self::Missing => ReasonCode::KeyMissingAtProvider,
            Self::Changed => ReasonCode::KeyChangedAtProvider,
            Self::Expired => ReasonCode::KeyExpired,
            Self::NotUsable => ReasonCode::KeyNotUsable,
            Self::WrongType => ReasonCode::KeyWrongType,
            Self::NotForSigning => ReasonCode::KeyNotForSigning,
            Self::Duplicate => ReasonCode::KeyDuplicate,
            Self::Foreign => ReasonCode::KeyForeign,
        }
    }

    /// Says whether publishing the key again mends it. What has ended stays so: a new key helps.
    pub const fn is_restorable(self) -> bool {
        match self {
            Self::Missing
            | Self::Changed
            | Self::WrongType
            | Self::NotForSigning
            | Self::Duplicate => true,
            Self::Expired | Self::NotUsable | Self::Foreign => false,
        }
    }

    /// Says whether the provider's policy has it put right, once, if it is to restore keys.
    pub const fn is_for_the_policy(self) -> bool {
        match self {
            Self::Missing | Self::WrongType | Self::NotForSigning | Self::Duplicate => true,
            Self::Changed | Self::Expired | Self::NotUsable | Self::Foreign => false,
        }
    }
}
