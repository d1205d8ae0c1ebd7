//! The life of the tokens of OAuth 1.0a.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::world::World;

/// How long a request token may be authorized and exchanged.
pub(super) const REQUEST_LIFE: TimeDelta = TimeDelta::minutes(10);
/// How long an access token lives: five years.
pub(super) const ACCESS_LIFE: TimeDelta = TimeDelta::seconds(157_680_000);
/// How long the session behind it may be renewed: thirty days more.
pub(super) const SESSION_LIFE: TimeDelta = TimeDelta::seconds(160_272_000);

/// What a person said to a request token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::bitbucket) enum Said {
    Nothing,
    Yes { person: u64, verifier: String },
    No { person: u64 },
}

/// A request token, under its value.
#[derive(Clone, Debug)]
pub(in crate::bitbucket) struct RequestToken {
    pub(in crate::bitbucket) consumer: String,
    /// Where the browser goes; `None` is `oob`.
    pub(super) callback: Option<url::Url>,
    pub(super) said: Said,
    pub(super) expires_at: DateTime<Utc>,
}

impl RequestToken {
    /// Returns who answered.
    pub(in crate::bitbucket) fn person(&self) -> Option<u64> {
        match self.said {
            Said::Nothing => None,
            Said::Yes { person, .. } | Said::No { person } => Some(person),
        }
    }
}

/// An access token, under its value.
#[derive(Clone, Debug)]
pub(in crate::bitbucket) struct AccessToken {
    pub(in crate::bitbucket) consumer: String,
    pub(in crate::bitbucket) person: u64,
    pub(in crate::bitbucket) expires_at: DateTime<Utc>,
    /// The handle, and when the session ends.
    pub(super) session: (String, DateTime<Utc>),
}

impl World {
    /// Makes an access token; returns its value and its handle.
    pub(super) fn issue_signed(
        &mut self,
        consumer: &str,
        person: u64,
        now: DateTime<Utc>,
    ) -> (String, String) {
        let (value, handle) = (self.dice.letters(32), self.dice.letters(32));
        let token = AccessToken {
            consumer: consumer.to_owned(),
            person,
            expires_at: now + ACCESS_LIFE,
            session: (handle.clone(), now + SESSION_LIFE),
        };
        self.access_tokens.insert(value.clone(), token);
        (value, handle)
    }
}
