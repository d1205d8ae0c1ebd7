//! Keys: algorithms, public halves, and what a key is for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{AccountId, CampaignId};

/// An algorithm that Lanyard makes keys of.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Algorithm {
    /// Ed25519 (RFC 8709).
    #[default]
    #[serde(rename = "ed25519")]
    Ed25519,
    /// ECDSA over NIST P-256 (RFC 5656).
    #[serde(rename = "ecdsa-p256")]
    EcdsaP256,
    /// ECDSA over NIST P-384.
    #[serde(rename = "ecdsa-p384")]
    EcdsaP384,
    /// ECDSA over NIST P-521.
    #[serde(rename = "ecdsa-p521")]
    EcdsaP521,
    /// RSA with 3072 bits; signs with SHA-2 (RFC 8332).
    #[serde(rename = "rsa-3072")]
    Rsa3072,
    /// RSA with 4096 bits; signs with SHA-2 (RFC 8332).
    #[serde(rename = "rsa-4096")]
    Rsa4096,
}

/// Not the name of an algorithm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be one of ed25519, ecdsa-p256, ecdsa-p384, ecdsa-p521, rsa-3072, rsa-4096")]
pub struct UnknownAlgorithm;

impl Algorithm {
    /// Every algorithm, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::Ed25519,
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::EcdsaP521,
        Self::Rsa3072,
        Self::Rsa4096,
    ];

    /// Returns the word for it, as in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256 => "ecdsa-p256",
            Self::EcdsaP384 => "ecdsa-p384",
            Self::EcdsaP521 => "ecdsa-p521",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
        }
    }

    /// Returns the key type that stands before the blob in an OpenSSH public key.
    pub const fn ssh_name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ssh-ed25519",
            Self::EcdsaP256 => "ecdsa-sha2-nistp256",
            Self::EcdsaP384 => "ecdsa-sha2-nistp384",
            Self::EcdsaP521 => "ecdsa-sha2-nistp521",
            Self::Rsa3072 | Self::Rsa4096 => "ssh-rsa",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL
            .into_iter()
            .find(|known| known.as_str() == text)
            .ok_or(UnknownAlgorithm)
    }
}

/// The public half of a key: `<type> <base64 blob>`, without a comment, as in `authorized_keys`
/// (RFC 4253 section 6.6), and its SHA-256 fingerprint as OpenSSH prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    /// `ssh-ed25519 AAAA…`.
    pub line: String,
    /// `SHA256:…`.
    pub fingerprint: String,
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// One linked account: key material is unique over a whole Git host.
    Account(AccountId),
    /// The person, for hosts that Lanyard has no API for.
    Personal,
}

/// Why a key is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RotationCause {
    /// Somebody asked.
    Requested,
    /// The old key must not be trusted any more: it is withdrawn first.
    Compromised,
    /// The old key had reached the greatest age that a key may have.
    Age,
    /// An admin rotates many keys.
    Campaign {
        /// The campaign.
        campaign: CampaignId,
        /// Whether the old keys must not be trusted any more: they are withdrawn first.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        compromised: bool,
    },
}

impl RotationCause {
    /// Says whether the old key must not be trusted any more.
    pub const fn is_compromised(self) -> bool {
        match self {
            Self::Compromised => true,
            Self::Campaign { compromised, .. } => compromised,
            Self::Requested | Self::Age => false,
        }
    }

    /// Returns the campaign that it is part of.
    pub const fn campaign(self) -> Option<CampaignId> {
        match self {
            Self::Campaign { campaign, .. } => Some(campaign),
            Self::Requested | Self::Compromised | Self::Age => None,
        }
    }
}
