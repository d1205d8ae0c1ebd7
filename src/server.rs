//! A whole server: everything opened in order, started, and stopped in the reverse of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::Url;

use crate::api;
use crate::app::grants::RefreshLocks;
use crate::app::health::Signs;
use crate::app::looks::Bell;
use crate::app::working::Loop;
use crate::app::{App, Applied, CommandError, Dispatch, Parts};
use crate::clock::{Clock, Ids};
use crate::config::{KeySource, Settings, Storage};
use crate::database::postgres::{InvalidAddress, PostgresDatabase, Server};
use crate::database::sqlite::SqliteDatabase;
use crate::database::{Database, DatabaseError};
use crate::datadir::reserve::Reserve;
use crate::datadir::{DataDirectory, DataDirectoryError};
use crate::eventlog::measured::MeasuredLog;
use crate::eventlog::postgres::PostgresLog;
use crate::eventlog::sqlite::SqliteLog;
use crate::eventlog::{EventLog, LogError};
use crate::projecting::projector::{Health, Projector, ProjectorError};
use crate::projecting::types::refuse_newer;
use crate::providers::{NoClient, Outbound, Pace, Providers};
use crate::telemetry::metrics::Metrics;
use crate::vault::{
    DataDirectory as KeyPlace, KeyEncryptionKey, KeyError, Secret, Vault, VaultError,
};
use crate::worker::notifying::Notifier;
use crate::worker::policy::Policy;
use crate::worker::publisher::Publisher;
use crate::worker::sweeping::Sweeper;
use crate::worker::{DRAIN, Loops, Worker};

/// How long the room of the reserve is left to whoever cleans up.
const RESERVE_REST: Duration = Duration::from_hours(1);

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory cannot be used.
    #[error(transparent)]
    Directory(#[from] DataDirectoryError),
    /// The database's address is none.
    #[error(transparent)]
    Address(#[from] InvalidAddress),
    /// Nothing was ever kept there.
    #[error("there is no Lanyard data in {0}; name what is to be read with --database")]
    NothingKept(String),
    /// The log cannot be opened.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The vault's key cannot be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The vault cannot be opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The projections cannot be brought up to date.
    #[error(transparent)]
    Projector(#[from] ProjectorError),
    /// No HTTP client can be made.
    #[error(transparent)]
    Client(#[from] NoClient),
    /// What stands in the log cannot be used.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another with {setting}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What named it.
        setting: &'static str,
        /// Why.
        source: std::io::Error,
    },
}

/// What is kept, opened.
pub struct Kept {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// Read models and the rest.
    pub database: Arc<dyn Database>,
    /// Sealed secrets.
    pub vault: Arc<Vault>,
    /// Tells, once, that the log can no longer be written.
    pub broken: watch::Receiver<Option<String>>,
    /// Held as long as the files are in use.
    directory: Option<Arc<DataDirectory>>,
}

impl Kept {
    /// Opens what was kept there before, and makes nothing: whoever only reads must not take an
    /// empty place for a sound one.
    pub async fn open_existing(
        settings: &Settings,
        clock: &Arc<dyn Clock>,
        ids: &Arc<dyn Ids>,
    ) -> Result<Self, StartError> {
        let there = match &settings.storage {
            Storage::Sqlite(path) => SqliteLog::is_in(path),
            Storage::Postgres(url) => PostgresLog::is_at(&Server::at(url)?).await?,
        };
        if !there {
            return Err(StartError::NothingKept(format!("{:?}", settings.storage)));
        }
        Self::open(settings, clock, ids).await
    }

    /// Opens what `settings` name: the directory or the database, the log, the vault.
    pub async fn open(
        settings: &Settings,
        clock: &Arc<dyn Clock>,
        ids: &Arc<dyn Ids>,
    ) -> Result<Self, StartError> {
        match &settings.storage {
            Storage::Sqlite(path) => {
                let directory = Arc::new(DataDirectory::open(path)?);
                let key = key(&settings.key, directory.is_new(), ids.as_ref())?;
                let log = SqliteLog::open(directory.clone(), clock.clone())?;
                let broken = log.broken();
                let database: Arc<dyn Database> = Arc::new(SqliteDatabase::open_beside(
                    directory.file("state.db")?,
                    Some(directory.reserve()),
                )?);
                let vault = Vault::open(database.clone(), key, clock.clone(), ids.clone()).await?;
                Ok(Self {
                    log: Arc::new(log),
                    database,
                    vault: Arc::new(vault),
                    broken,
                    directory: Some(directory),
                })
            }
            Storage::Postgres(url) => {
                let key = key(&settings.key, false, ids.as_ref())?;
                let server = Server::at(url)?;
                let log = PostgresLog::open(server.clone(), clock.clone()).await?;
                let database: Arc<dyn Database> = Arc::new(PostgresDatabase::open(server).await?);
                let vault = Vault::open(database.clone(), key, clock.clone(), ids.clone()).await?;
                Ok(Self {
                    log: Arc::new(log),
                    database,
                    vault: Arc::new(vault),
                    broken: watch::channel(None).1,
                    directory: None,
                })
            }
        }
    }
}

fn key(source: &KeySource, new: bool, ids: &dyn Ids) -> Result<KeyEncryptionKey, KeyError> {
    match source {
        KeySource::Environment(key) => KeyEncryptionKey::from_env_value(key.0.expose_str()),
        KeySource::File(path) => {
            let place = if new { KeyPlace::New } else { KeyPlace::InUse };
            KeyEncryptionKey::of_directory(path, place, ids)
        }
    }
}

/// Why a server that answers has to end. What was acknowledged is safe, and a start anew finds it.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The log can no longer be written.
    #[error(
        "the log cannot be written any more ({0}); every acknowledged command is safe: mend the \
         disk and start again"
    )]
    Log(String),
    /// A newer Lanyard has written to the same log.
    #[error("{0}; this one must write nothing more: run the newer one in its place")]
    Outdated(String),
    /// A loop of the worker broke off.
    #[error(
        "the {0} broke off amid its work, which is a fault of ours; every acknowledged command is \
         safe: start again, and report what the server's log says of it"
    )]
    Loop(Loop),
}

