//! `lanyard backup` while people write, and `lanyard restore` where nothing is left.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use domain::Event;
use domain::provider::ProviderEvent;
use forge::{GitHub, GitHubOptions};
use lanyard::clock::{Clock, Ids, SystemClock, SystemIds};
use lanyard::config::ServeArgs;
use lanyard::server::Kept;
use serde_json::{Value, json};

use super::remote::Remote;
use super::{Server, lanyard};
use crate::support::app::PUBLIC_URL;

fn run(home: &Path, args: &[&str]) -> Output {
    lanyard(home).args(args).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn backs_up(home: &Path, to: &Path) -> Value {
    let to = to.to_str().unwrap();
    let ran = lanyard(home)
        .args(["backup", to, "--json"])
        .env("LANYARD_DATABASE", "sqlite:lanyard-data")
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", said(&ran));
    serde_json::from_slice(&ran.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_taken_while_many_write_is_whole() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path());
    let admin = Remote::first_admin(&server).await;
    let (stop, told) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (admin, stop, told) = (admin.at(&server), stop.clone(), told.clone());
            tokio::spawn(async move {
                let mut acknowledged = HashMap::new();
                for number in 0.. {
                    let word = format!("told-{writer}-{number}");
                    let answer = if writer == 0 {
                        admin.add_provider(&word).await.unwrap()
                    } else {
                        admin.make_token(&word).await.unwrap()
                    };
                    answer.is(201);
                    acknowledged.insert(word, answer.index());
                    told.fetch_add(1, Ordering::SeqCst);
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                }
                acknowledged
            })
        })
        .collect();
    let until = async |enough: u64| {
        while told.load(Ordering::SeqCst) < enough {
            tokio::task::yield_now().await;
        }
    };
    until(100).await;
    let before = told.load(Ordering::SeqCst);
    let (data, to) = (home.path().to_owned(), home.path().join("backup"));
    let taking = tokio::task::spawn_blocking(move || backs_up(&data, &to));
    let manifest = taking.await.unwrap();
    let after = told.load(Ordering::SeqCst);
    until(after + 20).await;
    stop.store(true, Ordering::SeqCst);
    let mut acknowledged = HashMap::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    assert!(server.end("-TERM").success());
    assert!(after > before, "nobody wrote meanwhile");

    let events = manifest["log"]["events"].as_u64().unwrap();
    assert!(
        events > before,
        "{events} events, {before} were acknowledged"
    );
    assert!(events < acknowledged.len() as u64, "{manifest}");
    // The key comes from elsewhere.
    assert!(!home.path().join("backup/key").exists());
    let key = home.path().join("lanyard-data/key");
    let restored = run(
        home.path(),
        &[
            "restore",
            "backup",
            "--data-dir",
            "restored",
            "--key-file",
            key.to_str().unwrap(),
        ],
    );
    assert!(restored.status.success(), "{}", said(&restored));
    let shown = String::from_utf8_lossy(&restored.stdout).into_owned();
    assert!(shown.contains(&format!("{events} events as of")), "{shown}");
    assert!(shown.contains("equal a fresh fold"), "{shown}");
    holds_what_was_acknowledged(&home.path().join("restored"), &key, &acknowledged, events).await;
}

