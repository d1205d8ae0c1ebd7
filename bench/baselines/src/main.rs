//! Runs the workload of `lanyard bench commands` on cqrs-es with sqlite-es or postgres-es.
//!
//! `baselines sqlite <file> <writers> <milliseconds>` or
//! `baselines postgres <url> <writers> <milliseconds>`; prints one line of JSON.

#[path = "../../workload.rs"]
mod workload;

use std::env;
use std::error::Error;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cqrs_es::persist::{PersistedEventRepository, PersistedEventStore};
use cqrs_es::{AggregateError, CqrsFramework};
use domain::provider::Provider;
use postgres_es::PostgresEventRepository;
use sqlite_es::SqliteEventRepository;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use workload::{Figures, drive};

const USAGE: &str = "usage: baselines sqlite|postgres <file or url> <writers> <milliseconds>";

/// The table that cqrs-es documents, in the form each database wants.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS events (
    aggregate_type text NOT NULL, aggregate_id text NOT NULL, sequence bigint NOT NULL,
    event_type text NOT NULL, event_version text NOT NULL,
    payload JSONTYPE NOT NULL, metadata JSONTYPE NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence))";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [kind, place, writers, millis] = arguments.as_slice() else { return Err(USAGE.into()) };
    let (writers, time) = (writers.parse()?, Duration::from_millis(millis.parse()?));
    let figures = match kind.as_str() {
        "sqlite" => {
            // As durable as what it is compared with: sqlite-es by itself opens with NORMAL.
            let options = SqliteConnectOptions::from_str(&format!("sqlite://{place}"))?
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(Duration::from_secs(30));
            let pool = SqlitePoolOptions::new().min_connections(10).max_connections(10).connect_with(options).await?;
            sqlx::query(&TABLE.replace("JSONTYPE", "text").replace("bigint", "integer"))
                .execute(&pool)
                .await?;
            run(SqliteEventRepository::new(pool), writers, time).await
        }
        "postgres" => {
            let pool = PgPoolOptions::new().min_connections(10).max_connections(10).connect(place).await?;
            sqlx::query(&TABLE.replace("JSONTYPE", "json")).execute(&pool).await?;
            run(PostgresEventRepository::new(pool), writers, time).await
        }
        _ => return Err(USAGE.into()),
    };
    let Figures { commands, per_second, p50, p99 } = figures;
    println!(
        "{}",
        serde_json::json!({
            "commands": commands, "per_second": per_second, "p50": p50, "p99": p99
        })
    );
    Ok(())
}

async fn run<R>(repository: R, writers: u64, time: Duration) -> Figures
where
    R: PersistedEventRepository + Send + Sync + 'static,
{
    let store = PersistedEventStore::<R, Provider>::new_event_store(repository);
    let framework = Arc::new(CqrsFramework::new(store, vec![], ()));
    // Rounds share a database: each writes streams of its own.
    let round = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |age| age.as_millis() % 1_000_000_000);
    drive(u64::try_from(round).unwrap_or(0), writers, time, move |id, command| {
        let framework = framework.clone();
        async move {
            loop {
                match framework.execute(&id, command.clone()).await {
                    Ok(()) => return,
                    // A busy database: the framework gives up, so its caller tries again.
                    Err(AggregateError::AggregateConflict) => {}
                    Err(error) => panic!("a command of the workload failed: {error}"),
                }
            }
        }
    })
    .await
}
