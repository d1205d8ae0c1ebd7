//! Behind the counter: what people, admins and fate do to a practice GitHub.
//!
//! These methods name people by login and apps by client id, and panic if there is no such person
//! or app: that is a mistake in the test, not a case to handle.

use std::sync::MutexGuard;

use url::Url;

use super::apps::{App, Kind, MOST_CALLBACKS, Permissions, RedirectRule, Registration, TokenLife};
use super::keys::{Key, NewKey, Purpose};
use super::people::{Person, User};
use super::scopes::Scopes;
use super::world::World;
use super::{Flavour, GitHub};
use crate::faults::{Fault, FaultPlan};
use crate::journal::JournalEntry;
use crate::ssh::PublicKey;

/// Apps.
impl GitHub {
    /// Registers an app. On GitHub.com a new app ([`RedirectRule::Exact`]) gets tokens that expire.
    pub fn register_app(&self, name: &str, callback: &str, rule: RedirectRule) -> App {
        let callback = url(callback);
        let life = match (self.hub.options.flavour, rule) {
            (Flavour::DotCom, RedirectRule::Exact) => TokenLife::EightHours,
            _ => TokenLife::Forever,
        };
        let mut world = self.world();
        let client_id = format!("Ov23li{}", world.dice.letters(14));
        let client_secret = world.dice.hex(40);
        let app = Registration {
            kind: Kind::Oauth,
            name: name.to_owned(),
            client_id: client_id.clone(),
            secrets: vec![client_secret.clone()],
            callbacks: vec![callback],
            rule,
            life,
            suspended: false,
        };
        world.apps.insert(client_id.clone(), app);
        App {
            client_id,
            client_secret,
        }
    }

    /// Registers a GitHub App. It may write SSH keys, and no signing keys. Its tokens expire, which
    /// is what a new one is set to.
    pub fn register_github_app(&self, name: &str, callback: &str) -> App {
        let callback = url(callback);
        let mut world = self.world();
        let client_id = format!("Iv23li{}", world.dice.letters(14));
        let client_secret = world.dice.hex(40);
        let permissions = Permissions {
            keys: true,
            signing: false,
        };
        let app = Registration {
            kind: Kind::GitHub(permissions),
            name: name.to_owned(),
            client_id: client_id.clone(),
            secrets: vec![client_secret.clone()],
            callbacks: vec![callback],
            rule: RedirectRule::Exact,
            life: TokenLife::EightHours,
            suspended: false,
        };
        world.apps.insert(client_id.clone(), app);
        App {
            client_id,
            client_secret,
        }
    }

    /// Gives a GitHub App the permissions for SSH keys and for signing keys, or takes them.
    pub fn permits(&self, client_id: &str, keys: bool, signing: bool) {
        self.with_app(client_id, |app, _| {
            app.kind = Kind::GitHub(Permissions { keys, signing });
        });
    }

    /// Registers another callback.
    ///
    /// # Panics
    ///
    /// An app has at most ten.
    pub fn add_callback(&self, client_id: &str, callback: &str) {
        let callback = url(callback);
        self.with_app(client_id, |app, _| {
            assert!(
                app.callbacks.len() < MOST_CALLBACKS,
                "an app has at most ten callbacks"
            );
            app.callbacks.push(callback);
        });
    }

    /// Decides whether tokens made from now on expire.
    pub fn tokens_last(&self, client_id: &str, life: TokenLife) {
        self.with_app(client_id, |app, _| app.life = life);
    }

    /// Makes a second client secret, valid beside the newest one so far.
    pub fn add_secret(&self, client_id: &str) -> String {
        self.with_app(client_id, |app, fresh| {
            app.add_secret(fresh.clone());
            fresh
        })
    }

    /// Replaces every client secret by a new one. Tokens live on.
    pub fn change_secret(&self, client_id: &str) -> String {
        self.with_app(client_id, |app, fresh| {
            app.secrets = vec![fresh.clone()];
            fresh
        })
    }

    /// Suspends an app: nobody can authorize it. What its tokens do then is documented nowhere;
    /// here they live on.
    pub fn suspend_app(&self, client_id: &str) {
        self.with_app(client_id, |app, _| app.suspended = true);
    }

    /// Lets a suspended app in again.
    pub fn unsuspend_app(&self, client_id: &str) {
        self.with_app(client_id, |app, _| app.suspended = false);
    }

    fn with_app<T>(
        &self,
        client_id: &str,
        change: impl FnOnce(&mut Registration, String) -> T,
    ) -> T {
        let mut world = self.world();
        let fresh = world.dice.hex(40);
        match world.apps.get_mut(client_id) {
            Some(app) => change(app, fresh),
            None => panic!("no practice app has the client id {client_id}"),
        }
    }
}

/// People.
impl GitHub {
    /// Adds a person, or finds the one who has the login already.
    pub fn add_user(&self, login: &str) -> User {
        let joined = self.hub.now();
        let mut world = self.world();
        if let Some(person) = world.person(login) {
            return User {
                id: person.id,
                login: person.login.clone(),
            };
        }
        let id = world.next_id();
        let person = Person {
            id,
            login: login.to_owned(),
            joined,
            email_verified: true,
            is_refused: false,
            suspended_at: None,
            grants_at_most: None,
        };
        world.people.insert(id, person);
        User {
            id,
            login: login.to_owned(),
        }
    }

