//! Keys as a provider has them.

use std::fmt;

use chrono::{DateTime, Utc};
use domain::reconcile::{GoodFor, Listed};

/// The provider's own id of a key. Never empty, never more than one path segment: a delete
/// without an id would delete every key at some products.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RemoteKeyId(String);

impl RemoteKeyId {
    /// Takes an id of letters and digits only.
    pub fn new(id: impl Into<String>) -> Option<Self> {
        let id = id.into();
        let fits = (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
        fits.then_some(Self(id))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RemoteKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key as the provider lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteKey {
    /// The provider's own id of it.
    pub id: RemoteKeyId,
    /// What it is called there.
    pub title: String,
    /// Type and blob, without the comment: providers strip or rewrite it.
    pub line: String,
    /// When the provider ends it by itself, where it says so.
    pub expires_at: Option<DateTime<Utc>>,
    /// What it is good for; to sign in with, where the provider says nothing of it.
    pub good_for: GoodFor,
}

impl RemoteKey {
    /// Returns what of it decides anything.
    pub fn listed(&self) -> Listed<'_> {
        Listed {
            remote_key: self.id.as_str(),
            line: &self.line,
            title: &self.title,
            expires_at: self.expires_at,
            good_for: self.good_for,
        }
    }
}

/// What a list came to that was asked for only if it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyList {
    /// It is as it was.
    Same,
    /// The keys, and the validator to ask with the next time, where the provider has one that
    /// stands for all of them.
    Keys {
        /// Every key.
        keys: Vec<RemoteKey>,
        /// The validator, an entity tag (RFC 9110 section 8.8.3).
        tag: Option<String>,
    },
}

/// What adding a key came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    /// It is there now.
    Created(RemoteKey),
    /// The provider has the key already, on this account or another: only a list can tell.
    AlreadyThere,
}
