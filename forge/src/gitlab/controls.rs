//! Behind the counter: what people, admins and fate do to a practice GitLab.
//!
//! These methods name people by login and applications by id, and panic if there is no such
//! person or application: that is a mistake in the test, not a case to handle.

use std::sync::MutexGuard;

use chrono::{DateTime, TimeDelta, Utc};

use super::GitLab;
use super::apps::{GitLabApp, KNOWN_SCOPES, Registration};
use super::keys::{GitLabKey, NewKey, StoredKey};
use super::people::{GitLabAccount, GitLabUser, Person};
use super::world::World;
use crate::fate::fate;
use crate::ssh::PublicKey;

/// Applications.
impl GitLab {
    /// Registers an application that may use these scopes, separated by spaces, and send browsers
    /// to this URI.
    ///
    /// # Panics
    ///
    /// GitLab knows its scopes.
    pub fn register_app(&self, name: &str, redirect: &str, scopes: &str) -> GitLabApp {
        let scopes: Vec<String> = scopes.split_whitespace().map(str::to_owned).collect();
        for scope in &scopes {
            assert!(
                KNOWN_SCOPES.contains(&scope.as_str()),
                "GitLab knows no scope {scope}"
            );
        }
        let mut world = self.world();
        let client_id = world.dice.hex(64);
        let client_secret = fresh_secret(&mut world);
        let app = Registration {
            name: name.to_owned(),
            client_id: client_id.clone(),
            secret: client_secret.clone(),
            redirects: vec![redirect.to_owned()],
            scopes,
        };
        world.apps.insert(client_id.clone(), app);
        GitLabApp {
            client_id,
            client_secret,
        }
    }

    /// Registers another redirect URI, on a line of its own.
    pub fn add_redirect(&self, client_id: &str, redirect: &str) {
        self.with_app(client_id, |app| app.redirects.push(redirect.to_owned()));
    }

    /// Renews the secret: the old one is of no use any more. Tokens live on.
    pub fn renew_secret(&self, client_id: &str) -> String {
        let fresh = fresh_secret(&mut self.world());
        self.with_app(client_id, |app| app.secret.clone_from(&fresh));
        fresh
    }

    /// Deletes an application, and with it every token it had.
    pub fn delete_app(&self, client_id: &str) {
        self.with_app(client_id, |_| {});
        let mut world = self.world();
        world.apps.remove(client_id);
        world.codes.retain(|_, code| code.client_id != client_id);
        world.tokens.retain(|_, token| token.client_id != client_id);
    }

    fn with_app(&self, client_id: &str, change: impl FnOnce(&mut Registration)) {
        match self.world().apps.get_mut(client_id) {
            Some(app) => change(app),
            None => panic!("no practice application has the id {client_id}"),
        }
    }
}

/// People.
impl GitLab {
    /// Adds a person, or finds the one who has the login already. The full name is the login with
    /// a capital letter.
    pub fn add_user(&self, login: &str) -> GitLabUser {
        let joined = self.hub.now();
        let mut world = self.world();
        if let Some(person) = world.person(login) {
            return person.seen();
        }
        let id = world.next_id();
        let mut name = login.to_owned();
        if let Some(first) = name.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let person = Person {
            id,
            login: login.to_owned(),
            name,
            joined,
            account: GitLabAccount::Active,
        };
        let seen = person.seen();
        world.people.insert(id, person);
        seen
    }

    /// Gives a person another login. The id stays, and the old login is free for anybody.
    pub fn rename_user(&self, login: &str, new: &str) {
        self.with_person(login, |person| new.clone_into(&mut person.login));
    }

    /// Puts an account into a state.
    pub fn set_account(&self, login: &str, account: GitLabAccount) {
        self.with_person(login, |person| person.account = account);
    }

    /// Blocks an account: 403 to everything. Its tokens live on, and come back with it.
    pub fn block_user(&self, login: &str) {
        self.set_account(login, GitLabAccount::Blocked);
    }

    /// Takes a block back.
    pub fn unblock_user(&self, login: &str) {
        self.set_account(login, GitLabAccount::Active);
    }

    /// The person revokes the application in their settings: its tokens die. Keys stay.
    pub fn revoke_grant(&self, login: &str, client_id: &str) {
        let mut world = self.world();
        let id = person_of(&world, login);
        world.revoke_grant(id, client_id);
    }

