//! The database in `PostgreSQL`, where several instances share it.

mod failure;
mod pool;
mod server;
mod transaction;
mod value;

use async_trait::async_trait;
use futures::TryStreamExt;
use projections::{Row, Statement};

pub(crate) use failure::Failure;
pub(crate) use pool::Pool;
pub use server::{InvalidAddress, Server};
use value::{Argument, Cell};

use super::{Database, DatabaseError};

/// How many connections one instance keeps at most. A server has 100 unless told otherwise.
const CONNECTIONS: usize = 8;

/// How often what others undid is tried again before the database counts as too busy.
const TRIES: usize = 5;

/// The database in `PostgreSQL`.
pub struct PostgresDatabase {
    pool: Pool,
}

impl PostgresDatabase {
    /// Opens the database and brings its tables to the newest shape. Instances that start at the
    /// same time take turns.
    pub async fn open(server: Server) -> Result<Self, DatabaseError> {
        server.connect(|_| ()).await?;
        Ok(Self {
            pool: Pool::new(server, CONNECTIONS),
        })
    }

    /// Asks for rows, once more if the connection or its prepared statement turns out to be of
    /// yesterday: asking changes nothing.
    async fn ask(&self, statement: &Statement) -> Result<Vec<Row>, Failure> {
        for _ in 1..TRIES {
            match self.ask_once(statement).await {
                Err(failure) if failure.is_of_the_connection() => {}
                answer => return answer,
            }
        }
        self.ask_once(statement).await
    }

    async fn ask_once(&self, statement: &Statement) -> Result<Vec<Row>, Failure> {
        let mut lent = self.pool.lend().await?;
        let types = statement.args.iter().map(Argument::declared).collect();
        let prepared = lent.prepare(&statement.sql, types).await?;
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

fn read(row: &tokio_postgres::Row) -> Result<Row, Failure> {
    let cells = 0..row.len();
    let cells = cells.map(|column| row.try_get(column).map(|Cell(value)| value));
    Ok(Row(cells.collect::<Result<_, _>>()?))
}

#[async_trait]
impl Database for PostgresDatabase {
    async fn transact(&self, statements: Vec<Statement>) -> Result<Vec<u64>, DatabaseError> {
        for _ in 1..TRIES {
            let mut lent = self.pool.lend().await?;
            let done = transaction::run(&mut lent, &statements).await;
            lent.settle(&done);
            match done {
                Err(Failure::Again(_) | Failure::Outdated(_)) => {}
                done => return Ok(done?),
            }
        }
        let mut lent = self.pool.lend().await?;
        Ok(transaction::run(&mut lent, &statements).await?)
    }

    async fn query(&self, statement: Statement) -> Result<Vec<Row>, DatabaseError> {
        Ok(self.ask(&statement).await?)
    }

    async fn get(&self, statement: Statement) -> Result<Option<Row>, DatabaseError> {
        Ok(self.ask(&statement).await?.into_iter().next())
    }
}
