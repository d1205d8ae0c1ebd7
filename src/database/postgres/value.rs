//! Values as `PostgreSQL` sends and takes them.

use std::error::Error;
use std::fmt;

use bytes::BytesMut;
use projections::Value;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// An argument on its way to the server.
pub(super) struct Argument<'a>(pub(super) &'a Value);

impl Argument<'_> {
    /// Returns the type that it is declared with. NULL is of whatever type it stands for.
    pub(super) fn declared(value: &Value) -> Type {
        match value {
            Value::Null => Type::UNKNOWN,
            Value::Int(_) => Type::INT8,
            Value::Text(_) => Type::TEXT,
            Value::Bytes(_) => Type::BYTEA,
        }
    }
}

impl fmt::Debug for Argument<'_> {
    /// Shows nothing: the driver writes arguments to its own debug log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl ToSql for Argument<'_> {
    fn to_sql(
        &self,
        of: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(number) => number.to_sql(of, out),
            Value::Text(text) => text.to_sql(of, out),
            Value::Bytes(bytes) => bytes.to_sql(of, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        // Arguments are declared with their own type, so what the server expects is what comes.
        true
    }

    to_sql_checked!();
}

/// A column of an answer.
pub(super) struct Cell(pub(super) Value);

impl<'a> FromSql<'a> for Cell {
    fn from_sql(of: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let value = match *of {
            Type::INT8 => Value::Int(i64::from_sql(of, raw)?),
            Type::INT4 => Value::Int(i32::from_sql(of, raw)?.into()),
            Type::INT2 => Value::Int(i16::from_sql(of, raw)?.into()),
            Type::BOOL => Value::Int(bool::from_sql(of, raw)?.into()),
            Type::BYTEA => Value::Bytes(raw.to_vec()),
            _ => Value::Text(String::from_sql(of, raw)?),
        };
        Ok(Self(value))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Value::Null))
    }

    fn accepts(of: &Type) -> bool {
        matches!(
            *of,
            Type::INT8 | Type::INT4 | Type::INT2 | Type::BOOL | Type::BYTEA
        ) || <String as FromSql<'_>>::accepts(of)
    }
}
