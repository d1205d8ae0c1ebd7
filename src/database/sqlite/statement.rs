//! Statements as `SQLite` takes them, rows as it gives them back, and what its errors mean.

use projections::{Row, Value};
use rusqlite::types::ValueRef;
use rusqlite::{ErrorCode, ffi};

use crate::database::DatabaseError;
use crate::database::tables::{Generation, resolve};

/// Writes a text the way `SQLite` reads it: to it `$1` is a name, numbered by where it first
/// stands, while `?1` is the first argument.
pub(super) fn translate(sql: &str) -> String {
    let resolved = resolve(sql, Generation::Live);
    let mut translated = String::with_capacity(resolved.len());
    let mut quoted = false;
    let mut letters = resolved.chars().peekable();
    while let Some(letter) = letters.next() {
        quoted ^= letter == '\'';
        let argument = letter == '$' && !quoted && letters.peek().is_some_and(char::is_ascii_digit);
        translated.push(if argument { '?' } else { letter });
    }
    translated
}

/// Gives a prepared statement its arguments.
pub(super) fn bind(
    prepared: &mut rusqlite::Statement<'_>,
    args: &[Value],
) -> Result<(), DatabaseError> {
    if prepared.parameter_count() != args.len() {
        return Err(DatabaseError::Broken(format!(
            "it takes {} arguments, not {}",
            prepared.parameter_count(),
            args.len()
        )));
    }
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

/// Reads one row of an answer.
pub(super) fn read(row: &rusqlite::Row<'_>, columns: usize) -> Result<Row, DatabaseError> {
    let mut values = Vec::with_capacity(columns);
    for column in 0..columns {
        values.push(match row.get_ref(column).map_err(meaning)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Int(number),
            ValueRef::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => Value::Text(text.to_owned()),
                Err(_) => return Err(unreadable(column)),
            },
            ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
            ValueRef::Real(_) => return Err(unreadable(column)),
        });
    }
    Ok(Row(values))
}

fn unreadable(column: usize) -> DatabaseError {
    DatabaseError::Broken(format!(
        "column {column} of a row is neither text, number nor bytes"
    ))
}

/// Says what an error of `SQLite` means to a caller.
#[expect(clippy::needless_pass_by_value, reason = "reads better in `map_err`")]
pub(super) fn meaning(error: rusqlite::Error) -> DatabaseError {
    let rusqlite::Error::SqliteFailure(code, _) = &error else {
        return DatabaseError::Broken(error.to_string());
    };
    match (code.code, code.extended_code) {
        (
            _,
            ffi::SQLITE_CONSTRAINT_UNIQUE
            | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_ROWID,
        ) => DatabaseError::Duplicate,
        (
            ErrorCode::CannotOpen
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::NotADatabase
            | ErrorCode::OutOfMemory
            | ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly
            | ErrorCode::SystemIoFailure,
            _,
        ) => DatabaseError::Unavailable(error.to_string()),
        _ => DatabaseError::Broken(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_keep_their_numbers_and_quoted_text_is_left_alone() {
        assert_eq!(
            translate(
                "UPDATE {keys} SET a = $2, b = '$1 {' || $10 WHERE c = $1 AND d ->> '$.e' = $2"
            ),
            "UPDATE keys SET a = ?2, b = '$1 ' || ?10 WHERE c = ?1 AND d ->> '$.e' = ?2"
        );
        assert_eq!(translate("SELECT 'it''s $1', $1"), "SELECT 'it''s $1', ?1");
    }
}
