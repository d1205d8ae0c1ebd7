//! The plan of a replay: what it would do at the provider, key by key, and what cannot be known.
//!
//! One list per account, a few at a time. Nothing is asked twice of a provider that does not
//! answer, and nothing at all of one that is to be left alone.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use domain::account::{Account, Link};
use domain::keyring::Keyring;
use domain::provider::{Provider, Registration};
use domain::reconcile::{Drift, Known};
use domain::replay::ReplayScope;
use domain::{AccountId, Blame, Failure, ProviderSlug, ReasonCode};
use futures::{StreamExt, TryStreamExt, stream};
use projections::Limit;
use projections::key_placements::{self, PlacementRow};

use super::verdict::{Judged, Would, judge};
use crate::app::calling::{CallError, Halt};
use crate::app::grants::{Access, AccessError, lost};
use crate::app::{App, Caller, CaseError, CommandError};
use crate::providers::{GrantVerdict, RemoteKey};

/// How many accounts are looked at together.
const AT_ONCE: usize = 4;

/// How many placements a plan lists one by one.
const MOST_ITEMS: usize = 10_000;

/// What a replay would do.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// How many placements it would take up.
    pub planned: u64,
    /// How many of them would come to what.
    pub counts: BTreeMap<Would, u64>,
    /// One by one, the first ten thousand.
    pub items: Vec<PlannedItem>,
}

/// What a replay would do about one key.
#[derive(Debug, Clone)]
pub struct PlannedItem {
    /// The placement.
    pub row: PlacementRow,
    /// What it would do.
    pub would: Would,
    /// Why that cannot be known.
    pub unknown: Option<Unknown>,
    /// What is wrong there that a replay does not mend.
    pub trouble: Option<Drift>,
    /// Whether everything is as the log says.
    in_place: bool,
}

/// Why it cannot be known what a replay would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unknown {
    /// The provider is to be left alone: it is paused.
    Paused,
    /// The provider is to be left alone: it is disabled.
    Disabled,
    /// The provider is to be left alone: it asks for it.
    Resting,
    /// The provider is to be left alone: it does not answer.
    Down,
    /// It could not be asked.
    Failed(Failure),
}

/// Whether a provider can be asked at all; once it cannot, nobody asks again.
struct Reach(Mutex<Option<Unknown>>);

impl Reach {
    fn lost(&self) -> Option<Unknown> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Remembers a failure that the next account would only meet again.
    fn note(&self, failure: &Failure) {
        if matches!(failure.blame, Blame::Provider | Blame::App) {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.get_or_insert_with(|| Unknown::Failed(failure.clone()));
        }
    }

    /// Remembers that nobody may ask.
    fn end(&self, why: Unknown) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert(why);
    }
}

impl App {
    /// Says what a replay would do, and changes nothing. `told` hears how many placements were
    /// looked at.
    pub async fn plan_replay(
        &self,
        scope: &ReplayScope,
        caller: &Caller,
        told: impl Fn(u64, u64) + Send + Sync,
    ) -> Result<Plan, CaseError> {
        let mut plan = Plan {
            planned: self.planned(scope).await?,
            ..Plan::default()
        };
        let (caller, limit) = (planner(caller), Limit::new(Limit::MOST).unwrap_or_default());
        let reach = self.reach(&scope.provider).await?;
        let (mut after, mut looked) = (None, 0);
        loop {
            let asked = key_placements::in_scope(scope, None, after, limit);
            let rows = self.database.query(asked).await?;
            let is_last = rows.len() < limit.rows() as usize;
            let rows: Result<Vec<_>, _> = rows.iter().map(key_placements::from_row).collect();
            let rows = rows?;
            after = rows.last().map(|row| (row.account, row.key)).or(after);
            let mut looks = stream::iter(by_account(rows))
                .map(|rows| self.plan_account(rows, &reach, &caller))
                .buffered(AT_ONCE);
            while let Some(items) = looks.try_next().await? {
                looked += items.len() as u64;
                plan.take(items);
                told(looked, plan.planned);
            }
            if is_last {
                // What came or went meanwhile counts as it was seen.
                plan.planned = looked;
                return Ok(plan);
            }
        }
    }

    /// Looks at the published keys of one page, as a replay of everything does: returns what is
    /// not as it should be, and how many are.
    pub async fn check_page(
        &self,
        provider: &ProviderSlug,
        rows: Vec<PlacementRow>,
        caller: &Caller,
    ) -> Result<(Vec<PlacementRow>, u64), CommandError> {
        let reach = self.reach(provider).await?;
        let looks = stream::iter(by_account(rows))
            .map(|rows| self.plan_account(rows, &reach, caller))
            .buffered(AT_ONCE);
        let looks: Vec<Vec<PlannedItem>> = looks.try_collect().await?;
        let (mut wrong, mut in_place) = (Vec::new(), 0);
        for item in looks.into_iter().flatten() {
            if item.in_place {
                in_place += 1;
            } else {
                wrong.push(item.row);
            }
        }
        Ok((wrong, in_place))
    }

    async fn reach(&self, provider: &ProviderSlug) -> Result<Reach, CommandError> {
        let (state, _) = self.dispatch.load::<Provider>(provider).await?;
        let stopped = |known: &Registration| {
            if known.disabled {
                Some(Unknown::Disabled)
            } else {
                known.paused.then_some(Unknown::Paused)
            }
        };
        let lost = state.registration().and_then(stopped);
        Ok(Reach(Mutex::new(lost)))
    }

