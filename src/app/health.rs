//! Whether everything that a request needs is there, and how far the read models are.

use std::time::Duration;

use projections::Statement;
use tokio::sync::watch;

use super::App;
use super::working::Working;
use crate::eventlog::LogError;
use crate::eventlog::line::Filed;
use crate::projecting::projector::Health as Projecting;
use crate::telemetry::metrics::Lag;

/// How many events the read models may be behind before the server says that it is not ready.
const MOST_EVENTS: u64 = 10_000;

/// How long an event may wait to be applied before the server says that it is not ready.
const LONGEST: Duration = Duration::from_mins(1);

/// How long a part may take to answer before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(2);

/// What tells by itself how it fares.
#[derive(Debug, Clone, Default)]
pub struct Signs {
    projector: Option<watch::Receiver<Projecting>>,
    log: Option<watch::Receiver<Option<String>>>,
    /// How the worker's loops fare, as they tell.
    pub working: Working,
}

impl Signs {
    /// Watches the projector, and the log for the reason why it can no longer be written.
    pub fn new(
        projector: watch::Receiver<Projecting>,
        log: watch::Receiver<Option<String>>,
    ) -> Self {
        Self {
            projector: Some(projector),
            log: Some(log),
            working: Working::default(),
        }
    }

    fn log_is_broken(&self) -> bool {
        self.log.as_ref().is_some_and(|why| why.borrow().is_some())
    }

    fn projector_waits(&self) -> bool {
        let waits = |health: &watch::Receiver<Projecting>| {
            matches!(*health.borrow(), Projecting::Waiting(_))
        };
        self.projector.as_ref().is_some_and(waits)
    }
}

/// How one part of the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// As it should be.
    Good,
    /// As it should be, but for a while: the read models are shown as they were.
    Waiting,
    /// Further behind than it may be.
    Behind,
    /// It cannot be reached.
    Lost,
    /// It can be reached and cannot be used.
    Unusable,
    /// It fails again and again.
    Resting,
    /// It has ended, and only a restart begins it anew.
    Stopped,
}

impl Condition {
    /// Says whether requests may be sent.
    pub fn serves(self) -> bool {
        match self {
            Self::Good | Self::Waiting => true,
            Self::Behind | Self::Lost | Self::Unusable | Self::Resting | Self::Stopped => false,
        }
    }
}

/// How all parts are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// The log.
    pub log: Condition,
    /// The database.
    pub database: Condition,
    /// The vault.
    pub vault: Condition,
    /// The read models.
    pub projections: Condition,
    /// The worker: what carries out what was asked for.
    pub worker: Condition,
    /// How many events the log has, if it says so.
    pub events: Option<u64>,
    /// How many of them the read models have.
    pub applied: u64,
}

impl Readiness {
    /// Says whether requests may be sent.
    pub fn is_ready(&self) -> bool {
        let parts = [self.log, self.database, self.vault];
        let parts = parts.into_iter().chain([self.projections, self.worker]);
        parts.into_iter().all(Condition::serves)
    }
}

impl App {
    /// Looks at every part; none can hold it up for long.
    pub async fn readiness(&self) -> Readiness {
        let lag = in_time(self.lag()).await;
        let database = in_time(self.database.get(Statement::new("SELECT 1", []))).await;
        let vault = match database {
            Some(_) => in_time(self.vault.check()).await.map(drop),
            None => None,
        };
        let log = match &lag {
            _ if self.signs.log_is_broken() => Condition::Stopped,
            Some(_) => Condition::Good,
            None => Condition::Lost,
        };
        let projections = match lag {
            _ if self.applied.is_stopped() => Condition::Stopped,
            Some(lag) if lag.events > MOST_EVENTS || lag.age > LONGEST => Condition::Behind,
            _ if self.signs.projector_waits() => Condition::Waiting,
            _ => Condition::Good,
        };
        Readiness {
            log,
            database: if database.is_some() {
                Condition::Good
            } else {
                Condition::Lost
            },
            vault: match (database, vault) {
                (_, Some(())) => Condition::Good,
                (None, None) => Condition::Lost,
                (Some(_), None) => Condition::Unusable,
            },
            projections,
            worker: self.signs.working.condition(self.now()),
            events: lag.map(|lag| lag.log),
            applied: self.applied.events(),
        }
    }

    /// Returns how far the read models are behind the log.
    pub async fn lag(&self) -> Result<Lag, LogError> {
        let applied = self.applied.events();
        let log = self.log.size().await?;
        let mut age = Duration::ZERO;
        if applied < log
            && let Some(first) = self.log.read_all(applied, 1).await?.first()
        {
            let taken = Filed::read(first.index, &first.line)?.recorded_at;
            age = (self.now() - taken).to_std().unwrap_or_default();
        }
        Ok(Lag {
            log,
            events: log.saturating_sub(applied),
            age,
        })
    }
}

/// Waits a little for an answer; a refusal is none.
async fn in_time<T, E: std::fmt::Display>(answer: impl Future<Output = Result<T, E>>) -> Option<T> {
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            tracing::warn!(%error, "a part of the server is not ready");
            None
        }
        Err(_) => {
            tracing::warn!("a part of the server does not answer");
            None
        }
    }
}
