//! People with an account at a practice server, whose keys are rotated while the server is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use domain::keyring::KeyringEvent;
use domain::{Event, KeyId};
use forge::{GitHub, GitHubOptions, RedirectRule, TokenLife};
use reqwest::Method;
use serde_json::json;

use super::super::Server;
use super::super::remote::{Remote, Told};
use super::lines_from;
use crate::support::app::PUBLIC_URL;

/// Who has an account: by this name here, with `octo-` before it there.
const PEOPLE: [&str; 3] = ["ada", "bob", "cleo"];

/// How long the worker has to bring everything to rest in the end: a token writes once a second.
const PATIENCE: Duration = Duration::from_mins(1);

/// A practice server, which outlives every kill, and the people who have an account there.
pub(super) struct Keys {
    github: GitHub,
    people: Vec<Remote>,
}

impl Keys {
    /// Registers the practice server and links everybody's account.
    pub(super) async fn linked(admin: &Remote, server: &Server) -> Self {
        let github = GitHub::start(GitHubOptions {
            hourly_limit: None,
            ..GitHubOptions::dot_com()
        });
        let github = github.await.unwrap();
        let callback = format!("{PUBLIC_URL}/oauth/callback/github");
        let app = github.register_app("Lanyard", &callback, RedirectRule::Exact);
        github.tokens_last(&app.client_id, TokenLife::Forever);
        // Keys of its own algorithm: RSA keys would keep the processor from everything else.
        let body = json!({
            "provider": "github", "kind": "github", "name": "GitHub", "algorithm": "ed25519",
            "base_url": github.base_url(), "client_id": app.client_id,
            "client_secret": app.client_secret,
        });
        let added = admin.post("/api/v1/providers", body).await.unwrap();
        added.is(201);
        let body = json!({ "rotation_grace_hours": 0 });
        let told = admin.send(Method::PATCH, "/api/v1/settings", Some(body), &[]);
        told.await.unwrap().is(200);
        let mut people = Vec::new();
        for name in PEOPLE {
            let body = json!({ "user": name, "name": "laptop", "roles": ["member"] });
            let made = admin.post("/api/v1/tokens", body).await.unwrap().is(201);
            let person = Remote::new(&server.url(), made["token"].as_str().unwrap());
            person.links(&github, &format!("octo-{name}")).await;
            people.push(person);
        }
        Self { github, people }
    }

    /// Returns the person whose keys are rotated in a round.
    pub(super) fn person(&self, round: usize) -> &Remote {
        &self.people[round % self.people.len()]
    }

    /// Waits until nothing is left to be done, then compares the practice server with the log.
    pub(super) async fn are_as_the_log_says(&self, server: &Server, home: &Path) {
        for person in &self.people {
            self.comes_to_rest(&person.at(server)).await;
        }
        let current = current(home);
        let mut live = BTreeSet::new();
        for name in PEOPLE {
            let keys = self.github.keys_of(&format!("octo-{name}"));
            let lines: Vec<&str> = keys.iter().map(|key| key.key.as_str()).collect();
            let [only] = lines[..] else {
                panic!("{name} has {} keys: {lines:?}", lines.len());
            };
            assert!(live.insert(only.to_owned()), "{only} is there twice");
        }
        assert_eq!(live, current);
        // The server takes a key once. A second request for the same one is a list that nobody read.
        let blind = self.github.journal().into_iter();
        let blind =
            blind.filter(|entry| entry.route == "POST /user/keys" && entry.decided == Some(422));
        assert_eq!(blind.count(), 0, "a key was put there a second time");
    }

    /// Waits until a person has one key, and it is published.
    async fn comes_to_rest(&self, person: &Remote) {
        let began = Instant::now();
        loop {
            let seen = person.get("/api/v1/users/me/keys").await.unwrap().is(200);
            let keys = seen["keys"].as_array().unwrap();
            let published = |key: &serde_json::Value| {
                let places = key["placements"].as_array().unwrap();
                !places.is_empty() && places.iter().all(|place| place["status"] == "published")
            };
            if keys.len() == 1 && keys.iter().all(published) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "it never comes to rest: {seen}");
            tokio::task::yield_now().await;
        }
    }
}

/// Rotates the key that a person has; one time in five it is said to be compromised.
pub(super) async fn rotate(
    person: &Remote,
    number: usize,
) -> reqwest::Result<Option<(String, Told)>> {
    let seen = person.get("/api/v1/users/me/keys").await?.is(200);
    let keys = seen["keys"].as_array().unwrap().iter();
    let mut keys = keys.filter(|key| key["status"] == "current");
    // The policy has not made one yet.
    let Some(key) = keys.next() else {
        return Ok(None);
    };
    let path = format!(
        "/api/v1/users/me/keys/{}/rotation",
        key["key"].as_str().unwrap()
    );
    let body = json!({ "compromised": number % 5 == 4 });
    let told = person.post(&path, body).await?;
    // It was rotated since, and the read model did not know.
    if told.status == 409 {
        return Ok(None);
    }
    let made = told.is(202)["key"].as_str().unwrap().to_owned();
    Ok(Some((made, told)))
}

/// Returns the key that a line of the log makes.
pub(super) fn made_by(event: &Event) -> Option<KeyId> {
    match event {
        Event::Keyring(
            KeyringEvent::KeyGenerated { key, .. } | KeyringEvent::KeyRotated { key, .. },
        ) => Some(*key),
        _ => None,
    }
}

/// Returns the lines of the keys that are current by the log: nothing but its own words.
fn current(home: &Path) -> BTreeSet<String> {
    let mut current = BTreeMap::new();
    for (_, _, event) in lines_from(home, 0) {
        match event {
            Event::Keyring(KeyringEvent::KeyGenerated {
                key, public_key, ..
            }) => {
                current.insert(key, public_key.line);
            }
            Event::Keyring(KeyringEvent::KeyRotated {
                key,
                replaced,
                public_key,
                ..
            }) => {
                current.remove(&replaced);
                current.insert(key, public_key.line);
            }
            Event::Keyring(KeyringEvent::KeyRetired { key, .. }) => drop(current.remove(&key)),
            _ => {}
        }
    }
    current.into_values().collect()
}
