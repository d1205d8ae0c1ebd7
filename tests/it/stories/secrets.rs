//! Nothing that must stay secret is ever seen in plain.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chrono::TimeDelta;
use domain::account::AccountEvent;
use domain::keyring::KeyringEvent;
use domain::{Event, Role};
use forge::{Fault, TokenLife};
use lanyard::clock::FixedClock;
use lanyard::datadir::DataDirectory;
use lanyard::eventlog::sqlite::SqliteLog;
use serde_json::json;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};

use super::world::World;
use crate::support::app::{BEGIN, TestApp};

/// What was logged, by whichever thread, while somebody listens.
static LOGGED: Mutex<Option<Vec<u8>>> = Mutex::new(None);

struct Logged;

impl io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(logged) = &mut *LOGGED.lock().unwrap() {
            logged.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Listens to everything that is logged. For the whole process: what tracing knows of a place in
/// the code is shared by all threads.
fn listen() {
    *LOGGED.lock().unwrap() = Some(Vec::new());
    let heard = dynamic_filter_fn(|_, _| LOGGED.lock().unwrap().is_some());
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(|| Logged)
        .with_filter(heard);
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::set_global_default(subscriber).unwrap();
}

/// The secrets there ever were.
#[derive(Default)]
struct Known(BTreeSet<String>);

impl Known {
    fn learn(&mut self, secret: &str) {
        assert!(secret.len() >= 16, "too short to be looked for");
        self.0.insert(secret.to_owned());
    }

    /// Opens every secret that is not destroyed yet.
    async fn learn_what_is_sealed(&mut self, world: &World) {
        let vault = &world.service.app.vault;
        for recorded in world.events().await {
            match recorded.event {
                Event::Account(
                    AccountEvent::AccountLinked {
                        grant: Some(grant), ..
                    }
                    | AccountEvent::GrantRenewed { grant, .. },
                ) => {
                    let stored = world.service.app.stored_tokens(grant.secret).await;
                    if let Ok((stored, _)) = stored {
                        let tokens = stored.tokens();
                        self.learn(tokens.access.expose_str());
                        if let Some(refresh) = tokens.refresh {
                            self.learn(refresh.expose_str());
                        }
                    }
                }
                Event::Keyring(
                    KeyringEvent::KeyGenerated { private_key, .. }
                    | KeyringEvent::KeyRotated { private_key, .. },
                ) => {
                    if let Ok((opened, _)) = vault.open_secret(private_key).await {
                        // The first lines hold the public half, too: the last does not.
                        let lines = opened.expose_str().lines().rev();
                        for line in lines.filter(|line| !line.starts_with("-----")).take(2) {
                            self.learn(line);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// Asserts that none of them stands in a text.
    #[track_caller]
    fn are_not_in(&self, place: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        for secret in &self.0 {
            assert!(!text.contains(secret.as_str()), "{place} shows {secret}");
            let encoded = STANDARD_NO_PAD.encode(secret);
            assert!(!text.contains(&encoded), "{place} shows {secret} in base64");
        }
    }

    fn are_not_below(&self, directory: &Path) -> usize {
        let mut files = 0;
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files += self.are_not_below(&path);
            } else {
                self.are_not_in(&path.display().to_string(), &std::fs::read(&path).unwrap());
                files += 1;
            }
        }
        files
    }
}

#[tokio::test]
async fn the_longest_story_shows_no_secret_anywhere() {
    listen();
    let clock = Arc::new(FixedClock::at(BEGIN.parse().unwrap()));
    let logs = tempfile::tempdir().unwrap();
    let directory = Arc::new(DataDirectory::open(logs.path().join("data")).unwrap());
    let log = SqliteLog::open(directory, clock.clone()).unwrap();
    let world = World::of(TestApp::on(Arc::new(log), clock).await);
    world.keys_stay_for(0).await;
    let mut known = Known::default();

    let github = world.site("github").await;
    known.learn(&github.app.client_secret);
    github.tokens_last(&github.app.client_id, TokenLife::EightHours);
    let account = world.link("ada", &github).await;
    world.link("bob", &github).await;
    world.settles().await;
    known.learn_what_is_sealed(&world).await;
    world.passes(TimeDelta::hours(9));
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    known.learn_what_is_sealed(&world).await;
    for fault in [
        Fault::Maintenance,
        Fault::BadGateway,
        Fault::Html,
        Fault::BrokenJson,
        Fault::LostAnswer,
        Fault::TooManyRequests(None),
        Fault::BadCredentials,
    ] {
        github.fail_with(fault.once().everywhere());
    }
    world.rotate("ada", account).await.is(202);
    world.settles_within(TimeDelta::minutes(30)).await;
    known.learn_what_is_sealed(&world).await;
    github.heal();
    let secret = github.change_secret(&github.app.client_id);
    known.learn(&secret);
    world.passes(TimeDelta::hours(9));
    world.rotate("ada", account).await;
    world.settles_within(TimeDelta::minutes(5)).await;
    world
        .change(&github, json!({ "client_secret": secret }))
        .await;
    world.settles_within(TimeDelta::minutes(5)).await;
    known.learn_what_is_sealed(&world).await;
    world.unlink("ada", account).await;
    world.settles_within(TimeDelta::minutes(5)).await;
    assert!(known.0.len() > 10, "{}", known.0.len());

    let roles = [Role::Admin, Role::Auditor, Role::Operator];
    let reader = world.service.actor("root", &roles).await;
    known.learn(reader.token.as_deref().unwrap());
    for path in [
        "/api/v1/audit/events?limit=1000",
        "/api/v1/providers",
        "/api/v1/providers/github",
        "/api/v1/users/ada/accounts",
        "/api/v1/users/bob/accounts",
        "/api/v1/users/bob/keys",
        "/api/v1/sync",
        "/api/v1/tokens",
    ] {
        let answer = reader.sees(path).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        known.are_not_in(path, answer.body.as_bytes());
    }
    for recorded in world.events().await {
        let log = &world.service.app.log;
        let stored = log.read_all(recorded.index, 1).await.unwrap();
        known.are_not_in("an event", stored[0].line.as_bytes());
    }
    let lines = LOGGED.lock().unwrap().take().unwrap();
    let text = String::from_utf8_lossy(&lines);
    assert!(text.contains("lanyard"), "nothing was heard");
    known.are_not_in("the server's log", &lines);
    assert!(known.are_not_below(world.service.home()) >= 2);
    assert!(known.are_not_below(logs.path()) >= 2);
}
