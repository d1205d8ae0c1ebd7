//! The policy at work: reads the log behind the projector and does what is due.
//!
//! It acts on where things stand (`domain::key_sync`), so an event seen twice, or a crash between
//! two steps, does no harm: the next look finds the same due, or less. Of several instances each
//! looks for itself; whoever comes second finds nothing due.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::account::{Account, AccountCommand};
use domain::key_sync::{Affected, Step, affected};
use domain::replay::ReplayEvent;
use domain::{AccountId, DecodeError, Event, EventId, ReplayId};
use projections::Statement;
use uuid::Uuid;

use super::aging::Aging;
use super::campaigning::Campaigning;
use super::checking::Checks;
use super::errands::ErrandError;
use super::expanding::Expanding;
use super::gracing::Graces;
use super::leaving::Leaving;
use super::offboarding::Leavers;
use super::reminding::Reminders;
use super::resuming::{Mends, Resuming};
use crate::app::{App, Caller, CommandError};
use crate::database::DatabaseError;
use crate::eventlog::LogError;

/// How many events are looked at together.
const PAGE: usize = 1_000;

/// How long an errand that a provider did not answer waits for its next try.
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
}

/// What one look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looked {
    /// Whether it saw an event or did something.
    pub moved: bool,
    /// When to look again, even if no event comes.
    pub again_at: Option<DateTime<Utc>>,
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
        }
    }

    /// Says whether a replay looks at what is in place.
    pub fn is_walking(&self) -> bool {
        self.checks.is_busy()
    }

    /// Waits until such a look ends; for ever if there is none.
    pub async fn walk_ended(&mut self) {
        self.checks.walk_ended().await;
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
            mends.see(&event.event, &Self::caller(cause));
            self.see(&event.event);
            self.leaving.see(&event, &Self::caller(cause));
            self.resuming.see(&event, &Self::caller(cause));
            self.leavers.see(&event.event, &Self::caller(cause));
            if let Event::Replay(
                ReplayEvent::ReplayCancelled { replay, .. }
                | ReplayEvent::ReplayCompleted { replay, .. },
            ) = &event.event
            {
                self.checks.end(*replay);
            }
            self.app.destroy_what_ended(&event).await?;
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
        if !moved && next == self.app.log.size().await? {
            // Nothing is under way: what is running has come to its end if nothing of it is open.
            let caller = Self::caller(self.own_cause());
            let replays = self.app.complete_replays(&self.checks, &caller).await?;
            let campaigns = self.campaigning.complete(&self.app).await?;
            return Ok(Looked {
                moved: replays + campaigns > 0,
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

    /// Does what is due for one account; says whether anything was.
    async fn settle(&mut self, account: AccountId, cause: Cause) -> Result<bool, PolicyError> {
        let Some(memory) = self.app.account_memory(account).await? else {
            return Ok(false);
        };
        let caller = Self::caller(cause);
        let mut acted = false;
        for step in memory.due(self.app.now(), self.graces.grace()) {
            match self.perform(step, &caller).await {
                Ok(happened) => acted |= happened,
                // The account moved on since it was remembered; its newer events come next.
                Err(ErrandError::Command(CommandError::Refused(refusal))) => {
                    tracing::debug!(account.id = %account, refusal = %refusal, "a step no longer fits");
                }
                Err(ErrandError::Command(error)) => return Err(error.into()),
                Err(error @ (ErrandError::Provider(_) | ErrandError::Stopped)) => {
                    tracing::info!(account.id = %account, %error, "unlinking waits");
                    self.later.insert(account, self.app.now() + PATIENCE);
                }
            }
        }
        Ok(acted)
    }

    async fn perform(&self, step: Step, caller: &Caller) -> Result<bool, ErrandError> {
        let dispatch = &self.app.dispatch;
        let executed = match step {
            Step::GenerateKey { account } => return self.app.generate_key(account, caller).await,
            Step::FinishUnlink { account, residue } => {
                return self.app.finish_unlink(account, residue, caller).await;
            }
            Step::RetireKey { user, key } => return self.app.retire_key(&user, key, caller).await,
            Step::RequestPublication {
                account,
                key,
                cause,
            } => {
                let command = AccountCommand::RequestKeyPublication { key, cause };
                dispatch
                    .execute::<Account>(&account, command, caller)
                    .await?
            }
            Step::RequestWithdrawal {
                account,
                key,
                cause,
            } => {
                let command = AccountCommand::RequestKeyWithdrawal { key, cause };
                dispatch
                    .execute::<Account>(&account, command, caller)
                    .await?
            }
        };
        Ok(!executed.events.is_empty())
    }
}

const CHECKPOINT: &str = "policy";

fn read_checkpoint() -> Statement {
    Statement::new(
        "SELECT next_index FROM projections WHERE name = $1",
        [CHECKPOINT.into()],
    )
}

fn first_checkpoint() -> Statement {
    Statement::new(
        "INSERT INTO projections (name, version, next_index) VALUES ($1, 1, 0) \
         ON CONFLICT (name) DO NOTHING",
        [CHECKPOINT.into()],
    )
}

fn checkpoint(from: u64, next: u64) -> Statement {
    Statement::new(
        "UPDATE projections SET next_index = $1 WHERE name = $2 AND next_index = $3",
        [next.into(), CHECKPOINT.into(), from.into()],
    )
    .must_change_one()
}
