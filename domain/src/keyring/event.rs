//! What can have happened to a person's keys.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::{Algorithm, Holder, PublicKey, RotationCause};
use crate::{KeyId, Kind, LoggedEvent, SecretRef, UserId};

/// A fact about one person's keys. Stream `keyring-<user>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum KeyringEvent {
    /// A first key pair was made for a holder.
    KeyGenerated {
        /// The person.
        user: UserId,
        /// The key.
        key: KeyId,
        /// What it is for.
        holder: Holder,
        /// Its algorithm.
        algorithm: Algorithm,
        /// Its public half.
        public_key: PublicKey,
        /// Where the vault keeps its private half.
        private_key: SecretRef,
    },
    /// A new key pair was made to take the place of another.
    KeyRotated {
        /// The person.
        user: UserId,
        /// The new key.
        key: KeyId,
        /// The key that it replaces.
        replaced: KeyId,
        /// What it is for.
        holder: Holder,
        /// Its algorithm.
        algorithm: Algorithm,
        /// Its public half.
        public_key: PublicKey,
        /// Where the vault keeps its private half.
        private_key: SecretRef,
        /// Why.
        cause: RotationCause,
    },
    /// A key came to its end; its private half is destroyed.
    KeyRetired {
        /// The person.
        user: UserId,
        /// The key.
        key: KeyId,
        /// What it was for.
        holder: Holder,
    },
}

impl LoggedEvent for KeyringEvent {
    fn kind(&self) -> Kind {
        match self {
            Self::KeyGenerated { .. } => Kind::new("KeyGenerated", "LKY01I", 1),
            Self::KeyRotated { .. } => Kind::new("KeyRotated", "LKY02I", 1),
            Self::KeyRetired { .. } => Kind::new("KeyRetired", "LKY03I", 1),
        }
    }
}

impl DomainEvent for KeyringEvent {
    fn event_type(&self) -> String {
        self.kind().name.to_owned()
    }

    fn event_version(&self) -> String {
        self.kind().schema.to_string()
    }
}
