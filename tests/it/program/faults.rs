//! Disks that are full, and disks that fail.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use super::remote::Remote;
use super::{Server, verified};

/// What lets the disk of a server fail.
pub(super) struct Faults {
    folder: PathBuf,
}

impl Faults {
    /// Prepares a folder from which the disk is told to fail; nothing where there is no compiler.
    pub(super) fn new(home: &std::path::Path) -> Option<Self> {
        let folder = home.join("faults");
        fs::create_dir(&folder).unwrap();
        let source = folder.join("faults.c");
        fs::write(&source, include_str!("faults.c")).unwrap();
        let compiled = Command::new("gcc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .arg(folder.join("faults.so"))
            .arg(&source)
            .arg("-ldl")
            .status();
        match compiled {
            Ok(status) => assert!(status.success(), "gcc ended with {status}"),
            Err(missing) => {
                assert!(
                    std::env::var_os("LANYARD_TESTS_MUST_NOT_SKIP").is_none(),
                    "gcc does not run: {missing}"
                );
                eprintln!("SKIPPED: gcc does not run, so no disk fails: {missing}");
                return None;
            }
        }
        Some(Self { folder })
    }

    pub(super) fn server(&self, home: &std::path::Path) -> Server {
        Server::start_with(home, |command| self.spoil(command))
    }

    /// Has the disk of a program fail.
    pub(super) fn spoil(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", self.folder.join("faults.so"))
            .env("LANYARD_TEST_FAULTS", &self.folder)
            // What fails is told here, not there.
            .env("LANYARD_LOG", "off");
    }

    /// Begins a fault for all files with `part` in their path.
    pub(super) fn begin(&self, fault: &str, part: &str) {
        // At once or not at all: the program looks for it at every write.
        let unborn = self.folder.join("unborn");
        fs::write(&unborn, part).unwrap();
        fs::rename(unborn, self.folder.join(fault)).unwrap();
    }

    pub(super) fn is_over(&self, fault: &str) -> bool {
        !self.folder.join(fault).exists()
    }

    pub(super) fn end(&self, fault: &str) {
        fs::remove_file(self.folder.join(fault)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_writes_are_refused_reads_go_on_and_it_passes_without_a_restart() {
    let home = tempfile::tempdir().unwrap();
    // The log alone, then secrets and read models alone, then all of it.
    for (number, part) in ["/log.db", "/state.db", ".db"].into_iter().enumerate() {
        let home = home.path().join(number.to_string());
        fs::create_dir(&home).unwrap();
        let Some(faults) = Faults::new(&home) else {
            return;
        };
        let server = faults.server(&home);
        let admin = Remote::first_admin(&server).await;
        admin.make_token("before").await.unwrap().is(201);
        let added = admin.add_provider("before").await.unwrap();
        added.is(201);
        let path = format!("/api/v1/providers?wait={}", added.index());
        admin.get(&path).await.unwrap().is(200);

        let reserve = home.join("lanyard-data").join("reserve");
        is_made(&reserve);
        faults.begin("full", part);
        let mut refused = 0;
        for number in 0..12 {
            let name = format!("during-{number}");
            for answer in [
                admin.make_token(&name).await.unwrap(),
                admin.add_provider(&name).await.unwrap(),
            ] {
                if answer.status != 201 {
                    let problem = answer.is(503);
                    assert_eq!(problem["type"], "/problems/unavailable", "{problem}");
                    let wait: u64 = answer.header("retry-after").parse().unwrap();
                    assert!((1..=60).contains(&wait));
                    refused += 1;
                }
            }
            // Reads go on, with what was there before.
            let listed = admin.get("/api/v1/providers").await.unwrap().is(200);
            assert!(listed.to_string().contains("before"), "{listed}");
            admin.get("/healthz").await.unwrap().is(200);
        }
        assert!(refused >= 12, "{refused} of 24 were refused at {part}");
        assert!(!reserve.exists(), "its room is given back at {part}");

        faults.end("full");
        let healed = Instant::now();
        let mut tries = 0;
        let index = loop {
            tries += 1;
            let answer = admin.add_provider(&format!("after-{tries}")).await;
            let answer = answer.unwrap();
            if answer.status == 201 {
                break answer.index();
            }
            answer.is(503);
            assert!(
                healed.elapsed() < Duration::from_secs(10),
                "it never passed"
            );
        };
        // The read models go on as well.
        loop {
            let path = format!("/api/v1/providers?wait={index}");
            let seen = admin.get(&path).await.unwrap();
            if seen.status == 200 {
                assert!(seen.text.contains(&format!("after-{tries}")), "{seen:?}");
                break;
            }
            assert!(healed.elapsed() < Duration::from_secs(10), "{seen:?}");
        }
        assert!(server.end("-TERM").success());
        verified(&home);
        let server = faults.server(&home);
        is_made(&reserve);
        drop(server);
    }
}

/// Waits until the whole reserve is there, which is made beside everything else.
fn is_made(reserve: &std::path::Path) {
    let began = Instant::now();
    while fs::metadata(reserve).map_or(0, |file| file.len()) < 64 << 20 {
        assert!(began.elapsed() < Duration::from_secs(30), "it is not made");
        std::thread::yield_now();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_disk_cannot_say_what_it_has_the_server_ends_and_starts_again_whole() {
    let home = tempfile::tempdir().unwrap();
    let Some(faults) = Faults::new(home.path()) else {
        return;
    };
    let mut server = faults.server(home.path());
    let admin = Remote::first_admin(&server).await;
    let mut acknowledged = Vec::new();
    for number in 0..5 {
        let told = admin.make_token(&format!("told-{number}")).await.unwrap();
        told.is(201);
        acknowledged.push(told.index());
    }
    faults.begin("broken", "/log.db-wal");
    let answer = admin.make_token("untold").await;
    let failed = Instant::now();
    assert!(faults.is_over("broken"), "no sync has failed");
    if let Ok(answer) = answer {
        answer.is(503);
    }
    let status = server.waits();
    let took = failed.elapsed();
    assert_eq!(status.code(), Some(1), "{status}");
    assert!(took < Duration::from_secs(1), "it took {took:?}");

    let server = faults.server(home.path());
    let admin = admin.at(&server);
    let listed = admin
        .get("/api/v1/tokens")
        .await
        .unwrap()
        .is(200)
        .to_string();
    for number in 0..5 {
        assert!(listed.contains(&format!("told-{number}")), "{listed}");
    }
    let next = admin.make_token("after").await.unwrap();
    next.is(201);
    // What was not acknowledged may be there; nothing stands where something was acknowledged.
    assert!(next.index() > *acknowledged.last().unwrap());
    assert!(server.end("-TERM").success());
    verified(home.path());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_under_the_read_models_is_not_ready_for_as_long() {
    let home = tempfile::tempdir().unwrap();
    let Some(faults) = Faults::new(home.path()) else {
        return;
    };
    let server = faults.server(home.path());
    let admin = Remote::first_admin(&server).await;
    // With it, what is to be sealed for this person needs no new key.
    admin.make_token("before").await.unwrap().is(201);
    faults.begin("full", "/state.db");
    // Goes to the log, and the read models cannot follow.
    let path = "/api/v1/settings";
    let body = json!({ "algorithm": "rsa-4096" });
    let changed = admin.send(Method::PATCH, path, Some(body), &[]).await;
    changed.unwrap().is(200);
    let began = Instant::now();
    loop {
        let ready = admin.get("/readyz").await.unwrap().is(200);
        if ready["projections"] == "waiting" {
            assert!(ready["wrong"][0].as_str().unwrap().contains("wait"));
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{ready}");
    }
    faults.end("full");
    loop {
        let ready = admin.get("/readyz").await.unwrap().is(200);
        if ready["projections"] == "ok" && ready["applied"] == ready["events"] {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{ready}");
    }
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_in_the_midst_of_a_checkpoint_or_a_backup_loses_nothing() {
    let home = tempfile::tempdir().unwrap();
    let Some(faults) = Faults::new(home.path()) else {
        return;
    };
    let server = faults.server(home.path());
    let admin = Remote::first_admin(&server).await;
    // The WAL takes what is written; only what moves it into the databases fails.
    for (file, words) in [("/log.db$", "log"), ("/state.db$", "state")] {
        faults.begin("full", file);
        for number in 0..8 {
            let name = format!("{words}-{number}");
            let told = admin.make_token(&name).await.unwrap();
            assert!(matches!(told.status, 201 | 503), "{told:?}");
        }
        faults.end("full");
        let name = format!("{words}-after");
        admin.make_token(&name).await.unwrap().is(201);
    }

    let kept = home.path().join("kept");
    let back_up = || {
        let mut command = super::lanyard(home.path());
        command.arg("backup").arg(&kept);
        faults.spoil(&mut command);
        command.output().unwrap()
    };
    faults.begin("full", "/kept");
    let failed = back_up();
    assert!(!failed.status.success(), "{failed:?}");
    let said = String::from_utf8_lossy(&failed.stderr).to_lowercase();
    assert!(said.contains("full") || said.contains("space"), "{said}");
    faults.end("full");
    // Nobody takes for a backup what is none, and it is in nobody's way.
    let whole = back_up();
    assert!(whole.status.success(), "{whole:?}");

    // Closed while the databases cannot take what the WAL has: it is still there.
    let told = admin.make_token("last").await.unwrap();
    told.is(201);
    faults.begin("full", "/log.db$");
    assert!(server.end("-TERM").code().is_some());
    faults.end("full");
    verified(home.path());
    let server = faults.server(home.path());
    let admin = admin.at(&server);
    let listed = admin.get("/api/v1/tokens").await.unwrap().is(200);
    for name in ["log-after", "state-after", "last"] {
        assert!(listed.to_string().contains(name), "{name}: {listed}");
    }
}
