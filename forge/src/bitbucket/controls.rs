//! Behind the counter: what people, admins and fate do to a practice Bitbucket Server.
//!
//! These methods name people by user name and apps by consumer key or client id, and panic if there
//! is no such person or app: that is a mistake in the test, not a case to handle.

use std::sync::MutexGuard;

use url::Url;

use super::BitbucketServer;
use super::keys::{BitbucketKey, NewKey, StoredKey};
use super::links::{BitbucketClient, Consumer, Incoming, PublicKey};
use super::people::{BitbucketUser, Person, slug_of};
use super::rules::{
    BitbucketDeletes, BitbucketKeyRule, BitbucketRate, BitbucketSsh, BitbucketState,
};
use super::world::World;
use crate::faults::{Fault, FaultPlan};
use crate::journal::JournalEntry;

/// Links.
impl BitbucketServer {
    /// Makes an application link of OAuth 1.0a from what the admin pastes; says whether the page
    /// took it. The key must be X.509 `SubjectPublicKeyInfo` PEM, the consumer key at most 200
    /// letters and new.
    pub fn link_application(&self, name: &str, consumer_key: &str, public_pem: &str) -> bool {
        let Some(public) = PublicKey::from_pem(public_pem) else {
            return false;
        };
        let mut world = self.world();
        let fits = !consumer_key.is_empty() && consumer_key.len() <= 200;
        if !fits || world.consumers.contains_key(consumer_key) {
            return false;
        }
        let consumer = Consumer {
            key: consumer_key.to_owned(),
            name: name.to_owned(),
            public,
        };
        world.consumers.insert(consumer_key.to_owned(), consumer);
        true
    }

    /// Pastes another public key on a link; says whether the page took it. Tokens live on.
    ///
    /// # Panics
    ///
    /// There must be such a link.
    pub fn replace_public_key(&self, consumer_key: &str, public_pem: &str) -> bool {
        let Some(public) = PublicKey::from_pem(public_pem) else {
            return false;
        };
        match self.world().consumers.get_mut(consumer_key) {
            Some(consumer) => consumer.public = public,
            None => panic!("no practice link has the consumer key {consumer_key}"),
        }
        true
    }

    /// Removes an application link. Its tokens stay behind, of no use.
    pub fn unlink_application(&self, consumer_key: &str) {
        self.world().consumers.remove(consumer_key);
    }

    /// Makes an incoming link of OAuth 2.0.
    ///
    /// # Panics
    ///
    /// The redirect URL must be one.
    pub fn add_incoming_link(
        &self,
        name: &str,
        redirect: &str,
        scopes: &[&str],
    ) -> BitbucketClient {
        let redirect = match Url::parse(redirect) {
            Ok(url) => url,
            Err(error) => panic!("{redirect} is not a URL: {error}"),
        };
        let mut world = self.world();
        let client = BitbucketClient {
            client_id: world.dice.hex(32),
            client_secret: world.dice.hex(64),
        };
        let incoming = Incoming {
            name: name.to_owned(),
            client_id: client.client_id.clone(),
            secret: client.client_secret.clone(),
            redirect,
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        };
        world.incoming.insert(client.client_id.clone(), incoming);
        client
    }

    /// Replaces the client secret of an incoming link. Tokens live on.
    ///
    /// # Panics
    ///
    /// There must be such a link.
    pub fn change_secret(&self, client_id: &str) -> String {
        let mut world = self.world();
        let fresh = world.dice.hex(64);
        match world.incoming.get_mut(client_id) {
            Some(link) => link.secret.clone_from(&fresh),
            None => panic!("no practice link has the client id {client_id}"),
        }
        fresh
    }
}

/// People.
impl BitbucketServer {
    /// Adds a person, or finds the one who has the name already. The slug follows from the name:
    /// `jane@example` gets `jane_example`.
    pub fn add_user(&self, name: &str) -> BitbucketUser {
        let mut world = self.world();
        if let Some(person) = world.person(name) {
            return person.seen();
        }
        let person = Person {
            id: world.next_id(),
            name: name.to_owned(),
            slug: slug_of(name),
            display_name: name.to_owned(),
            active: true,
        };
        let seen = person.seen();
        world.people.insert(person.id, person);
        seen
    }

    /// Gives a person another name, and a slug to go with it. The id stays.
    pub fn rename_user(&self, name: &str, new: &str) {
        self.with_person(name, |person| {
            new.clone_into(&mut person.name);
            person.slug = slug_of(new);
        });
    }

    /// Gives a person a slug that their name does not lead to.
    pub fn set_slug(&self, name: &str, slug: &str) {
        self.with_person(name, |person| slug.clone_into(&mut person.slug));
    }

    /// Switches an account off.
    pub fn deactivate_user(&self, name: &str) {
        self.with_person(name, |person| person.active = false);
    }

    /// Switches an account on again.
    pub fn activate_user(&self, name: &str) {
        self.with_person(name, |person| person.active = true);
    }

    /// The person revokes an app under their authorized applications. Keys stay.
    pub fn revoke_grant(&self, name: &str, app: &str) {
        let mut world = self.world();
        let id = person_of(&world, name);
        world.revoke_grant(id, app);
    }

    /// The person pastes a key in the web page; the error is what the page says.
    pub fn paste_key(&self, name: &str, label: &str, text: &str) -> Result<BitbucketKey, String> {
        let now = self.hub.now();
        let mut world = self.world();
        let new = NewKey {
            owner: person_of(&world, name),
            text,
            label: Some(label),
            expiry_days: None,
            created_by: None,
        };
        match world.add_key(new, now) {
            Ok(key) => Ok(key.seen()),
            Err(refusal) => Err(refusal.words().to_owned()),
        }
    }

