//! The policy at work: reads the log behind the projector and does what is due.
//!
//! It acts on where things stand (`domain::key_sync`), so an event seen twice, or a crash between
//! two steps, does no harm: the next look finds the same due, or less. Of several instances each
//! looks for itself; whoever comes second finds nothing due.

mod checkpoint;
mod settling;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::key_sync::{Affected, affected};
use domain::replay::ReplayEvent;
use domain::retry::RetryPolicy;
use domain::{AccountId, DecodeError, Event, EventId, ReplayId};
use uuid::Uuid;

use self::checkpoint::{checkpoint, first_checkpoint, read_checkpoint};
use super::aging::Aging;
use super::campaigning::Campaigning;
use super::checking::Checks;
use super::expanding::Expanding;
use super::gracing::Graces;
use super::leaving::Leaving;
use super::offboarding::Leavers;
use super::reminding::Reminders;
use super::resuming::{Mends, Resuming};
use super::unlinking::Unlinking;
use crate::app::{App, Caller, CommandError};
use crate::database::DatabaseError;
use crate::eventlog::LogError;

/// How many events are looked at together.
const PAGE: usize = 1_000;

/// After how many looks it is seen whether something is complete, however much there is to look
/// at: where somebody always appends, the end of the log is never reached.
const OFTEN: u32 = 32;

/// How long a step that cannot be taken now waits for its next try.
const PATIENCE: TimeDelta = TimeDelta::minutes(1);

/// Why the policy cannot go on now. It goes on where it was.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// An event cannot be understood.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A command did not go through.
    #[error(transparent)]
    Command(#[from] CommandError),
}

/// Keeps keyrings and accounts in step.
pub struct Policy {
    app: App,
    next: Option<u64>,
    later: BTreeMap<AccountId, DateTime<Utc>>,
    reminders: Reminders,
    graces: Graces,
    aging: Aging,
    campaigning: Campaigning,
    leaving: Leaving,
    resuming: Resuming,
    leavers: Leavers,
    expanding: Expanding,
    checks: Checks,
    unlinking: Unlinking,
    /// How many looks ago it was seen whether something is complete.
    looks: u32,
}

/// What one look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looked {
    /// Whether it saw an event or did something.
    pub moved: bool,
    /// When to look again, even if no event comes.
    pub again_at: Option<DateTime<Utc>>,
}

/// How far the policy is, and how long the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// Everything before this index was looked at, and is in the read models.
    pub(super) next: u64,
    /// How many events there are.
    pub(super) size: u64,
}

impl Seen {
    /// Says whether everything was seen that there was when it was first asked, noted in `mark`.
    pub(super) fn all_since(self, mark: &mut Option<u64>) -> bool {
        self.next >= *mark.get_or_insert(self.size)
    }
}

/// Where steps come from.
#[derive(Debug, Clone, Copy)]
struct Cause {
    correlation: Uuid,
    event: EventId,
}

impl Policy {
    /// Begins where the last one ended.
    pub fn new(app: App) -> Self {
        Self {
            app,
            next: None,
            later: BTreeMap::new(),
            reminders: Reminders::default(),
            graces: Graces::default(),
            aging: Aging::default(),
            campaigning: Campaigning::default(),
            leaving: Leaving::default(),
            resuming: Resuming::default(),
            leavers: Leavers::default(),
            expanding: Expanding::default(),
            checks: Checks::default(),
            unlinking: Unlinking::default(),
            looks: 0,
        }
    }

    /// As patient as `retry` says with a provider that does not revoke tokens.
    #[must_use]
    pub fn patient(mut self, retry: RetryPolicy) -> Self {
        self.unlinking.retry = retry;
        self
    }

    /// Says whether a provider is asked for something beside the looks: what is in place, or to
    /// revoke tokens.
    pub fn is_asking(&self) -> bool {
        self.checks.is_busy() || self.unlinking.is_busy()
    }

    /// Waits until one of these ends; for ever if there is none.
    pub async fn answer_came(&mut self) {
        tokio::select! {
            () = self.checks.walk_ended() => {}
            () = self.unlinking.errand_ended(&self.app) => {}
        }
    }

    /// Looks at the next page of events, up to where the projector is.
    pub async fn step(&mut self) -> Result<Looked, PolicyError> {
        let mut taken = Vec::new();
        let stepped = self.look(&mut taken).await;
        if stepped.is_err() {
            // What was due is still due.
            let now = self.app.now();
            for account in taken {
                self.later.entry(account).or_insert(now);
            }
        }
        stepped
    }

