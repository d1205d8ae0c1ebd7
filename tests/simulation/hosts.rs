//! The Git servers of a simulation: what they hold, what they allow, and what was done to them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::provider::ProviderKind;

/// All Git servers, by the short name of their provider.
#[derive(Default)]
pub(crate) struct Hosts {
    /// The servers.
    pub(crate) all: BTreeMap<&'static str, Host>,
    /// What was done to keys since somebody looked.
    pub(crate) effects: Vec<Effect>,
    /// How often a key was put or taken away, ever.
    pub(crate) changes: usize,
}

/// One Git server.
pub(crate) struct Host {
    /// Whether it takes the same key a second time on the same account.
    pub(crate) lenient: bool,
    /// How long an access token lives; for ever if absent, and then it cannot be refreshed.
    pub(crate) life: Option<TimeDelta>,
    /// Whether it answers at all.
    pub(crate) down: bool,
    /// Until when it answers nothing but "too many requests".
    pub(crate) limited_until: Option<DateTime<Utc>>,
    /// The keys of each account.
    pub(crate) keys: BTreeMap<&'static str, Vec<Entry>>,
    /// What was granted, by access token.
    pub(crate) grants: BTreeMap<String, Given>,
    /// Keys of ours that a person removed, or put there in our place.
    pub(crate) meddled: BTreeSet<String>,
    /// Those of them that a person removed.
    pub(crate) removed: BTreeSet<String>,
    /// Accounts for which a grant was refused that was revoked or used up.
    pub(crate) refused: BTreeSet<&'static str>,
    next: u64,
}

/// A key on an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    pub(crate) title: String,
    pub(crate) line: String,
    pub(crate) ours: bool,
}

/// What a person granted.
pub(crate) struct Given {
    pub(crate) account: &'static str,
    pub(crate) refresh: Option<String>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) dead: bool,
}

/// What Lanyard did to a key.
pub(crate) struct Effect {
    pub(crate) host: &'static str,
    pub(crate) account: &'static str,
    pub(crate) line: String,
    pub(crate) what: What,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// It was put there.
    Added,
    /// It was taken away; whether Lanyard had put it there.
    Removed { ours: bool },
}

impl Host {
    /// A server with an account for each person.
    pub(crate) fn new(kind: ProviderKind, people: &[&'static str], lenient: bool) -> Self {
        let life = (kind != ProviderKind::Github).then(|| TimeDelta::hours(2));
        Self {
            lenient,
            life,
            down: false,
            limited_until: None,
            keys: people.iter().map(|person| (*person, Vec::new())).collect(),
            grants: BTreeMap::new(),
            meddled: BTreeSet::new(),
            removed: BTreeSet::new(),
            refused: BTreeSet::new(),
            next: 1,
        }
    }

    /// Counts on.
    pub(crate) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Returns the account that has a key.
    pub(crate) fn holder(&self, line: &str) -> Option<&'static str> {
        let holds = |keys: &Vec<Entry>| keys.iter().any(|entry| entry.line == line);
        self.keys
            .iter()
            .find_map(|(account, keys)| holds(keys).then_some(*account))
    }

    /// Returns an account's keys.
    pub(crate) fn of(&self, account: &str) -> &[Entry] {
        self.keys.get(account).map_or(&[], Vec::as_slice)
    }

    /// Grants access for an account.
    pub(crate) fn grant(&mut self, account: &'static str, now: DateTime<Utc>) -> String {
        let number = self.number();
        let access = format!("access-{number}");
        let given = Given {
            account,
            refresh: self.life.map(|_| format!("refresh-{number}")),
            expires_at: self.life.map(|life| now + life),
            dead: false,
        };
        self.grants.insert(access.clone(), given);
        access
    }

    /// Puts a key there by a person's own hand.
    pub(crate) fn paste(&mut self, account: &'static str, title: &str, line: String) {
        let id = self.number();
        let entry = Entry {
            id,
            title: title.to_owned(),
            line,
            ours: false,
        };
        self.keys.entry(account).or_default().push(entry);
    }
}
