//! The projector: from the log into the read models, in order, nothing twice, nothing skipped.
//!
//! A page of events becomes one transaction for all projections, together with how far they now
//! are. That is written on condition that nobody else was faster: of several instances on one
//! database, one applies a page and the others look again.

use std::sync::Arc;
use std::time::Duration;

use domain::{Event, Recorded};
use projections::{Projection, Statement};
use tokio::sync::watch;

use super::checkpoint::{self, Checkpoint};
use super::reading::{self, FollowError};
use super::rebuild::{Rebuild, rebuild};
use super::types::Types;
use crate::database::{Database, DatabaseError};
use crate::eventlog::EventLog;

/// How many events are applied in one transaction.
const PAGE: usize = 1_000;

/// How long to rest after a fault that may pass by itself.
const REST: Duration = Duration::from_secs(1);

/// Why the projector cannot go on.
pub type ProjectorError = FollowError;

/// How the projector fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Well.
    Good,
    /// Log or database are away; it goes on when they are back.
    Waiting(String),
    /// It has stopped, and somebody must act.
    Stopped(String),
    /// It has stopped before an event of a newer Lanyard: this one must write nothing more.
    Outdated(String),
}

/// What one step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How many events it applied.
    pub applied: u64,
    /// Whether there may be more to apply now.
    pub more: bool,
    /// How many events all projections have applied.
    pub next: u64,
}

/// Keeps the projections as far as the log.
pub struct Projector {
    log: Arc<dyn EventLog>,
    database: Arc<dyn Database>,
    followed: Vec<Followed>,
    applied: watch::Sender<u64>,
    health: watch::Sender<Health>,
    types: Types,
}

#[derive(Clone, Copy)]
struct Followed {
    projection: &'static dyn Projection,
    next: u64,
}

impl Projector {
    /// Opens every projection there is: see [`Projector::of`].
    pub async fn open(
        log: Arc<dyn EventLog>,
        database: Arc<dyn Database>,
    ) -> Result<Self, ProjectorError> {
        Self::of(log, database, projections::ALL).await
    }

