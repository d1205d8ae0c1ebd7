//! What a failure of `PostgreSQL` means to us.

use std::error::Error as _;
use std::io;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::database::DatabaseError;
use crate::eventlog::LogError;

/// A failure, by what can be done about it.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The connection is gone; whether its last statements came about is unknown.
    Lost(String),
    /// The server cannot be reached, is full, or is busy for too long.
    Unavailable(String),
    /// What must write may only read here: a standby, or a question that would change something.
    ReadOnly(String),
    /// All is undone because of what others do at the same time; it may work at once.
    Again(String),
    /// A prepared statement no longer fits the tables; prepared anew it does.
    Outdated(String),
    /// A row of that key is there; the name of the constraint says which key.
    Duplicate(String),
    /// A statement changed other than the rows it must.
    Stale,
    /// A fault of ours.
    Broken(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let said = describe(&error);
        let Some(refusal) = error.as_db_error() else {
            let lost = error.is_closed()
                || error
                    .source()
                    .is_some_and(<dyn std::error::Error>::is::<io::Error>);
            return if lost {
                Self::Lost(said)
            } else {
                Self::Broken(said)
            };
        };
        let code = refusal.code();
        if *code == SqlState::UNIQUE_VIOLATION {
            return Self::Duplicate(refusal.constraint().unwrap_or_default().to_owned());
        }
        if is_outdated(code, refusal.message()) {
            return Self::Outdated(said);
        }
        if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED
        {
            return Self::Again(said);
        }
        if *code == SqlState::LOCK_NOT_AVAILABLE {
            return Self::Unavailable(said);
        }
        if *code == SqlState::READ_ONLY_SQL_TRANSACTION || refusal.message().contains("recovery") {
            return Self::ReadOnly(said);
        }
        // The classes of SQLSTATE: connection, authorization, catalog name, resources, operator
        // intervention, system error.
        match code.code().get(..2) {
            Some("57") if *code != SqlState::QUERY_CANCELED => Self::Lost(said),
            Some("08" | "28" | "3D" | "53" | "57" | "58") => Self::Unavailable(said),
            _ => Self::Broken(said),
        }
    }
}

/// Tells whether a table was changed or taken away below a prepared statement.
fn is_outdated(code: &SqlState, message: &str) -> bool {
    *code == SqlState::INVALID_SQL_STATEMENT_NAME
        || (*code == SqlState::FEATURE_NOT_SUPPORTED && message.contains("cached plan"))
}

/// Says what went wrong, without the values of any row.
fn describe(error: &Error) -> String {
    if let Some(refusal) = error.as_db_error() {
        return format!("{} ({})", refusal.message(), refusal.code().code());
    }
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        said = format!("{said}: {cause}");
        source = cause.source();
    }
    said
}

impl Failure {
    /// Classes the failure of an attempt to connect: whatever it is, nobody is there to serve us.
    pub(crate) fn to_connect(error: &Error) -> Self {
        Self::Unavailable(describe(error))
    }

    /// Tells whether the same may work over a new connection or with a statement prepared anew.
    pub(crate) fn is_of_the_connection(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::Outdated(_))
    }
}

impl From<Failure> for DatabaseError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Lost(said)
            | Failure::Unavailable(said)
            | Failure::ReadOnly(said)
            | Failure::Again(said) => Self::Unavailable(said),
            Failure::Duplicate(_) => Self::Duplicate,
            Failure::Stale => Self::Stale,
            Failure::Outdated(said) | Failure::Broken(said) => Self::Broken(said),
        }
    }
}

impl From<Failure> for LogError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Lost(said)
            | Failure::Unavailable(said)
            | Failure::ReadOnly(said)
            | Failure::Again(said)
            | Failure::Outdated(said)
            | Failure::Broken(said) => Self::Unavailable(said),
            Failure::Stale => Self::Conflict,
            Failure::Duplicate(key) => Self::Damaged(format!("a second event at one {key}")),
        }
    }
}
