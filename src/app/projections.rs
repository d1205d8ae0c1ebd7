//! The projections: how far each is, and rebuilding one while its old rows are served.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use projections::{Projection, Statement};

use super::{App, CaseError, CommandError, Rule};

/// Fills one projection anew from the log.
#[async_trait]
pub trait Rebuilder: Send + Sync {
    /// Rebuilds it, and says now and then how far it is: done, and of how many events.
    async fn rebuild(
        &self,
        projection: &'static dyn Projection,
        report: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> Result<(), String>;
}

/// How a rebuild fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rebuild {
    /// Under way.
    Running {
        /// How many events are applied.
        done: u64,
        /// Of how many.
        total: u64,
    },
    /// Over: the new rows are served.
    Done,
    /// Given up: the old rows are served on.
    Failed(String),
}

/// Rebuilds since the server started, by projection.
#[derive(Clone)]
pub struct Rebuilds {
    rebuilder: Arc<dyn Rebuilder>,
    known: Arc<Mutex<HashMap<&'static str, Rebuild>>>,
}

impl Rebuilds {
    /// Rebuilds with `rebuilder`.
    pub fn new(rebuilder: Arc<dyn Rebuilder>) -> Self {
        Self { rebuilder, known: Arc::default() }
    }

    fn of(&self, name: &str) -> Option<Rebuild> {
        self.lock().get(name).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<&'static str, Rebuild>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a rebuild in the background, unless one is under way.
    fn start(&self, projection: &'static dyn Projection) -> Result<(), Rule> {
        let name = projection.name();
        let begun = Rebuild::Running { done: 0, total: 0 };
        {
            let mut known = self.lock();
            if let Some(Rebuild::Running { .. }) = known.get(name) {
                return Err(Rule::RebuildUnderWay);
            }
            known.insert(name, begun);
        }
        let rebuilds = self.clone();
        tokio::spawn(async move {
            let report = |done, total| {
                rebuilds.lock().insert(name, Rebuild::Running { done, total });
            };
            let ended = match rebuilds.rebuilder.rebuild(projection, &report).await {
                Ok(()) => Rebuild::Done,
                Err(why) => {
                    tracing::error!(projection = name, error = %why, "a rebuild failed");
                    Rebuild::Failed(why)
                }
            };
            rebuilds.lock().insert(name, ended);
        });
        Ok(())
    }
}

/// One projection and how far it is.
#[derive(Debug, Clone)]
pub struct ProjectionNow {
    /// Its name.
    pub name: String,
    /// The version of its tables.
    pub version: u64,
    /// How many events it has applied.
    pub events: u64,
    /// How many it still has to.
    pub behind: u64,
    /// Its last rebuild since the server started.
    pub rebuild: Option<Rebuild>,
}

impl App {
    /// Lists the projections.
    pub async fn list_projections(&self) -> Result<Vec<ProjectionNow>, CaseError> {
        let size = self.log.size().await.map_err(CommandError::from)?;
        let statement =
            Statement::new("SELECT name, version, next_index FROM projections ORDER BY name", []);
        let mut listed = Vec::new();
        for row in self.database.query(statement).await? {
            let name = row.text(0)?.to_owned();
            // Others keep their checkpoints there too.
            if projections::ALL.iter().any(|known| known.name() == name) {
                let events = row.number(2)?;
                listed.push(ProjectionNow {
                    rebuild: self.rebuilds.of(&name),
                    version: row.number(1)?,
                    events,
                    behind: size.saturating_sub(events),
                    name,
                });
            }
        }
        Ok(listed)
    }

    /// Starts to rebuild a projection.
    pub fn rebuild_projection(&self, name: &str) -> Result<(), CaseError> {
        let found = projections::ALL.iter().find(|known| known.name() == name);
        let projection = found.ok_or(Rule::ProjectionNotFound)?;
        Ok(self.rebuilds.start(*projection)?)
    }
}
