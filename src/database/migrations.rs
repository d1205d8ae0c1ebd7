//! The tables of `migrations/state`: made and changed here and nowhere else.

use super::DatabaseError;

const HISTORY: &str = "state_migrations";

mod sqlite {
    refinery::embed_migrations!("migrations/state/sqlite");
    pub(super) use migrations::runner;
}

mod postgres {
    refinery::embed_migrations!("migrations/state/postgres");
    pub(super) use migrations::runner;
}

/// Brings an `SQLite` file to the newest shape. One of a newer Lanyard is refused, unchanged.
///
/// All migrations are one transaction, with the note that they were made: a crash between the two
/// would make them twice, and no server would start any more.
pub fn migrate_sqlite(connection: &mut rusqlite::Connection) -> Result<(), DatabaseError> {
    let mut runner = sqlite::runner().set_grouped(true);
    runner.set_migration_table_name(HISTORY);
    runner
        .run(connection)
        .map(drop)
        .map_err(|error| refused(&error))
}

/// Brings a `PostgreSQL` database to the newest shape. Instances that start together take turns.
pub async fn migrate_postgres(client: &mut tokio_postgres::Client) -> Result<(), DatabaseError> {
    // Any number will do, as long as nobody else in the database uses it: "lanyard" in ASCII.
    const TURN: &str = "30506424595477092";
    let unavailable = |error: tokio_postgres::Error| DatabaseError::Unavailable(error.to_string());
    client
        .batch_execute(&format!("SELECT pg_advisory_lock({TURN})"))
        .await
        .map_err(unavailable)?;
    let mut runner = postgres::runner().set_grouped(true);
    runner.set_migration_table_name(HISTORY);
    let migrated = runner
        .run_async(client)
        .await
        .map(drop)
        .map_err(|error| refused(&error));
    client
        .batch_execute(&format!("SELECT pg_advisory_unlock({TURN})"))
        .await
        .map_err(unavailable)?;
    migrated
}

fn refused(error: &refinery::Error) -> DatabaseError {
    use refinery::error::Kind;
    match error.kind() {
        Kind::Connection(..) => DatabaseError::Unavailable(format!("migrations: {error}")),
        Kind::MissingVersion(newer) => DatabaseError::Broken(format!(
            "a newer Lanyard made it: migration {newer} is unknown"
        )),
        _ => DatabaseError::Broken(format!("migrations: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    fn files(folder: &str) -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    fn embedded(runner: &refinery::Runner) -> BTreeSet<String> {
        let name = |migration: &refinery::Migration| format!("{migration}.sql");
        runner.get_migrations().iter().map(name).collect()
    }

    #[test]
    fn both_databases_have_the_same_migrations_and_all_are_embedded() {
        let sqlite = files("migrations/state/sqlite");
        assert_eq!(sqlite, files("migrations/state/postgres"));
        assert_eq!(sqlite, embedded(&super::sqlite::runner()));
        assert_eq!(sqlite, embedded(&super::postgres::runner()));
    }
}
