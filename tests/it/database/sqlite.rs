//! The database in a `SQLite` file.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use async_trait::async_trait;
use lanyard::database::sqlite::SqliteDatabase;
use lanyard::database::{Database, DatabaseError};
use tempfile::TempDir;

use super::{Place, names, note, run};

/// A folder for the file.
struct Sqlite(TempDir);

impl Sqlite {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

#[async_trait]
impl Place for Sqlite {
    async fn open(&self) -> Arc<dyn Database> {
        Arc::new(SqliteDatabase::open(self.0.path().join("state.db")).unwrap())
    }
}

every_database!(Sqlite::new());

async fn with_notes() -> (TempDir, Arc<dyn Database>) {
    let place = Sqlite::new();
    let database = super::with_notes(&place).await;
    (place.0, database)
}

#[tokio::test]
async fn only_its_owner_reads_the_file() {
    let (folder, _database) = with_notes().await;
    let mode = std::fs::metadata(folder.path().join("state.db")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
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
    assert_eq!(names(&*database).await.len() as u64, 1 + 2 * taken);
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
    assert_eq!(names(&*database).await.len() as u64, 2 + 2 * taken);
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
    assert!(names(&*database).await.is_empty());
    other.execute_batch("COMMIT").unwrap();
    writing.await.unwrap();
    assert_eq!(names(&*database).await, ["a", "other"]);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_write_ahead_log_begins_anew_and_is_gone_when_the_database_closes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let database = SqliteDatabase::open(&path).unwrap();
    let table = "CREATE TABLE notes (name TEXT PRIMARY KEY, body BYTEA)";
    database.transact(vec![run(table, [])]).await.unwrap();
    let sql = "INSERT INTO notes VALUES ('n', zeroblob($1)) \
               ON CONFLICT (name) DO UPDATE SET body = zeroblob($1)";
    // Twice as much as it holds before it is moved into the file, with readers in between.
    for n in 0..160 {
        let write = run(sql, [(400_000_i64 + n).into()]);
        database.transact(vec![write]).await.unwrap();
        let size = run("SELECT length(body) FROM notes", []);
        assert_eq!(
            database.get(size).await.unwrap().unwrap().0,
            [(400_000 + n).into()]
        );
    }
    let log = folder.path().join("state.db-wal");
    assert!(std::fs::metadata(&log).unwrap().len() < 40 << 20);
    drop(database);
    assert!(!log.exists());
}
