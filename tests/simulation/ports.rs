//! The log and the database behind the gate.

use std::sync::Arc;

use async_trait::async_trait;
use domain::StreamName;
use lanyard::database::{Database, DatabaseError};
use lanyard::eventlog::{Append, Appended, EventLog, LogError, Stored};
use projections::{Row, Statement, Value};
use tokio::sync::watch;

use crate::gate::{Gate, Port};

/// A log behind the gate.
pub(crate) struct GatedLog {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) gate: Gate,
}

fn log_fault(_: u64) -> LogError {
    LogError::Unavailable("planted".to_owned())
}

#[async_trait]
impl EventLog for GatedLog {
    async fn append(&self, append: Append) -> Result<Appended, LogError> {
        let what = format!("append to {} after {}", append.stream, append.expected);
        let call = self.log.append(append);
        self.gate.pass(Port::Log, what, call, log_fault).await
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Stored>, LogError> {
        let what = format!("read {stream} after {after}");
        let call = self.log.read_stream(stream, after, limit);
        self.gate.pass(Port::Log, what, call, log_fault).await
    }

    async fn read_all(&self, index: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        let what = format!("read the log from {index}");
        let call = self.log.read_all(index, limit);
        self.gate.pass(Port::Log, what, call, log_fault).await
    }

    async fn size(&self) -> Result<u64, LogError> {
        let what = "ask for the size of the log".to_owned();
        let call = self.log.size();
        self.gate.pass(Port::Log, what, call, log_fault).await
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.log.watch()
    }
}

/// A database behind the gate.
pub(crate) struct GatedDatabase {
    pub(crate) database: Arc<dyn Database>,
    pub(crate) gate: Gate,
}

/// Says what a statement is about: its first words, and what it asks for.
fn about(kind: &str, statement: &Statement) -> String {
    let mut what = String::with_capacity(160);
    what.push_str(kind);
    for word in statement.sql.split_ascii_whitespace().take(12) {
        if what.len() + word.len() > 80 {
            break;
        }
        what.push(' ');
        what.push_str(word);
    }
    for (before, arg) in [" (", ", "]
        .into_iter()
        .zip(statement.args.iter().filter_map(text))
    {
        what.push_str(before);
        what.push_str(arg);
    }
    what
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) if text.len() <= 40 => Some(text),
        Value::Text(_) | Value::Null | Value::Int(_) | Value::Bytes(_) => None,
    }
}

fn database_fault(_: u64) -> DatabaseError {
    DatabaseError::Unavailable("planted".to_owned())
}

#[async_trait]
impl Database for GatedDatabase {
    async fn transact(&self, statements: Vec<Statement>) -> Result<Vec<u64>, DatabaseError> {
        let what = statements
            .first()
            .map_or_else(String::new, |first| about("write", first));
        let call = self.database.transact(statements);
        self.gate
            .pass(Port::Database, what, call, database_fault)
            .await
    }

    async fn query(&self, statement: Statement) -> Result<Vec<Row>, DatabaseError> {
        let what = about("query", &statement);
        let call = self.database.query(statement);
        self.gate
            .pass(Port::Database, what, call, database_fault)
            .await
    }

    async fn get(&self, statement: Statement) -> Result<Option<Row>, DatabaseError> {
        let what = about("get", &statement);
        let call = self.database.get(statement);
        self.gate
            .pass(Port::Database, what, call, database_fault)
            .await
    }
}
