//! The read models in real databases.

mod burst;
mod notices;
mod pending;
mod questions;
mod rebuilding;
mod rows;
mod running;
mod trail;
mod verifying;

use std::sync::Arc;

use domain::{Event, Recorded};
use lanyard::database::Database;
use lanyard::database::migrations::migrate_postgres;
use lanyard::database::postgres::PostgresDatabase;
use lanyard::database::sqlite::SqliteDatabase;
use lanyard::eventlog::EventLog;
use lanyard::projecting::projector::Projector;
use projections::{Projection, Row, Statement, UnreadableRow};
use tempfile::TempDir;
use tokio_postgres::NoTls;

use crate::support::postgres;
use crate::support::story::Story;

/// An empty database, and what must stay while it is used.
struct Base {
    name: &'static str,
    database: Arc<dyn Database>,
    _directory: Option<TempDir>,
}

impl Base {
    fn sqlite() -> Self {
        let directory = TempDir::new().unwrap();
        let database = SqliteDatabase::open(directory.path().join("lanyard.db")).unwrap();
        Self {
            name: "SQLite",
            database: Arc::new(database),
            _directory: Some(directory),
        }
    }

    async fn postgres() -> Option<Self> {
        let empty = postgres::database().await?;
        let (mut client, connection) = tokio_postgres::connect(empty.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        migrate_postgres(&mut client).await.unwrap();
        let database = PostgresDatabase::open(empty.server()).await.unwrap();
        Some(Self {
            name: "PostgreSQL",
            database: Arc::new(database),
            _directory: None,
        })
    }

    /// An empty database of every kind that there is here.
    async fn of_every_kind() -> Vec<Self> {
        let mut bases = vec![Self::sqlite()];
        bases.extend(Self::postgres().await);
        bases
    }

    async fn projector(&self, log: &Arc<dyn EventLog>) -> Projector {
        let database = self.database.clone();
        Projector::open(log.clone(), database).await.unwrap()
    }

    /// A database that has heard a story.
    async fn after(story: &Story) -> Self {
        let base = Self::sqlite();
        base.hear(story).await;
        base
    }

    /// Applies everything that a story told.
    async fn hear(&self, story: &Story) {
        self.projector(&story.log).await.catch_up().await.unwrap();
    }

    async fn ask(&self, statement: Statement) -> Vec<Row> {
        self.database.query(statement).await.unwrap()
    }

    async fn read<T>(
        &self,
        question: Statement,
        read: impl Fn(&Row) -> Result<T, UnreadableRow>,
    ) -> Vec<T> {
        let rows = self.ask(question).await;
        rows.iter().map(|row| read(row).unwrap()).collect()
    }

    async fn one<T>(
        &self,
        question: Statement,
        read: impl Fn(&Row) -> Result<T, UnreadableRow>,
    ) -> T {
        let mut rows = self.read(question, read).await;
        assert_eq!(rows.len(), 1);
        rows.remove(0)
    }

    async fn run(&self, sql: &'static str) {
        let statement = Statement::new(sql, []);
        self.database.transact(vec![statement]).await.unwrap();
    }

    /// Returns every row of every projection.
    async fn rows(&self) -> Vec<(&'static str, Vec<Row>)> {
        let mut rows = Vec::new();
        for table in projections::ALL.iter().flat_map(|known| known.tables()) {
            let key = table.key.join(", ");
            let all = format!("SELECT * FROM {} ORDER BY {key}", table.name);
            rows.push((table.name, self.ask(Statement::new(all, [])).await));
        }
        rows
    }

    async fn count(&self, table: &str) -> u64 {
        let count = format!("SELECT COUNT(*) FROM {table}");
        let rows = self.ask(Statement::new(count, [])).await;
        rows[0].number(0).unwrap()
    }

    /// Says whether there are tables that a rebuild has left.
    async fn has_leftovers(&self) -> bool {
        let next = Statement::new("SELECT COUNT(*) FROM keys_next", []);
        self.database.query(next).await.is_ok()
    }
}

/// Reads the whole log.
async fn events(log: &dyn EventLog) -> Vec<Recorded<Event>> {
    let stored = log.read_all(0, usize::MAX).await.unwrap();
    let decode = stored
        .iter()
        .map(|stored| Event::decode(stored.index, &stored.line).unwrap());
    decode.collect()
}

fn named(name: &str) -> &'static dyn Projection {
    projections::named(name).unwrap()
}
