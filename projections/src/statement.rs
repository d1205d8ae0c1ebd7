//! Statements out, rows in: what passes between a read model and a database.

use std::borrow::Cow;

/// A value of a column or an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// SQL's NULL.
    Null,
    /// BIGINT.
    Int(i64),
    /// TEXT.
    Text(String),
    /// BYTEA.
    Bytes(Vec<u8>),
}

/// One SQL statement with its arguments: `$1` is the first. One text serves `SQLite` and
/// `PostgreSQL`; names in braces are tables of projections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The text.
    pub sql: Cow<'static, str>,
    /// The arguments, in order.
    pub args: Vec<Value>,
    /// How many rows it must change; otherwise the whole transaction is undone as stale.
    pub must_change: Option<u64>,
}

impl Statement {
    /// Makes a statement.
    pub fn new(sql: impl Into<Cow<'static, str>>, args: impl IntoIterator<Item = Value>) -> Self {
        Self {
            sql: sql.into(),
            args: args.into_iter().collect(),
            must_change: None,
        }
    }

    /// Undoes the whole transaction unless exactly one row changes.
    #[must_use]
    pub fn must_change_one(mut self) -> Self {
        self.must_change = Some(1);
        self
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u64> for Value {
    /// Indexes and counts stay far below `i64::MAX`; one beyond is shown as the largest.
    fn from(value: u64) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row does not have the shape that its reader expects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column} of a row is not {expected}")]
pub struct UnreadableRow {
    /// Which column, from 0.
    pub column: usize,
    /// What it should be.
    pub expected: &'static str,
}

/// One row of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// Returns a text.
    pub fn text(&self, column: usize) -> Result<&str, UnreadableRow> {
        self.maybe_text(column)?.ok_or(UnreadableRow {
            column,
            expected: "a text",
        })
    }

    /// Returns a text or nothing.
    pub fn maybe_text(&self, column: usize) -> Result<Option<&str>, UnreadableRow> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Null) => Ok(None),
            Some(Value::Int(_) | Value::Bytes(_)) | None => Err(UnreadableRow {
                column,
                expected: "a text",
            }),
        }
    }

    /// Returns a number that is not negative.
    pub fn number(&self, column: usize) -> Result<u64, UnreadableRow> {
        self.maybe_number(column)?.ok_or(UnreadableRow {
            column,
            expected: "a number",
        })
    }

    /// Returns a number that is not negative, or nothing.
    pub fn maybe_number(&self, column: usize) -> Result<Option<u64>, UnreadableRow> {
        let unreadable = UnreadableRow {
            column,
            expected: "a number",
        };
        match self.0.get(column) {
            Some(Value::Int(number)) => u64::try_from(*number).map(Some).map_err(|_| unreadable),
            Some(Value::Null) => Ok(None),
            Some(Value::Text(_) | Value::Bytes(_)) | None => Err(unreadable),
        }
    }

    /// Returns bytes.
    pub fn bytes(&self, column: usize) -> Result<&[u8], UnreadableRow> {
        match self.0.get(column) {
            Some(Value::Bytes(bytes)) => Ok(bytes),
            Some(Value::Text(_) | Value::Int(_) | Value::Null) | None => Err(UnreadableRow {
                column,
                expected: "bytes",
            }),
        }
    }

    /// Returns a parsed text: an id, a name, a time.
    pub fn parsed<T: std::str::FromStr>(
        &self,
        column: usize,
        expected: &'static str,
    ) -> Result<T, UnreadableRow> {
        self.text(column)?
            .parse()
            .map_err(|_| UnreadableRow { column, expected })
    }
}
