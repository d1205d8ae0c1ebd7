//! What events of an account are made of.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{KeyId, ReplayId, SecretRef};

/// What the provider gave us, without the tokens themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Where the vault keeps the tokens.
    pub secret: SecretRef,
    /// Which generation of the tokens: 1 at the link, one more at each renewal.
    pub generation: u64,
    /// The scopes that were granted, as the provider names them, sorted; none where it does not say.
    pub scopes: Vec<String>,
    /// The scopes that were needed then and not granted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_scopes: Vec<String>,
    /// When the access token runs out; absent for one that does not.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::time::optional"
    )]
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether there is a refresh token.
    pub refreshable: bool,
}

impl Grant {
    /// Returns the scopes that were granted, if the provider said which: without any of those that
    /// it names no link is made.
    pub fn said_scopes(&self) -> Option<&[String]> {
        (!self.scopes.is_empty()).then_some(&*self.scopes)
    }
}

/// How a grant was renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Renewal {
    /// The person linked the same account again.
    Relink,
    /// A refresh token was used.
    Refresh,
}

/// Why a key is to be put at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PublicationCause {
    /// The account was linked.
    Link,
    /// The key replaces another.
    Rotation,
    /// An operator replays the provider.
    Replay(ReplayId),
    /// Somebody asked for another try.
    Retry,
    /// It was no longer there, and somebody wants it back.
    Restore,
    /// It was no longer there, and the provider's policy puts it back, once.
    AutoRestore,
}

/// Why a key is to be taken away from the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawalCause {
    /// Another key took its place.
    Rotation,
    /// The account is being unlinked.
    Unlink,
    /// An operator replays the provider.
    Replay(ReplayId),
    /// Somebody asked for another try.
    Retry,
}

/// How a key came to be at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// We put it there now.
    Created,
    /// We put it there before; it was found in place.
    Found,
    /// It was there before us: it is never deleted as ours.
    Adopted,
    /// The person pasted it and said so.
    ByHand,
}

/// Something that an unlinking left at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Residue {
    /// A key that could not be withdrawn.
    Key {
        /// The key.
        key: KeyId,
        /// The provider's own id of it, if known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remote_key: Option<String>,
        /// The fingerprint by which people find it there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fingerprint: Option<String>,
    },
    /// A grant that could not be revoked.
    Grant,
}
