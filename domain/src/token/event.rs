//! What can have happened to an API token.

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::{DisplayName, Kind, LoggedEvent, Role, TokenId, UserId};

/// A fact about one API token. Stream `token-<token>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum TokenEvent {
    /// An admin made a token for a person.
    TokenCreated {
        /// The token's id; says nothing about the token itself.
        token: TokenId,
        /// For whom it speaks.
        user: UserId,
        /// What it is called.
        name: DisplayName,
        /// What it may do.
        roles: Vec<Role>,
        /// SHA-256 of the token, in hexadecimal: enough to recognise it, of no use to speak with.
        digest: String,
        /// When it ends.
        #[serde(with = "crate::time")]
        expires_at: DateTime<Utc>,
    },
    /// It ended before its time.
    TokenRevoked {
        /// The token.
        token: TokenId,
        /// For whom it spoke.
        user: UserId,
    },
}

impl LoggedEvent for TokenEvent {
    fn kind(&self) -> Kind {
        match self {
            Self::TokenCreated { .. } => Kind::new("TokenCreated", "LTK01I", 1),
            Self::TokenRevoked { .. } => Kind::new("TokenRevoked", "LTK02I", 1),
        }
    }
}

impl DomainEvent for TokenEvent {
    fn event_type(&self) -> String {
        self.kind().name.to_owned()
    }

    fn event_version(&self) -> String {
        self.kind().schema.to_string()
    }
}
