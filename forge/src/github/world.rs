//! What the server knows: people, apps, grants, tokens and keys.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use super::apps::Registration;
use super::authorize::{Code, Consent};
use super::keys::{Purpose, StoredKey};
use super::limits::Budget;
use super::people::Person;
use super::scopes::Scopes;
use super::tokens::Token;
use crate::dice::Dice;

/// GitHub.com takes tokens and keys away that nobody used for a year.
const IDLE: TimeDelta = TimeDelta::days(365);

/// Everything behind the counter.
#[derive(Debug)]
pub(super) struct World {
    pub(super) dice: Dice,
    last_id: u64,
    pub(super) people: BTreeMap<u64, Person>,
    pub(super) apps: BTreeMap<String, Registration>,
    /// What a person last granted to an app.
    pub(super) grants: HashMap<(u64, String), Scopes>,
    pub(super) consents: HashMap<String, Consent>,
    pub(super) codes: HashMap<String, Code>,
    pub(super) tokens: HashMap<String, Token>,
    pub(super) keys: Vec<StoredKey>,
    /// Blobs of deploy keys; they too must be unique.
    pub(super) deploy_keys: Vec<String>,
    /// By person; 0 stands for everybody without a token.
    pub(super) budgets: HashMap<u64, Budget>,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            dice: Dice::new(),
            last_id: 1000,
            people: BTreeMap::new(),
            apps: BTreeMap::new(),
            grants: HashMap::new(),
            consents: HashMap::new(),
            codes: HashMap::new(),
            tokens: HashMap::new(),
            keys: Vec::new(),
            deploy_keys: Vec::new(),
            budgets: HashMap::new(),
        }
    }

    /// Returns an id that nothing had before.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Finds a person; logins do not heed case.
    pub(super) fn person(&self, login: &str) -> Option<&Person> {
        self.people
            .values()
            .find(|person| person.login.eq_ignore_ascii_case(login))
    }

    /// Returns the keys of a person for a purpose, oldest first.
    pub(super) fn keys_of(
        &self,
        person: u64,
        purpose: Purpose,
    ) -> impl Iterator<Item = &StoredKey> {
        self.keys
            .iter()
            .filter(move |key| key.owner == person && key.purpose == purpose)
    }

    /// Takes the grant away: codes and tokens die, and so does every SSH key the app created for
    /// this person.
    pub(super) fn revoke_grant(&mut self, person: u64, client_id: &str) {
        self.grants.remove(&(person, client_id.to_owned()));
        self.codes
            .retain(|_, code| code.person != person || code.client_id != client_id);
        self.tokens
            .retain(|_, token| token.person != person || token.client_id != client_id);
        self.keys.retain(|key| {
            key.owner != person
                || key.purpose != Purpose::SignIn
                || key.created_by.as_deref() != Some(client_id)
        });
    }

    /// Takes away what idled for a year.
    pub(super) fn forget_what_idled(&mut self, now: DateTime<Utc>) {
        self.tokens.retain(|_, token| now - token.last_used < IDLE);
        self.keys.retain(|key| {
            key.purpose == Purpose::Signing || now - key.last_used.unwrap_or(key.created_at) < IDLE
        });
    }
}
