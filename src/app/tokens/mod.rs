//! API tokens: made, recognised, ended.
//!
//! A token's id is derived from its digest, so that recognising one is a read of its own stream
//! in the log: no list has to be up to date, and an end acts on the very next request.

mod form;
mod keeper;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::token::{Token, TokenCommand, TokenEvent};
use domain::{DisplayName, Role, StreamName, TokenId, UserId, decode_as};
use projections::{Limit, Page, tokens};
use uuid::Uuid;

pub use keeper::TokenKeeper;

use self::form::{is_well_formed, new_token, random};
use super::digest::{sha256, sha256_hex};
use super::{App, Caller, CommandError, Executed};
use crate::vault::Secret;

/// How long the one-time secret of a new server is good for.
const FIRST_SECRET_LIFE: TimeDelta = TimeDelta::minutes(60);

/// The first admin token has this id whatever its digest is, so that there can only be one.
const FIRST: TokenId = TokenId::new(Uuid::from_u128(0x6c61_6e79_6172_4400_8000_6669_7273_7401));

/// Whom a token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The person.
    pub user: UserId,
    /// What they may do with it.
    pub roles: Vec<Role>,
    /// The token.
    pub token: TokenId,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// A token that was just made: the only time it is seen.
#[derive(Debug)]
pub struct Made {
    /// The token itself.
    pub token: Secret,
    /// Its id.
    pub id: TokenId,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// The index of the event.
    pub index: Option<u64>,
}

/// What is said of a new token.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// For whom it speaks.
    pub user: UserId,
    /// What it is called.
    pub name: DisplayName,
    /// What it may do.
    pub roles: Vec<Role>,
    /// How long it lives.
    pub life: TimeDelta,
}

/// Why no first admin token was made.
#[derive(Debug, thiserror::Error)]
pub enum FirstTokenError {
    /// One was made before.
    #[error("the first admin token has been made")]
    Made,
    /// Not the secret, or not any more.
    #[error("this is not the one-time secret of this server")]
    Refused,
    /// Something else.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl App {
    /// Says whom a token speaks for, if it is one of ours and current.
    pub async fn authenticate(&self, token: &str) -> Result<Option<Arc<Principal>>, CommandError> {
        if !is_well_formed(token) {
            return Ok(None);
        }
        let digest = sha256_hex(token);
        let now = self.now();
        let known = match self.token_keeper.known(&digest) {
            Ok(known) => Some(known),
            // Boxed: all that a look-up needs would be part of the future of each request.
            Err(ended) => Box::pin(self.look_up(digest, ended)).await?,
        };
        Ok(known.filter(|known| now < known.expires_at))
    }

    /// Says whom the token of an id speaks for, if it is current.
    pub async fn principal_of(&self, id: TokenId) -> Result<Option<Principal>, CommandError> {
        let now = self.now();
        let known = self.recognise(id, None).await?;
        Ok(known.filter(|known| now < known.expires_at))
    }

    async fn look_up(
        &self,
        digest: String,
        ended: u64,
    ) -> Result<Option<Arc<Principal>>, CommandError> {
        for id in [id_of(&digest), FIRST] {
            if let Some(principal) = self.recognise(id, Some(&digest)).await? {
                let principal = Arc::new(principal);
                self.token_keeper.remember(digest, &principal, ended);
                return Ok(Some(principal));
            }
        }
        Ok(None)
    }

    /// Makes a token.
    pub async fn create_token(&self, new: NewToken, caller: &Caller) -> Result<Made, CommandError> {
        self.admits(&new.user).await?;
        let token = new_token(self.ids.as_ref());
        let id = id_of(&sha256_hex(token.expose_str()));
        self.record_token(id, token, new, caller).await
    }

    /// Lists tokens, one person's or everybody's.
    pub async fn list_tokens(
        &self,
        user: Option<&UserId>,
        after: Option<TokenId>,
        limit: Limit,
    ) -> Result<Page<tokens::TokenRow, TokenId>, CommandError> {
        let asked = match user {
            Some(user) => tokens::page_of(user, after, limit),
            None => tokens::page(after, limit),
        };
        let rows = self.database.query(asked).await?;
        let items: Result<Vec<_>, _> = rows.iter().map(tokens::from_row).collect();
        let items = items?;
        let full = items.len() == limit.rows() as usize;
        let next = items.last().filter(|_| full).map(|row| row.token);
        Ok(Page { items, next })
    }

