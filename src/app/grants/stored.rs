//! Tokens as the vault keeps them.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::Access;
use crate::providers::Tokens;
use crate::vault::Secret;

/// How long a provider may take until all of it knows a new token.
const SPREAD: TimeDelta = TimeDelta::minutes(1);

/// How long before its end an access token is refreshed, at most: a fifth of its life if shorter.
const MARGIN: TimeDelta = TimeDelta::minutes(15);

/// Tokens as the vault keeps them.
#[derive(Serialize, Deserialize)]
pub struct StoredTokens {
    access: String,
    #[serde(default)]
    pub(super) refresh: Option<String>,
    #[serde(default)]
    token_secret: Option<String>,
    #[serde(default)]
    issued_at: Option<DateTime<Utc>>,
    #[serde(default)]
    pub(super) expires_at: Option<DateTime<Utc>>,
    /// Whether they were got because the ones before were refused before their time.
    #[serde(default)]
    pub(super) after_refusal: bool,
    /// Whether a person brought them, and not a refresh.
    #[serde(default)]
    of_link: bool,
}

impl StoredTokens {
    /// Takes what a provider gave.
    pub fn new(tokens: &Tokens, now: DateTime<Utc>) -> Self {
        Self {
            access: tokens.access.expose_str().to_owned(),
            refresh: tokens
                .refresh
                .as_ref()
                .map(|token| token.expose_str().to_owned()),
            token_secret: tokens
                .token_secret
                .as_ref()
                .map(|secret| secret.expose_str().to_owned()),
            issued_at: Some(now),
            expires_at: tokens.expires_at,
            after_refusal: false,
            of_link: false,
        }
    }

    /// Says that a person brought them.
    #[must_use]
    pub fn of_link(mut self) -> Self {
        self.of_link = true;
        self
    }

    /// Says whether a person has just brought them: who took them is about to tell the log, with all
    /// that is known of it.
    pub(super) fn is_being_linked(&self, now: DateTime<Utc>) -> bool {
        self.of_link
            && self
                .issued_at
                .is_some_and(|issued_at| now < issued_at + SPREAD)
    }

    /// Writes them for the vault.
    ///
    /// # Panics
    ///
    /// Never: texts and times serialise.
    pub fn to_secret(&self) -> Secret {
        serde_json::to_string(self)
            .expect("tokens serialise")
            .into()
    }

    /// Reads them back.
    pub fn read(secret: &Secret) -> Option<Self> {
        serde_json::from_slice(secret.expose()).ok()
    }

    /// Returns them as an adapter takes them.
    pub fn tokens(&self) -> Tokens {
        Tokens {
            access: self.access.as_str().into(),
            refresh: self.refresh.as_deref().map(Into::into),
            token_secret: self.token_secret.as_deref().map(Into::into),
            expires_at: self.expires_at,
            scopes: None,
        }
    }

    /// Says whether these are the tokens that a provider gave: also one that gives the same again.
    pub(in crate::app) fn are(&self, given: &Tokens) -> bool {
        let same = |ours: Option<&str>, theirs: Option<&Secret>| {
            ours.is_some() && ours == theirs.map(Secret::expose_str)
        };
        same(Some(&self.access), Some(&given.access))
            || same(self.refresh.as_deref(), given.refresh.as_ref())
    }

    /// Hands out the access token.
    pub fn access(&self, generation: u64, now: DateTime<Utc>) -> Access {
        Access {
            token: self.access.as_str().into(),
            generation,
            is_new: self
                .issued_at
                .is_some_and(|issued_at| now < issued_at + SPREAD),
            after_refusal: self.after_refusal,
        }
    }

    /// Says whether the access token no longer works.
    pub(super) fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|expires_at| now >= expires_at)
    }

    /// Says whether the access token is to be refreshed before its next use.
    pub(super) fn is_stale(&self, now: DateTime<Utc>) -> bool {
        let Some(expires_at) = self.expires_at else {
            return false;
        };
        let life = self
            .issued_at
            .map_or(MARGIN * 5, |issued_at| expires_at - issued_at);
        now >= expires_at - MARGIN.min(life / 5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(life: TimeDelta) -> StoredTokens {
        let issued_at = DateTime::UNIX_EPOCH;
        StoredTokens {
            access: "a".to_owned(),
            refresh: Some("r".to_owned()),
            token_secret: None,
            issued_at: Some(issued_at),
            expires_at: Some(issued_at + life),
            after_refusal: false,
            of_link: false,
        }
    }

    #[test]
    fn a_token_of_hours_is_refreshed_a_quarter_of_an_hour_before_its_end() {
        let stored = stored(TimeDelta::hours(8));
        let end = DateTime::UNIX_EPOCH + TimeDelta::hours(8);
        assert!(!stored.is_stale(end - TimeDelta::minutes(16)));
        assert!(stored.is_stale(end - TimeDelta::minutes(15)));
    }

    #[test]
    fn a_token_of_minutes_is_refreshed_when_a_fifth_of_its_life_is_left() {
        let stored = stored(TimeDelta::minutes(10));
        let end = DateTime::UNIX_EPOCH + TimeDelta::minutes(10);
        assert!(!stored.is_stale(end - TimeDelta::seconds(121)));
        assert!(stored.is_stale(end - TimeDelta::seconds(120)));
    }

    #[test]
    fn a_token_without_an_end_is_never_stale() {
        let stored = StoredTokens {
            expires_at: None,
            ..stored(TimeDelta::hours(1))
        };
        assert!(!stored.is_stale(DateTime::<Utc>::MAX_UTC));
    }
}
