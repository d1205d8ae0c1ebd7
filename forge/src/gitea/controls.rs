//! Behind the counter: what people, admins and fate do to a practice Gitea.
//!
//! These methods name people by login and applications by client id, and panic if there is no such
//! person or application: that is a mistake in the test, not a case to handle.

use std::sync::{MutexGuard, PoisonError};

use super::Gitea;
use super::apps::{GiteaApp, Registration};
use super::keys::{GiteaKey, NewKey, NoKey, StoredKey};
use super::people::{GiteaUser, Person};
use super::scopes::Scopes;
use super::world::World;
use crate::fate::fate;
use crate::ssh::PublicKey;

/// Applications.
impl Gitea {
    /// Registers an application that keeps a secret.
    pub fn register_app(&self, name: &str, callback: &str) -> GiteaApp {
        self.register(name, callback, true)
    }

    /// Registers an application that keeps none: PKCE is a must, and people are asked each time.
    pub fn register_public_app(&self, name: &str, callback: &str) -> GiteaApp {
        self.register(name, callback, false)
    }

    fn register(&self, name: &str, callback: &str, confidential: bool) -> GiteaApp {
        let mut world = self.world();
        let digits = world.dice.hex(32);
        let client_id = format!(
            "{}-{}-4{}-8{}-{}",
            &digits[..8],
            &digits[8..12],
            &digits[12..15],
            &digits[15..18],
            &digits[18..30]
        );
        let secret = fresh_secret(&mut world);
        let app = Registration {
            name: name.to_owned(),
            client_id: client_id.clone(),
            secret: secret.clone(),
            callbacks: vec![callback.to_owned()],
            confidential,
        };
        world.apps.insert(client_id.clone(), app);
        GiteaApp {
            client_id,
            client_secret: secret,
        }
    }

    /// Registers another redirect URI.
    pub fn add_callback(&self, client_id: &str, callback: &str) {
        let mut world = self.world();
        app_of(&mut world, client_id)
            .callbacks
            .push(callback.to_owned());
    }

    /// Makes a new client secret: the old one is dead at once. Tokens live on.
    pub fn change_secret(&self, client_id: &str) -> String {
        let mut world = self.world();
        let secret = fresh_secret(&mut world);
        app_of(&mut world, client_id).secret.clone_from(&secret);
        secret
    }

    /// Deletes an application, and with it every grant and code.
    pub fn remove_app(&self, client_id: &str) {
        let mut world = self.world();
        world.apps.remove(client_id);
        world.grants.retain(|_, grant| grant.client_id != client_id);
    }

    /// Writes another `ROOT_URL` into the configuration than where the server is.
    pub fn believes_to_be_at(&self, root_url: &str) {
        let mut believed = self
            .hub
            .root_url
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *believed = Some(root_url.to_owned());
    }
}

/// People.
impl Gitea {
    /// Adds a person, or finds the one who has the login already.
    pub fn add_user(&self, login: &str) -> GiteaUser {
        let joined = self.hub.now();
        let mut world = self.world();
        if let Some(person) = world.person(login) {
            return GiteaUser {
                id: person.id,
                login: person.login.clone(),
            };
        }
        let id = world.next_id();
        let person = Person {
            id,
            login: login.to_owned(),
            full_name: String::new(),
            joined,
            prohibited: false,
            must_change_password: false,
            manages_keys: true,
        };
        world.people.insert(id, person);
        GiteaUser {
            id,
            login: login.to_owned(),
        }
    }

    /// Gives a person another login. The id stays, and the old login is free for anybody.
    pub fn rename_user(&self, login: &str, new: &str) {
        self.with_person(login, |person| new.clone_into(&mut person.login));
    }

    /// Gives a person a name to be shown.
    pub fn name_user(&self, login: &str, full_name: &str) {
        self.with_person(login, |person| full_name.clone_into(&mut person.full_name));
    }

    /// Keeps a person from signing in: 403 to every call.
    pub fn prohibit_login(&self, login: &str) {
        self.with_person(login, |person| person.prohibited = true);
    }

    /// Takes that back.
    pub fn allow_login(&self, login: &str) {
        self.with_person(login, |person| person.prohibited = false);
    }

    /// Wants a new password of a person before anything else: 403 to every call.
    pub fn must_change_password(&self, login: &str) {
        self.with_person(login, |person| person.must_change_password = true);
    }