    /// Opens projections: makes the tables of new ones, rebuilds those of another version, and
    /// removes what an interrupted rebuild has left. Rows may still lag behind the log.
    pub async fn of(
        log: Arc<dyn EventLog>,
        database: Arc<dyn Database>,
        projections: &[&'static dyn Projection],
    ) -> Result<Self, ProjectorError> {
        let size = log.size().await?;
        let mut outdated: Vec<&'static dyn Projection> = Vec::new();
        for (projection, known) in known_or_created(&*database, projections).await? {
            if known.rebuild_next.is_some() {
                Rebuild::clear(&*database, projection, known.generation).await?;
            }
            let is_far_behind = known.next == 0 && size > PAGE as u64;
            if known.version != u64::from(projection.version()) || is_far_behind {
                outdated.push(projection);
            }
        }
        if !outdated.is_empty() {
            let names: Vec<_> = outdated.iter().map(|known| known.name()).collect();
            tracing::info!(projections = %names.join(", "), events = size, "rebuilding projections");
            rebuild(&*log, &*database, &outdated, |_| ()).await?;
        }
        let mut projector = Self {
            log,
            database,
            followed: projections
                .iter()
                .map(|projection| Followed {
                    projection: *projection,
                    next: 0,
                })
                .collect(),
            applied: watch::Sender::new(0),
            health: watch::Sender::new(Health::Good),
            types: Types::default(),
        };
        projector.look_again().await?;
        Ok(projector)
    }

    /// Watches how many events all projections have applied: the event at `index` is, once the
    /// number is greater than `index`. Closed once the projector has stopped.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    /// Watches how the projector fares.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// Applies the next page. Projections that lag behind others catch up first, by themselves.
    pub async fn step(&mut self) -> Result<Progress, ProjectorError> {
        let from = self.next();
        let (group, ahead) = self.furthest_behind();
        let limit = ahead.map_or(PAGE, |ahead| {
            usize::try_from(ahead - from).unwrap_or(PAGE).min(PAGE)
        });
        let events = reading::page(&*self.log, from, limit).await?;
        let Some(last) = events.last() else {
            return Ok(self.progress(0, false));
        };
        let to = last.index + 1;
        let mut statements = vec![checkpoint::advance(&group, from, to)];
        let types = self.types.new_in(&events);
        types.note(&mut statements);
        apply(&group, &events, &mut statements);
        match self.database.transact(statements).await {
            Ok(_) => {
                self.types.add(types);
                for followed in &mut self.followed {
                    if followed.next == from {
                        followed.next = to;
                    }
                }
                self.announce();
                Ok(self.progress(to - from, true))
            }
            Err(DatabaseError::Stale) => {
                self.look_again().await?;
                Ok(self.progress(0, true))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Applies everything that the log has now.
    pub async fn catch_up(&mut self) -> Result<u64, ProjectorError> {
        while self.step().await?.more {}
        Ok(self.next())
    }

    /// Follows the log until told to stop, or until an event cannot be read. Sleeps while there
    /// is nothing to do.
    pub async fn run(&mut self, mut stopping: watch::Receiver<bool>) -> Result<(), ProjectorError> {
        let mut size = self.log.watch();
        while !*stopping.borrow() {
            size.borrow_and_update();
            match self.step().await {
                Ok(Progress { more, .. }) => {
                    self.fare(Health::Good);
                    if more {
                        continue;
                    }
                    tokio::select! {
                        changed = size.changed() => if changed.is_err() { return Ok(()) },
                        _ = stopping.wait_for(|stop| *stop) => return Ok(()),
                    }
                }
                Err(error) if error.passes() => {
                    tracing::warn!(%error, "the projections wait");
                    self.fare(Health::Waiting(error.to_string()));
                    let stopped = stopping.wait_for(|stop| *stop);
                    if tokio::time::timeout(REST, stopped).await.is_ok() {
                        return Ok(());
                    }
                }
                Err(error) => {
                    tracing::error!(%error, event.index = self.next(), "the projections stop");
                    self.fare(if error.is_newer() {
                        Health::Outdated(error.to_string())
                    } else {
                        Health::Stopped(error.to_string())
                    });
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn next(&self) -> u64 {
        let next = self.followed.iter().map(|followed| followed.next).min();
        next.unwrap_or(0)
    }

    /// Lists the projections that lag behind most, and how far the next are.
    fn furthest_behind(&self) -> (Vec<&'static dyn Projection>, Option<u64>) {
        let next = self.next();
        let group = self.followed.iter().filter(|known| known.next == next);
        let ahead = self.followed.iter().map(|known| known.next);
        (
            group.map(|known| known.projection).collect(),
            ahead.filter(|ahead| *ahead > next).min(),
        )
    }

    /// Reads how far the projections are: another instance or a rebuild has moved them.
    async fn look_again(&mut self) -> Result<(), ProjectorError> {
        for followed in &mut self.followed {
            let projection = followed.projection;
            let name = projection.name();
            let known = checkpoint::read(&*self.database, projection).await?;
            let known = known.ok_or_else(|| {
                DatabaseError::Broken(format!("projection {name} is gone from the database"))
            })?;
            if known.version != u64::from(projection.version()) {
                return Err(FollowError::OtherVersion {
                    name,
                    found: known.version,
                    ours: projection.version(),
                });
            }
            followed.next = known.next;
        }
        self.announce();
        Ok(())
    }

    fn announce(&self) {
        let next = self.next();
        self.applied.send_if_modified(|applied| {
            let moved = *applied != next;
            *applied = next;
            moved
        });
    }

    fn fare(&self, health: Health) {
        self.health.send_if_modified(|known| {
            let changed = *known != health;
            *known = health;
            changed
        });
    }

    fn progress(&self, applied: u64, more: bool) -> Progress {
        Progress {
            applied,
            more,
            next: self.next(),
        }
    }
}

/// Adds what events make of projections.
pub(super) fn apply(
    projections: &[&dyn Projection],
    events: &[Recorded<Event>],
    statements: &mut Vec<Statement>,
) {
    for event in events {
        for projection in projections {
            statements.append(&mut projection.apply(event));
        }
    }
}

/// Reads how far projections are, and makes the tables of those that have none. Another instance
/// may do so at the same time: then nothing of ours is made, and theirs is read.
async fn known_or_created(
    database: &dyn Database,
    projections: &[&'static dyn Projection],
) -> Result<Vec<(&'static dyn Projection, Checkpoint)>, FollowError> {
    loop {
        let mut known = Vec::new();
        let mut statements = Vec::new();
        for projection in projections {
            match checkpoint::read(database, *projection).await? {
                Some(checkpoint) => known.push((*projection, checkpoint)),
                None => create(*projection, &mut statements),
            }
        }
        if statements.is_empty() {
            return Ok(known);
        }
        match database.transact(statements).await {
            Ok(_) | Err(DatabaseError::Duplicate) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn create(projection: &dyn Projection, statements: &mut Vec<Statement>) {
    let definition = |sql| Statement::new(sql, []);
    statements.push(checkpoint::begin(projection));
    for table in projection.tables() {
        statements.push(definition(table.drop_if_there()));
        statements.push(definition(table.create()));
        statements.extend(table.create_indexes(1).into_iter().map(definition));
    }
}
