//! API tokens: made, recognised, ended.
//!
//! A token's id is derived from its digest, so that recognising one is a read of its own stream
//! in the log: no list has to be up to date, and an end acts on the very next request.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest as hash};
use chrono::{DateTime, TimeDelta, Utc};
use domain::token::{Token, TokenCommand, TokenEvent};
use domain::{DisplayName, Role, StreamName, TokenId, UserId, decode_as};
use projections::{Limit, Page, tokens};
use uuid::Uuid;

use super::{App, Caller, CommandError, Executed};
use crate::clock::Ids;
use crate::vault::Secret;

/// How long the one-time secret of a new server is good for.
const FIRST_SECRET_LIFE: TimeDelta = TimeDelta::minutes(60);

/// What a token begins with: `lyd` for whoever finds one, `pat` for its kind.
const PREFIX: &str = "lyd_pat_";

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The random part, and the check that tells a mistyped token without asking anybody.
const RANDOM: usize = 30;
const CHECK: usize = 6;

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

/// How long a recognised token is believed without looking again. An end made by this process
/// acts at once; one made by another instance, within this time.
const BELIEVED: Duration = Duration::from_secs(1);

/// How many recognised tokens are remembered at most.
const REMEMBERED: usize = 10_000;

/// What the server remembers of tokens: those just recognised, and its one-time secret.
#[derive(Debug, Default)]
pub struct TokenKeeper {
    known: Mutex<HashMap<String, (Principal, Instant)>>,
    first: Mutex<Option<FirstSecret>>,
}

/// The one-time secret printed at the server's own terminal, while it is good for anything.
#[derive(Debug)]
struct FirstSecret {
    digest: Vec<u8>,
    until: DateTime<Utc>,
}

impl TokenKeeper {
    fn known(&self, digest: &str) -> Option<Principal> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (principal, since) = known.get(digest)?;
        (since.elapsed() < BELIEVED).then(|| principal.clone())
    }

    fn remember(&self, digest: String, principal: &Principal) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.retain(|_, (_, since)| since.elapsed() < BELIEVED);
        }
        if known.len() < REMEMBERED {
            known.insert(digest, (principal.clone(), Instant::now()));
        }
    }

    fn forget(&self, token: TokenId) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (principal, _)| principal.token != token);
    }

    fn put_first(&self, digest: Vec<u8>, until: DateTime<Utc>) {
        *self.first.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(FirstSecret { digest, until });
    }

    /// Takes the one-time secret away if `sent` is it: of many who race, one gets it.
    fn take_first(&self, sent: &str, now: DateTime<Utc>) -> bool {
        let sent = sha256(sent.trim());
        let mut kept = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let right = kept.as_ref().is_some_and(|first| {
            verify_slices_are_equal(&first.digest, &sent).is_ok() && now < first.until
        });
        if right {
            *kept = None;
        }
        right
    }
}

impl App {
    /// Says whom a token speaks for, if it is one of ours and current.
    pub async fn authenticate(&self, token: &str) -> Result<Option<Principal>, CommandError> {
        if !is_well_formed(token) {
            return Ok(None);
        }
        let digest = digest(token);
        let now = self.now();
        let known = match self.token_keeper.known(&digest) {
            Some(known) => Some(known),
            None => self.look_up(digest).await?,
        };
        Ok(known.filter(|known| now < known.expires_at))
    }

    /// Says whom the token of an id speaks for, if it is current.
    pub async fn principal_of(&self, id: TokenId) -> Result<Option<Principal>, CommandError> {
        let now = self.now();
        let known = self.recognise(id, None).await?;
        Ok(known.filter(|known| now < known.expires_at))
    }

    async fn look_up(&self, digest: String) -> Result<Option<Principal>, CommandError> {
        for id in [id_of(&digest), FIRST] {
            if let Some(principal) = self.recognise(id, Some(&digest)).await? {
                self.token_keeper.remember(digest, &principal);
                return Ok(Some(principal));
            }
        }
        Ok(None)
    }