    /// Keeps a person from managing keys (`USER_DISABLED_FEATURES = manage_ssh_keys`): 404.
    pub fn lock_keys(&self, login: &str) {
        self.with_person(login, |person| person.manages_keys = false);
    }

    /// The person revokes the application in their settings: its tokens die; its keys stay.
    pub fn revoke_grant(&self, login: &str, client_id: &str) {
        let mut world = self.world();
        let id = person_of(&world, login);
        world
            .grants
            .retain(|_, grant| grant.person != id || grant.client_id != client_id);
    }

    /// The person let the application in some time ago, with other scopes.
    pub fn granted_before(&self, login: &str, client_id: &str, scopes: &str) {
        let mut world = self.world();
        let id = person_of(&world, login);
        world.add_grant(id, client_id, Scopes::new(scopes));
    }

    /// Says whether the person has let the application in.
    pub fn has_grant(&self, login: &str, client_id: &str) -> bool {
        let world = self.world();
        let id = person_of(&world, login);
        world.grant_of(id, client_id).is_some()
    }

    /// The person pastes a key in the web page; the error is what the page says.
    pub fn paste_key(&self, login: &str, title: &str, line: &str) -> Result<GiteaKey, String> {
        self.put_key(login, title, line, false)
    }

    /// A directory brings a key, as LDAP does; only the directory takes it away again.
    pub fn synchronise_key(
        &self,
        login: &str,
        title: &str,
        line: &str,
    ) -> Result<GiteaKey, String> {
        self.put_key(login, title, line, true)
    }

    fn put_key(
        &self,
        login: &str,
        title: &str,
        line: &str,
        external: bool,
    ) -> Result<GiteaKey, String> {
        let now = self.hub.now();
        let mut world = self.world();
        let new = NewKey {
            owner: person_of(&world, login),
            title,
            line,
            created_by: None,
            external,
        };
        let added = world.add_key(new, &self.hub.options, now);
        added
            .map(|key| key.seen())
            .map_err(|(NoKey::Said(words) | NoKey::NotAKey(words))| words)
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

    /// Somebody makes a key the deploy key of a repository.
    pub fn add_deploy_key(&self, line: &str) -> Result<(), crate::KeyRefusal> {
        let key = PublicKey::parse(line)?;
        self.world().deploy_keys.push(key.blob().to_owned());
        Ok(())
    }

    /// An administrator takes back that a key is proven.
    pub fn forget_proof(&self, login: &str, key: u64) {
        let mut world = self.world();
        let owner = person_of(&world, login);
        for stored in &mut world.keys {
            stored.verified &= stored.owner != owner || stored.id != key;
        }
    }

    /// Switches SSH off for the whole server.
    pub fn switch_ssh_off(&self) {
        self.world().ssh = false;
    }

    /// Switches SSH on again.
    pub fn switch_ssh_on(&self) {
        self.world().ssh = true;
    }

    /// Returns the keys of a person, oldest first.
    pub fn keys_of(&self, login: &str) -> Vec<GiteaKey> {
        let world = self.world();
        let id = person_of(&world, login);
        world.keys_of(id).map(StoredKey::seen).collect()
    }

    fn with_person(&self, login: &str, change: impl FnOnce(&mut Person)) {
        let mut world = self.world();
        let id = person_of(&world, login);
        if let Some(person) = world.people.get_mut(&id) {
            change(person);
        }
    }
}

/// Routes, and a look behind the counter.
impl Gitea {
    /// The route of the token endpoint, for faults and counts.
    pub const TOKEN_ROUTE: &str = "POST /login/oauth/access_token";

    fn world(&self) -> MutexGuard<'_, World> {
        self.hub.world()
    }
}

fate!(Gitea);

fn fresh_secret(world: &mut World) -> String {
    format!("gto_{}", world.dice.letters(52).to_lowercase())
}

fn app_of<'a>(world: &'a mut World, client_id: &str) -> &'a mut Registration {
    match world.apps.get_mut(client_id) {
        Some(app) => app,
        None => panic!("no practice application has the client id {client_id}"),
    }
}

fn person_of(world: &World, login: &str) -> u64 {
    match world.person(login) {
        Some(person) => person.id,
        None => panic!("no practice person has the login {login}"),
    }
}
