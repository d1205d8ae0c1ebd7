//! What can be asked of a token.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{DisplayName, Role, TokenId, UserId};

/// A command to one token.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenCommand {
    /// Makes a token. No event if it was made with the same digest.
    CreateToken {
        /// Its id.
        token: TokenId,
        /// For whom it speaks.
        user: UserId,
        /// What it is called.
        name: DisplayName,
        /// What it may do.
        roles: Vec<Role>,
        /// SHA-256 of the token, in hexadecimal.
        digest: String,
        /// The time now.
        now: DateTime<Utc>,
        /// How long it lives.
        life: TimeDelta,
    },
    /// Ends it before its time.
    RevokeToken,
}
