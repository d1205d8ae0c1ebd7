//! What a replay takes up: everything in its scope that is not done, page by page.
//!
//! A page at a time, so that nobody else waits for a long one, and one that is stopped takes up
//! nothing more. Nothing but the log and the read models say how far it is: what it took up bears
//! its name and is left out.

use std::collections::BTreeMap;

use domain::account::{Account, AccountCommand, PublicationCause, WithdrawalCause};
use domain::replay::{Replay, ReplayCommand, ReplayInclude};
use domain::{AccountId, KeyId, ReplayId};
use projections::key_placements::{PlacementRow, PlacementStatus, Wanted};
use projections::replays::ReplayStatus;
use projections::{Limit, key_placements, replay_items, replays};

use super::checking::Checks;
use super::policy::Seen;
use crate::app::{App, Caller, CommandError, unless_refused};
use crate::database::DatabaseError;

/// The replays that take something up, or have.
#[derive(Default)]
pub(super) struct Expanding {
    looks: BTreeMap<ReplayId, Look>,
    /// Those that have taken up everything; and what had happened by the time that this was first
    /// seen: what they took up is known once that is in the read models.
    taken_up: BTreeMap<ReplayId, Option<u64>>,
}

/// A look at a scope, page by page.
struct Look {
    after: Option<(AccountId, KeyId)>,
    caller: Caller,
}

/// How far a look is.
enum Expanded {
    /// The next page begins after this placement.
    More(AccountId, KeyId),
    /// Everything is taken up, of the states that the scope has.
    All(ReplayInclude),
    /// The replay does not run.
    Stopped,
}

impl Expanding {
    /// Finds those that the last instance may have left half done.
    pub(super) async fn begin(app: &App, caller: &Caller) -> Result<Self, DatabaseError> {
        let mut found = Self::default();
        for row in app.database.query(replays::running()).await? {
            found.take_up(replays::from_row(&row)?.replay, caller);
        }
        Ok(found)
    }

    /// Notes that a replay has begun, or goes on.
    pub(super) fn take_up(&mut self, replay: ReplayId, caller: &Caller) {
        let look = Look {
            after: None,
            caller: caller.clone(),
        };
        self.taken_up.remove(&replay);
        self.looks.insert(replay, look);
    }

    /// Takes up a page; says whether there was anything to look at.
    pub(super) async fn go_on(
        &mut self,
        app: &App,
        checks: &mut Checks,
    ) -> Result<bool, CommandError> {
        let Some((replay, look)) = self.looks.first_key_value() else {
            return Ok(false);
        };
        let replay = *replay;
        let expanded = app.expand_replay(replay, look).await?;
        match (expanded, self.looks.get_mut(&replay)) {
            (Expanded::More(account, key), Some(look)) => look.after = Some((account, key)),
            (Expanded::All(include), Some(look)) => {
                if include == ReplayInclude::All {
                    checks.begin(app, replay, &look.caller);
                }
                self.looks.remove(&replay);
                self.taken_up.insert(replay, None);
            }
            (_, _) => drop(self.looks.remove(&replay)),
        }
        Ok(true)
    }

    /// Completes every running replay that has taken up everything and of which nothing is open;
    /// says how many.
    pub(super) async fn complete(
        &mut self,
        app: &App,
        checks: &Checks,
        seen: Seen,
        caller: &Caller,
    ) -> Result<usize, CommandError> {
        let mut completed = 0;
        for row in app.database.query(replays::running()).await? {
            let started = replays::from_row(&row)?;
            let replay = started.replay;
            let in_place = if started.scope.include == ReplayInclude::All {
                checks.in_place(replay)
            } else {
                Some(0)
            };
            let (Some(mark), Some(in_place)) = (self.taken_up.get_mut(&replay), in_place) else {
                continue;
            };
            if !seen.all_since(mark) {
                continue;
            }
            let rows = app.database.query(replay_items::tally(replay)).await?;
            let progress = replay_items::progress_from_rows(&rows)?;
            if progress.open > 0 {
                continue;
            }
            let command = ReplayCommand::RecordReplayCompleted {
                settled: progress.settled + in_place,
                parked: progress.parked,
                in_place,
            };
            app.dispatch
                .execute::<Replay>(&replay, command, caller)
                .await?;
            self.taken_up.remove(&replay);
            completed += 1;
        }
        Ok(completed)
    }
}

impl App {
    /// Requests again the next page of a replay's scope.
    async fn expand_replay(&self, replay: ReplayId, look: &Look) -> Result<Expanded, CommandError> {
        let Some(row) = self.database.get(replays::by_id(replay)).await? else {
            return Ok(Expanded::Stopped);
        };
        let started = replays::from_row(&row)?;
        if started.status != ReplayStatus::Running {
            return Ok(Expanded::Stopped);
        }
        let limit = Limit::default();
        let page = key_placements::in_scope(&started.scope, Some(replay), look.after, limit);
        let rows = self.database.query(page).await?;
        let mut last = None;
        for row in &rows {
            let item = key_placements::from_row(row)?;
            last = Some((item.account, item.key));
            // What is in place is looked at before anything is asked of it.
            if item.status != PlacementStatus::Published {
                self.request_again(replay, &item, &look.caller).await?;
            }
        }
        Ok(match last {
            Some((account, key)) if rows.len() >= limit.rows() as usize => {
                Expanded::More(account, key)
            }
            Some(_) | None => Expanded::All(started.scope.include),
        })
    }

    /// Has a replay take up one placement.
    pub(super) async fn request_again(
        &self,
        replay: ReplayId,
        item: &PlacementRow,
        caller: &Caller,
    ) -> Result<(), CommandError> {
        let command = match item.wanted {
            Wanted::Present => AccountCommand::RequestKeyPublication {
                key: item.key,
                cause: PublicationCause::Replay(replay),
                link: None,
            },
            Wanted::Absent => AccountCommand::RequestKeyWithdrawal {
                key: item.key,
                cause: WithdrawalCause::Replay(replay),
            },
        };
        let asked = self
            .dispatch
            .execute::<Account>(&item.account, command, caller);
        unless_refused(asked.await)
    }
}
