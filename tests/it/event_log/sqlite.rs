//! The log in a `SQLite` file.

use crate::support::logs::Sqlite;

every_log!(Sqlite::new());
kept_log!(Sqlite::new());
