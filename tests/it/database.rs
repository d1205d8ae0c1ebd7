//! What every database promises, told on `SQLite`.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use lanyard::database::sqlite::SqliteDatabase;
use lanyard::database::{Database, DatabaseError};
use projections::{Row, Statement, Value};
use tempfile::TempDir;

fn fresh() -> (TempDir, SqliteDatabase) {
    let folder = tempfile::tempdir().unwrap();
    let database = SqliteDatabase::open(folder.path().join("state.db")).unwrap();
    (folder, database)
}

async fn with_notes() -> (TempDir, SqliteDatabase) {
    let (folder, database) = fresh();
    let table = "CREATE TABLE notes (name TEXT PRIMARY KEY, size BIGINT, body BYTEA)";
    database.transact(vec![run(table, [])]).await.unwrap();
    (folder, database)
}

fn run(sql: &'static str, args: impl IntoIterator<Item = Value>) -> Statement {
    Statement::new(sql, args)
}

fn note(name: impl Into<String>, size: i64) -> Statement {
    let sql = "INSERT INTO {notes} (name, size, body) VALUES ($1, $2, NULL)";
    run(sql, [name.into().into(), size.into()])
}

async fn names(database: &SqliteDatabase) -> Vec<String> {
    let rows = database
        .query(run("SELECT name FROM notes ORDER BY name", []))
        .await
        .unwrap();
    rows.iter()
        .map(|row| row.text(0).unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn every_kind_of_value_comes_back_as_it_went_in() {
    let (_folder, database) = with_notes().await;
    let all = [
        Value::Null,
        Value::Int(i64::MIN),
        Value::Int(i64::MAX),
        Value::Text(String::new()),
        Value::Text("ünï ✓ '$1' {x}".to_owned()),
        Value::Bytes(vec![]),
        Value::Bytes(vec![0, 255, 0]),
    ];
    let asked = run("SELECT $1, $2, $3, $4, $5, $6, $7", all.clone());
    assert_eq!(
        database.query(asked.clone()).await.unwrap(),
        [Row(all.to_vec())]
    );
    assert_eq!(database.get(asked).await.unwrap(), Some(Row(all.to_vec())));
}

#[tokio::test]
async fn arguments_go_by_their_number_in_any_order_and_more_than_once() {
    let (_folder, database) = with_notes().await;
    let asked = run("SELECT $2, $1, $2, '$1'", ["one".into(), "two".into()]);
    let row = database.get(asked).await.unwrap().unwrap();
    let expected: [Value; 4] = ["two".into(), "one".into(), "two".into(), "$1".into()];
    assert_eq!(row.0, expected);
    for args in [
        vec![],
        vec!["one".into()],
        vec!["1".into(), "2".into(), "3".into()],
    ] {
        let asked = database.get(run("SELECT $2, $1", args)).await;
        assert!(matches!(asked, Err(DatabaseError::Broken(_))));
    }
}

#[tokio::test]
async fn a_transaction_counts_what_each_statement_changed() {
    let (_folder, database) = with_notes().await;
    let counts = database
        .transact(vec![
            note("a", 1),
            note("b", 1),
            run("UPDATE notes SET size = size + $1", [1_i64.into()]),
            run("UPDATE notes SET size = 0 WHERE name = $1", ["c".into()]),
            run("CREATE TABLE other (name TEXT)", []),
            run("DELETE FROM notes WHERE name = $1", ["a".into()]),
            run("INSERT INTO notes (name) VALUES ('c') RETURNING name", []),
        ])
        .await
        .unwrap();
    assert_eq!(counts, [1, 1, 2, 0, 0, 1, 1]);
    assert!(database.transact(vec![]).await.unwrap().is_empty());
}

#[tokio::test]
async fn all_statements_of_a_transaction_happen_or_none() {
    let (_folder, database) = with_notes().await;
    database.transact(vec![note("kept", 1)]).await.unwrap();
    let twice = database.transact(vec![note("a", 1), note("kept", 1)]).await;
    assert!(matches!(twice, Err(DatabaseError::Duplicate)));
    let wrong = database
        .transact(vec![note("a", 1), run("NONSENSE", [])])
        .await;
    assert!(matches!(wrong, Err(DatabaseError::Broken(_))));
    let stale = run("UPDATE notes SET size = 2 WHERE name = 'b'", []).must_change_one();
    let stale = database.transact(vec![note("a", 1), stale]).await;
    assert!(matches!(stale, Err(DatabaseError::Stale)));
    assert_eq!(names(&database).await, ["kept"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_transactions_at_once_each_fails_or_succeeds_alone() {
    let (_folder, database) = with_notes().await;
    let database = Arc::new(database);
    database.transact(vec![note("taken", 0)]).await.unwrap();
    let writers: Vec<_> = (0..400)
        .map(|n| {
            let database = Arc::clone(&database);
            tokio::spawn(async move {
                let mine = note(format!("{n:03}"), n);
                let second = match n % 4 {
                    0 => run("UPDATE notes SET size = 1 WHERE name = 'no'", []).must_change_one(),
                    1 => note("taken", 1),
                    2 => run("NONSENSE", []),
                    _ => note(format!("{n:03} too"), n),
                };
                (n, database.transact(vec![mine, second]).await)
            })
        })
        .collect();
    let mut expected = Vec::new();
    for writer in writers {
        match writer.await.unwrap() {
            (n, Err(DatabaseError::Stale)) => assert_eq!(n % 4, 0),
            (n, Err(DatabaseError::Duplicate)) => assert_eq!(n % 4, 1),
            (n, Err(DatabaseError::Broken(_))) => assert_eq!(n % 4, 2),
            (n, outcome) => {
                assert_eq!(outcome.unwrap(), [1, 1]);
                assert_eq!(n % 4, 3);
                expected.extend([format!("{n:03}"), format!("{n:03} too")]);
            }
        }
    }
    expected.push("taken".to_owned());
    assert_eq!(names(&database).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_that_change_one_row_at_once_one_wins() {
    let (_folder, database) = with_notes().await;
    let database = Arc::new(database);
    database.transact(vec![note("n", 1)]).await.unwrap();
    let racers: Vec<_> = (0..50)
        .map(|_| {
            let database = Arc::clone(&database);
            let sql = "UPDATE notes SET size = 2 WHERE name = 'n' AND size = 1";
            let update = run(sql, []).must_change_one();
            tokio::spawn(async move { database.transact(vec![update]).await.is_ok() })
        })
        .collect();
    let mut winners = 0;
    for racer in racers {
        winners += usize::from(racer.await.unwrap());
    }
    assert_eq!(winners, 1);
}

#[tokio::test]
async fn what_was_written_is_read_at_once_and_after_reopening() {
    let (folder, database) = with_notes().await;
    for n in 0..20 {
        database
            .transact(vec![note(format!("{n:02}"), n)])
            .await
            .unwrap();
        let one = run(
            "SELECT size FROM notes WHERE name = $1",
            [format!("{n:02}").into()],
        );
        let found = database.get(one).await.unwrap().unwrap();
        assert_eq!(found.0, [n.into()]);
        assert_eq!(names(&database).await.last(), Some(&format!("{n:02}")));
    }
    drop(database);
    let path = folder.path().join("state.db");
    let database = SqliteDatabase::open(&path).unwrap();
    assert_eq!(names(&database).await.len(), 20);
    let mode = std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_caller_who_goes_away_does_not_undo_its_transaction() {
    let (_folder, database) = with_notes().await;
    {
        let writing = database.transact(vec![note("a", 1)]);
        let mut writing = std::pin::pin!(writing);
        let _ = futures::poll!(&mut writing);
    }
    database.transact(vec![note("b", 1)]).await.unwrap();
    assert_eq!(names(&database).await, ["a", "b"]);
}

#[tokio::test]
async fn a_question_cannot_write() {
    let (_folder, database) = with_notes().await;
    let asked = database.query(note("a", 1)).await;
    assert!(matches!(asked, Err(DatabaseError::Broken(_))));
    let asked = database
        .get(run("DELETE FROM notes RETURNING name", []))
        .await;
    assert!(matches!(asked, Err(DatabaseError::Broken(_))));
    let asked = database.query(run("SELECT nothing FROM nowhere", [])).await;
    assert!(matches!(asked, Err(DatabaseError::Broken(_))));
    let asked = database.get(run("SELECT 1.5", [])).await;
    assert!(matches!(asked, Err(DatabaseError::Broken(_))));
}

#[tokio::test]
async fn a_full_disk_undoes_what_does_not_fit_and_works_again_when_there_is_space() {
    let (_folder, database) = with_notes().await;
    database.transact(vec![note("kept", 1)]).await.unwrap();
    database
        .transact(vec![run("PRAGMA max_page_count = 100", [])])
        .await
        .unwrap();
    let big = |n: u64| {
        let sql = "INSERT INTO notes (name, size, body) VALUES ($1, 0, zeroblob(20000))";
        run(sql, [format!("big {n:02}").into()])
    };
    let mut taken = 0;
    let full = loop {
        match database
            .transact(vec![note(format!("small {taken:02}"), 0), big(taken)])
            .await
        {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, DatabaseError::Unavailable(_)), "{full}");
    assert!(taken > 2);
    assert_eq!(names(&database).await.len() as u64, 1 + 2 * taken);
    let again = database.transact(vec![big(99)]).await;
    assert!(matches!(again, Err(DatabaseError::Unavailable(_))));
    // What needs no space still works, and so does everything once there is some.
    database
        .transact(vec![run(
            "UPDATE notes SET size = 7 WHERE name = 'kept'",
            [],
        )])
        .await
        .unwrap();
    database
        .transact(vec![run("PRAGMA max_page_count = 10000", [])])
        .await
        .unwrap();
    database.transact(vec![big(99)]).await.unwrap();
    assert_eq!(names(&database).await.len() as u64, 2 + 2 * taken);
}

#[tokio::test]
async fn another_process_that_writes_is_waited_for() {
    let (folder, database) = with_notes().await;
    let other = rusqlite::Connection::open(folder.path().join("state.db")).unwrap();
    other
        .execute_batch("BEGIN IMMEDIATE; INSERT INTO notes (name) VALUES ('other')")
        .unwrap();
    let writing = database.transact(vec![note("a", 1)]);
    let mut writing = std::pin::pin!(writing);
    assert!(futures::poll!(&mut writing).is_pending());
    assert!(names(&database).await.is_empty());
    other.execute_batch("COMMIT").unwrap();
    writing.await.unwrap();
    assert_eq!(names(&database).await, ["a", "other"]);
}

#[tokio::test]
async fn tables_can_be_made_filled_and_switched_while_others_read() {
    let (_folder, database) = with_notes().await;
    database.transact(vec![note("old", 1)]).await.unwrap();
    assert_eq!(names(&database).await, ["old"]);
    database
        .transact(vec![
            run(
                "CREATE TABLE notes_next (name TEXT PRIMARY KEY, size BIGINT, body BYTEA)",
                [],
            ),
            run("INSERT INTO notes_next (name) VALUES ('new')", []),
        ])
        .await
        .unwrap();
    assert_eq!(names(&database).await, ["old"]);
    database
        .transact(vec![
            run("DROP TABLE notes", []),
            run("ALTER TABLE notes_next RENAME TO notes", []),
        ])
        .await
        .unwrap();
    assert_eq!(names(&database).await, ["new"]);
    database.transact(vec![note("newer", 1)]).await.unwrap();
    assert_eq!(names(&database).await, ["new", "newer"]);
}

#[tokio::test]
async fn a_file_of_a_newer_release_is_refused_and_left_alone() {
    let (folder, database) = with_notes().await;
    database
        .transact(vec![run(
            "INSERT INTO state_migrations (version, name, applied_on, checksum) \
             VALUES (999, 'later', '2030-01-01T00:00:00Z', '1')",
            [],
        )])
        .await
        .unwrap();
    drop(database);
    let path = folder.path().join("state.db");
    let before = std::fs::read(&path).unwrap();
    let refused = SqliteDatabase::open(&path).err().unwrap();
    assert!(refused.to_string().contains("newer Lanyard"), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn what_is_not_a_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let text = "not a database at all, ".repeat(100);
    std::fs::write(&path, &text).unwrap();
    let refused = SqliteDatabase::open(&path).err().unwrap();
    assert!(
        matches!(refused, DatabaseError::Unavailable(_)),
        "{refused}"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    let nowhere = SqliteDatabase::open(folder.path().join("no/such/folder/state.db"));
    assert!(matches!(nowhere, Err(DatabaseError::Unavailable(_))));
}