/// Reads every event of a data directory and opens every secret that one refers to.
async fn holds_what_was_acknowledged(
    data: &Path,
    key: &Path,
    acknowledged: &HashMap<String, u64>,
    events: u64,
) {
    let settings = ServeArgs {
        database: Some(format!("sqlite:{}", data.display())),
        key_file: Some(key.to_owned()),
        ..ServeArgs::default()
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn Ids> = Arc::new(SystemIds::default());
    let kept = Kept::open(&settings.complete().unwrap(), &clock, &ids)
        .await
        .unwrap();
    let lines = kept.log.read_all(0, usize::MAX).await.unwrap();
    assert_eq!(lines.len() as u64, events);
    let mut secrets = 0;
    for stored in &lines {
        let event = Event::decode(stored.index, &stored.line).unwrap().event;
        if let Event::Provider(ProviderEvent::ProviderAdded {
            client_secret: Some(secret),
            ..
        }) = event
        {
            kept.vault.open_secret(secret).await.unwrap();
            secrets += 1;
        }
    }
    assert!(secrets > 5, "{secrets}");
    for (word, index) in acknowledged {
        if let Some(stored) = lines.get(usize::try_from(*index).unwrap()) {
            assert!(stored.line.contains(word), "{word} is not at {index}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_an_empty_host_the_backup_and_the_key_are_enough() {
    let old = tempfile::tempdir().unwrap();
    let github = GitHub::start(GitHubOptions::dot_com()).await.unwrap();
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let starts = |home: &Path| {
        Server::start_with(home, |command| {
            command
                .args(["--public-url", PUBLIC_URL, "--allow-host", "127.0.0.1"])
                .env("LANYARD_KEY", key);
        })
    };
    let server = starts(old.path());
    let admin = Remote::first_admin(&server).await;
    admin.registers(&github).await;
    let body = json!({ "user": "ada", "name": "laptop", "roles": ["member"] });
    let made = admin.post("/api/v1/tokens", body).await.unwrap().is(201);
    let ada = Remote::new(&server.url(), made["token"].as_str().unwrap());
    ada.links(&github, "ada").await;
    let keys = keys_at(&ada, "published").await;
    let shared = tempfile::tempdir().unwrap();
    let backup = shared.path().join("backup");
    let manifest = backs_up(old.path(), &backup);
    // The host is gone, with everything on it.
    drop(server);
    drop(old);

    let new = tempfile::tempdir().unwrap();
    let args = ["restore", backup.to_str().unwrap(), "--data-dir"];
    let without = run(new.path(), &[&args[..], &["lanyard-data"]].concat());
    assert!(without.status.success(), "{}", said(&without));
    let shown = String::from_utf8_lossy(&without.stdout).into_owned();
    let key_id = manifest["key"].as_str().unwrap();
    assert!(shown.contains(key_id), "the key is named: {shown}");
    let verified = lanyard(new.path())
        .arg("verify")
        .env("LANYARD_KEY", key)
        .output()
        .unwrap();
    assert!(verified.status.success(), "{}", said(&verified));

    let server = starts(new.path());
    let ada = ada.at(&server);
    let path = format!("/api/v1/users/me/keys/{}/rotation", keys[0]);
    let rotated = ada.post(&path, json!({})).await.unwrap();
    assert!((200..300).contains(&rotated.status), "{rotated:?}");
    // The link still works: the new key comes to the provider, where the old one has its grace.
    loop {
        let now = keys_at(&ada, "published").await;
        let there = github.keys_of("ada");
        if now.iter().any(|key| *key != keys[0]) && there.len() == 2 {
            break;
        }
    }
}

/// Waits until a person has a key of a state at an account; returns the ids of those that have.
async fn keys_at(person: &Remote, state: &str) -> Vec<String> {
    loop {
        let listed = person.get("/api/v1/users/me/keys").await.unwrap().is(200);
        let keys = listed["keys"].as_array().unwrap().iter();
        let there: Vec<_> = keys
            .filter(|key| key.to_string().contains(&format!("\"{state}\"")))
            .map(|key| key["key"].as_str().unwrap().to_owned())
            .collect();
        if !there.is_empty() {
            return there;
        }
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_backup_that_is_not_whole_is_refused_and_nothing_is_left_of_it() {
    let home = tempfile::tempdir().unwrap();
    assert!(Server::start(home.path()).end("-TERM").success());
    let backup = home.path().join("backup");
    let manifest = backs_up(home.path(), &backup);
    assert_eq!(manifest["format"], 1);
    let refused = |args: &[&str], because: &str| {
        let ran = run(home.path(), args);
        assert_eq!(ran.status.code(), Some(1), "{args:?}");
        assert!(said(&ran).contains(because), "{}", said(&ran));
    };
    refused(&["backup", "backup"], "is not empty");
    refused(
        &["backup", "b", "--database", "sqlite:elsewhere"],
        "has no log.db and state.db",
    );
    refused(
        &["backup", "b", "--database", "postgres://db/lanyard"],
        "pg_dump",
    );
    assert!(!home.path().join("b").exists());
    refused(
        &["restore", "backup", "--data-dir", "lanyard-data"],
        "is not empty",
    );
    let log = fs::read(backup.join("log.db")).unwrap();
    let mut changed = log.clone();
    *changed.last_mut().unwrap() ^= 1;
    for (content, because) in [(changed, "its SHA-256"), (log[1..].to_vec(), "its length")] {
        fs::write(backup.join("log.db"), content).unwrap();
        refused(&["restore", "backup", "--data-dir", "new"], because);
        let left = fs::read_dir(home.path().join("new")).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["lanyard.lock"]);
    }
    fs::write(backup.join("log.db"), log).unwrap();
    let text = fs::read_to_string(backup.join("manifest.json")).unwrap();
    let newer = text.replace("\"format\": 1", "\"format\": 2");
    fs::write(backup.join("manifest.json"), newer).unwrap();
    refused(
        &["restore", "backup", "--data-dir", "new"],
        "which this version cannot read",
    );
    fs::remove_file(backup.join("manifest.json")).unwrap();
    refused(
        &["restore", "backup", "--data-dir", "new"],
        "has no manifest.json",
    );
    fs::write(backup.join("manifest.json"), text).unwrap();
    let restored = run(home.path(), &["restore", "backup", "--data-dir", "new"]);
    assert!(restored.status.success(), "{}", said(&restored));
}

#[test]
#[cfg(unix)]
fn a_backup_is_its_owners_alone_and_each_part_is_one_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path());
    let backup = home.path().join("backup");
    backs_up(home.path(), &backup);
    drop(server);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&backup), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&backup).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort_unstable();
    assert_eq!(names, ["log.db", "manifest.json", "state.db"]);
}
