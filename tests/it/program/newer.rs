//! A program that is older than its data.

use std::path::Path;

use rusqlite::Connection;

use super::{Server, lanyard};
use crate::program::remote::Remote;

/// Starts a server that must not start; returns what it says.
fn refused(home: &Path) -> String {
    let ran = lanyard(home)
        .args(["serve", "--listen", "127.0.0.1:0"])
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    String::from_utf8(ran.stderr).unwrap()
}

fn open(home: &Path, file: &str) -> Connection {
    Connection::open(home.join("lanyard-data").join(file)).unwrap()
}

fn events(home: &Path) -> i64 {
    let log = open(home, "log.db");
    let counted = log.query_row("SELECT count(*) FROM events", [], |row| row.get(0));
    counted.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_of_a_newer_lanyard_is_refused_by_name_before_anything_is_written() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let server = Server::start(home);
    let admin = Remote::first_admin(&server).await;
    admin.make_token("before").await.unwrap().is(201);
    assert!(server.end("-TERM").success());

    // Met before by a newer one, somewhere in the history.
    let state = open(home, "state.db");
    let noted: i64 = state
        .query_row("SELECT count(*) FROM logged_types", [], |row| row.get(0))
        .unwrap();
    assert!(noted > 0, "what this one writes is noted");
    for (name, schema) in [("KeyTeleported", 1), ("TokenCreated", 99)] {
        let newer = "INSERT INTO logged_types VALUES (?, ?, '99.1.0')";
        state.execute(newer, (name, schema)).unwrap();
        let before = events(home);
        let said = refused(home);
        for part in [name, &format!("schema {schema}"), "99.1.0", "newer"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert_eq!(events(home), before);
        let over = "DELETE FROM logged_types WHERE program = '99.1.0'";
        state.execute(over, []).unwrap();
    }
    drop(state);

    // The newest event, which no projection of the newer one has met yet.
    let last = events(home) - 1;
    let log = open(home, "log.db");
    let line: String = log
        .query_row("SELECT line FROM events WHERE idx = ?", [last], |row| {
            row.get(0)
        })
        .unwrap();
    let mut newer: serde_json::Value = serde_json::from_str(&line).unwrap();
    newer["version"] = (newer["version"].as_u64().unwrap() + 1).into();
    newer["type"] = "KeyTeleported".into();
    let sql = "INSERT INTO events (idx, line) VALUES (?, ?)";
    log.execute(sql, (last + 1, newer.to_string())).unwrap();
    drop(log);
    let said = refused(home);
    for part in ["KeyTeleported", "newer"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(events(home), last + 2);
}
