//! Campaigns: many keys rotated, at a rate, as an admin asks.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::campaign::{
    Campaign, CampaignCommand, CampaignError, CampaignScope, Candidate, KeysPerMinute, Skip,
    StartCampaign,
};
use domain::keyring::Algorithm;
use domain::provider::{Provider, ProviderError};
use domain::{CampaignId, KeyId, ProviderSlug};
use projections::campaigns::{
    self, CampaignRow, CampaignStatus, CandidateRow, KeyState, Progress, RotatedRow,
};
use projections::{Limit, Page};

use super::{App, Caller, CaseError, CommandError};

/// A campaign to be started, or to be planned.
#[derive(Debug, Clone)]
pub struct NewCampaign {
    /// Which keys it takes up.
    pub scope: CampaignScope,
    /// Whether the old keys must not be trusted any more.
    pub compromised: bool,
    /// How fast.
    pub keys_per_minute: KeysPerMinute,
}

/// A campaign, and how far it is.
#[derive(Debug, Clone)]
pub struct KnownCampaign {
    /// The campaign.
    pub row: CampaignRow,
    /// How far it is.
    pub progress: Progress,
}

/// What a campaign would do.
#[derive(Debug, Clone, Default)]
pub struct CampaignPlan {
    /// How many keys it would rotate.
    pub planned: u64,
    /// How many keys it would leave as they are.
    pub skipped: u64,
    /// One by one, oldest first: as many as a page takes.
    pub items: Vec<JudgedKey>,
}

/// A key in a campaign's scope, and what is done with it.
#[derive(Debug, Clone)]
pub struct JudgedKey {
    /// The key.
    pub row: CandidateRow,
    /// The algorithm that a new key in its place has.
    pub next: Algorithm,
    /// Why it is left as it is; nothing: it is rotated.
    pub skip: Option<Skip>,
}

/// A line of a campaign's report.
#[derive(Debug, Clone)]
pub enum ReportedKey {
    /// A key that was replaced.
    Rotated(RotatedRow),
    /// A key that was not, or not yet.
    Waiting(JudgedKey, KeyState),
}

/// A campaign that was started.
#[derive(Debug, Clone, Copy)]
pub struct StartedCampaign {
    /// The campaign.
    pub campaign: CampaignId,
    /// How many keys it rotates.
    pub planned: u64,
    /// How many keys in its scope are left as they are.
    pub skipped: u64,
    /// The index of the event.
    pub index: Option<u64>,
}

/// The algorithm of new keys, by provider: asked for once in a look at many keys.
pub type Algorithms = HashMap<Option<ProviderSlug>, Algorithm>;

/// How long the read models may take to know of a new campaign.
const PATIENCE: Duration = Duration::from_secs(2);

impl App {
    /// Says what a campaign would do, and changes nothing.
    pub async fn plan_campaign(&self, new: &NewCampaign) -> Result<CampaignPlan, CaseError> {
        self.check(&new.scope).await?;
        let most = Limit::MOST as usize;
        let mut plan = CampaignPlan::default();
        let walk = Walk {
            scope: &new.scope,
            compromised: new.compromised,
            at: self.now(),
            before: None,
        };
        self.walk_candidates(&walk, |judged| {
            match judged.skip {
                Some(_) => plan.skipped += 1,
                None => plan.planned += 1,
            }
            if plan.items.len() < most {
                plan.items.push(judged);
            }
        })
        .await?;
        Ok(plan)
    }

    /// Starts a campaign; the policy takes it up.
    pub async fn start_campaign(
        &self,
        new: NewCampaign,
        caller: &Caller,
    ) -> Result<StartedCampaign, CaseError> {
        let CampaignPlan {
            planned, skipped, ..
        } = self.plan_campaign(&new).await?;
        let campaign = CampaignId::new(self.new_id());
        let command = CampaignCommand::StartCampaign(StartCampaign {
            campaign,
            scope: new.scope,
            compromised: new.compromised,
            keys_per_minute: new.keys_per_minute,
            planned,
            skipped,
        });
        let index = self.move_campaign(campaign, command, caller).await?;
        Ok(StartedCampaign {
            campaign,
            planned,
            skipped,
            index,
        })
    }

    /// Pauses a campaign, lets it go on, or cancels it.
    pub async fn move_campaign(
        &self,
        campaign: CampaignId,
        command: CampaignCommand,
        caller: &Caller,
    ) -> Result<Option<u64>, CaseError> {
        let done = self
            .dispatch
            .execute::<Campaign>(&campaign, command, caller)
            .await?;
        if let Some(index) = done.index {
            // Whoever looks at it next finds it there.
            self.applied.wait_for(index, PATIENCE).await;
        }
        Ok(done.index)
    }

    /// Returns a campaign and how far it is.
    pub async fn campaign(&self, campaign: CampaignId) -> Result<KnownCampaign, CaseError> {
        let row = self.database.get(campaigns::by_id(campaign)).await?;
        let row = row.ok_or_else(|| CommandError::Refused(CampaignError::NotFound.into()))?;
        self.with_campaign_progress(campaigns::from_row(&row)?)
            .await
    }

