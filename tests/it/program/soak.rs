//! A server that is asked for the same things for a long time needs no more for it.

use std::fs;

use reqwest::Method;
use serde_json::json;

use super::Server;
use super::remote::Remote;
use crate::support::wanted;

/// How many rounds are played where `LANYARD_SOAK_ROUNDS` says nothing.
const ROUNDS: usize = 12;

/// How many of them are played before it is measured: buffers and caches fill.
const WARM: usize = 4;

/// How much memory may come in all later rounds: what was made is in the read models, and some of
/// it in caches that have a limit.
const GROWTH: u64 = 12 << 10;

/// Memory in KiB and open files of a process.
#[derive(Debug, Clone, Copy)]
struct Needs {
    memory: u64,
    files: usize,
}

fn needs(server: &Server) -> Needs {
    let process = format!("/proc/{}", server.child.id());
    let status = fs::read_to_string(format!("{process}/status")).unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let memory = memory.unwrap().trim().trim_end_matches(" kB");
    Needs {
        memory: memory.parse().unwrap(),
        files: fs::read_dir(format!("{process}/fd")).unwrap().count(),
    }
}

/// Everything that may be asked, well and badly.
async fn round(admin: &Remote, number: usize) {
    let added = format!("p{number}");
    admin.add_provider(&added).await.unwrap().is(201);
    let path = format!("/api/v1/providers/{added}");
    for request in 0..40 {
        let name = format!("round-{number}-{request}");
        admin.make_token(&name).await.unwrap().is(201);
        admin.get("/api/v1/tokens").await.unwrap().is(200);
        admin.get("/api/v1/audit/events").await.unwrap().is(200);
        admin.get("/api/v1/nowhere").await.unwrap().is(404);
        let bad = json!({ "user": "ada", "name": "", "roles": ["king"] });
        admin.post("/api/v1/tokens", bad).await.unwrap().is(422);
    }
    for command in ["pause", "resume"] {
        let path = format!("{path}/{command}");
        let told = admin.send(Method::POST, &path, None, &[]).await.unwrap();
        assert!(told.status < 500, "{told:?}");
    }
    admin.get("/metrics").await.unwrap();
    admin.get("/readyz").await.unwrap().is(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_many_rounds_it_needs_no_more_memory_and_no_more_files() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path());
    let admin = Remote::first_admin(&server).await;
    let rounds = wanted("LANYARD_SOAK_ROUNDS").unwrap_or(ROUNDS);
    for number in 0..WARM {
        round(&admin, number).await;
    }
    let before = needs(&server);
    for number in WARM..rounds {
        round(&admin, number).await;
    }
    let after = needs(&server);
    println!("{before:?} then {after:?}");
    // A connection of a pool may be opened late.
    assert!(after.files <= before.files + 6, "{before:?}, {after:?}");
    assert!(
        after.memory <= before.memory + GROWTH,
        "{before:?}, {after:?}"
    );
}
