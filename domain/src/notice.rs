//! What people are told of by themselves: the kinds of notices.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a notice is about. It opens with one event and closes with its counterpart; while it is
/// open, more of the same make no second one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// A person's grant no longer works: they link again.
    NeedsRelink,
    /// A key waits for somebody: no further try helps before that.
    KeyBlocked,
    /// A grant could not be revoked: an unlinking waits for somebody.
    RevocationBlocked,
    /// A provider's list of keys is not what it should be.
    KeyDrift,
    /// A provider ends a key soon.
    KeyExpiring,
    /// A provider refuses the registered app.
    AppRefused,
    /// A provider does not answer.
    ProviderDown,
    /// An operator has stopped key sync at a provider.
    ProviderPaused,
}

/// Not a kind of notice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be one of needs_relink, key_blocked, revocation_blocked, key_drift, key_expiring, \
     app_refused, provider_down, provider_paused"
)]
pub struct UnknownNoticeKind;

impl NoticeKind {
    /// Every kind, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::NeedsRelink,
        Self::KeyBlocked,
        Self::RevocationBlocked,
        Self::KeyDrift,
        Self::KeyExpiring,
        Self::AppRefused,
        Self::ProviderDown,
        Self::ProviderPaused,
    ];

    /// Returns the word for it, as it is stored, sent and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NeedsRelink => "needs_relink",
            Self::KeyBlocked => "key_blocked",
            Self::RevocationBlocked => "revocation_blocked",
            Self::KeyDrift => "key_drift",
            Self::KeyExpiring => "key_expiring",
            Self::AppRefused => "app_refused",
            Self::ProviderDown => "provider_down",
            Self::ProviderPaused => "provider_paused",
        }
    }
}

impl FromStr for NoticeKind {
    type Err = UnknownNoticeKind;

    fn from_str(text: &str) -> Result<Self, UnknownNoticeKind> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or(UnknownNoticeKind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_word_in_events_in_answers_and_in_the_refusal() {
        for kind in NoticeKind::ALL {
            let word = kind.as_str();
            assert_eq!(serde_json::to_value(kind).unwrap(), word);
            assert_eq!(word.parse(), Ok(kind));
            assert!(UnknownNoticeKind.to_string().contains(word));
        }
        assert_eq!("weather".parse::<NoticeKind>(), Err(UnknownNoticeKind));
    }
}