    /// Lists the campaigns, newest first, begun before a cursor.
    pub async fn list_campaigns(
        &self,
        before: Option<u64>,
        limit: Limit,
    ) -> Result<Page<KnownCampaign, u64>, CaseError> {
        let rows = self.database.query(campaigns::page(before, limit)).await?;
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            let row = campaigns::from_row(row)?;
            items.push(self.with_campaign_progress(row).await?);
        }
        let full = items.len() == limit.rows() as usize;
        let next = items.last().filter(|_| full).map(|last| last.row.begun);
        Ok(Page { items, next })
    }

    /// Lists every key of a campaign, oldest first, after one of them.
    pub async fn report_campaign(
        &self,
        campaign: CampaignId,
        after: Option<KeyId>,
        limit: Limit,
    ) -> Result<Page<ReportedKey, KeyId>, CaseError> {
        let KnownCampaign { row, .. } = self.campaign(campaign).await?;
        let mut lines: Vec<(KeyId, ReportedKey)> = Vec::new();
        let asked = campaigns::rotated(campaign, after, limit);
        for rotated in self.database.query(asked).await? {
            let rotated = campaigns::rotated_from_row(&rotated, row.compromised)?;
            lines.push((rotated.replaced, ReportedKey::Rotated(rotated)));
        }
        let full = lines.len();
        let asked = campaigns::in_scope(&row.scope, row.started_at, Some(row.begun), after, limit);
        let mut algorithms = Algorithms::new();
        let waiting = self.database.query(asked).await?;
        let is_last = full.max(waiting.len()) < limit.rows() as usize;
        for candidate in &waiting {
            let candidate = campaigns::candidate_from_row(candidate)?;
            let judged = self
                .judge_candidate(&row.scope, row.compromised, candidate, &mut algorithms)
                .await?;
            let state = match (judged.skip, row.status) {
                (Some(_), _) => KeyState::Skipped,
                (None, CampaignStatus::Running | CampaignStatus::Paused) => KeyState::Planned,
                (None, CampaignStatus::Cancelled | CampaignStatus::Completed) => KeyState::Left,
            };
            lines.push((judged.row.key, ReportedKey::Waiting(judged, state)));
        }
        // Each list is in the order of keys and may end before the other: what is cut off here
        // begins the next page.
        lines.sort_by_key(|(key, _)| *key);
        lines.dedup_by_key(|(key, _)| *key);
        let cut = lines.len() > limit.rows() as usize;
        lines.truncate(limit.rows() as usize);
        let next = lines.last().map(|(key, _)| *key);
        Ok(Page {
            items: lines.into_iter().map(|(_, line)| line).collect(),
            next: next.filter(|_| cut || !is_last),
        })
    }

    /// Decides what a campaign does with a key.
    pub async fn judge_candidate(
        &self,
        scope: &CampaignScope,
        compromised: bool,
        row: CandidateRow,
        algorithms: &mut Algorithms,
    ) -> Result<JudgedKey, CommandError> {
        let next = if let Some(known) = algorithms.get(&row.provider) {
            *known
        } else {
            let next = match &row.provider {
                Some(provider) => self.algorithm_at(provider).await?,
                None => self.default_algorithm().await?,
            };
            algorithms.insert(row.provider.clone(), next);
            next
        };
        let candidate = Candidate {
            link: row.link,
            provider_works: row.provider_works,
            removed: row.removed,
            algorithm: row.algorithm,
            next,
        };
        let skip = scope.skips(&candidate, compromised);
        Ok(JudgedKey { row, next, skip })
    }

    /// Counts the keys that a campaign leaves as they are.
    pub async fn count_skipped(&self, row: &CampaignRow) -> Result<u64, CommandError> {
        let mut skipped = 0;
        let walk = Walk {
            scope: &row.scope,
            compromised: row.compromised,
            at: row.started_at,
            before: Some(row.begun),
        };
        self.walk_candidates(&walk, |judged| skipped += u64::from(judged.skip.is_some()))
            .await?;
        Ok(skipped)
    }

    async fn with_campaign_progress(&self, row: CampaignRow) -> Result<KnownCampaign, CaseError> {
        let progress = self.campaign_progress(&row).await?;
        Ok(KnownCampaign { row, progress })
    }

    /// Counts how far a campaign is.
    pub async fn campaign_progress(&self, row: &CampaignRow) -> Result<Progress, CommandError> {
        let rows = self
            .database
            .query(campaigns::progress(row.campaign))
            .await?;
        Ok(campaigns::progress_from_rows(&rows, row.compromised)?)
    }

    /// Looks at every key in a scope, oldest first.
    async fn walk_candidates(
        &self,
        walk: &Walk<'_>,
        mut each: impl FnMut(JudgedKey),
    ) -> Result<(), CommandError> {
        let limit = Limit::new(Limit::MOST).unwrap_or_default();
        let mut algorithms = Algorithms::new();
        let mut after = None;
        loop {
            let page = campaigns::in_scope(walk.scope, walk.at, walk.before, after, limit);
            let rows = self.database.query(page).await?;
            for row in &rows {
                let row = campaigns::candidate_from_row(row)?;
                after = Some(row.key);
                let judged = self
                    .judge_candidate(walk.scope, walk.compromised, row, &mut algorithms)
                    .await?;
                each(judged);
            }
            if rows.len() < limit.rows() as usize {
                return Ok(());
            }
        }
    }

    async fn check(&self, scope: &CampaignScope) -> Result<(), CaseError> {
        if scope.is_everything() {
            return Err(CommandError::Refused(CampaignError::EmptyScope.into()).into());
        }
        if let Some(provider) = &scope.provider {
            let (state, _) = self.dispatch.load::<Provider>(provider).await?;
            if state.registration().is_none() {
                return Err(CommandError::Refused(ProviderError::NotFound.into()).into());
            }
        }
        Ok(())
    }
}

/// Which keys to look at.
struct Walk<'a> {
    scope: &'a CampaignScope,
    compromised: bool,
    at: DateTime<Utc>,
    before: Option<u64>,
}