    /// Looks at one account: one list says what is there of all its keys.
    async fn plan_account(
        &self,
        rows: Vec<PlacementRow>,
        reach: &Reach,
        caller: &Caller,
    ) -> Result<Vec<PlannedItem>, CommandError> {
        let Some(account) = rows.first().map(|row| row.account) else {
            return Ok(Vec::new());
        };
        if let Some(why) = reach.lost() {
            return Ok(unknown(rows, &why));
        }
        let (state, _) = self.dispatch.load::<Account>(&account).await?;
        let Some(link) = state.link() else {
            let over = |row| judged_item(row, GONE);
            return Ok(rows.into_iter().map(over).collect());
        };
        if let Some(failure) = &link.lost {
            let known = lost(failure.code).failure;
            return Ok(unknown(rows, &Unknown::Failed(known)));
        }
        let listing = Box::pin(self.listed(link, caller));
        let (provider, _) = self.dispatch.load::<Provider>(&link.provider).await?;
        let listed = match provider.registration() {
            Some(known) => self.call_in_turn(known, account, caller, listing).await,
            None => listing.await.map_err(CallError::from),
        };
        let listed = match listed {
            Ok(listed) => listed,
            Err(CallError::Halted(halt)) => {
                let why = match halt {
                    Halt::Stopped => Unknown::Paused,
                    Halt::Resting(_) => Unknown::Resting,
                    Halt::Down(_) => Unknown::Down,
                };
                // One token that has nothing left says nothing of the others.
                if self.rest_until(&link.provider).await?.is_some() || why != Unknown::Resting {
                    reach.end(why.clone());
                }
                return Ok(unknown(rows, &why));
            }
            Err(CallError::Access(AccessError::Command(error))) => return Err(error),
            Err(CallError::Access(AccessError::NoTokens)) => {
                let gone = lost(ReasonCode::GrantRevoked).failure;
                return Ok(unknown(rows, &Unknown::Failed(gone)));
            }
            Err(CallError::Access(AccessError::Provider(failed))) => {
                reach.note(&failed.failure);
                return Ok(unknown(rows, &Unknown::Failed(failed.failure)));
            }
        };
        let (keyring, _) = self.dispatch.load::<Keyring>(&link.user).await?;
        let list: Vec<_> = listed.iter().map(RemoteKey::listed).collect();
        let titles = self.titles();
        let decided = rows.into_iter().map(|row| {
            let placement = link.placements.get(&row.key);
            let judged = placement
                .zip(keyring.key(row.key))
                .map_or(GONE, |(placement, key)| {
                    let title = titles.of(&link.user, row.key);
                    let known = Known::new(Some(&key.public_key.line), &title, Some(placement));
                    judge(placement, &known, &list, self.now())
                });
            judged_item(row, judged)
        });
        Ok(decided.collect())
    }

    /// Lists what an account has at the provider, with a fresh token if the one at hand ran out.
    async fn listed(&self, link: &Link, caller: &Caller) -> Result<Vec<RemoteKey>, AccessError> {
        let registration = self.registered(&link.provider).await?;
        let access = self.access_to_the_end(link, caller).await?;
        let is_refreshable = link.grant.as_ref().is_some_and(|grant| grant.refreshable);
        match self.list_with(&registration, &access, caller).await {
            // That the grant is lost is for the run to record: a plan changes nothing.
            Err(AccessError::Provider(failure))
                if failure.grant == GrantVerdict::Expired && !is_refreshable =>
            {
                Err(lost(ReasonCode::GrantRevoked).into())
            }
            Err(AccessError::Provider(failure)) if failure.grant == GrantVerdict::Expired => {
                let fresh = self
                    .refresh_to_the_end(link, access.generation, caller)
                    .await?;
                self.list_with(&registration, &fresh, caller).await
            }
            listed => listed,
        }
    }

    async fn list_with(
        &self,
        registration: &Registration,
        access: &Access,
        caller: &Caller,
    ) -> Result<Vec<RemoteKey>, AccessError> {
        let token = &access.token;
        self.with_app(registration, caller, |adapter, oauth| async move {
            adapter.list_keys(&oauth, token).await
        })
        .await
    }
}

impl Plan {
    fn take(&mut self, items: Vec<PlannedItem>) {
        for item in items {
            *self.counts.entry(item.would).or_default() += 1;
            if self.items.len() < MOST_ITEMS {
                self.items.push(item);
            }
        }
    }
}

/// A plan acts for nobody: what it needs on its way, such as a fresh token, is the server's doing.
fn planner(caller: &Caller) -> Caller {
    Caller::system("planner", caller.correlation, caller.causation)
}

fn by_account(rows: Vec<PlacementRow>) -> Vec<Vec<PlacementRow>> {
    let mut groups: Vec<(AccountId, Vec<PlacementRow>)> = Vec::new();
    for row in rows {
        match groups.last_mut() {
            Some((account, group)) if *account == row.account => group.push(row),
            Some(_) | None => groups.push((row.account, vec![row])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// What ended a moment ago.
const GONE: Judged = Judged {
    would: Would::Nothing,
    in_place: true,
    trouble: None,
};

fn judged_item(row: PlacementRow, judged: Judged) -> PlannedItem {
    PlannedItem {
        row,
        would: judged.would,
        unknown: None,
        trouble: judged.trouble,
        in_place: judged.in_place,
    }
}

fn unknown(rows: Vec<PlacementRow>, why: &Unknown) -> Vec<PlannedItem> {
    let unknown = |row| PlannedItem {
        row,
        would: Would::Unknown,
        unknown: Some(why.clone()),
        trouble: None,
        in_place: false,
    };
    rows.into_iter().map(unknown).collect()
}
