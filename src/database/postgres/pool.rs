//! A few connections, lent out one at a time.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Statement};

use super::failure::Failure;
use super::server::Server;
use crate::database::tables::{self, Generation};

/// How long somebody waits for a connection before the database counts as too busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many prepared statements a connection keeps; beyond, it begins anew. All that Lanyard has
/// in its text are fewer.
const STATEMENTS: usize = 512;

/// One connection, with the statements prepared on it.
pub(crate) struct Connected {
    pub(crate) client: Client,
    statements: HashMap<Key, Statement>,
    /// Whether it is in the midst of something that must not be left to the next borrower.
    pub(super) unsettled: bool,
}

/// What is prepared: a text, for arguments of certain types.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    sql: Cow<'static, str>,
    types: Vec<Type>,
}

impl Connected {
    /// Prepares a statement, or finds it prepared. Names in braces become tables.
    pub(crate) async fn prepare(
        &mut self,
        sql: Cow<'static, str>,
        types: Vec<Type>,
    ) -> Result<Statement, Failure> {
        let key = Key { sql, types };
        if let Some(statement) = self.statements.get(&key) {
            return Ok(statement.clone());
        }
        let text = tables::resolve(&key.sql, Generation::Live);
        refuse_superfluous(&text, key.types.len())?;
        let statement = self.client.prepare_typed(&text, &key.types).await?;
        if self.statements.len() >= STATEMENTS {
            self.statements.clear();
        }
        self.statements.insert(key, statement.clone());
        Ok(statement)
    }

    /// Gives a connection up if its statements no longer fit the tables.
    pub(crate) fn settle<T>(&mut self, answer: &Result<T, Failure>) {
        self.unsettled |= matches!(answer, Err(Failure::Outdated(_)));
    }
}

/// Refuses arguments that a text has no place for. The server would drop them in silence.
pub(super) fn refuse_superfluous(text: &str, arguments: usize) -> Result<(), Failure> {
    if arguments == 0 || text.contains(&format!("${arguments}")) {
        return Ok(());
    }
    Err(Failure::Broken(format!("there is no ${arguments} in it")))
}

/// The connections to one database: opened when needed, at most so many.
pub(crate) struct Pool {
    server: Server,
    settings: &'static str,
    idle: Mutex<Vec<Connected>>,
    permits: Semaphore,
}

impl Pool {
    /// Makes a pool of at most `most` connections with these settings. None is opened yet. They
    /// only read, except in a transaction that says otherwise.
    pub(crate) fn new(server: Server, most: usize, settings: &'static str) -> Self {
        Self {
            server,
            settings,
            idle: Mutex::new(Vec::new()),
            permits: Semaphore::new(most),
        }
    }

    /// Lends out a connection.
    pub(crate) async fn lend(&self) -> Result<Lent<'_>, Failure> {
        let busy = || Failure::Unavailable("all connections are busy".to_owned());
        let permit = tokio::time::timeout(PATIENCE, self.permits.acquire())
            .await
            .map_err(|_| busy())?
            .map_err(|_| busy())?;
        let connected = match self.take_idle() {
            Some(connected) => connected,
            None => self.connect().await?,
        };
        Ok(Lent {
            pool: self,
            connected: Some(connected),
            _permit: permit,
        })
    }

    async fn connect(&self) -> Result<Connected, Failure> {
        let (client, _) = self.server.connect(|_| ()).await?;
        client
            .batch_execute("SET default_transaction_read_only = on")
            .await?;
        client.batch_execute(self.settings).await?;
        Ok(Connected {
            client,
            statements: HashMap::new(),
            unsettled: false,
        })
    }

    /// Takes the connection that was given back last, and drops those that have ended meanwhile.
    fn take_idle(&self) -> Option<Connected> {
        let mut idle = self.idle();
        while let Some(connected) = idle.pop() {
            if !connected.client.is_closed() {
                return Some(connected);
            }
        }
        None
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connected>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection on loan. It goes back when dropped; one that is unsettled or has ended does not.
pub(crate) struct Lent<'a> {
    pool: &'a Pool,
    connected: Option<Connected>,
    _permit: SemaphorePermit<'a>,
}

impl Deref for Lent<'_> {
    type Target = Connected;

    fn deref(&self) -> &Connected {
        self.connected.as_ref().expect("kept until dropped")
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut Connected {
        self.connected.as_mut().expect("kept until dropped")
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(connected) = self.connected.take()
            && !connected.unsettled
            && !connected.client.is_closed()
        {
            self.pool.idle().push(connected);
        }
    }
}
