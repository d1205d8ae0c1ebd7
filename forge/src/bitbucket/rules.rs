//! What an admin of a practice Bitbucket Server may set while it runs.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

/// Whether people may delete keys through the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitbucketDeletes {
    /// Their own.
    Allowed,
    /// None: the status is 401 (the documented one) or 403.
    Refused(u16),
    /// None, and it says 204 all the same.
    InWord,
}

/// What `/status` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitbucketState {
    /// 200, and all else works.
    Running,
    /// 200 as well, and nothing else works.
    Maintenance,
    /// 200: nobody set it up yet.
    FirstRun,
    /// 503.
    Starting,
    /// 500.
    Error,
}

impl BitbucketState {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Maintenance => "MAINTENANCE",
            Self::FirstRun => "FIRST_RUN",
            Self::Starting => "STARTING",
            Self::Error => "ERROR",
        }
    }

    pub(super) fn status(self) -> u16 {
        match self {
            Self::Running | Self::Maintenance | Self::FirstRun => 200,
            Self::Starting => 503,
            Self::Error => 500,
        }
    }
}

/// What the settings tell of the SSH server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BitbucketSsh {
    /// Whether it is switched on.
    pub enabled: bool,
    /// How people reach it: `ssh://git.example.com:7999`.
    pub base_url: String,
    /// Where it listens.
    pub port: u16,
    /// The fingerprint of its host key.
    pub fingerprint: String,
}

impl Default for BitbucketSsh {
    fn default() -> Self {
        Self {
            enabled: true,
            base_url: "ssh://127.0.0.1:7999".to_owned(),
            port: 7999,
            fingerprint: "97:8c:1b:f2:6f:14:6b:5c:3b:ec:aa:46:46:74:7c:40".to_owned(),
        }
    }
}

/// Which keys an admin lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BitbucketKeyRule {
    /// Algorithms that are refused, `ssh-rsa` for one.
    pub refused: Vec<String>,
    /// The shortest RSA key that is let in.
    pub shortest_rsa: usize,
    /// How long a key may live at most.
    pub most_days: Option<u32>,
}

impl Default for BitbucketKeyRule {
    fn default() -> Self {
        Self {
            refused: vec!["ssh-dss".to_owned()],
            shortest_rsa: 0,
            most_days: None,
        }
    }
}

/// How many calls a person may make: a bucket of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitbucketRate {
    /// What the bucket holds.
    pub capacity: u32,
    /// What comes back each second.
    pub per_second: u32,
}

/// All that an admin set.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) state: BitbucketState,
    pub(super) deletes: BitbucketDeletes,
    pub(super) keys: BitbucketKeyRule,
    pub(super) ssh: BitbucketSsh,
    pub(super) rate: Option<BitbucketRate>,
    /// `atlassian.oauth2.provider.enable.access.tokens`.
    pub(super) bearer_tokens: bool,
    /// `feature.public.access`.
    pub(super) public_access: bool,
    /// By person.
    buckets: HashMap<u64, (i64, DateTime<Utc>)>,
}

impl Rules {
    pub(super) fn new() -> Self {
        Self {
            state: BitbucketState::Running,
            deletes: BitbucketDeletes::Allowed,
            keys: BitbucketKeyRule::default(),
            ssh: BitbucketSsh::default(),
            rate: None,
            bearer_tokens: true,
            public_access: false,
            buckets: HashMap::new(),
        }
    }

    /// Takes a token from the bucket of a person; says whether there was one.
    pub(super) fn spend(&mut self, person: u64, now: DateTime<Utc>) -> bool {
        let Some(rate) = self.rate else {
            return true;
        };
        let capacity = i64::from(rate.capacity);
        let (left, since) = self.buckets.entry(person).or_insert((capacity, now));
        let back = (now - *since).num_seconds() * i64::from(rate.per_second);
        if back > 0 {
            *left = (*left + back).min(capacity);
            *since = now;
        }
        if *left <= 0 {
            return false;
        }
        *left -= 1;
        true
    }
}
