//! The database: read models, sealed secrets, tokens. `SQLite` files without a server, or
//! `PostgreSQL`; one SQL text for both.

use async_trait::async_trait;
use projections::{Row, Statement, UnreadableRow};

/// Why the database did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DatabaseError {
    /// A statement that must change a row changed none: somebody was faster. All is undone.
    #[error("the row has changed meanwhile")]
    Stale,
    /// A row of that key is already there. All is undone.
    #[error("the row is already there")]
    Duplicate,
    /// The database cannot be reached, is full, or is busy for too long. All is undone.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// A statement is wrong, or a row is not what it should be: a fault of ours.
    #[error("the database refused a statement: {0}")]
    Broken(String),
}

impl From<UnreadableRow> for DatabaseError {
    fn from(row: UnreadableRow) -> Self {
        Self::Broken(row.to_string())
    }
}

/// A database. `{name}` in a statement is the table of that name of a projection: see
/// [`tables::resolve`].
#[async_trait]
pub trait Database: Send + Sync {
    /// Runs statements in one transaction, all or none; returns how many rows each changed.
    async fn transact(&self, statements: Vec<Statement>) -> Result<Vec<u64>, DatabaseError>;

    /// Asks for rows.
    async fn query(&self, statement: Statement) -> Result<Vec<Row>, DatabaseError>;

    /// Asks for one row by its key: the short way, for paths where microseconds count.
    async fn get(&self, statement: Statement) -> Result<Option<Row>, DatabaseError>;
}

pub mod migrations;
pub mod postgres;
pub mod sqlite;
pub mod tables;
