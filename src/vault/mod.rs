//! Sealed secrets: tokens, client secrets, private keys, personal data. There is no plain text.
//!
//! The key-encryption key comes from outside ([`KeyEncryptionKey`]) and wraps data keys, one per
//! owner and purpose. Data keys seal boxes (`envelope.rs`), and every box is bound to its place:
//! swapped, moved or put back from earlier, it does not open. Destroying a secret overwrites its
//! box; erasing a person overwrites their data keys, so that what is sealed in events for ever
//! can never be read again.
//!
//! What it cannot do: tell a whole row put back as it was, generation and all, from one that never
//! changed (the log tells); destroy what is in a backup (keep backups no longer than a person may
//! wait to be forgotten, or erase again after restoring one); reach the pages that `PostgreSQL`
//! keeps until it vacuums.

mod check;
mod data_keys;
mod envelope;
mod key_file;
mod known;
mod personal;
mod pseudonym;
mod rewrap;
mod secret;
mod secrets;

use std::fmt;
use std::sync::Arc;

use domain::{ProviderSlug, UserId};
use projections::UnreadableRow;

use crate::clock::{Clock, Ids};
use crate::database::{Database, DatabaseError};
use envelope::DoesNotOpen;
use known::Known;

pub use key_file::{DataDirectory, KeyEncryptionKey, KeyError};
pub use secret::Secret;

/// Keeps secrets by reference, and seals personal data in place.
pub struct Vault {
    database: Arc<dyn Database>,
    kek: KeyEncryptionKey,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    known: Known,
}

/// Whose a secret is: data keys are per owner and purpose.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Owner {
    Person(UserId),
    Provider(ProviderSlug),
    Deployment,
}

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// What a provider granted: access and refresh tokens.
    GrantTokens,
    /// An OAuth app's secret.
    ClientSecret,
    /// By which what a product tells us is known to be its own.
    HookSecret,
    /// The private half of a key pair.
    PrivateKey,
    /// What must be remembered between sending a person to a provider and their return.
    OauthFlow,
    /// Personal data in events.
    Personal,
    /// What this deployment signs with.
    SigningKey,
    /// What this deployment names accounts with.
    Pseudonym,
    /// What messages to a receiver of notices are signed with.
    WebhookSecret,
}

/// Why the vault did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VaultError {
    #[error(
        "the key-encryption key is {given}, but what is stored needs {wanted}: nothing was changed"
    )]
    WrongKey { wanted: String, given: String },
    #[error("there is no such secret")]
    NotFound,
    #[error("the secret was destroyed")]
    Destroyed,
    #[error("the secret has been replaced meanwhile")]
    Stale,
    /// What is stored was changed from outside, or moved. Names the place, never what is in it.
    #[error("{0} does not open: it is not what the vault stored there")]
    Damaged(String),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Vault {
    fn now(&self) -> String {
        domain::format_time(self.clock.now())
    }
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::GrantTokens => "grant-tokens",
            Self::ClientSecret => "client-secret",
            Self::HookSecret => "hook-secret",
            Self::PrivateKey => "private-key",
            Self::OauthFlow => "oauth-flow",
            Self::Personal => "personal",
            Self::SigningKey => "signing-key",
            Self::Pseudonym => "pseudonym",
            Self::WebhookSecret => "webhook-secret",
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(person) => write!(f, "person:{person}"),
            Self::Provider(provider) => write!(f, "provider:{provider}"),
            Self::Deployment => f.write_str("deployment"),
        }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("kek", &self.kek)
            .finish_non_exhaustive()
    }
}

impl From<UnreadableRow> for VaultError {
    fn from(row: UnreadableRow) -> Self {
        Self::Database(row.into())
    }
}

impl VaultError {
    /// Says that the box at `place` does not open.
    fn damaged(place: impl fmt::Display) -> impl FnOnce(DoesNotOpen) -> Self {
        move |DoesNotOpen| Self::Damaged(place.to_string())
    }
}
