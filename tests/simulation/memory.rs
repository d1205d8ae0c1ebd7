//! A database in memory, on the thread that asks: what `SqliteDatabase` promises, without a file.
//!
//! Making the tables takes longer than a simulation: a database that is done with is emptied and
//! used again.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use lanyard::database::tables::{Generation, resolve};
use lanyard::database::{Database, DatabaseError, migrations};
use projections::{Row, Statement, Value};
use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, ffi};

static DONE_WITH: Mutex<Vec<Shelf>> = Mutex::new(Vec::new());

/// A database in memory.
pub(crate) struct MemoryDatabase(Mutex<Option<Shelf>>);

struct Shelf {
    connection: Connection,
    texts: HashMap<Cow<'static, str>, Arc<str>>,
}

impl MemoryDatabase {
    /// Takes one that is empty but for its tables.
    pub(crate) fn take() -> Self {
        let used = lock(&DONE_WITH).pop();
        let shelf = used.map_or_else(Shelf::new, Shelf::emptied);
        Self(Mutex::new(Some(shelf)))
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&mut Shelf) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let mut kept = lock(&self.0);
        work(kept.as_mut().expect("it is there until it is dropped"))
    }
}

impl Drop for MemoryDatabase {
    fn drop(&mut self) {
        if let Some(shelf) = lock(&self.0).take() {
            lock(&DONE_WITH).push(shelf);
        }
    }
}

#[async_trait]
impl Database for MemoryDatabase {
    async fn transact(&self, statements: Vec<Statement>) -> Result<Vec<u64>, DatabaseError> {
        self.with(|shelf| shelf.transact(&statements))
    }

    async fn query(&self, statement: Statement) -> Result<Vec<Row>, DatabaseError> {
        self.with(|shelf| shelf.ask(&statement, usize::MAX))
    }

    async fn get(&self, statement: Statement) -> Result<Option<Row>, DatabaseError> {
        Ok(self.with(|shelf| shelf.ask(&statement, 1))?.pop())
    }
}

impl Shelf {
    fn new() -> Self {
        let mut connection = Connection::open_in_memory().unwrap();
        // As `SqliteDatabase` has it.
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
            .unwrap();
        connection
            .pragma_update(None, "foreign_keys", "ON")
            .unwrap();
        connection.set_prepared_statement_cache_capacity(2_048);
        migrations::migrate_sqlite(&mut connection).unwrap();
        Self {
            connection,
            texts: HashMap::new(),
        }
    }

    fn emptied(self) -> Self {
        let tables: Vec<String> = self
            .connection
            .prepare_cached(
                "SELECT name FROM sqlite_schema WHERE type = 'table' \
                 AND name NOT IN ('projections', 'state_migrations') AND name NOT LIKE 'sqlite_%'",
            )
            .and_then(|mut known| known.query_map([], |row| row.get(0))?.collect())
            .unwrap();
        let empty = |sql: &str| self.connection.prepare_cached(sql).unwrap().execute([]);
        empty("BEGIN").unwrap();
        empty("PRAGMA defer_foreign_keys = ON").ok();
        for table in tables {
            empty(&format!("DELETE FROM {table}")).unwrap();
        }
        empty("DELETE FROM projections WHERE name = 'policy'").unwrap();
        empty("UPDATE projections SET next_index = 0, rebuild_next = NULL").unwrap();
        empty("COMMIT").unwrap();
        self
    }

    fn transact(&mut self, statements: &[Statement]) -> Result<Vec<u64>, DatabaseError> {
        self.run("BEGIN")?;
        let mut changed = Vec::with_capacity(statements.len());
        for statement in statements {
            let done = self.change(statement);
            let stale = matches!((&done, statement.must_change), (Ok(rows), Some(wanted)) if *rows != wanted);
            match done {
                Ok(rows) if !stale => changed.push(rows),
                failed => {
                    self.run("ROLLBACK")?;
                    return Err(failed.err().unwrap_or(DatabaseError::Stale));
                }
            }
        }
        self.run("COMMIT")?;
        Ok(changed)
    }

