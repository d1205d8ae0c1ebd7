//! The whole service in one process: an `App` on `SQLite` in a directory of its own, its log in
//! memory, its clock standing still, its projector running, its router called without a socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use chrono::{DateTime, TimeDelta, Utc};
use domain::account::{Account, AccountCommand};
use domain::settings::SettingsChanges;
use domain::{AccountId, Role, UserId};
use lanyard::api;
use lanyard::app::health::Signs;
use lanyard::app::tokens::NewToken;
use lanyard::app::{App, Applied, Caller, Dispatch, Parts};
use lanyard::clock::{Clock, FixedClock, Ids, SeededIds};
use lanyard::database::Database;
use lanyard::database::sqlite::SqliteDatabase;
use lanyard::eventlog::EventLog;
use lanyard::eventlog::measured::MeasuredLog;
use lanyard::eventlog::memory::MemoryLog;
use lanyard::projecting::projector::Projector;
use lanyard::providers::{Outbound, Providers};
use lanyard::telemetry::metrics::Metrics;
use lanyard::vault::{KeyEncryptionKey, Vault};
use tempfile::TempDir;
use tokio::sync::watch;
use tower::ServiceExt;

use super::actors::{Actor, Answer};

/// When every story begins.
pub(crate) const BEGIN: &str = "2026-11-22T09:00:00Z";

/// Where people reach the service in stories.
pub(crate) const PUBLIC_URL: &str = "https://lanyard.example.com";

/// How long a story waits for a loop before it is told that it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// The whole service in one process.
pub(crate) struct TestApp {
    /// What the front doors are given.
    pub(crate) app: App,
    /// The clock, to be moved.
    pub(crate) clock: Arc<FixedClock>,
    router: Router,
    _stop: watch::Sender<bool>,
    home: TempDir,
}

impl TestApp {
    /// Starts the service; it may call servers on this machine and nobody else.
    pub(crate) async fn new() -> Self {
        let begin: DateTime<Utc> = BEGIN.parse().unwrap();
        let clock = Arc::new(FixedClock::at(begin));
        Self::on(Arc::new(MemoryLog::new(clock.clone())), clock).await
    }

    /// Starts the service on a log.
    pub(crate) async fn on(log: Arc<dyn EventLog>, clock: Arc<FixedClock>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let database = SqliteDatabase::open(home.path().join("lanyard.db")).unwrap();
        Self::with(log, Arc::new(database), clock, home).await
    }

    /// Starts the service on a log and a database.
    pub(crate) async fn with(
        log: Arc<dyn EventLog>,
        database: Arc<dyn Database>,
        clock: Arc<FixedClock>,
        home: TempDir,
    ) -> Self {
        let ids: Arc<dyn Ids> = Arc::new(SeededIds::new(1));
        let now: Arc<dyn Clock> = clock.clone();
        let kek =
            KeyEncryptionKey::create_file(&home.path().join("vault.key"), ids.as_ref()).unwrap();
        let vault = Vault::open(database.clone(), kek, now.clone(), ids.clone());
        let vault = Arc::new(vault.await.unwrap());
        let outbound = Outbound::to_practice(["127.0.0.1"]);
        let mut projector = Projector::open(log.clone(), database.clone())
            .await
            .unwrap();
        let applied = Applied::new(projector.watch());
        let signs = Signs::new(projector.health(), watch::channel(None).1);
        let metrics = Metrics::new();
        let log: Arc<dyn EventLog> = Arc::new(MeasuredLog::new(log, metrics.clone()));
        let providers = Providers::new(&outbound, now.clone(), ids.clone()).unwrap();
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(async move { projector.run(stopping).await });
        let app = App::new(Parts {
            dispatch: Dispatch::new(log.clone(), vault.clone(), now.clone(), ids.clone()),
            log,
            database,
            vault,
            providers: Arc::new(providers.counted_in(metrics.clone())),
            applied,
            clock: now,
            ids,
            public_url: PUBLIC_URL.parse().unwrap(),
            consumer_key: "Lanyard".parse().unwrap(),
            token_keeper: Arc::default(),
            rebuilds: Arc::default(),
            refresh_locks: lanyard::app::grants::RefreshLocks::default(),
            pace: lanyard::providers::Pace::default(),
            bell: lanyard::app::looks::Bell::default(),
            metrics,
            signs,
        });
        Self {
            router: api::router(app.clone()),
            app,
            clock,
            _stop: stop,
            home,
        }
    }

    /// Returns where its files are.
    pub(crate) fn home(&self) -> &std::path::Path {
        self.home.path()
    }

    /// One of several instances at the same time, which share the lanes.
    pub(crate) fn one_of_several(&self) -> App {
        let name = self.app.new_id().to_string();
        App::new(Parts {
            pace: lanyard::providers::Pace::of_instance(name),
            ..Parts::clone(&self.another_instance())
        })
    }

