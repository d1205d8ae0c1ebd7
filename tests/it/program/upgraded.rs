//! A server that is killed while it makes its tables or brings them up to date.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;

use rusqlite::Connection;

use super::faults::Faults;
use super::remote::Remote;
use super::{Server, lanyard, verified};

/// `SIGKILL`.
const KILLED: i32 = 9;

/// Starts a server that is killed at its `point`th call that writes to `state.db` or syncs it; says
/// whether it came to that before it was ready.
fn is_killed_at(point: usize, faults: &Faults, home: &Path) -> bool {
    faults.begin("killed", &format!("{point} /state.db"));
    let mut command = lanyard(home);
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    faults.spoil(&mut command);
    let mut server = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut says = BufReader::new(server.stdout.take().unwrap()).lines();
    let is_ready = says.next().is_some();
    server.kill().unwrap();
    let status = server.wait().unwrap();
    assert_eq!(status.signal(), Some(KILLED), "{status}");
    faults.end("killed");
    !is_ready
}

/// Says which migrations a data directory has behind it.
fn migrations(home: &Path) -> Vec<(i64, String)> {
    let state = Connection::open(home.join("lanyard-data/state.db")).unwrap();
    let sql = "SELECT version, name FROM state_migrations ORDER BY version";
    let mut asked = state.prepare(sql).unwrap();
    let rows = asked.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

/// Takes a data directory back to what the release before the last migration had, which only made
/// tables and columns.
fn take_back(home: &Path) {
    let (version, name) = migrations(home).pop().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/state/sqlite");
    let made = fs::read_to_string(folder.join(format!("V{version}__{name}.sql"))).unwrap();
    let state = Connection::open(home.join("lanyard-data/state.db")).unwrap();
    let tables = made
        .lines()
        .filter_map(|line| line.strip_prefix("CREATE TABLE "));
    for table in tables.filter_map(|line| line.split([' ', '(']).next()) {
        let dropped = format!("DROP TABLE {table}");
        state.execute_batch(&dropped).unwrap();
    }
    let columns = made.lines().filter_map(|line| {
        line.strip_prefix("ALTER TABLE ")?
            .split_once(" ADD COLUMN ")
    });
    for (table, column) in columns {
        let column = column.split(' ').next().unwrap();
        let dropped = format!("ALTER TABLE {table} DROP COLUMN {column}");
        state.execute_batch(&dropped).unwrap();
    }
    let forgotten = "DELETE FROM state_migrations WHERE version = ?";
    state.execute(forgotten, [version]).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (old, new) = (entry.path(), to.join(entry.file_name()));
        // What is only room is not copied.
        if entry.file_name() == "reserve" {
            continue;
        }
        if old.is_dir() {
            copy(&old, &new);
        } else {
            fs::copy(old, new).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_point_of_a_migration_the_next_start_completes_it() {
    let home = tempfile::tempdir().unwrap();
    let Some(faults) = Faults::new(home.path()) else {
        return;
    };
    let old = home.path().join("old");
    fs::create_dir(&old).unwrap();
    let server = Server::start(&old);
    let admin = Remote::first_admin(&server).await;
    admin.make_token("before").await.unwrap().is(201);
    assert!(server.end("-TERM").success());
    let done = migrations(&old);
    take_back(&old);
    assert_eq!(migrations(&old).len() + 1, done.len());

    let empty = home.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let mut killed = 0;
    for (before, step) in [(&empty, 2), (&old, 1)] {
        for point in (1..).step_by(step) {
            let now = home.path().join("now");
            copy(before, &now);
            let was_killed = is_killed_at(point, &faults, &now);
            killed += usize::from(was_killed);
            if was_killed {
                let server = Server::start(&now);
                assert!(server.end("-TERM").success(), "at {point}");
                assert_eq!(migrations(&now), done, "at {point}");
                if before == &old && point % 5 == 0 {
                    verified(&now);
                }
            }
            fs::remove_dir_all(&now).unwrap();
            if !was_killed {
                assert!(point > 3, "nothing was written");
                break;
            }
        }
    }
    assert!(killed >= 50, "killed at {killed} points only");
}
