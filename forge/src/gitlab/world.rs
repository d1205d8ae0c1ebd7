//! What the server knows: people, applications, tokens, keys, and the rules for keys.

use std::collections::{BTreeMap, HashMap};

use super::apps::Registration;
use super::authorize::{Code, Consent};
use super::keys::StoredKey;
use super::limits::Budget;
use super::people::Person;
use super::policy::Policy;
use super::tokens::Token;
use crate::dice::Dice;

/// Everything behind the counter.
#[derive(Debug)]
pub(super) struct World {
    pub(super) dice: Dice,
    last_id: u64,
    pub(super) people: BTreeMap<u64, Person>,
    pub(super) apps: BTreeMap<String, Registration>,
    pub(super) consents: HashMap<String, Consent>,
    pub(super) codes: HashMap<String, Code>,
    /// By access token; the dead stay, so that the server can say what they died of.
    pub(super) tokens: HashMap<String, Token>,
    pub(super) keys: Vec<StoredKey>,
    /// Blobs of deploy keys; they too must be unique.
    pub(super) deploy_keys: Vec<String>,
    pub(super) policy: Policy,
    /// By person; 0 stands for everybody without a token.
    pub(super) budgets: HashMap<u64, Budget>,
    /// Whether it is in maintenance mode: reads, and no writes.
    pub(super) maintenance: bool,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            dice: Dice::new(),
            last_id: 100,
            people: BTreeMap::new(),
            apps: BTreeMap::new(),
            consents: HashMap::new(),
            codes: HashMap::new(),
            tokens: HashMap::new(),
            keys: Vec::new(),
            deploy_keys: Vec::new(),
            policy: Policy::default(),
            budgets: HashMap::new(),
            maintenance: false,
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

    /// Returns the keys of a person, oldest first.
    pub(super) fn keys_of(&self, person: u64) -> impl Iterator<Item = &StoredKey> {
        self.keys.iter().filter(move |key| key.owner == person)
    }
}
