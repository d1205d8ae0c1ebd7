//! The life of a pair of tokens.

use chrono::{DateTime, TimeDelta, Utc};

use super::world::World;

/// How long every access token lives: fixed, and since 15.0 for all of them.
pub(super) const ACCESS_LIFE: TimeDelta = TimeDelta::seconds(7200);

/// A pair as the server keeps it, under its access token.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) person: u64,
    pub(super) client_id: String,
    pub(super) scopes: Vec<String>,
    /// The redirect URI of the authorize page; the refresh must name it again.
    pub(super) redirect: String,
    /// The refresh token. It does not run out, but works once.
    pub(super) refresh: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) revoked: bool,
}

/// What a pair is made of.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) person: u64,
    pub(super) client_id: String,
    pub(super) scopes: Vec<String>,
    pub(super) redirect: String,
}

/// Who calls the API, on whose behalf.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) person: u64,
    pub(super) client_id: String,
}

impl Token {
    pub(super) fn has_expired(&self, now: DateTime<Utc>) -> bool {
        now >= self.created_at + ACCESS_LIFE
    }

    pub(super) fn is_live(&self, now: DateTime<Utc>) -> bool {
        !self.revoked && !self.has_expired(now)
    }

    /// Returns the seconds that the access token still has.
    pub(super) fn seconds_left(&self, now: DateTime<Utc>) -> i64 {
        (self.created_at + ACCESS_LIFE - now).num_seconds()
    }
}

impl World {
    /// Makes a pair and returns its access token.
    pub(super) fn issue(&mut self, order: Order, now: DateTime<Utc>) -> String {
        let access = self.dice.hex(64);
        let token = Token {
            person: order.person,
            client_id: order.client_id,
            scopes: order.scopes,
            redirect: order.redirect,
            refresh: self.dice.hex(64),
            created_at: now,
            revoked: false,
        };
        self.tokens.insert(access.clone(), token);
        access
    }

    /// Returns the pair that a refresh token belongs to, dead or alive.
    pub(super) fn pair_of(&mut self, refresh: &str) -> Option<&mut Token> {
        self.tokens
            .values_mut()
            .find(|token| token.refresh == refresh)
    }

    /// Takes an application away from a person: all their tokens for it die, and the codes.
    pub(super) fn revoke_grant(&mut self, person: u64, client_id: &str) {
        self.codes
            .retain(|_, code| code.person != person || code.client_id != client_id);
        for token in self.tokens.values_mut() {
            if token.person == person && token.client_id == client_id {
                token.revoked = true;
            }
        }
    }
}
