//! The database in `PostgreSQL`.

use std::sync::Arc;

use async_trait::async_trait;
use lanyard::database::postgres::PostgresDatabase;
use lanyard::database::{Database, DatabaseError};
use projections::Value;

use super::{Place, names, note, run, with_notes};
use crate::support::postgres::{self, Cluster};

#[async_trait]
impl Place for postgres::Database {
    async fn open(&self) -> Arc<dyn Database> {
        Arc::new(PostgresDatabase::open(self.server()).await.unwrap())
    }
}

/// An empty database, or the end of the test where there is no `PostgreSQL`.
macro_rules! place {
    () => {
        match postgres::database().await {
            Some(place) => place,
            None => return,
        }
    };
}

every_database!(place!());

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_start_together_take_turns_at_the_tables() {
    let place = place!();
    let server = place.server();
    let starting: Vec<_> = (0..6)
        .map(|_| tokio::spawn(PostgresDatabase::open(server.clone())))
        .collect();
    for started in starting {
        started.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_statements_go_in_one_transaction() {
    let place = place!();
    let database = with_notes(&place).await;
    let page = (0..1000).map(|n| note(format!("{n:04}"), n)).collect();
    assert_eq!(database.transact(page).await.unwrap(), vec![1; 1000]);
    let mut page: Vec<_> = (1000..2000).map(|n| note(format!("{n:04}"), n)).collect();
    page[500] = note("0007", 0);
    let refused = database.transact(page).await;
    assert!(matches!(refused, Err(DatabaseError::Duplicate)));
    assert_eq!(names(&*database).await.len(), 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_wait_for_each_other_both_come_through() {
    let place = place!();
    let database = with_notes(&place).await;
    let both = vec![note("a", 0), note("b", 0)];
    database.transact(both).await.unwrap();
    let add = |name: &str| {
        let sql = "UPDATE notes SET size = size + 1 WHERE name = $1";
        run(sql, [name.into()]).must_change_one()
    };
    let crossing: Vec<_> = (0..4)
        .map(|n| {
            let database = Arc::clone(&database);
            let both = match n % 2 {
                0 => vec![add("a"), add("b")],
                _ => vec![add("b"), add("a")],
            };
            tokio::spawn(async move { database.transact(both).await })
        })
        .collect();
    let mut came_through = 0_u64;
    for crossed in crossing {
        match crossed.await.unwrap() {
            Ok(_) => came_through += 1,
            // Undone five times over: told to come back later.
            Err(DatabaseError::Unavailable(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert!(came_through > 0);
    for name in ["a", "b"] {
        let sql = "SELECT size FROM notes WHERE name = $1";
        let row = database.get(run(sql, [name.into()])).await.unwrap();
        assert_eq!(row.unwrap().number(0).unwrap(), came_through);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_prepared_before_a_table_was_switched_is_asked_anew() {
    let place = place!();
    let database = with_notes(&place).await;
    let everything = || run("SELECT * FROM notes", []);
    database.transact(vec![note("old", 1)]).await.unwrap();
    assert_eq!(database.query(everything()).await.unwrap()[0].0.len(), 3);
    let switch = vec![
        run("DROP TABLE notes", []),
        run("CREATE TABLE notes (name TEXT PRIMARY KEY)", []),
        run("INSERT INTO notes VALUES ($1)", ["new".into()]),
    ];
    database.transact(switch).await.unwrap();
    let rows = database.query(everything()).await.unwrap();
    assert_eq!(rows[0].0, [Value::from("new")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_killed_and_is_back_is_used_again() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let place = cluster.database().await;
    let database = with_notes(&place).await;
    let mut kept = Vec::new();
    for n in 0..3 {
        let name = format!("{n}");
        database.transact(vec![note(&name, n)]).await.unwrap();
        kept.push(name);
        tokio::task::block_in_place(|| cluster.kill_and_restart());
        assert_eq!(names(&*database).await, kept);
    }
}
