//! Connections that only read.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use projections::{Row, Statement};
use rusqlite::{Connection, OpenFlags};

use super::statement::{bind, meaning, read, translate};
use super::{BUSY, compile_once};
use crate::database::DatabaseError;

/// How many connections and statements are kept for the next reader.
const IDLE: usize = 8;
const KEPT: usize = 256;

/// A pool of connections: taken for one question, then put back.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Reader>>,
}

struct Reader {
    connection: Connection,
    /// Texts of ours as `SQLite` reads them, by their address.
    translated: HashMap<(usize, usize), Arc<str>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            idle: Mutex::default(),
        }
    }

    /// Asks for at most `limit` rows, on the calling thread.
    pub(super) fn ask(
        &self,
        statement: &Statement,
        limit: usize,
    ) -> Result<Vec<Row>, DatabaseError> {
        let idle = self.lock().pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => Reader::open(&self.path)?,
        };
        let rows = reader.ask(statement, limit);
        if !matches!(rows, Err(DatabaseError::Unavailable(_))) {
            let mut idle = self.lock();
            if idle.len() < IDLE {
                idle.push(reader);
            }
        }
        rows
    }

    /// Closes the connections that nobody uses.
    pub(super) fn close(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connects to read.
pub(super) fn connect(path: &Path) -> Result<Connection, DatabaseError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(meaning)?;
    connection.busy_timeout(BUSY).map_err(meaning)?;
    connection
        .pragma_update(None, "temp_store", "MEMORY")
        .map_err(meaning)?;
    compile_once(&connection).map_err(meaning)?;
    Ok(connection)
}

impl Reader {
    fn open(path: &Path) -> Result<Self, DatabaseError> {
        let connection = connect(path)?;
        connection.set_prepared_statement_cache_capacity(KEPT);
        Ok(Self {
            connection,
            translated: HashMap::new(),
        })
    }

    fn ask(&mut self, statement: &Statement, limit: usize) -> Result<Vec<Row>, DatabaseError> {
        let text = self.translate(&statement.sql);
        let mut prepared = self.connection.prepare_cached(&text).map_err(meaning)?;
        if !prepared.readonly() {
            return Err(DatabaseError::Broken(
                "a question must not write".to_owned(),
            ));
        }
        bind(&mut prepared, &statement.args)?;
        let columns = prepared.column_count();
        let mut found = prepared.raw_query();
        let mut rows = Vec::new();
        while rows.len() < limit
            && let Some(row) = found.next().map_err(meaning)?
        {
            rows.push(read(row, columns)?);
        }
        Ok(rows)
    }

    /// Writes a text the way `SQLite` reads it; one that stands in the program, once.
    #[expect(
        clippy::ptr_arg,
        reason = "whether the text stands in the program is the point"
    )]
    fn translate(&mut self, sql: &Cow<'static, str>) -> Arc<str> {
        match sql {
            Cow::Borrowed(text) => {
                let address = (text.as_ptr() as usize, text.len());
                let known = self.translated.entry(address);
                Arc::clone(known.or_insert_with(|| translate(text).into()))
            }
            Cow::Owned(text) => translate(text).into(),
        }
    }
}