    fn run(&self, sql: &str) -> Result<(), DatabaseError> {
        let mut prepared = self.connection.prepare_cached(sql).map_err(meaning)?;
        prepared.execute([]).map(drop).map_err(meaning)
    }

    fn change(&mut self, statement: &Statement) -> Result<u64, DatabaseError> {
        let text = self.text(&statement.sql);
        let before = self.connection.total_changes();
        let mut prepared = self.connection.prepare_cached(&text).map_err(meaning)?;
        bind(&mut prepared, &statement.args)?;
        let mut rows = prepared.raw_query();
        while rows.next().map_err(meaning)?.is_some() {}
        let changed = self.connection.total_changes() != before;
        Ok(if changed {
            self.connection.changes()
        } else {
            0
        })
    }

    fn ask(&mut self, statement: &Statement, limit: usize) -> Result<Vec<Row>, DatabaseError> {
        let text = self.text(&statement.sql);
        let mut prepared = self.connection.prepare_cached(&text).map_err(meaning)?;
        assert!(prepared.readonly(), "a question writes: {text}");
        bind(&mut prepared, &statement.args)?;
        let columns = prepared.column_count();
        let mut found = prepared.raw_query();
        let mut rows = Vec::new();
        while rows.len() < limit
            && let Some(row) = found.next().map_err(meaning)?
        {
            let values: Result<Vec<_>, _> = (0..columns).map(|at| value(row, at)).collect();
            rows.push(Row(values.map_err(meaning)?));
        }
        Ok(rows)
    }

    #[expect(
        clippy::ptr_arg,
        reason = "a text that stands in the program is not copied"
    )]
    fn text(&mut self, sql: &Cow<'static, str>) -> Arc<str> {
        if let Some(known) = self.texts.get(sql) {
            return known.clone();
        }
        let text: Arc<str> = translated(sql).into();
        self.texts.insert(sql.clone(), text.clone());
        text
    }
}

/// Writes a text the way `SQLite` reads it: `?1` is the first argument.
fn translated(sql: &str) -> String {
    let resolved = resolve(sql, Generation::Live);
    let mut text = String::with_capacity(resolved.len());
    let (mut quoted, mut letters) = (false, resolved.chars().peekable());
    while let Some(letter) = letters.next() {
        quoted ^= letter == '\'';
        let argument = letter == '$' && !quoted && letters.peek().is_some_and(char::is_ascii_digit);
        text.push(if argument { '?' } else { letter });
    }
    text
}

fn bind(prepared: &mut CachedStatement<'_>, args: &[Value]) -> Result<(), DatabaseError> {
    assert_eq!(prepared.parameter_count(), args.len(), "arguments");
    for (place, value) in (1..).zip(args) {
        match value {
            Value::Null => prepared.raw_bind_parameter(place, rusqlite::types::Null),
            Value::Int(number) => prepared.raw_bind_parameter(place, number),
            Value::Text(text) => prepared.raw_bind_parameter(place, text.as_str()),
            Value::Bytes(bytes) => prepared.raw_bind_parameter(place, bytes.as_slice()),
        }
        .map_err(meaning)?;
    }
    Ok(())
}

fn value(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Value> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        ValueRef::Real(_) => panic!("no column holds fractions"),
    })
}

#[expect(clippy::needless_pass_by_value, reason = "reads better in `map_err`")]
fn meaning(error: rusqlite::Error) -> DatabaseError {
    match &error {
        rusqlite::Error::SqliteFailure(code, _)
            if matches!(
                code.extended_code,
                ffi::SQLITE_CONSTRAINT_UNIQUE
                    | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
                    | ffi::SQLITE_CONSTRAINT_ROWID
            ) =>
        {
            DatabaseError::Duplicate
        }
        _ => DatabaseError::Broken(error.to_string()),
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
