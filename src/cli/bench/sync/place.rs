//! A service in a directory, of which it can be told whether it waits for its own storage.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use domain::StreamName;
use projections::{Row, Statement};
use tokio::sync::watch;

use super::host::Hosts;
use crate::app::grants::RefreshLocks;
use crate::app::health::Signs;
use crate::app::looks::Bell;
use crate::app::{App, Applied, Dispatch, Parts};
use crate::clock::{Clock, FixedClock, Ids, SystemIds};
use crate::database::sqlite::SqliteDatabase;
use crate::database::{Database, DatabaseError};
use crate::datadir::DataDirectory;
use crate::eventlog::sqlite::SqliteLog;
use crate::eventlog::{Append, Appended, EventLog, LogError, Stored};
use crate::projecting::projector::Projector;
use crate::providers::{GitProvider, Outbound, Pace, Providers};
use crate::telemetry::metrics::Metrics;
use crate::vault::{KeyEncryptionKey, Vault};

/// A service, its clock and its Git servers.
pub(super) struct Place {
    pub(super) app: App,
    pub(super) clock: Arc<FixedClock>,
    pub(super) hosts: Hosts,
    pub(super) storage: Arc<Storage>,
    /// Ends the projector with everything else.
    _stop: watch::Sender<bool>,
}

/// What is asked of the storage.
#[derive(Default)]
pub(super) struct Storage {
    under_way: AtomicU64,
    begun: AtomicU64,
    written: AtomicU64,
}

impl Storage {
    /// Says whether nothing is under way, and returns how much was begun so far.
    pub(super) fn rests(&self, applied: u64) -> Option<u64> {
        let rests = self.under_way.load(Ordering::SeqCst) == 0
            && applied >= self.written.load(Ordering::SeqCst);
        rests.then(|| self.begun.load(Ordering::SeqCst))
    }

    async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let _guard = UnderWay::new(self);
        work.await
    }
}

struct UnderWay<'a>(&'a Storage);

impl<'a> UnderWay<'a> {
    fn new(storage: &'a Storage) -> Self {
        storage.under_way.fetch_add(1, Ordering::SeqCst);
        storage.begun.fetch_add(1, Ordering::SeqCst);
        Self(storage)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A log or a database that is watched.
struct Watched<T> {
    inner: T,
    storage: Arc<Storage>,
}

#[async_trait]
impl EventLog for Watched<SqliteLog> {
    async fn append(&self, append: Append) -> Result<Appended, LogError> {
        let appended = self.storage.during(self.inner.append(append)).await?;
        let written = appended.last + 1;
        self.storage.written.fetch_max(written, Ordering::SeqCst);
        Ok(appended)
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Stored>, LogError> {
        let read = self.inner.read_stream(stream, after, limit);
        self.storage.during(read).await
    }

    async fn read_all(&self, index: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        self.storage.during(self.inner.read_all(index, limit)).await
    }

    async fn size(&self) -> Result<u64, LogError> {
        self.storage.during(self.inner.size()).await
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.inner.watch()
    }
}

#[async_trait]
impl Database for Watched<SqliteDatabase> {
    async fn transact(&self, statements: Vec<Statement>) -> Result<Vec<u64>, DatabaseError> {
        self.storage.during(self.inner.transact(statements)).await
    }

    async fn query(&self, statement: Statement) -> Result<Vec<Row>, DatabaseError> {
        self.storage.during(self.inner.query(statement)).await
    }

    async fn get(&self, statement: Statement) -> Result<Option<Row>, DatabaseError> {
        self.storage.during(self.inner.get(statement)).await
    }
}

impl Place {
    /// Opens a service in a directory; every provider is played by `hosts`.
    pub(super) async fn open(
        path: &Path,
        hosts: Hosts,
        begin: DateTime<Utc>,
    ) -> anyhow::Result<Self> {
        let storage = Arc::new(Storage::default());
        let clock = Arc::new(FixedClock::at(begin));
        let now: Arc<dyn Clock> = clock.clone();
        let ids: Arc<dyn Ids> = Arc::new(SystemIds::default());
        let directory = Arc::new(DataDirectory::open(path.join("data"))?);
        let log: Arc<dyn EventLog> = Arc::new(Watched {
            inner: SqliteLog::open(directory.clone(), now.clone())?,
            storage: storage.clone(),
        });
        let database: Arc<dyn Database> = Arc::new(Watched {
            inner: SqliteDatabase::open(directory.file("state.db")?)?,
            storage: storage.clone(),
        });
        let mut key = [0; 32];
        ids.fill(&mut key);
        let key = KeyEncryptionKey::from_env_value(&STANDARD.encode(key))?;
        let vault = Vault::open(database.clone(), key, now.clone(), ids.clone()).await?;
        let vault = Arc::new(vault);
        let outbound = Outbound::to_practice([""; 0]);
        let adapter: Arc<dyn GitProvider> = Arc::new(hosts.clone());
        let providers = Providers::new(&outbound, now.clone(), ids.clone())?.played_by(&adapter);
        let mut projector = Projector::open(log.clone(), database.clone()).await?;
        let applied = Applied::new(projector.watch());
        let signs = Signs::new(projector.health(), watch::channel(None).1);
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(async move { projector.run(stopping).await });
        let app = App::new(Parts {
            dispatch: Dispatch::new(log.clone(), vault.clone(), now.clone(), ids.clone()),
            log,
            database,
            vault,
            providers: Arc::new(providers),
            applied,
            clock: now,
            ids,
            public_url: "https://lanyard.example.com".parse()?,
            consumer_key: "Lanyard".parse()?,
            token_keeper: Arc::default(),
            rebuilds: Arc::default(),
            refresh_locks: RefreshLocks::default(),
            pace: Pace::default(),
            bell: Bell::default(),
            metrics: Metrics::default(),
            signs,
        });
        Ok(Self {
            app,
            clock,
            hosts,
            storage,
            _stop: stop,
        })
    }
}