/// A server that answers.
pub struct Running {
    /// What its front doors are given.
    pub app: App,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it gives its metrics to whoever asks, if the operator wants that.
    pub metrics_address: Option<SocketAddr>,
    /// The one-time secret for the first admin's token, if there is no admin yet.
    pub first_secret: Option<Secret>,
    broken: watch::Receiver<Option<String>>,
    projecting: watch::Receiver<Health>,
    stop: watch::Sender<bool>,
    doors: JoinHandle<()>,
    projector: JoinHandle<Result<(), ProjectorError>>,
    worker: Worker,
}

/// Starts a server.
pub async fn start(
    settings: Settings,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
) -> Result<Running, StartError> {
    let kept = Kept::open(&settings, &clock, &ids).await?;
    refuse_newer(&*kept.log, &*kept.database, projections::ALL).await?;
    let (listener, address) = listen(settings.listen, "--listen").await?;
    let metrics_listener = match settings.metrics_listen {
        Some(address) => Some(listen(address, "--metrics-listen").await?),
        None => None,
    };
    let public_url = settings.public_url.clone().unwrap_or_else(|| at(address));
    if let Some(directory) = &kept.directory {
        tokio::spawn(keep_reserve(directory.reserve()));
    }
    let outbound = Outbound::to_practice(settings.allow_host.clone());
    let metrics = Metrics::new();
    let log: Arc<dyn EventLog> = Arc::new(MeasuredLog::new(kept.log.clone(), metrics.clone()));
    let providers = Providers::new(&outbound, clock.clone(), ids.clone())?;
    let mut projector = Projector::open(kept.log.clone(), kept.database.clone()).await?;
    let pace = match &settings.storage {
        // One process has the directory to itself, and every lane.
        Storage::Sqlite(_) => Pace::default(),
        Storage::Postgres(_) => Pace::of_instance(ids.v7(clock.now()).to_string()),
    };
    let app = App::new(Parts {
        dispatch: Dispatch::new(log.clone(), kept.vault.clone(), clock.clone(), ids.clone()),
        log,
        database: kept.database.clone(),
        vault: kept.vault.clone(),
        providers: Arc::new(providers.counted_in(metrics.clone())),
        applied: Applied::new(projector.watch()),
        clock,
        ids,
        public_url,
        consumer_key: settings.consumer_key.clone(),
        rebuilds: Arc::default(),
        token_keeper: Arc::default(),
        refresh_locks: RefreshLocks::default(),
        pace,
        bell: Bell::default(),
        metrics,
        signs: Signs::new(projector.health(), kept.broken.clone()),
    });
    let (stop, stopping) = watch::channel(false);
    let projecting = projector.health();
    let projector = tokio::spawn({
        let stopping = stopping.clone();
        async move { projector.run(stopping).await }
    });
    let loops = Loops {
        policy: Policy::new(app.clone()).patient(settings.retry),
        publisher: Publisher::new(app.clone(), settings.retry),
        sweeper: Sweeper::new(app.clone()),
        notifier: Notifier::new(app.clone()),
    };
    let worker = Worker::start(app.clone(), loops);
    let first_secret = app.new_first_secret().await?;
    let metrics_address = metrics_listener.as_ref().map(|(_, address)| *address);
    if let Some((listener, _)) = metrics_listener {
        // Cut off at the end: a scrape changes nothing.
        let router = api::metrics_router(app.clone());
        tokio::spawn(serve(listener, router, stopping.clone()));
    }
    let doors = tokio::spawn(serve(listener, api::router(app.clone()), stopping));
    Ok(Running {
        app,
        address,
        metrics_address,
        first_secret,
        broken: kept.broken,
        projecting,
        stop,
        doors,
        projector,
        worker,
    })
}