    /// The person removes a key in the web page, which works whatever the API refuses; says
    /// whether there was one.
    pub fn remove_key(&self, name: &str, key: u64) -> bool {
        let mut world = self.world();
        let owner = person_of(&world, name);
        let before = world.keys.len();
        world
            .keys
            .retain(|stored| stored.owner != owner || stored.id != key);
        world.keys.len() < before
    }

    /// Somebody makes a key the access key of a project or repository.
    pub fn add_access_key(&self, line: &str) -> Result<(), crate::KeyRefusal> {
        let key = crate::PublicKey::parse(line)?;
        self.world().access_keys.push(key.blob().to_owned());
        Ok(())
    }

    /// Returns the keys of a person, oldest first.
    pub fn keys_of(&self, name: &str) -> Vec<BitbucketKey> {
        let world = self.world();
        let id = person_of(&world, name);
        world.keys_of(id).map(StoredKey::seen).collect()
    }

    /// Counts the tokens of a person, of either era, that still open the door.
    pub fn live_tokens_of(&self, name: &str) -> usize {
        let now = self.hub.now();
        let world = self.world();
        let id = person_of(&world, name);
        let signed = world
            .access_tokens
            .values()
            .filter(|token| token.person == id && now < token.expires_at);
        let bearer = world
            .pairs
            .iter()
            .filter(|pair| pair.person == id && pair.is_live(now));
        signed.count() + bearer.count()
    }

    fn with_person(&self, name: &str, change: impl FnOnce(&mut Person)) {
        let mut world = self.world();
        let id = person_of(&world, name);
        if let Some(person) = world.people.get_mut(&id) {
            change(person);
        }
    }
}

/// Rules.
impl BitbucketServer {
    /// Lets people delete their keys through the API, or not.
    pub fn deletes(&self, deletes: BitbucketDeletes) {
        self.world().rules.deletes = deletes;
    }

    /// Says which keys are let in.
    pub fn restrict_keys(&self, rule: BitbucketKeyRule) {
        self.world().rules.keys = rule;
    }

    /// Sets what the settings tell of the SSH server.
    pub fn set_ssh(&self, ssh: BitbucketSsh) {
        self.world().rules.ssh = ssh;
    }

    /// Limits the calls with bearer tokens, which is off at first; `None` switches it off again.
    pub fn limit_rate(&self, rate: Option<BitbucketRate>) {
        self.world().rules.rate = rate;
    }

    /// Heeds bearer tokens, or passes them over in silence
    /// (`atlassian.oauth2.provider.enable.access.tokens`).
    pub fn heed_bearer_tokens(&self, heed: bool) {
        self.world().rules.bearer_tokens = heed;
    }

    /// Lets nobody read what is public (`feature.public.access`), and takes whoever comes with a
    /// dead bearer token for nobody: an empty list with 200.
    pub fn public_access(&self, open: bool) {
        self.world().rules.public_access = open;
    }

    /// Sets what `/status` says; in all but one state nothing else works.
    pub fn set_state(&self, state: BitbucketState) {
        self.world().rules.state = state;
    }
}

/// Fate, and what was seen of it.
impl BitbucketServer {
    /// The route that gives request tokens, for faults and counts.
    pub const REQUEST_TOKEN_ROUTE: &str = "POST /plugins/servlet/oauth/request-token";
    /// The route that gives access tokens of OAuth 1.0a.
    pub const ACCESS_TOKEN_ROUTE: &str = "POST /plugins/servlet/oauth/access-token";
    /// The route that gives tokens of OAuth 2.0.
    pub const TOKEN_ROUTE: &str = "POST /oauth2/latest/token";

    /// Brings a fault: `bitbucket.fail_with(Fault::BadGateway.on("POST /ssh/latest/keys"))`.
    pub fn fail_with(&self, fault: impl Into<FaultPlan>) {
        self.hub.faults.add(fault.into());
    }

    /// Removes every fault and lets go of every request that one held.
    pub fn heal(&self) {
        self.hub.faults.heal();
    }

    /// Answers everything, pages too, with 503 and HTML.
    pub fn goes_down(&self) {
        self.fail_with(Fault::Maintenance.everywhere());
    }

    /// Does as [`Self::heal`] does.
    pub fn comes_back(&self) {
        self.heal();
    }

    /// Returns every request so far, in the order they came.
    pub fn journal(&self) -> Vec<JournalEntry> {
        self.hub.journal.entries()
    }

    /// Counts the requests to a route: `bitbucket.calls("POST /ssh/latest/keys")`.
    pub fn calls(&self, route: &str) -> usize {
        self.hub.journal.count(route)
    }

    /// Counts the requests to delete every key of a person, by any path.
    pub fn deletes_without_an_id(&self) -> usize {
        self.hub
            .journal
            .entries()
            .iter()
            .filter(|entry| {
                let mut path = entry.path.trim_end_matches('/').rsplit('/');
                let list = path.next() == Some("keys") && path.nth(1) == Some("ssh");
                entry.method == "DELETE" && list
            })
            .count()
    }

    /// Waits until the journal is as wished; for requests that never get an answer.
    pub async fn until(&self, wish: impl Fn(&[JournalEntry]) -> bool) {
        self.hub.journal.until(wish).await;
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.hub.world()
    }
}

fn person_of(world: &World, name: &str) -> u64 {
    match world.person(name) {
        Some(person) => person.id,
        None => panic!("no practice person has the name {name}"),
    }
}