    /// Looks, and notes the accounts that it took because their time had come.
    async fn look(&mut self, taken: &mut Vec<AccountId>) -> Result<Looked, PolicyError> {
        let from = match self.next {
            Some(next) => next,
            None => self.begin().await?,
        };
        let until = self.app.applied.events();
        let limit = usize::try_from(until.saturating_sub(from))
            .unwrap_or(PAGE)
            .min(PAGE);
        let page = if limit == 0 {
            Vec::new()
        } else {
            self.app.log.read_all(from, limit).await?
        };
        let mut accounts: BTreeMap<AccountId, Cause> = BTreeMap::new();
        let mut begun: Vec<(ReplayId, Cause)> = Vec::new();
        let mut mends = Mends::default();
        for stored in &page {
            let event = Event::decode(stored.index, &stored.line)?;
            let cause = Cause {
                correlation: event.header.correlation,
                event: event.header.id,
            };
            match affected(&event.event) {
                Affected::Account(account) => drop(accounts.insert(account, cause)),
                Affected::ReplayBegun(replay) => begun.push((replay, cause)),
                Affected::Nothing => {}
            }
            let caller = Self::caller(cause);
            mends.see(&event.event, &caller);
            self.see(&event.event);
            self.leaving.see(&event, &caller);
            self.resuming.see(&event, &caller);
            self.leavers.see(&event.event, &caller);
            if let Event::Replay(
                ReplayEvent::ReplayCancelled { replay, .. }
                | ReplayEvent::ReplayCompleted { replay, .. },
            ) = &event.event
            {
                self.checks.end(*replay);
            }
            self.app.destroy_what_ended(&event, &caller).await?;
        }
        for (account, at) in self.unlinking.take_again(&self.app) {
            self.later.insert(account, at);
        }
        for account in self.take_due() {
            taken.push(account);
            accounts.entry(account).or_insert_with(|| self.own_cause());
        }
        for account in self.graces.end(&self.app).await? {
            taken.push(account);
            accounts.entry(account).or_insert_with(|| self.own_cause());
        }
        for (replay, cause) in begun {
            self.expanding.take_up(replay, &Self::caller(cause));
        }
        let mut acted = self.expanding.go_on(&self.app, &mut self.checks).await?;
        for replay in self.checks.take_again() {
            let caller = Self::caller(self.own_cause());
            self.checks.begin(&self.app, replay, &caller);
        }
        mends.go_on(&self.app).await?;
        acted |= self.reminders.remind(&self.app).await?;
        for (account, cause) in accounts {
            acted |= self.settle(account, cause).await?;
        }
        acted |= self.aging.replace(&self.app).await?;
        acted |= self.campaigning.go_on(&self.app).await?;
        acted |= self.leaving.go_on(&self.app).await?;
        acted |= self.resuming.go_on(&self.app).await?;
        acted |= self.leavers.go_on(&self.app).await?;
        let next = from + page.len() as u64;
        if !page.is_empty() && !self.note(from, next).await? {
            return Ok(Looked {
                moved: true,
                again_at: self.again_at(),
            });
        }
        self.next = Some(next);
        let moved = !page.is_empty() || acted;
        self.looks += 1;
        let size = self.app.log.size().await?;
        let at_end = !moved && next == size;
        if at_end || self.looks >= OFTEN {
            self.looks = 0;
            // At the end nothing is under way: what is running is complete if nothing of it is
            // open. Before, that is known of what was taken up up to here.
            let seen = Seen { next, size };
            let caller = Self::caller(self.own_cause());
            let replays = self
                .expanding
                .complete(&self.app, &self.checks, seen, &caller)
                .await?;
            let campaigns = self.campaigning.complete(&self.app, seen).await?;
            return Ok(Looked {
                moved: moved || replays + campaigns > 0,
                again_at: self.again_at(),
            });
        }
        Ok(Looked {
            moved,
            again_at: self.again_at(),
        })
    }

    /// Finds where the last one ended, and what it may have left half done.
    async fn begin(&mut self) -> Result<u64, PolicyError> {
        let rows = self.app.database.query(read_checkpoint()).await?;
        let next = if let Some(row) = rows.first() {
            row.number(0).map_err(DatabaseError::from)?
        } else {
            self.app.database.transact(vec![first_checkpoint()]).await?;
            0
        };
        let unlinking = self
            .app
            .database
            .query(projections::key_sync::unlinking())
            .await?;
        let now = self.app.now();
        for row in unlinking {
            let account = row.parsed(0, "an account").map_err(DatabaseError::from)?;
            self.later.insert(account, now);
        }
        self.reminders.look_at(now);
        self.graces.begin(&self.app).await?;
        self.aging.begin(&self.app).await?;
        self.campaigning.look_at(now);
        let caller = Self::caller(self.own_cause());
        self.leaving = Leaving::begin(&self.app, &caller).await?;
        self.leavers = Leavers::begin(&self.app, &caller).await?;
        self.expanding = Expanding::begin(&self.app, &caller).await?;
        self.resuming = Resuming::begin(&self.app, &caller).await?;
        self.next = Some(next);
        Ok(next)
    }

    /// Notes what an event says of what is to be done later.
    fn see(&mut self, event: &Event) {
        let now = self.app.now();
        self.reminders.see(event, now);
        self.graces.see(event, now);
        self.aging.see(event, now);
        self.campaigning.see(event, now);
    }

    /// Notes how far it is; says whether nobody else did meanwhile. If somebody did, the next
    /// look begins where they are.
    async fn note(&mut self, from: u64, next: u64) -> Result<bool, DatabaseError> {
        let noted = self.app.database.transact(vec![checkpoint(from, next)]);
        match noted.await {
            Ok(_) => Ok(true),
            Err(DatabaseError::Stale) => {
                self.next = None;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn take_due(&mut self) -> BTreeSet<AccountId> {
        let now = self.app.now();
        let due: BTreeSet<AccountId> = self
            .later
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(account, _)| *account)
            .collect();
        self.later.retain(|account, _| !due.contains(account));
        due
    }

    fn again_at(&self) -> Option<DateTime<Utc>> {
        let wishes = [
            self.later.values().min().copied(),
            self.reminders.again_at(),
            self.graces.again_at(),
            self.aging.again_at(),
            self.campaigning.again_at(),
            self.unlinking.again_at(self.app.now()),
        ];
        wishes.into_iter().flatten().min()
    }

    fn own_cause(&self) -> Cause {
        let id = self.app.new_id();
        Cause {
            correlation: id,
            event: EventId::new(id),
        }
    }

    fn caller(cause: Cause) -> Caller {
        Caller::system("policy", cause.correlation, Some(cause.event))
    }
}
