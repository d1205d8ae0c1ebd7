//! The life of a token.

use chrono::{DateTime, TimeDelta, Utc};

use super::apps::{Kind, Permissions, TokenLife};
use super::scopes::Scopes;
use super::world::World;

/// How long an access token lives, if it does not live for ever.
pub(super) const ACCESS_LIFE: TimeDelta = TimeDelta::seconds(28_800);
/// How long a refresh token lives.
pub(super) const REFRESH_LIFE: TimeDelta = TimeDelta::seconds(15_811_200);
/// How many tokens one person, app and set of scopes may have.
const MOST_TOKENS: usize = 10;

/// An access token as the server keeps it, under its secret.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) id: u64,
    pub(super) person: u64,
    pub(super) client_id: String,
    pub(super) scopes: Scopes,
    pub(super) created_at: DateTime<Utc>,
    pub(super) last_used: DateTime<Utc>,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) refresh: Option<Refresh>,
    pub(super) last_write: Option<DateTime<Utc>>,
    pub(super) limited_until: Option<DateTime<Utc>>,
}

/// The refresh token that goes with an access token.
#[derive(Clone, Debug)]
pub(super) struct Refresh {
    pub(super) secret: String,
    pub(super) expires_at: DateTime<Utc>,
}

/// What a token is asked for with.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) person: u64,
    pub(super) client_id: String,
    pub(super) scopes: Scopes,
    pub(super) life: TokenLife,
}

/// Who calls the API, on whose behalf.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) person: u64,
    pub(super) login: String,
    pub(super) client_id: String,
    pub(super) scopes: Scopes,
    /// What takes the place of scopes, for the token of a GitHub App.
    pub(super) permissions: Option<Permissions>,
}

/// Why a token does not open the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    BadCredentials,
    Suspended,
}

impl World {
    /// Makes a token and returns its secret; beyond ten of a kind the oldest dies.
    pub(super) fn issue(&mut self, order: Order, now: DateTime<Utc>) -> String {
        let mut alike: Vec<(u64, String)> = self
            .tokens
            .iter()
            .filter(|(_, token)| {
                token.person == order.person
                    && token.client_id == order.client_id
                    && token.scopes == order.scopes
            })
            .map(|(secret, token)| (token.id, secret.clone()))
            .collect();
        alike.sort();
        let spare = (alike.len() + 1).saturating_sub(MOST_TOKENS);
        for (_, secret) in alike.iter().take(spare) {
            self.tokens.remove(secret);
        }
        let expires = order.life == TokenLife::EightHours;
        let refresh = expires.then(|| Refresh {
            secret: format!("ghr_{}", self.dice.letters(64)),
            expires_at: now + REFRESH_LIFE,
        });
        let prefix = match self.permissions(&order.client_id) {
            Some(_) => "ghu",
            None => "gho",
        };
        let secret = format!("{prefix}_{}", self.dice.letters(36));
        let token = Token {
            id: self.next_id(),
            person: order.person,
            client_id: order.client_id,
            scopes: order.scopes,
            created_at: now,
            last_used: now,
            expires_at: expires.then(|| now + ACCESS_LIFE),
            refresh,
            last_write: None,
            limited_until: None,
        };
        self.tokens.insert(secret.clone(), token);
        secret
    }

    /// Returns a token of an app that still opens the door.
    pub(super) fn live_token(
        &self,
        secret: &str,
        client_id: &str,
        now: DateTime<Utc>,
    ) -> Option<&Token> {
        let token = self.tokens.get(secret)?;
        (token.client_id == client_id && token.is_live(now)).then_some(token)
    }

    /// Finds out who calls.
    pub(super) fn caller(&mut self, secret: &str, now: DateTime<Utc>) -> Result<Caller, Denied> {
        let token = self
            .tokens
            .get_mut(secret)
            .filter(|token| token.is_live(now))
            .ok_or(Denied::BadCredentials)?;
        token.last_used = now;
        let person = self
            .people
            .get(&token.person)
            .filter(|person| !person.is_refused)
            .ok_or(Denied::BadCredentials)?;
        if person.suspended_at.is_some() {
            return Err(Denied::Suspended);
        }
        let mut caller = Caller {
            person: person.id,
            login: person.login.clone(),
            client_id: token.client_id.clone(),
            scopes: token.scopes.clone(),
            permissions: None,
        };
        caller.permissions = self.permissions(&caller.client_id);
        Ok(caller)
    }

    /// Returns what a GitHub App may do; nothing for an OAuth app.
    pub(super) fn permissions(&self, client_id: &str) -> Option<Permissions> {
        match self.apps.get(client_id)?.kind {
            Kind::Oauth => None,
            Kind::GitHub(permissions) => Some(permissions),
        }
    }

    /// Uses up a refresh token: the old pair dies at once. Returns what the new pair is made of.
    pub(super) fn use_refresh(
        &mut self,
        refresh: &str,
        client_id: &str,
        now: DateTime<Utc>,
    ) -> Option<Token> {
        let secret = self.tokens.iter().find_map(|(secret, token)| {
            let pair = token.refresh.as_ref()?;
            let good =
                pair.secret == refresh && pair.expires_at > now && token.client_id == client_id;
            good.then(|| secret.clone())
        })?;
        self.tokens.remove(&secret)
    }
}

impl Token {
    pub(super) fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}
