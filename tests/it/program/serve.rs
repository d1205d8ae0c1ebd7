//! `lanyard serve`, `lanyard verify`, and what the commands say to people.

use std::io::Write as _;

use serde_json::Value;

use super::{Server, lanyard};

fn run(home: &std::path::Path, url: &str, token: &str, args: &[&str]) -> (i32, String, String) {
    let ran = lanyard(home)
        .args(args)
        .env("LANYARD_URL", url)
        .env("LANYARD_TOKEN", token)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        ran.status.code().unwrap(),
        text(&ran.stdout),
        text(&ran.stderr),
    )
}

#[test]
fn without_configuration_it_serves_and_says_what_to_do_next() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path());
    assert!(
        server
            .said
            .iter()
            .any(|line| line.contains("sqlite:lanyard-data"))
    );
    let secret = server.first_secret();
    let url = server.url();
    let first = ["token", "first", "grace", "--secret", &secret];
    let (code, token, shown) = run(home.path(), &url, "", &first);
    assert_eq!(code, 0, "{shown}");
    let token = token.trim().to_owned();
    assert!(token.starts_with("lyd_pat_"), "{token}");
    let (code, _, shown) = run(home.path(), &url, "", &first);
    assert_eq!(code, 1, "the secret works once: {shown}");
    let (code, listed, _) = run(home.path(), &url, &token, &["provider", "list"]);
    assert_eq!(code, 0);
    assert!(listed.contains("lanyard provider add"), "{listed}");
    let (code, listed, _) = run(home.path(), &url, &token, &["token", "list", "--json"]);
    assert_eq!(code, 0);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["user"], "grace");
    // The server's own files are nobody else's.
    assert!(server.end("-TERM").success());
    let again = Server::start(home.path());
    let (code, _, shown) = run(home.path(), &again.url(), &token, &["provider", "list"]);
    assert_eq!(code, 0, "a token outlives a restart: {shown}");
}

#[test]
fn settings_may_come_through_a_pipe_which_can_be_read_only_once() {
    let home = tempfile::tempdir().unwrap();
    let (read, mut write) = std::io::pipe().unwrap();
    write
        .write_all(b"database = \"sqlite:elsewhere\"\n")
        .unwrap();
    drop(write);
    let server = Server::start_with(home.path(), |command| {
        command.args(["--config", "/dev/stdin"]).stdin(read);
    });
    assert!(
        server
            .said
            .iter()
            .any(|line| line.contains("sqlite:elsewhere"))
    );
}

#[test]
fn a_second_server_on_the_same_directory_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let _first = Server::start(home.path());
    let second = lanyard(home.path())
        .args(["serve", "--listen", "127.0.0.1:0"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1));
    assert!(
        said.contains("another lanyard process uses this data directory"),
        "{said}"
    );
}

#[test]
fn a_log_that_is_sound_verifies_and_one_that_was_changed_does_not() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path());
    let secret = server.first_secret();
    let first = ["token", "first", "grace", "--secret", &secret];
    let (code, token, _) = run(home.path(), &server.url(), "", &first);
    assert_eq!(code, 0);
    let algorithm = ["settings", "algorithm", "ecdsa-p256"];
    let (code, _, said) = run(home.path(), &server.url(), token.trim(), &algorithm);
    assert_eq!(code, 0, "{said}");
    assert!(server.end("-TERM").success());
    let (code, said, complained) = run(home.path(), "http://127.0.0.1:1", "", &["verify"]);
    assert_eq!(code, 0, "{complained}");
    assert!(said.contains("2 events"), "{said}");
    // Whoever can write the file can drop its triggers too; the change still shows.
    let log = rusqlite::Connection::open(home.path().join("lanyard-data/log.db")).unwrap();
    let triggers: Vec<String> = log
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for trigger in triggers {
        log.execute_batch(&format!("DROP TRIGGER {trigger}"))
            .unwrap();
    }
    let changed = log
        .execute(
            "UPDATE events SET line = replace(line, 'LST01I', 'LST99I') WHERE idx = 1",
            [],
        )
        .unwrap();
    assert_eq!(changed, 1);
    drop(log);
    let (code, _, complained) = run(home.path(), "http://127.0.0.1:1", "", &["verify"]);
    assert_eq!(code, 1);
    assert!(complained.contains("event 1"), "{complained}");
}

#[test]
fn what_is_not_there_is_not_sound_and_is_not_made_either() {
    let home = tempfile::tempdir().unwrap();
    let (code, said, complained) = run(home.path(), "http://127.0.0.1:1", "", &["verify"]);
    assert_eq!(code, 1, "{said}");
    assert!(
        complained.contains("there is no Lanyard data in sqlite:lanyard-data"),
        "{complained}"
    );
    assert!(complained.contains("--database"), "{complained}");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn every_error_says_what_to_do_next() {
    let home = tempfile::tempdir().unwrap();
    let (code, _, said) = run(home.path(), "http://127.0.0.1:1", "", &["provider", "list"]);
    assert_eq!(code, 3, "{said}");
    assert!(
        said.contains("hint: start one with `lanyard serve`"),
        "{said}"
    );
    let server = Server::start(home.path());
    let (code, _, said) = run(home.path(), &server.url(), "", &["provider", "list"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("hint: give an API token"), "{said}");
    let (code, _, said) = run(home.path(), &server.url(), "", &["provider", "lost"]);
    assert_eq!(code, 2, "{said}");
}
