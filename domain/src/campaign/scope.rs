//! Which keys a campaign takes up, and what it does with each.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::key_sync::LinkState;
use crate::keyring::Algorithm;
use crate::settings::{KeyAge, ranged};
use crate::{ProviderSlug, UserId};

ranged!(
    /// How many keys a campaign rotates in a minute.
    KeysPerMinute: 1 to 600
);

impl Default for KeysPerMinute {
    /// One each second: less than the slowest provider takes from one app.
    fn default() -> Self {
        Self(60)
    }
}

/// Which keys a campaign takes up: current ones that fit everything that is said here.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignScope {
    /// Only keys of one of these algorithms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub algorithms: Vec<Algorithm>,
    /// Only keys that were this many days old when the campaign began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_than_days: Option<KeyAge>,
    /// Only keys at this provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderSlug>,
    /// Only keys of these people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<UserId>,
}

/// What is known of a key when it is its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// How far the link of its account is; nothing for a personal key.
    pub link: Option<LinkState>,
    /// Whether an admin lets the provider work.
    pub provider_works: bool,
    /// Whether its person removed it at the provider.
    pub removed: bool,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// The algorithm that a new key in its place would have.
    pub next: Algorithm,
}

/// Why a campaign leaves a key in its scope as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skip {
    /// It is a personal key: only the person knows where it is in use.
    Personal,
    /// The grant of its account no longer works: no key could be put there.
    GrantLost,
    /// Its account is being unlinked: the key ends with it.
    Unlinking,
    /// An admin disabled the provider: no key could be put there.
    ProviderDisabled,
    /// Its person removed it at the provider: a new key in its place would put it back.
    Removed,
    /// The key that would take its place would be of an algorithm that is to go.
    SameAlgorithm,
}

impl Skip {
    /// Every reason, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::Personal,
        Self::GrantLost,
        Self::Unlinking,
        Self::ProviderDisabled,
        Self::Removed,
        Self::SameAlgorithm,
    ];

    /// Returns the word for it, as in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Personal => "personal",
            Self::GrantLost => "grant_lost",
            Self::Unlinking => "unlinking",
            Self::ProviderDisabled => "provider_disabled",
            Self::Removed => "removed",
            Self::SameAlgorithm => "same_algorithm",
        }
    }

    /// Returns what can be done about it, in a sentence without a full stop.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Personal => "the person rotates it, and pastes it wherever it is in use",
            Self::GrantLost => "the person links the account again",
            Self::Unlinking => "nothing: the key ends with the account",
            Self::ProviderDisabled => "an admin enables the provider",
            Self::Removed => {
                "the person has the key restored, or rotates it: they removed it at the provider"
            }
            Self::SameAlgorithm => {
                "an admin chooses another algorithm, in the settings or for the provider"
            }
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl CampaignScope {
    /// Says whether nothing narrows it: it would be every key there is.
    pub fn is_everything(&self) -> bool {
        let Self {
            algorithms,
            older_than_days,
            provider,
            users,
        } = self;
        algorithms.is_empty() && older_than_days.is_none() && provider.is_none() && users.is_empty()
    }

    /// Returns why a key in the scope is left as it is; nothing: it is rotated.
    pub fn skips(&self, candidate: &Candidate, compromised: bool) -> Option<Skip> {
        match candidate.link {
            None => return Some(Skip::Personal),
            Some(LinkState::GrantLost) => return Some(Skip::GrantLost),
            Some(LinkState::Unlinking | LinkState::Unlinked) => return Some(Skip::Unlinking),
            Some(LinkState::Linked) => {}
        }
        if !candidate.provider_works {
            return Some(Skip::ProviderDisabled);
        }
        if candidate.removed {
            return Some(Skip::Removed);
        }
        // Who asks for old or compromised keys wants new ones, of whatever algorithm.
        let by_algorithm = self.older_than_days.is_none() && !compromised;
        if by_algorithm && self.algorithms.contains(&candidate.next) {
            return Some(Skip::SameAlgorithm);
        }
        None
    }
}
