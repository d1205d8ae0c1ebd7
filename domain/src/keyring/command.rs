//! What can be asked of a keyring.

use super::{Algorithm, Holder, PublicKey, RotationCause};
use crate::{KeyId, SecretRef, UserId};

/// A command to one person's keyring.
#[derive(Debug, Clone, PartialEq)]
pub enum KeyringCommand {
    /// Takes a first key for a holder. No event if the holder has one.
    GenerateKey {
        /// The person.
        user: UserId,
        /// What the key is for.
        holder: Holder,
        /// The key pair, already made and sealed.
        made: KeyPair,
    },
    /// Takes a new key in the place of a holder's current one. No event if it did already.
    RotateKey {
        /// The key to be replaced, as the caller believes.
        replaced: KeyId,
        /// The key pair, already made and sealed.
        made: KeyPair,
        /// Why.
        cause: RotationCause,
    },
    /// Ends a key. No event if it has ended.
    RetireKey {
        /// The key.
        key: KeyId,
    },
}

/// A key pair, its private half in the vault.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyPair {
    /// Its id.
    pub key: KeyId,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Its public half.
    pub public_key: PublicKey,
    /// Where the vault keeps its private half.
    pub private_key: SecretRef,
}
