//! What the vault promises, and what it refuses.

mod key_file;
mod opening;
mod personal;
mod secrets;
mod tampering;

use std::path::Path;
use std::sync::Arc;

use chrono::DateTime;
use domain::UserId;
use lanyard::clock::{FixedClock, SystemIds};
use lanyard::database::Database;
use lanyard::database::sqlite::SqliteDatabase;
use lanyard::vault::{KeyEncryptionKey, Owner, Secret, Vault, VaultError};
use projections::{Row, Statement, Value};
use tempfile::TempDir;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const OTHER_KEY: &str = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// A data directory with a database, and a clock that stands still.
struct Home {
    folder: TempDir,
    clock: Arc<FixedClock>,
    database: Arc<SqliteDatabase>,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        Self {
            clock: Arc::new(FixedClock::at(now)),
            database: Arc::new(SqliteDatabase::open(folder.path().join("state.db")).unwrap()),
            folder,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    async fn open_with(&self, key: &str) -> Result<Vault, VaultError> {
        Vault::open(
            Arc::clone(&self.database) as Arc<dyn Database>,
            KeyEncryptionKey::from_env_value(key).unwrap(),
            Arc::clone(&self.clock) as _,
            Arc::new(SystemIds::default()),
        )
        .await
    }

    async fn vault(&self) -> Vault {
        self.open_with(KEY).await.unwrap()
    }

    /// Changes the database behind the vault's back; returns how many rows that changed.
    async fn tamper(&self, sql: &str, args: impl IntoIterator<Item = Value>) -> u64 {
        let statement = Statement::new(sql.to_owned(), args);
        self.database.transact(vec![statement]).await.unwrap()[0]
    }

    async fn rows(&self, sql: &str) -> Vec<Row> {
        let statement = Statement::new(sql.to_owned(), []);
        self.database.query(statement).await.unwrap()
    }
}

fn user(name: &str) -> UserId {
    name.parse().unwrap()
}

fn person(name: &str) -> Owner {
    Owner::Person(user(name))
}

fn secret(text: &str) -> Secret {
    Secret::from(text)
}