impl Running {
    /// Waits until the server has to end; for ever if all goes well.
    pub async fn broken(&mut self) -> Broken {
        tokio::select! {
            why = log_broken(&mut self.broken) => Broken::Log(why),
            why = outdated(&mut self.projecting) => Broken::Outdated(why),
            broken = self.app.signs.working.broken_off() => Broken::Loop(broken),
        }
    }

    /// Stops within [`DRAIN`]: takes no more requests, finishes those under way, lets the worker
    /// come to rest. What does not end in time is found again at the next start.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let doors = tokio::time::timeout(DRAIN, self.doors);
        let (doors, rested) = tokio::join!(doors, self.worker.stop());
        if doors.is_err() || !rested {
            tracing::warn!("not everything ended in time; the next start finds what is left");
        }
        let _ = self.projector.await;
    }
}

async fn log_broken(broken: &mut watch::Receiver<Option<String>>) -> String {
    loop {
        if let Some(why) = broken.borrow_and_update().clone() {
            return why;
        }
        if broken.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Makes the reserve, and makes it again an hour after it was given back: until then the room is
/// for whoever cleans up. Where there is none yet, an hour later.
async fn keep_reserve(reserve: Arc<Reserve>) {
    loop {
        let making = reserve.clone();
        match tokio::task::spawn_blocking(move || making.make()).await {
            Ok(Ok(())) => reserve.is_given_back().await,
            Ok(Err(error)) => tracing::warn!(%error, "there is no room for the reserve"),
            Err(_) => return,
        }
        tokio::time::sleep(RESERVE_REST).await;
    }
}

/// Waits until the projector meets an event of a newer Lanyard.
pub async fn outdated(projecting: &mut watch::Receiver<Health>) -> String {
    loop {
        if let Health::Outdated(why) = projecting.borrow_and_update().clone() {
            return why;
        }
        if projecting.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

async fn listen(
    address: SocketAddr,
    setting: &'static str,
) -> Result<(TcpListener, SocketAddr), StartError> {
    let cannot = |source| StartError::Listen {
        address,
        setting,
        source,
    };
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    let bound = listener.local_addr().map_err(cannot)?;
    Ok((listener, bound))
}

async fn serve(listener: TcpListener, router: axum::Router, mut stopping: watch::Receiver<bool>) {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let stopped = async move {
        let _ = stopping.wait_for(|stop| *stop).await;
    };
    if let Err(error) = axum::serve(listener, service)
        .with_graceful_shutdown(stopped)
        .await
    {
        tracing::error!(error = %error, "the server stopped listening");
    }
}

/// Returns the address as a URL; for "everywhere", this machine.
fn at(address: SocketAddr) -> Url {
    let host = if address.ip().is_unspecified() {
        "127.0.0.1".to_owned()
    } else if address.is_ipv6() {
        format!("[{}]", address.ip())
    } else {
        address.ip().to_string()
    };
    format!("http://{host}:{}", address.port())
        .parse()
        .expect("an address makes a URL")
}
