//! Rebuilding a projection: new tables are filled from the log beside the old ones, which are
//! read until the new ones take their place. Touches no provider.
//!
//! The new tables may be ahead of the old ones, never behind, when they take their place. A
//! rebuild that was cut off leaves tables that nobody reads; the next start removes them.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use projections::{Projection, Statement, Table};

use super::checkpoint;
use super::projector::apply;
use super::reading::{self, FollowError};
use super::types::Types;
use crate::database::tables::{Generation, resolve};
use crate::database::{Database, DatabaseError};
use crate::eventlog::EventLog;

/// How many events are applied in one transaction. Many: a page of an index that several of them
/// change is then written once. What else is written meanwhile waits for some tenths of a second.
const PAGE: usize = 10_000;

/// How far a rebuild is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RebuildProgress {
    /// How many events are applied.
    pub done: u64,
    /// How many there were when last looked.
    pub of: u64,
}

/// Rebuilds projections in one pass over the log; returns how many events they were made of.
/// Another rebuild of one of them, begun later, ends this one.
pub async fn rebuild(
    log: &dyn EventLog,
    database: &dyn Database,
    projections: &[&'static dyn Projection],
    mut report: impl FnMut(RebuildProgress) + Send,
) -> Result<u64, FollowError> {
    let mut rebuild = Rebuild::begin(log, database, projections).await?;
    rebuild.fill(None, &mut report).await?;
    rebuild.index().await?;
    loop {
        rebuild.fill(None, &mut report).await?;
        if rebuild.switch().await? {
            return Ok(rebuild.next);
        }
    }
}

/// What one transaction makes of some events.
struct Page {
    statements: Vec<Statement>,
    /// The index of the first event after them.
    to: u64,
}

/// A rebuild under way.
pub(super) struct Rebuild<'a> {
    log: &'a dyn EventLog,
    database: &'a dyn Database,
    members: Vec<(&'static dyn Projection, u64)>,
    /// The index of the first event that is not applied.
    pub(super) next: u64,
}

impl<'a> Rebuild<'a> {
    /// Makes empty tables beside the old ones.
    pub(super) async fn begin(
        log: &'a dyn EventLog,
        database: &'a dyn Database,
        projections: &[&'static dyn Projection],
    ) -> Result<Self, FollowError> {
        let mut members = Vec::new();
        let mut statements = Vec::new();
        for projection in projections {
            let name = projection.name();
            let known = checkpoint::read(database, *projection).await?;
            let known = known.ok_or_else(|| {
                DatabaseError::Broken(format!("projection {name} is not in the database"))
            })?;
            let generation = known.generation + 1;
            members.push((*projection, generation));
            let guard = checkpoint::begin_rebuild(*projection, known.generation, generation);
            statements.push(guard);
            for table in projection.tables() {
                statements.push(next(&table.drop_if_there()));
                statements.push(next(&table.create()));
            }
        }
        guarded(database.transact(statements).await)?;
        Ok(Self {
            log,
            database,
            members,
            next: 0,
        })
    }

    /// Applies the log up to its end, or to an index. While one page is being written, the next
    /// is read and made into statements.
    pub(super) async fn fill(
        &mut self,
        until: Option<u64>,
        report: &mut (impl FnMut(RebuildProgress) + Send),
    ) -> Result<(), FollowError> {
        let of = match until {
            Some(until) => until,
            None => self.log.size().await?,
        };
        let mut page = self.page(self.next, until).await?;
        while let Some(Page { statements, to }) = page {
            let (written, following) =
                tokio::join!(self.database.transact(statements), self.page(to, until));
            guarded(written)?;
            self.next = to;
            report(RebuildProgress {
                done: to,
                of: of.max(to),
            });
            page = following?;
        }
        Ok(())
    }

    /// Makes statements of the events from `from` on; nothing if there are no more.
    async fn page(&self, from: u64, until: Option<u64>) -> Result<Option<Page>, FollowError> {
        let left = until.map_or(u64::MAX, |until| until.saturating_sub(from));
        let limit = usize::try_from(left).unwrap_or(PAGE).min(PAGE);
        if limit == 0 {
            return Ok(None);
        }
        let events = reading::page(self.log, from, limit).await?;
        let Some(last) = events.last() else {
            return Ok(None);
        };
        let to = last.index + 1;
        let mut statements = Vec::with_capacity(events.len() * 2);
        statements.push(checkpoint::advance_rebuild(&self.members, from, to));
        Types::default().new_in(&events).note(&mut statements);
        let projections: Vec<_> = self.members.iter().map(|(known, _)| *known).collect();
        apply(&projections, &events, &mut statements);
        into_next(&mut statements);
        Ok(Some(Page { statements, to }))
    }

    /// Makes the indexes, each by itself, so that others get a turn in between.
    async fn index(&self) -> Result<(), FollowError> {
        for (projection, generation) in &self.members {
            for table in projection.tables() {
                for index in table.create_indexes(*generation) {
                    self.database.transact(vec![next(&index)]).await?;
                }
            }
        }
        Ok(())
    }

    /// Puts the new tables in the place of the old ones; says whether they were far enough.
    async fn switch(&self) -> Result<bool, FollowError> {
        let mut statements = Vec::new();
        for (projection, generation) in &self.members {
            statements.push(checkpoint::finish_rebuild(
                *projection,
                self.next,
                *generation,
            ));
            for Table { name, .. } in projection.tables() {
                let drop = format!("DROP TABLE {name}");
                let rename = format!("ALTER TABLE {name}_next RENAME TO {name}");
                statements.push(Statement::new(drop, []));
                statements.push(Statement::new(rename, []));
            }
        }
        match self.database.transact(statements).await {
            Ok(_) => Ok(true),
            Err(DatabaseError::Stale) => {
                self.refuse_if_superseded().await?;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn refuse_if_superseded(&self) -> Result<(), FollowError> {
        for (projection, generation) in &self.members {
            let known = checkpoint::read(self.database, *projection).await?;
            if known.is_none_or(|known| known.generation != *generation) {
                return Err(FollowError::Superseded);
            }
        }
        Ok(())
    }

    /// Removes the new tables and leaves the old ones in place.
    pub(super) async fn abandon(self) -> Result<(), FollowError> {
        for (projection, generation) in &self.members {
            Self::clear(self.database, *projection, *generation).await?;
        }
        Ok(())
    }

    /// Removes what a rebuild of a generation has left, unless another has begun since.
    pub(super) async fn clear(
        database: &dyn Database,
        projection: &dyn Projection,
        generation: u64,
    ) -> Result<(), FollowError> {
        let mut statements = vec![checkpoint::abandon_rebuild(projection, generation)];
        let tables = projection.tables().iter();
        statements.extend(tables.map(|table| next(&table.drop_if_there())));
        match database.transact(statements).await {
            Ok(_) | Err(DatabaseError::Stale) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Says who was faster, where a statement found that somebody was.
fn guarded<T>(done: Result<T, DatabaseError>) -> Result<T, FollowError> {
    done.map_err(|error| match error {
        DatabaseError::Stale => FollowError::Superseded,
        error => error.into(),
    })
}

/// Makes a statement work on the new tables.
fn next(sql: &str) -> Statement {
    Statement::new(resolve(sql, Generation::Next).into_owned(), [])
}

/// Makes statements work on the new tables.
///
/// A projection's statements are few texts with many arguments. The text of each is written
/// once for the life of the process, found by its address.
fn into_next(statements: &mut [Statement]) {
    static TEXTS: LazyLock<Mutex<HashMap<(usize, usize), &'static str>>> =
        LazyLock::new(Mutex::default);
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    for statement in statements {
        match statement.sql {
            std::borrow::Cow::Borrowed(text) => {
                let resolved = texts
                    .entry((text.as_ptr() as usize, text.len()))
                    .or_insert_with(|| resolve(text, Generation::Next).into_owned().leak());
                statement.sql = std::borrow::Cow::Borrowed(resolved);
            }
            std::borrow::Cow::Owned(ref text) => {
                statement.sql = resolve(text, Generation::Next).into_owned().into();
            }
        }
    }
}
