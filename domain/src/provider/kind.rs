//! Which product a provider runs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::keyring::Algorithm;

/// A product that Lanyard can work with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// github.com, `*.ghe.com` and GitHub Enterprise Server.
    Github,
}

impl ProviderKind {
    /// Every kind, in the order in which they are shown.
    pub const ALL: [Self; 1] = [Self::Github];

    /// Returns the word for it, as in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
        }
    }

    /// Says whether the product takes keys of this algorithm.
    pub const fn accepts(self, algorithm: Algorithm) -> bool {
        match (self, algorithm) {
            (
                Self::Github,
                Algorithm::Ed25519
                | Algorithm::EcdsaP256
                | Algorithm::EcdsaP384
                | Algorithm::EcdsaP521
                | Algorithm::Rsa3072
                | Algorithm::Rsa4096,
            ) => true,
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which redirect URL the provider's OAuth app is registered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Callback {
    /// `<public url>/oauth/callback/<provider>`: this provider's own.
    Own,
    /// `<public url>/oauth/callback`: shared, with less protection against mix-up
    /// (RFC 9700 section 4.4).
    Shared,
}