    /// Another instance on the same log and database: nothing that is only remembered is shared.
    pub(crate) fn another_instance(&self) -> App {
        let Parts {
            log,
            vault,
            clock,
            ids,
            ..
        } = &*self.app;
        App::new(Parts {
            dispatch: Dispatch::new(log.clone(), vault.clone(), clock.clone(), ids.clone()),
            rebuilds: Arc::default(),
            token_keeper: Arc::default(),
            refresh_locks: lanyard::app::grants::RefreshLocks::default(),
            pace: lanyard::providers::Pace::default(),
            bell: lanyard::app::looks::Bell::default(),
            ..Parts::clone(&self.app)
        })
    }

    /// Goes on with another log, as if the first had gone away.
    pub(crate) fn loses_its_log(&mut self, log: Arc<dyn EventLog>, clock: Arc<FixedClock>) {
        let (vault, ids) = (self.app.vault.clone(), self.app.ids.clone());
        self.changes(|parts| {
            parts.dispatch = Dispatch::new(log.clone(), vault, clock, ids);
            parts.log = log;
        });
    }

    /// Goes on with other signs of how its parts fare.
    pub(crate) fn is_told(&mut self, signs: Signs) {
        self.changes(|parts| parts.signs = signs);
    }

    /// Goes on with some of its parts changed.
    pub(crate) fn changes(&mut self, change: impl FnOnce(&mut Parts)) {
        let mut parts = Parts::clone(&self.app);
        change(&mut parts);
        self.app = App::new(parts);
        self.router = api::router(self.app.clone());
    }

    /// Sends one request.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> Answer {
        let from: SocketAddr = "192.0.2.7:4711".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(from));
        let response = self.router.clone().oneshot(request).await.unwrap();
        Answer::read(response).await
    }

    /// Changes the settings, as an admin does.
    pub(crate) async fn settings(&self, changes: SettingsChanges) {
        let caller = Caller::system("test", self.app.new_id(), None);
        let done = self.app.change_settings(changes, None, &caller);
        done.await.unwrap();
    }

    /// Waits until the read models have everything that is in the log.
    pub(crate) async fn catches_up(&self) {
        let size = self.app.log.size().await.unwrap();
        if let Some(last) = size.checked_sub(1) {
            assert!(self.app.applied.wait_for(last, PATIENCE).await, "it hangs");
        }
    }

    /// Unlinks an account to the end, as the worker does.
    pub(crate) async fn unlinks(&self, owner: &Actor<'_>, account: &str) {
        let path = format!("/api/v1/users/me/accounts/{account}");
        owner.delete(&path).await.is(202);
        let account: AccountId = account.parse().unwrap();
        let (state, _) = self.app.dispatch.load::<Account>(&account).await.unwrap();
        let secret = state.link().unwrap().grant.as_ref().unwrap().secret;
        let caller = Caller::system("policy", self.app.new_id(), None);
        let command = AccountCommand::RecordAccountUnlinked { residue: vec![] };
        let done = self
            .app
            .dispatch
            .execute::<Account>(&account, command, &caller);
        done.await.unwrap();
        self.app.vault.destroy(secret).await.unwrap();
        self.catches_up().await;
    }

    /// Moves the clock.
    pub(crate) fn after(&self, time: TimeDelta) {
        self.clock.advance(time);
    }

    /// Somebody without a token.
    pub(crate) fn anyone(&self) -> Actor<'_> {
        Actor::new(self, None)
    }

    /// An admin: root.
    pub(crate) async fn admin(&self) -> Actor<'_> {
        self.actor("root", &[Role::Admin]).await
    }

    /// An auditor: audrey.
    pub(crate) async fn auditor(&self) -> Actor<'_> {
        self.actor("audrey", &[Role::Auditor]).await
    }

    /// An operator: olga.
    pub(crate) async fn operator(&self) -> Actor<'_> {
        self.actor("olga", &[Role::Operator]).await
    }

    /// A member.
    pub(crate) async fn user(&self, name: &str) -> Actor<'_> {
        self.actor(name, &[Role::Member]).await
    }

    /// Somebody with roles.
    pub(crate) async fn actor(&self, name: &str, roles: &[Role]) -> Actor<'_> {
        let new = NewToken {
            user: name.parse::<UserId>().unwrap(),
            name: "test".parse().unwrap(),
            roles: roles.to_vec(),
            life: TimeDelta::days(90),
        };
        let caller = Caller::system("test", self.app.new_id(), None);
        let made = self.app.create_token(new, &caller).await.unwrap();
        Actor::new(self, Some(made.token.expose_str().to_owned()))
    }
}