    /// Makes a token.
    pub async fn create_token(&self, new: NewToken, caller: &Caller) -> Result<Made, CommandError> {
        let token = new_token(self.ids.as_ref());
        let id = id_of(&digest(token.expose_str()));
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
            digest: digest(token.expose_str()),
            now,
            life,
        };
        let done = self.dispatch.execute::<Token>(&id, command, caller).await?;
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

/// Says whether a text can be a token of ours at all.
pub fn is_well_formed(token: &str) -> bool {
    let Some(rest) = token.strip_prefix(PREFIX) else {
        return false;
    };
    rest.len() == RANDOM + CHECK
        && rest.bytes().all(|b| b.is_ascii_alphanumeric())
        && check(&rest[..RANDOM]) == rest[RANDOM..]
}

fn new_token(ids: &dyn Ids) -> Secret {
    let random = random(ids);
    let check = check(&random);
    format!("{PREFIX}{random}{check}").into()
}

/// Draws characters evenly: a byte beyond the last whole round of 62 is drawn again.
fn random(ids: &dyn Ids) -> String {
    let mut text = String::with_capacity(RANDOM);
    while text.len() < RANDOM {
        let mut bytes = [0; 64];
        ids.fill(&mut bytes);
        let drawn = bytes.iter().filter(|byte| **byte < 248);
        let drawn = drawn.map(|byte| char::from(BASE62[usize::from(byte % 62)]));
        text.extend(drawn.take(RANDOM - text.len()));
    }
    text
}

fn check(random: &str) -> String {
    let mut left = crc32fast::hash(random.as_bytes());
    let mut digits = [b'0'; CHECK];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(left % 62) as usize];
        left /= 62;
    }
    digits.map(char::from).iter().collect()
}

/// Returns the SHA-256 of a token, in hexadecimal.
fn digest(token: &str) -> String {
    hex(&sha256(token))
}

/// Returns the SHA-256 of a text.
pub fn sha256(text: impl AsRef<[u8]>) -> Vec<u8> {
    hash(&SHA256, text.as_ref()).as_ref().to_vec()
}

/// Writes bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn id_of(digest: &str) -> TokenId {
    const TOKENS: Uuid = Uuid::from_u128(0x6c61_6e79_6172_4400_8000_0074_6f6b_656e);
    TokenId::new(Uuid::new_v5(&TOKENS, digest.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SeededIds;

    #[test]
    fn a_token_tells_by_itself_whether_it_was_mistyped() {
        let token = new_token(&SeededIds::new(7));
        let token = token.expose_str();
        assert_eq!(token.len(), PREFIX.len() + RANDOM + CHECK);
        assert!(is_well_formed(token));
        let mut mistyped = token.to_owned();
        let last = mistyped.pop().unwrap();
        mistyped.push(if last == 'x' { 'y' } else { 'x' });
        assert!(!is_well_formed(&mistyped));
        for other in [
            "",
            "lyd_pat_",
            "lyd_svc_",
            &token[1..],
            &format!("{token}0"),
        ] {
            assert!(!is_well_formed(other), "{other}");
        }
    }

    #[test]
    fn the_check_fills_six_places() {
        assert_eq!(check("").len(), CHECK);
        assert_eq!(check("0"), check("0"));
        assert_ne!(check("0"), check("1"));
    }

    #[test]
    fn the_secret_is_taken_once_and_in_time() {
        let now = DateTime::UNIX_EPOCH;
        let secret = TokenKeeper::default();
        assert!(!secret.take_first("s", now));
        secret.put_first(sha256("s"), now + FIRST_SECRET_LIFE);
        assert!(!secret.take_first("t", now));
        assert!(!secret.take_first("s", now + FIRST_SECRET_LIFE));
        assert!(secret.take_first("s", now));
        assert!(!secret.take_first("s", now));
    }
}