    /// The person pastes a key in the web page; the error is what the page says.
    pub fn paste_key(&self, login: &str, title: &str, line: &str) -> Result<GitLabKey, String> {
        let now = self.hub.now();
        let duplicate = self.hub.options.duplicate;
        let mut world = self.world();
        let owner = person_of(&world, login);
        let new = NewKey {
            owner,
            title,
            line,
            usage: "auth_and_signing",
            created_by: None,
            expires_at: None,
        };
        let added = world.add_key(new, duplicate, now);
        added.map(|key| key.seen()).map_err(|faults| {
            let words = faults
                .iter()
                .map(|(field, words)| format!("{field} {words}"));
            words.collect::<Vec<_>>().join(", ")
        })
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

    /// The person changes when a key ends; GitLab's page lets them only at its making, its
    /// administrators' console always.
    pub fn ends_key(&self, login: &str, key: u64, at: DateTime<Utc>) {
        self.with_key(login, key, |stored| stored.expires_at = Some(at));
    }

    /// The instance has a key twice, as databases from before the fingerprints were unique may; returns
    /// the id of the second.
    ///
    /// # Panics
    ///
    /// If the person has no such key.
    pub fn doubles_key(&self, login: &str, key: u64) -> u64 {
        let mut world = self.world();
        let owner = person_of(&world, login);
        let is_it = |stored: &&StoredKey| stored.owner == owner && stored.id == key;
        let Some(mut twin) = world.keys.iter().find(is_it).cloned() else {
            panic!("{login} has no practice key {key}");
        };
        twin.id = world.next_id();
        let id = twin.id;
        world.keys.push(twin);
        id
    }

    /// A key is good for this only from now on: `auth`, `signing`, `auth_and_signing`.
    pub fn limit_key(&self, login: &str, key: u64, usage: &str) {
        self.with_key(login, key, |stored| usage.clone_into(&mut stored.usage));
    }

    fn with_key(&self, login: &str, key: u64, change: impl FnOnce(&mut StoredKey)) {
        let mut world = self.world();
        let owner = person_of(&world, login);
        let is_it = |stored: &&mut StoredKey| stored.owner == owner && stored.id == key;
        match world.keys.iter_mut().find(is_it) {
            Some(stored) => change(stored),
            None => panic!("{login} has no practice key {key}"),
        }
    }

    /// Returns the body of the system hook that the instance sends of a key: `key_create`,
    /// `key_destroy` (GitLab, "System hooks").
    pub fn system_hook(&self, event_name: &str, login: &str, key: &GitLabKey) -> String {
        let now = self.hub.now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
        serde_json::json!({
            "event_name": event_name,
            "created_at": now,
            "updated_at": now,
            "username": login,
            "key": format!("{} {login}@laptop", key.key),
            "id": key.id,
        })
        .to_string()
    }

    /// Somebody makes a key the deploy key of a project.
    pub fn add_deploy_key(&self, line: &str) -> Result<(), crate::KeyRefusal> {
        let key = PublicKey::parse(line)?;
        self.world().deploy_keys.push(key.blob().to_owned());
        Ok(())
    }

    /// Returns the SSH keys of a person, oldest first.
    pub fn keys_of(&self, login: &str) -> Vec<GitLabKey> {
        let world = self.world();
        let id = person_of(&world, login);
        world.keys_of(id).map(StoredKey::seen).collect()
    }

    /// Counts the pairs of tokens of a person of which the access token still opens the door.
    pub fn live_tokens_of(&self, login: &str) -> usize {
        let now = self.hub.now();
        self.count_tokens(login, |token| token.is_live(now))
    }

    /// Counts the pairs of tokens of a person that are not revoked: with these the person, or who
    /// stole the refresh token, can still come in.
    pub fn unrevoked_tokens_of(&self, login: &str) -> usize {
        self.count_tokens(login, |token| !token.revoked)
    }

    fn count_tokens(&self, login: &str, wish: impl Fn(&super::tokens::Token) -> bool) -> usize {
        let world = self.world();
        let id = person_of(&world, login);
        let tokens = world.tokens.values();
        tokens
            .filter(|token| token.person == id && wish(token))
            .count()
    }

    fn with_person(&self, login: &str, change: impl FnOnce(&mut Person)) {
        let mut world = self.world();
        let id = person_of(&world, login);
        if let Some(person) = world.people.get_mut(&id) {
            change(person);
        }
    }
}

/// What an administrator sets.
impl GitLab {
    /// Forbids a type of key: `"RSA"`, `"ED25519"`. Keys that are there stay.
    pub fn forbid_keys(&self, kind: &str) {
        self.world().policy.set(kind, None);
    }

    /// Allows a type of key from so many bits on.
    pub fn require_bits(&self, kind: &str, least: u32) {
        self.world().policy.set(kind, Some(least));
    }

    /// Puts a key on the list of those whose private half the world knows.
    pub fn ban_key(&self, line: &str) -> Result<(), crate::KeyRefusal> {
        let key = PublicKey::parse(line)?;
        self.world().policy.ban(&key);
        Ok(())
    }

    /// Lets keys live so long at most, as GitLab Ultimate can; `None` lets them live for ever.
    pub fn keys_live_at_most(&self, longest: Option<TimeDelta>) {
        self.world().policy.live_at_most(longest);
    }

    /// Switches maintenance mode on: reads and the token endpoint go on, writes do not.
    pub fn enters_maintenance(&self) {
        self.world().maintenance = true;
    }

    /// Switches maintenance mode off.
    pub fn leaves_maintenance(&self) {
        self.world().maintenance = false;
    }
}

/// Routes, and a look behind the counter.
impl GitLab {
    /// The route of the token endpoint, for faults and counts.
    pub const TOKEN_ROUTE: &str = "POST /oauth/token";
    /// The route that revokes tokens.
    pub const REVOKE_ROUTE: &str = "POST /oauth/revoke";

    fn world(&self) -> MutexGuard<'_, World> {
        self.hub.world()
    }
}

fate!(GitLab);

fn fresh_secret(world: &mut World) -> String {
    format!("gloas-{}", world.dice.hex(64))
}

fn person_of(world: &World, login: &str) -> u64 {
    match world.person(login) {
        Some(person) => person.id,
        None => panic!("no practice person has the login {login}"),
    }
}