    /// Gives a person another login. The id stays, and the old login is free for anybody.
    pub fn rename_user(&self, login: &str, new: &str) {
        self.with_person(login, |person| new.clone_into(&mut person.login));
    }

    /// Suspends an account: 403 to everything.
    pub fn suspend_user(&self, login: &str) {
        let now = self.hub.now();
        self.with_person(login, |person| person.suspended_at = Some(now));
    }

    /// Takes a suspension back.
    pub fn unsuspend_user(&self, login: &str) {
        self.with_person(login, |person| person.suspended_at = None);
    }

    /// Refuses every token of a person, also those that are given from now on.
    pub fn refuses_tokens_of(&self, login: &str) {
        self.with_person(login, |person| person.is_refused = true);
    }

    /// Takes the tokens of a person again.
    pub fn takes_tokens_of(&self, login: &str) {
        self.with_person(login, |person| person.is_refused = false);
    }

    /// Makes the primary mail address of a person unverified.
    pub fn unverify_email(&self, login: &str) {
        self.with_person(login, |person| person.email_verified = false);
    }

    /// Lets a person grant these scopes at most, whatever an app asks for.
    pub fn grants_at_most(&self, login: &str, scopes: &str) {
        let scopes = Scopes::parse(scopes);
        self.with_person(login, |person| person.grants_at_most = Some(scopes));
    }

    /// The person revokes the app in their settings: its tokens die, and so does every SSH key
    /// that it created for them.
    pub fn revoke_grant(&self, login: &str, client_id: &str) {
        let mut world = self.world();
        let id = person_of(&world, login);
        world.revoke_grant(id, client_id);
    }

    /// The person pastes a key in the web page; the error is what the page says.
    pub fn paste_key(&self, login: &str, title: &str, line: &str) -> Result<Key, &'static str> {
        let now = self.hub.now();
        let mut world = self.world();
        let owner = person_of(&world, login);
        let purpose = Purpose::SignIn;
        let new = NewKey {
            owner,
            purpose,
            title,
            line,
            created_by: None,
        };
        world.add_key(new, now).map(|key| key.seen())
    }

    /// The person removes a key in the web page; says whether there was one.
    pub fn remove_key(&self, login: &str, key: u64) -> bool {
        let mut world = self.world();
        let owner = person_of(&world, login);
        let before = world.keys.len();
        world
            .keys
            .retain(|stored| stored.owner != owner || stored.id != key);
        world.keys.len() < before
    }

    /// The person signs in over SSH with a key; says whether there was one.
    pub fn use_key(&self, login: &str, key: u64) -> bool {
        let now = self.hub.now();
        let mut world = self.world();
        let owner = person_of(&world, login);
        let found = world
            .keys
            .iter_mut()
            .find(|stored| stored.owner == owner && stored.id == key);
        found.map(|stored| stored.last_used = Some(now)).is_some()
    }

    /// Somebody makes a key the deploy key of a repository.
    pub fn add_deploy_key(&self, line: &str) -> Result<(), crate::KeyRefusal> {
        let key = PublicKey::parse(line)?;
        self.world().deploy_keys.push(key.blob().to_owned());
        Ok(())
    }

    /// Returns the SSH keys of a person, oldest first.
    pub fn keys_of(&self, login: &str) -> Vec<Key> {
        self.keys_for(login, Purpose::SignIn)
    }

    /// Returns the SSH signing keys of a person, oldest first.
    pub fn signing_keys_of(&self, login: &str) -> Vec<Key> {
        self.keys_for(login, Purpose::Signing)
    }

    /// Counts the tokens of a person that still open the door.
    pub fn live_tokens_of(&self, login: &str) -> usize {
        let now = self.hub.now();
        let world = self.world();
        let id = person_of(&world, login);
        world
            .tokens
            .values()
            .filter(|token| token.person == id && token.is_live(now))
            .count()
    }

    fn keys_for(&self, login: &str, purpose: Purpose) -> Vec<Key> {
        let world = self.world();
        let id = person_of(&world, login);
        world
            .keys_of(id, purpose)
            .map(super::keys::StoredKey::seen)
            .collect()
    }

    fn with_person(&self, login: &str, change: impl FnOnce(&mut Person)) {
        let mut world = self.world();
        let id = person_of(&world, login);
        if let Some(person) = world.people.get_mut(&id) {
            change(person);
        }
    }
}

/// Fate, and what was seen of it.
impl GitHub {
    /// The route of the token endpoint, for faults and counts.
    pub const TOKEN_ROUTE: &str = "POST /login/oauth/access_token";

    /// Brings a fault: `github.fail_with(Fault::BadGateway.times(2).on("POST /user/keys"))`.
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

    /// Counts the requests to a route: `github.calls("POST /user/keys")`.
    pub fn calls(&self, route: &str) -> usize {
        self.hub.journal.count(route)
    }

    /// Waits until the journal is as wished; for requests that never get an answer.
    pub async fn until(&self, wish: impl Fn(&[JournalEntry]) -> bool) {
        self.hub.journal.until(wish).await;
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.hub.world()
    }
}

fn url(text: &str) -> Url {
    match Url::parse(text) {
        Ok(url) => url,
        Err(error) => panic!("{text} is not a URL: {error}"),
    }
}

fn person_of(world: &World, login: &str) -> u64 {
    match world.person(login) {
        Some(person) => person.id,
        None => panic!("no practice person has the login {login}"),
    }
}
