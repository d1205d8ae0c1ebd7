//! One life of the service: everything that is gone when it ends.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::AccountId;
use domain::retry::RetryPolicy;
use futures::FutureExt;
use lanyard::app::{App, Applied, Dispatch, Parts};
use lanyard::clock::{Clock, FixedClock, Ids, SeededIds, SystemIds};
use lanyard::database::{Database, DatabaseError};
use lanyard::eventlog::EventLog;
use lanyard::projecting::projector::{Progress, Projector, ProjectorError};
use lanyard::providers::{GitProvider, Outbound, Pace, Providers};
use lanyard::vault::{KeyEncryptionKey, Vault};
use lanyard::worker::policy::{self, Policy, PolicyError};
use lanyard::worker::publisher::{self, Publisher, PublisherError};
use lanyard::worker::sweeping::Sweeper;
use tokio::runtime::{Builder, EnterGuard, Runtime};
use uuid::Uuid;

use crate::gate::{Gate, Verdict};
use crate::git::SimulatedGit;
use crate::hosts::Hosts;
use crate::ports::{GatedDatabase, GatedLog};

/// What outlives a process.
#[derive(Clone)]
pub(crate) struct Around {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) database: Arc<dyn Database>,
    pub(crate) hosts: Arc<Mutex<Hosts>>,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) ids: Arc<SeededIds>,
    /// Whether there are several instances: then they go by the lanes' leases.
    pub(crate) shared: bool,
}

/// What the process is called that was started for the `number`th time.
pub(crate) fn instance(number: u64) -> String {
    format!("instance-{number}")
}

/// Something that was under way and came to its end.
pub(crate) enum Done {
    Projector(Projector, Result<Progress, ProjectorError>),
    Policy(Box<Policy>, Result<policy::Looked, PolicyError>),
    Publisher(Publisher, Result<publisher::Looked, PublisherError>),
    Sweeper(Sweeper, Result<(), DatabaseError>),
    Command(Answer),
}

impl Done {
    fn name(&self) -> String {
        match self {
            Self::Projector(..) => "projector".to_owned(),
            Self::Policy(..) => "policy".to_owned(),
            Self::Publisher(..) => "publisher".to_owned(),
            Self::Sweeper(..) => "sweeper".to_owned(),
            Self::Command(answer) => format!("{} {}", answer.what, answer.correlation),
        }
    }
}

/// What somebody was told who asked for something.
pub(crate) struct Answer {
    pub(crate) what: String,
    /// What all events of it bear.
    pub(crate) correlation: Uuid,
    /// What it came to, or why to nothing.
    pub(crate) told: Result<Told, String>,
}

/// What an acknowledgement says.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Told {
    /// An event at this index, or none because it is so already.
    At(Option<u64>),
    /// The account is linked with what the person just granted. Whoever carries keys may have seen
    /// the new tokens first, and told the log of them: then that event says so.
    Linked { account: AccountId, asked_at: u64 },
}

/// A running service.
pub(crate) struct Process {
    pub(crate) gate: Gate,
    pub(crate) app: App,
    pub(crate) projector: Option<Projector>,
    pub(crate) policy: Option<Policy>,
    pub(crate) publisher: Option<Publisher>,
    pub(crate) sweeper: Option<Sweeper>,
    /// How many commands are under way.
    pub(crate) commands: usize,
    /// Whether the policy or the publisher found something to do since somebody asked.
    pub(crate) moved: bool,
    /// When the policy and the publisher want to look again.
    pub(crate) again_at: Option<DateTime<Utc>>,
    pub(crate) next_at: Option<DateTime<Utc>>,
    done: Arc<Mutex<Vec<Done>>>,
    runtime: Runtime,
}

