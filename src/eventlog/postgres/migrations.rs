//! The tables of `migrations/log`: made and changed here and nowhere else.

use crate::database::postgres::{Failure, Server};

refinery::embed_migrations!("migrations/log/postgres");

/// Brings the log's tables to the newest shape. Instances that start at the same time take turns.
pub(super) async fn run(server: &Server) -> Result<(), Failure> {
    let (mut client, _) = server.connect(|_| ()).await?;
    // Any number will do that nobody else in the database uses. Given back with the connection.
    client
        .batch_execute("SET lock_timeout = '60s'; SELECT pg_advisory_lock(7809644668)")
        .await?;
    // In one transaction with the note that they were made: a crash between would make them twice.
    let mut runner = migrations::runner().set_grouped(true);
    runner.set_migration_table_name("log_migrations");
    match runner.run_async(&mut client).await {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::Broken(format!("migrations: {error}"))),
    }
}
