//! The Git servers of a simulation: what they hold, what they allow, and what was done to them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::provider::ProviderKind;

use crate::faults::REFUSALS;

/// All Git servers, by the short name of their provider.
#[derive(Default)]
pub(crate) struct Hosts {
    /// The servers.
    pub(crate) all: BTreeMap<&'static str, Host>,
    /// What was done to keys since somebody looked.
    pub(crate) effects: Vec<Effect>,
    /// How often a key was put or taken away, ever.
    pub(crate) changes: usize,
    /// Which process has listed an account's keys and not sent one since.
    pub(crate) looked: BTreeSet<(u64, &'static str, &'static str)>,
}

impl Hosts {
    /// Writes down what was done to a key.
    pub(crate) fn did(
        &mut self,
        host: &'static str,
        account: &'static str,
        line: String,
        (what, out_of_turn): (What, Option<String>),
    ) {
        self.changes += usize::from(what != What::Blindly);
        self.effects.push(Effect {
            host,
            account,
            line,
            what,
            out_of_turn,
        });
    }

    /// Writes down that a token was refused for no reason. Where it cannot be refreshed, or where
    /// that goes on, nobody can tell it from one that was revoked.
    pub(crate) fn refuses(&mut self, slug: &str, token: &str) {
        let Some(host) = self.all.get_mut(slug) else {
            return;
        };
        let Some(given) = host.grants.get(token) else {
            return;
        };
        let times = host.refusals.entry(given.account).or_default();
        *times += 1;
        if given.refresh.is_none() || *times >= REFUSALS {
            host.refused.insert(given.account);
        }
    }
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
    /// How often a token of theirs was refused for no reason.
    refusals: BTreeMap<&'static str, usize>,
    /// Whether a token has a secret of its own: OAuth 1.0a.
    signed: bool,
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
    pub(crate) secret: Option<String>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) dead: bool,
}

/// What Lanyard did to a key.
pub(crate) struct Effect {
    pub(crate) host: &'static str,
    pub(crate) account: &'static str,
    pub(crate) line: String,
    pub(crate) what: What,
    /// Who had the provider's lane, if it was another instance than the one that did it.
    pub(crate) out_of_turn: Option<String>,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// It was sent, and nobody had looked whether it was there.
    Blindly,
    /// It was put there.
    Added,
    /// It was taken away; whether Lanyard had put it there.
    Removed { ours: bool },
}

impl Host {
    /// A server with an account for each person.
    pub(crate) fn new(kind: ProviderKind, people: &[&'static str], lenient: bool) -> Self {
        let refreshes = matches!(kind, ProviderKind::Gitlab | ProviderKind::Gitea);
        let life = refreshes.then(|| TimeDelta::hours(2));
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
            refusals: BTreeMap::new(),
            signed: kind == ProviderKind::BitbucketServer,
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
            secret: self.signed.then(|| format!("secret-{number}")),
            expires_at: self.life.map(|life| now + life),
            dead: false,
        };
        self.grants.insert(access.clone(), given);
        access
    }

    /// Puts a key there by a person's hand, on their own account or at our request.
    pub(crate) fn paste(&mut self, account: &'static str, title: &str, line: String, ours: bool) {
        let id = self.number();
        let entry = Entry {
            id,
            title: title.to_owned(),
            line,
            ours,
        };
        self.keys.entry(account).or_default().push(entry);
    }
}
