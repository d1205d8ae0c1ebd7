//! What the server knows: people, links, tokens and keys.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::keys::StoredKey;
use super::links::{Consumer, Incoming};
use super::oauth1::tokens::{AccessToken, RequestToken};
use super::oauth2::{Code, Consent, Pair};
use super::people::Person;
use super::rules::Rules;
use crate::dice::Dice;

/// Everything behind the counter.
#[derive(Debug)]
pub(super) struct World {
    pub(super) dice: Dice,
    last_id: u64,
    pub(super) rules: Rules,
    pub(super) people: BTreeMap<u64, Person>,
    /// Application links of OAuth 1.0a, by consumer key.
    pub(super) consumers: BTreeMap<String, Consumer>,
    /// Incoming links of OAuth 2.0, by client id.
    pub(super) incoming: BTreeMap<String, Incoming>,
    pub(super) request_tokens: HashMap<String, RequestToken>,
    pub(super) access_tokens: HashMap<String, AccessToken>,
    /// Consumer key, timestamp and nonce of every signed request.
    pub(super) nonces: HashSet<(String, i64, String)>,
    pub(super) consents: HashMap<String, Consent>,
    pub(super) codes: HashMap<String, Code>,
    /// Access and refresh tokens of OAuth 2.0.
    pub(super) pairs: Vec<Pair>,
    pub(super) keys: Vec<StoredKey>,
    /// Blobs of access keys of projects and repositories; they too must be unique.
    pub(super) access_keys: Vec<String>,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            dice: Dice::new(),
            last_id: 100,
            rules: Rules::new(),
            people: BTreeMap::new(),
            consumers: BTreeMap::new(),
            incoming: BTreeMap::new(),
            request_tokens: HashMap::new(),
            access_tokens: HashMap::new(),
            nonces: HashSet::new(),
            consents: HashMap::new(),
            codes: HashMap::new(),
            pairs: Vec::new(),
            keys: Vec::new(),
            access_keys: Vec::new(),
        }
    }

    /// Returns an id that nothing had before.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Finds a person by user name; names do not heed case.
    pub(super) fn person(&self, name: &str) -> Option<&Person> {
        self.people
            .values()
            .find(|person| person.name.eq_ignore_ascii_case(name))
    }

    /// Takes away what a person gave to an app, of either era. Keys stay.
    pub(super) fn revoke_grant(&mut self, person: u64, app: &str) {
        self.access_tokens
            .retain(|_, token| token.person != person || token.consumer != app);
        self.request_tokens
            .retain(|_, token| token.person() != Some(person) || token.consumer != app);
        self.codes
            .retain(|_, code| code.person != person || code.client_id != app);
        self.pairs
            .retain(|pair| pair.person != person || pair.client_id != app);
    }
}
