//! An API token: made by an admin for a person, with roles and an end.

mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

use chrono::TimeDelta;
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use command::TokenCommand;
pub use error::TokenError;
pub use event::TokenEvent;

use crate::{TokenId, UserId};

/// How long a token lives where nobody says.
pub const DEFAULT_LIFE: TimeDelta = TimeDelta::days(90);

/// How long a token may live at most.
pub const LONGEST_LIFE: TimeDelta = TimeDelta::days(365);

/// The life of one token.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Token {
    /// Never made.
    #[default]
    Absent,
    /// Made; it may have run out.
    Created {
        /// The token.
        token: TokenId,
        /// For whom it speaks.
        user: UserId,
        /// SHA-256 of the token, in hexadecimal.
        digest: String,
    },
    /// Ended before its time.
    Revoked,
}

impl Token {
    /// Decides what follows from a command.
    pub fn decide(&self, command: TokenCommand) -> Result<Vec<TokenEvent>, TokenError> {
        use TokenCommand as C;
        match (self, command) {
            (
                Self::Absent,
                C::CreateToken {
                    token,
                    user,
                    name,
                    mut roles,
                    digest,
                    now,
                    life,
                },
            ) => {
                roles.sort_unstable();
                roles.dedup();
                if roles.is_empty() {
                    return Err(TokenError::NoRole);
                }
                if life <= TimeDelta::zero() || life > LONGEST_LIFE {
                    return Err(TokenError::BadLife);
                }
                let expires_at = now + life;
                Ok(vec![TokenEvent::TokenCreated {
                    token,
                    user,
                    name,
                    roles,
                    digest,
                    expires_at,
                }])
            }
            (Self::Created { digest: known, .. }, C::CreateToken { digest, .. })
                if *known == digest =>
            {
                Ok(vec![])
            }
            (Self::Created { .. } | Self::Revoked, C::CreateToken { .. }) => {
                Err(TokenError::AlreadyCreated)
            }
            (Self::Created { token, user, .. }, C::RevokeToken) => {
                Ok(vec![TokenEvent::TokenRevoked {
                    token: *token,
                    user: user.clone(),
                }])
            }
            (Self::Revoked, C::RevokeToken) => Ok(vec![]),
            (Self::Absent, C::RevokeToken) => Err(TokenError::NotFound),
        }
    }
}

impl Aggregate for Token {
    const TYPE: &'static str = "token";
    type Command = TokenCommand;
    type Event = TokenEvent;
    type Error = TokenError;
    type Services = ();

    async fn handle(
        &mut self,
        command: TokenCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), TokenError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: TokenEvent) {
        match event {
            TokenEvent::TokenCreated {
                token,
                user,
                digest,
                ..
            } => {
                *self = Self::Created {
                    token,
                    user,
                    digest,
                };
            }
            TokenEvent::TokenRevoked { .. } => *self = Self::Revoked,
        }
    }
}
