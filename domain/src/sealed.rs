//! Personal data inside events.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::UserId;

/// Text sealed under one person's data key.
///
/// The log keeps the sealed form for ever; destroying the person's key makes it unreadable
/// while every proof over the log still verifies. Only the vault opens it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// Whose data key opens it.
    pub person: UserId,
    /// Key version, nonce and ciphertext, in the vault's own encoding (base64url, no padding).
    pub sealed: String,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({})", self.person)
    }
}
