//! The database in `PostgreSQL`, where several instances share it.

mod failure;
mod pool;
mod server;
mod transaction;
mod value;

use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt;
use projections::{Row, Statement};

pub(crate) use failure::Failure;
pub(crate) use pool::Pool;
pub use server::{InvalidAddress, Server};
use value::{Argument, Cell};

use super::migrations::migrate_postgres;
use super::{Database, DatabaseError};

/// How many connections one instance keeps at most. A server has 100 unless told otherwise.
const CONNECTIONS: usize = 8;

/// How often what others undid is tried again before the database counts as too busy.
const TRIES: usize = 5;

/// The database in `PostgreSQL`.
pub struct PostgresDatabase {
    pool: Arc<Pool>,
}

impl PostgresDatabase {
    /// Opens the database and brings its tables to the newest shape. Instances that start at the
    /// same time take turns.
    pub async fn open(server: Server) -> Result<Self, DatabaseError> {
        let (mut client, _) = server.connect(|_| ()).await?;
        migrate_postgres(&mut client).await?;
        Ok(Self {
            pool: Arc::new(Pool::new(server, CONNECTIONS, "")),
        })
    }

    /// Asks for rows, once more if the connection or its prepared statement turns out to be of
    /// yesterday: asking changes nothing.
    async fn ask(&self, statement: &Statement) -> Result<Vec<Row>, DatabaseError> {
        let mut tries = 1..TRIES;
        loop {
            match self.ask_once(statement).await {
                Err(failure) if failure.is_of_the_connection() && tries.next().is_some() => {}
                Err(Failure::ReadOnly(said)) => return Err(DatabaseError::Broken(said)),
                answer => return Ok(answer?),
            }
        }
    }

    async fn ask_once(&self, statement: &Statement) -> Result<Vec<Row>, Failure> {
        let mut lent = self.pool.lend().await?;
        let types = statement.args.iter().map(Argument::declared).collect();
        let prepared = lent.prepare(statement.sql.clone(), types).await?;
        let args = statement.args.iter().map(Argument);
        let asked = async {
            let rows = lent.client.query_raw(&prepared, args).await?;
            rows.map_err(Failure::from)
                .and_then(async |row| read(&row))
                .try_collect()
                .await
        };
        let answer = asked.await;
        lent.settle(&answer);
        answer
    }
}

async fn transact(pool: &Pool, statements: &[Statement]) -> Result<Vec<u64>, Failure> {
    let mut tries = 1..TRIES;
    loop {
        let mut lent = pool.lend().await?;
        let done = transaction::run(&mut lent, statements).await;
        lent.settle(&done);
        match done {
            Err(Failure::Again(_) | Failure::Outdated(_)) if tries.next().is_some() => {}
            done => return done,
        }
    }
}

fn read(row: &tokio_postgres::Row) -> Result<Row, Failure> {
    let cells = 0..row.len();
    let cells = cells.map(|column| row.try_get(column).map(|Cell(value)| value));
    Ok(Row(cells.collect::<Result<_, _>>()?))
}

#[async_trait]
impl Database for PostgresDatabase {
    async fn transact(&self, statements: Vec<Statement>) -> Result<Vec<u64>, DatabaseError> {
        let pool = Arc::clone(&self.pool);
        // On a task of its own, so that it comes to its end though the caller goes away.
        let done = tokio::spawn(async move { transact(&pool, &statements).await });
        let died = |_| DatabaseError::Unavailable("the server is stopping".to_owned());
        Ok(done.await.map_err(died)??)
    }

    async fn query(&self, statement: Statement) -> Result<Vec<Row>, DatabaseError> {
        self.ask(&statement).await
    }

    async fn get(&self, statement: Statement) -> Result<Option<Row>, DatabaseError> {
        Ok(self.ask(&statement).await?.into_iter().next())
    }
}
