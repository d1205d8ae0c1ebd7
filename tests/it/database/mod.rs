//! The conformance suite: what [`lanyard::database::Database`] promises, told as stories and run
//! against every database.

mod promises;

use std::sync::Arc;

use async_trait::async_trait;
use lanyard::database::Database;
use projections::{Statement, Value};

/// Makes a test of every story for the database that lives at `$place`.
macro_rules! every_database {
    ($place:expr) => {
        crate::database::tests_of! { $place;
            every_kind_of_value_comes_back_as_it_went_in,
            arguments_go_by_their_number_in_any_order_and_more_than_once,
            a_transaction_counts_what_each_statement_changed,
            all_statements_of_a_transaction_happen_or_none,
            of_many_transactions_at_once_each_fails_or_succeeds_alone,
            of_fifty_that_change_one_row_at_once_one_wins,
            what_was_written_is_read_at_once_and_after_reopening,
            a_caller_who_goes_away_does_not_undo_its_transaction,
            a_question_cannot_write,
            tables_can_be_made_filled_and_switched_while_others_read,
        }
    };
}

macro_rules! tests_of {
    ($place:expr; $($story:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                crate::database::promises::$story(&$place).await;
            }
        )*
    };
}
use tests_of;

mod postgres;
mod sqlite;

/// Where a database lives.
#[async_trait]
trait Place: Send + Sync {
    /// Opens the database: for the first time a new one.
    async fn open(&self) -> Arc<dyn Database>;
}

/// Opens the database and makes a table of notes.
async fn with_notes(place: &impl Place) -> Arc<dyn Database> {
    let database = place.open().await;
    let table = "CREATE TABLE notes (name TEXT PRIMARY KEY, size BIGINT, body BYTEA)";
    database.transact(vec![run(table, [])]).await.unwrap();
    database
}

fn run(sql: &'static str, args: impl IntoIterator<Item = Value>) -> Statement {
    Statement::new(sql, args)
}

fn note(name: impl Into<String>, size: i64) -> Statement {
    let sql = "INSERT INTO {notes} (name, size, body) VALUES ($1, $2, NULL)";
    run(sql, [name.into().into(), size.into()])
}

async fn names(database: &dyn Database) -> Vec<String> {
    let rows = database
        .query(run("SELECT name FROM notes ORDER BY name", []))
        .await
        .unwrap();
    rows.iter()
        .map(|row| row.text(0).unwrap().to_owned())
        .collect()
}