    /// Ends a token, whoever's it is or `user`'s only.
    pub async fn revoke_token(
        &self,
        id: TokenId,
        user: Option<&UserId>,
        caller: &Caller,
    ) -> Result<Executed<Token>, CommandError> {
        if let Some(user) = user {
            let (token, _) = self.dispatch.load::<Token>(&id).await?;
            let theirs = matches!(&token, Token::Created { user: of, .. } if of == user)
                || token == Token::Revoked;
            if !theirs {
                return Err(CommandError::Refused(
                    domain::token::TokenError::NotFound.into(),
                ));
            }
        }
        let ended = self
            .dispatch
            .execute::<Token>(&id, TokenCommand::RevokeToken, caller)
            .await;
        self.token_keeper.forget(id);
        ended
    }

    /// Makes the one-time secret of a server that has no admin token yet, to be printed at its
    /// own terminal and nowhere else; nothing if there is one.
    pub async fn new_first_secret(&self) -> Result<Option<Secret>, CommandError> {
        let (first, _) = self.dispatch.load::<Token>(&FIRST).await?;
        if first != Token::Absent {
            return Ok(None);
        }
        let secret = format!("lyd_boot_{}", random(self.ids.as_ref()));
        self.token_keeper
            .put_first(sha256(&secret), self.now() + FIRST_SECRET_LIFE);
        Ok(Some(secret.into()))
    }

    /// Makes the first admin token for the one-time secret, once. It has every role, because a
    /// token never gives what its holder does not have.
    pub async fn create_first_token(
        &self,
        secret: &Secret,
        new: NewToken,
        caller: &Caller,
    ) -> Result<Made, FirstTokenError> {
        let (first, _) = self.dispatch.load::<Token>(&FIRST).await?;
        if first != Token::Absent {
            return Err(FirstTokenError::Made);
        }
        if !self
            .token_keeper
            .take_first(secret.expose_str(), self.now())
        {
            return Err(FirstTokenError::Refused);
        }
        let token = new_token(self.ids.as_ref());
        match self.record_token(FIRST, token, new, caller).await {
            Ok(made) => Ok(made),
            Err(CommandError::Refused(_)) => Err(FirstTokenError::Made),
            Err(error) => {
                // Nothing was made: the secret is still good for a try.
                let digest = sha256(secret.expose_str().trim());
                self.token_keeper
                    .put_first(digest, self.now() + FIRST_SECRET_LIFE);
                Err(error.into())
            }
        }
    }

    async fn record_token(
        &self,
        id: TokenId,
        token: Secret,
        new: NewToken,
        caller: &Caller,
    ) -> Result<Made, CommandError> {
        let now = self.now();
        let life = new.life;
        let command = TokenCommand::CreateToken {
            token: id,
            user: new.user,
            name: new.name,
            roles: new.roles,
            digest: sha256_hex(token.expose_str()),
            now,
            life,
        };
        let done = self.dispatch.begin::<Token>(&id, command, caller).await?;
        Ok(Made {
            token,
            id,
            expires_at: now + life,
            index: done.index,
        })
    }

    /// Reads a token's stream and says whom it speaks for, if it has this digest and was not ended.
    async fn recognise(
        &self,
        id: TokenId,
        digest: Option<&str>,
    ) -> Result<Option<Principal>, CommandError> {
        let stream = StreamName::of("token", &id);
        let mut known = None;
        for stored in self.log.read_stream(&stream, 0, 2).await? {
            let recorded = decode_as::<TokenEvent>(stored.index, &stored.line)
                .map_err(|error| CommandError::Unavailable(error.to_string()))?;
            known = match recorded.event {
                TokenEvent::TokenCreated {
                    token,
                    user,
                    roles,
                    digest: of,
                    expires_at,
                    ..
                } if digest.is_none_or(|digest| of == digest) => Some(Principal {
                    user,
                    roles,
                    token,
                    expires_at,
                }),
                TokenEvent::TokenCreated { .. } | TokenEvent::TokenRevoked { .. } => None,
            };
        }
        Ok(known)
    }
}

fn id_of(digest: &str) -> TokenId {
    const TOKENS: Uuid = Uuid::from_u128(0x6c61_6e79_6172_4400_8000_0074_6f6b_656e);
    TokenId::new(Uuid::new_v5(&TOKENS, digest.as_bytes()))
}
