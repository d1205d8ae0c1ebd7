//! What the server knows: people, applications, grants and keys. Tokens carry the number of their
//! grant; it is the grant that lives.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use super::apps::Registration;
use super::authorize::{Code, Consent};
use super::keys::StoredKey;
use super::people::Person;
use super::scopes::Scopes;
use crate::dice::Dice;

/// How long an access token lives (`ACCESS_TOKEN_EXPIRATION_TIME`).
pub(super) const ACCESS_LIFE: TimeDelta = TimeDelta::seconds(3600);
/// How long a refresh token lives (`REFRESH_TOKEN_EXPIRATION_TIME`).
const REFRESH_LIFE: TimeDelta = TimeDelta::hours(730);

/// Everything behind the counter.
#[derive(Debug)]
pub(super) struct World {
    pub(super) dice: Dice,
    last_id: u64,
    pub(super) people: BTreeMap<u64, Person>,
    pub(super) apps: BTreeMap<String, Registration>,
    pub(super) grants: BTreeMap<u64, Grant>,
    pub(super) consents: HashMap<String, Consent>,
    pub(super) codes: HashMap<String, Code>,
    access: HashMap<String, Ticket>,
    refresh: HashMap<String, Ticket>,
    pub(super) keys: Vec<StoredKey>,
    /// Blobs of deploy keys; they too must be unique.
    pub(super) deploy_keys: Vec<String>,
    /// Whether the server speaks SSH at all (`DISABLE_SSH`).
    pub(super) ssh: bool,
}

/// What one person granted to one application; there is at most one.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) person: u64,
    pub(super) client_id: String,
    pub(super) scopes: Scopes,
    /// Counts the tokens given, where used refresh tokens die.
    pub(super) counter: u64,
}

/// What a token says.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub(super) grant: u64,
    pub(super) counter: u64,
    expires_at: DateTime<Utc>,
}

/// Who calls the API.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) person: Person,
    pub(super) client_id: String,
    pub(super) scopes: Scopes,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            dice: Dice::new(),
            last_id: 0,
            people: BTreeMap::new(),
            apps: BTreeMap::new(),
            grants: BTreeMap::new(),
            consents: HashMap::new(),
            codes: HashMap::new(),
            access: HashMap::new(),
            refresh: HashMap::new(),
            keys: Vec::new(),
            deploy_keys: Vec::new(),
            ssh: true,
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

    /// Finds what a person granted to an application.
    pub(super) fn grant_of(&self, person: u64, client_id: &str) -> Option<u64> {
        self.grants
            .iter()
            .find(|(_, grant)| grant.person == person && grant.client_id == client_id)
            .map(|(id, _)| *id)
    }

    /// Writes a grant down.
    pub(super) fn add_grant(&mut self, person: u64, client_id: &str, scopes: Scopes) -> u64 {
        let id = self.next_id();
        let grant = Grant {
            person,
            client_id: client_id.to_owned(),
            scopes,
            counter: 1,
        };
        self.grants.insert(id, grant);
        id
    }

    /// Gives an access token and a refresh token.
    pub(super) fn issue(
        &mut self,
        grant: u64,
        counter: u64,
        now: DateTime<Utc>,
    ) -> (String, String) {
        let access = self.web_token();
        let refresh = self.web_token();
        let ticket = |life| Ticket {
            grant,
            counter,
            expires_at: now + life,
        };
        self.access.insert(access.clone(), ticket(ACCESS_LIFE));
        self.refresh.insert(refresh.clone(), ticket(REFRESH_LIFE));
        (access, refresh)
    }

    /// Draws something as long as a signed JSON Web Token, with its two dots.
    fn web_token(&mut self) -> String {
        let mut long =
            |parts: usize| -> String { (0..parts).map(|_| self.dice.letters(64)).collect() };
        format!("eyJ{}.eyJ{}.{}", long(1), long(2), long(5))
    }

    /// Reads a refresh token that has not run out. Whether its grant lives is another question.
    pub(super) fn read_refresh(&self, secret: &str, now: DateTime<Utc>) -> Option<Ticket> {
        let ticket = self.refresh.get(secret)?;
        (now < ticket.expires_at).then(|| ticket.clone())
    }

    /// Returns the grant that a token of either kind speaks for.
    pub(super) fn grant_behind(&self, secret: &str, now: DateTime<Utc>) -> Option<&Grant> {
        let ticket = self
            .access
            .get(secret)
            .or_else(|| self.refresh.get(secret))?;
        self.grants
            .get(&ticket.grant)
            .filter(|_| now < ticket.expires_at)
    }

    /// Finds out who calls with an access token.
    pub(super) fn caller(&self, secret: &str, now: DateTime<Utc>) -> Option<Caller> {
        let ticket = self.access.get(secret)?;
        let grant = self
            .grants
            .get(&ticket.grant)
            .filter(|_| now < ticket.expires_at)?;
        Some(Caller {
            person: self.people.get(&grant.person)?.clone(),
            client_id: grant.client_id.clone(),
            scopes: grant.scopes.clone(),
        })
    }

    /// Returns the keys of a person, oldest first.
    pub(super) fn keys_of(&self, person: u64) -> impl Iterator<Item = &StoredKey> {
        self.keys.iter().filter(move |key| key.owner == person)
    }
}