impl Process {
    /// Starts the service, for the `number`th time.
    pub(crate) fn start(around: &Around, number: u64) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let gate = Gate::new(around.clock.clone());
        let booting = boot(around.clone(), gate.clone(), number);
        let (app, projector) = run_through(&runtime, &gate, booting);
        Self {
            gate,
            projector: Some(projector),
            policy: Some(Policy::new(app.clone())),
            publisher: Some(Publisher::new(app.clone(), RetryPolicy::default())),
            sweeper: Some(Sweeper::new(app.clone())),
            app,
            commands: 0,
            moved: false,
            again_at: None,
            next_at: None,
            done: Arc::default(),
            runtime,
        }
    }

    /// Lets everything run until it waits, at the gate or for time to pass.
    pub(crate) fn quiet(&self) {
        self.pass_time(Duration::from_millis(1));
        self.gate.settle();
    }

    /// Lets the time pass that timeouts are measured with.
    pub(crate) fn pass_time(&self, time: Duration) {
        // Time stands still while anything can run, so this is the last to wake.
        self.runtime
            .block_on(async { tokio::time::sleep(time).await });
    }

    /// Lets calls be made from outside of it, past the gate.
    pub(crate) fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    /// Does something to its end, whatever else there is.
    pub(crate) fn through<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        run_through(&self.runtime, &self.gate, work)
    }

    /// Has the projector do a step, if it is not at one.
    pub(crate) fn project(&mut self) -> bool {
        let Some(mut projector) = self.projector.take() else {
            return false;
        };
        self.spawn(async move {
            let progress = projector.step().await;
            Done::Projector(projector, progress)
        });
        true
    }

    /// Has the policy look, if it is not at it.
    pub(crate) fn decide(&mut self) -> bool {
        let Some(mut policy) = self.policy.take() else {
            return false;
        };
        self.spawn(async move {
            let looked = policy.step().await;
            Done::Policy(Box::new(policy), looked)
        });
        true
    }

    /// Has the publisher open its lanes, if it is not at it.
    pub(crate) fn publish(&mut self) -> bool {
        let Some(mut publisher) = self.publisher.take() else {
            return false;
        };
        self.spawn(async move {
            let looked = publisher.open_lanes().await;
            Done::Publisher(publisher, looked)
        });
        true
    }

    /// Has the sweeper begin the looks that are due, if it is not at it.
    pub(crate) fn sweep(&mut self) -> bool {
        let Some(mut sweeper) = self.sweeper.take() else {
            return false;
        };
        self.spawn(async move {
            let stepped = sweeper.step().await;
            Done::Sweeper(sweeper, stepped.map(drop))
        });
        true
    }

    /// Has somebody ask for something.
    pub(crate) fn command(&mut self, asking: impl Future<Output = Answer> + Send + 'static) {
        self.commands += 1;
        self.spawn(asking.map(Done::Command));
    }

    /// Says whether anything is under way.
    pub(crate) fn is_busy(&self) -> bool {
        let lanes = self.publisher.as_ref().is_none_or(Publisher::is_busy);
        let looks = self.sweeper.as_ref().is_none_or(Sweeper::is_busy);
        let asks = self.policy.as_ref().is_none_or(Policy::is_asking);
        lanes || looks || asks || self.projector.is_none() || self.commands > 0
    }

    /// Takes what came to its end.
    pub(crate) fn done(&mut self) -> Vec<Done> {
        if let Some(publisher) = &mut self.publisher {
            while publisher.is_busy() && publisher.lane_ended().now_or_never().is_some() {}
        }
        if let Some(sweeper) = &mut self.sweeper {
            while sweeper.is_busy() && sweeper.look_ended().now_or_never().is_some() {}
        }
        if let Some(policy) = &mut self.policy {
            // The end of one errand is the beginning of the next.
            let _entered = self.runtime.enter();
            while policy.is_asking() && policy.answer_came().now_or_never().is_some() {
                self.moved = true;
            }
        }
        let mut done = std::mem::take(&mut *self.done.lock().unwrap());
        // Several who waited for the same are woken in any order.
        done.sort_by_cached_key(Done::name);
        done
    }

    fn spawn(&self, work: impl Future<Output = Done> + Send + 'static) {
        let done = self.done.clone();
        self.runtime.spawn(async move {
            let ended = work.await;
            done.lock().unwrap().push(ended);
        });
    }
}

/// Does something to its end; whatever waits at the gate meanwhile goes.
fn run_through<T: Send + 'static>(
    runtime: &Runtime,
    gate: &Gate,
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    let task = runtime.spawn(work);
    while !task.is_finished() {
        runtime.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
        while let Some(waiting) = gate.take(0) {
            waiting.judge(Verdict::Go);
        }
    }
    runtime.block_on(task).unwrap()
}

async fn boot(around: Around, gate: Gate, process: u64) -> (App, Projector) {
    let log: Arc<dyn EventLog> = Arc::new(GatedLog {
        log: around.log,
        gate: gate.clone(),
    });
    let database: Arc<dyn Database> = Arc::new(GatedDatabase {
        database: around.database.clone(),
        gate: gate.clone(),
    });
    let git: Arc<dyn GitProvider> = Arc::new(SimulatedGit {
        process,
        lanes: around.shared.then(|| around.database.clone()),
        hosts: around.hosts,
        gate,
        clock: around.clock.clone(),
    });
    let pace = if around.shared {
        Pace::of_instance(instance(process))
    } else {
        Pace::default()
    };
    let (clock, ids): (Arc<dyn Clock>, Arc<dyn Ids>) = (around.clock, around.ids);
    let kek = KeyEncryptionKey::from_env_value(&"5a".repeat(32)).unwrap();
    let vault = Vault::open(database.clone(), kek, clock.clone(), ids.clone());
    let vault = Arc::new(vault.await.unwrap());
    let projector = Projector::open(log.clone(), database.clone());
    let projector = projector.await.unwrap();
    let signs =
        lanyard::app::health::Signs::new(projector.health(), tokio::sync::watch::channel(None).1);
    let app = App::new(Parts {
        dispatch: Dispatch::new(log.clone(), vault.clone(), clock.clone(), ids.clone()),
        log,
        database,
        vault,
        providers: Arc::new(real_providers().played_by(&git)),
        applied: Applied::new(projector.watch()),
        clock,
        ids,
        public_url: "https://lanyard.example.com".parse().unwrap(),
        consumer_key: "Lanyard".parse().unwrap(),
        token_keeper: Arc::default(),
        rebuilds: Arc::default(),
        refresh_locks: lanyard::app::grants::RefreshLocks::default(),
        pace,
        bell: lanyard::app::looks::Bell::default(),
        metrics: lanyard::telemetry::metrics::Metrics::default(),
        signs,
    });
    (app, projector)
}

/// Made once: reading the certificates of the machine takes longer than a simulation.
fn real_providers() -> &'static Providers {
    static PROVIDERS: OnceLock<Providers> = OnceLock::new();
    PROVIDERS.get_or_init(|| {
        let nowhere: [&str; 0] = [];
        let clock = Arc::new(FixedClock::at(DateTime::UNIX_EPOCH));
        let outbound = Outbound::to_practice(nowhere);
        Providers::new(&outbound, clock, Arc::new(SystemIds::default())).unwrap()
    })
}
