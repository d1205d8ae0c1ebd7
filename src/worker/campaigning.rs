//! Campaigns at work: keys are taken one by one, oldest first, at each campaign's rate.
//!
//! A key that was replaced since the campaign began is done, whoever replaced it, and is no
//! longer in its scope; so nothing is remembered that a restart could lose. What is left as it is
//! now, because nothing could be put at its provider, is looked at again once that is mended. Keys
//! at a provider that does not answer or is paused wait for it, and others are taken meanwhile.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::account::AccountEvent;
use domain::campaign::{Campaign, CampaignCommand, CampaignEvent};
use domain::keyring::RotationCause;
use domain::provider::{Provider, ProviderEvent};
use domain::settings::SettingsEvent;
use domain::{CampaignId, Event, KeyId, ProviderSlug};
use projections::Limit;
use projections::campaigns::{self, CampaignRow};

use super::policy::Seen;
use crate::app::campaigns::Algorithms;
use crate::app::{App, Caller, CaseError, CommandError};
use crate::database::DatabaseError;

/// The campaigns under way.
#[derive(Debug, Default)]
pub(super) struct Campaigning {
    again_at: Option<DateTime<Utc>>,
    passes: BTreeMap<CampaignId, Pass>,
}

/// How far one look over a campaign's scope is.
#[derive(Debug, Default)]
struct Pass {
    after: Option<KeyId>,
    /// When its next key may be taken, as far as this instance knows.
    next_at: Option<DateTime<Utc>>,
    /// Whether nothing is left that could be rotated now.
    drained: bool,
    /// Whether keys wait for a provider that does not answer, or is paused.
    held: bool,
    /// What had happened by the time that it was first seen to be drained: what it rotated is
    /// known once that is in the read models.
    mark: Option<u64>,
}

impl Pass {
    /// Says whether nothing is left, and nothing waits for a provider.
    fn is_over(&self) -> bool {
        self.drained && !self.held
    }
}

/// What came of a turn.
enum Turn {
    /// A key was rotated, or was no longer to be: the next one comes after a while.
    Taken,
    /// A page of keys is left as they are: there may be more.
    Skipped,
    /// Nothing is left.
    Drained,
}

impl Campaigning {
    /// Has a look taken at `now`, where it is unknown what is under way.
    pub(super) fn look_at(&mut self, now: DateTime<Utc>) {
        self.again_at = Some(now);
    }

    /// Has a look taken at `now` if an event says that there is something to do, or again.
    pub(super) fn see(&mut self, event: &Event, now: DateTime<Utc>) {
        match event {
            Event::Campaign(
                CampaignEvent::CampaignStarted { campaign, .. }
                | CampaignEvent::CampaignPaused { campaign }
                | CampaignEvent::CampaignResumed { campaign }
                | CampaignEvent::CampaignCancelled { campaign }
                | CampaignEvent::CampaignCompleted { campaign, .. },
            ) => {
                self.passes.remove(campaign);
                self.again_at = Some(now);
            }
            Event::Account(
                AccountEvent::GrantRenewed { .. }
                | AccountEvent::KeyDriftSettled { key: Some(_), .. },
            )
            | Event::Provider(
                ProviderEvent::ProviderEnabled { .. }
                | ProviderEvent::ProviderResumed { .. }
                | ProviderEvent::BreakerClosed { .. }
                | ProviderEvent::ProviderChanged { .. },
            )
            | Event::Settings(SettingsEvent::SettingsChanged {
                algorithm: Some(_), ..
            }) if !self.passes.is_empty() => {
                for pass in self.passes.values_mut() {
                    pass.after = None;
                    pass.drained = false;
                    pass.held = false;
                    pass.mark = None;
                }
                self.again_at = Some(now);
            }
            _ => {}
        }
    }

    /// Returns when to look next.
    pub(super) fn again_at(&self) -> Option<DateTime<Utc>> {
        self.again_at
    }

    /// Lets every campaign take its next key if its turn has come; says whether any did.
    pub(super) async fn go_on(&mut self, app: &App) -> Result<bool, CommandError> {
        let now = app.now();
        if self.again_at.is_none_or(|at| at > now) {
            return Ok(false);
        }
        let running = running(app).await?;
        self.passes
            .retain(|known, _| running.iter().any(|row| row.campaign == *known));
        let mut moved = false;
        let mut next = None;
        for row in &running {
            let pass = self.passes.entry(row.campaign).or_default();
            if pass.drained {
                continue;
            }
            // Another instance, or this one before its restart, may have taken the last key.
            let apart = TimeDelta::minutes(1) / i32::from(row.keys_per_minute.get());
            let last = app.database.get(campaigns::last_rotation(row.campaign));
            let last = match last.await? {
                Some(last) => campaigns::last_rotation_from_row(&last)?,
                None => None,
            };
            let next_at = last.map(|last| last + apart).max(pass.next_at);
            let next_at = match next_at {
                Some(at) if at > now => at,
                Some(_) | None => match turn(app, row, pass).await? {
                    Turn::Taken => {
                        moved = true;
                        now + apart
                    }
                    Turn::Skipped => {
                        moved = true;
                        now
                    }
                    Turn::Drained => {
                        pass.drained = true;
                        continue;
                    }
                },
            };
            pass.next_at = Some(next_at);
            next = Some(next.map_or(next_at, |next: DateTime<Utc>| next.min(next_at)));
        }
        self.again_at = next;
        Ok(moved)
    }

    /// Completes every campaign of which nothing is left and nothing is open; says how many.
    pub(super) async fn complete(&mut self, app: &App, seen: Seen) -> Result<usize, CommandError> {
        if !self.passes.values().any(Pass::is_over) {
            return Ok(0);
        }
        let mut completed = 0;
        for row in running(app).await? {
            let pass = self.passes.get_mut(&row.campaign);
            let Some(pass) = pass.filter(|pass| pass.is_over()) else {
                continue;
            };
            if !seen.all_since(&mut pass.mark) {
                continue;
            }
            let progress = app.campaign_progress(&row).await?;
            if progress.open > 0 {
                continue;
            }
            let command = CampaignCommand::RecordCampaignCompleted {
                rotated: progress.rotated,
                placed: progress.placed,
                parked: progress.parked,
                skipped: app.count_skipped(&row).await?,
            };
            let done = app
                .dispatch
                .execute::<Campaign>(&row.campaign, command, &caller(&row))
                .await?;
            completed += usize::from(!done.events.is_empty());
        }
        Ok(completed)
    }
}

async fn running(app: &App) -> Result<Vec<CampaignRow>, CommandError> {
    let rows = app.database.query(campaigns::running()).await?;
    let rows: Result<_, _> = rows.iter().map(campaigns::from_row).collect();
    Ok(rows.map_err(DatabaseError::from)?)
}

/// What a campaign brings names its start as its cause.
fn caller(row: &CampaignRow) -> Caller {
    Caller::system("policy", row.correlation, Some(row.start))
}

/// Takes the next key of a campaign that can be rotated.
async fn turn(app: &App, row: &CampaignRow, pass: &mut Pass) -> Result<Turn, CommandError> {
    let page = campaigns::in_scope(
        &row.scope,
        row.started_at,
        Some(row.begun),
        pass.after,
        Limit::default(),
    );
    let rows = app.database.query(page).await?;
    if rows.is_empty() {
        return Ok(Turn::Drained);
    }
    let mut algorithms = Algorithms::new();
    let mut away = BTreeMap::new();
    for candidate in &rows {
        let candidate = campaigns::candidate_from_row(candidate)?;
        let judged = app
            .judge_candidate(&row.scope, row.compromised, candidate, &mut algorithms)
            .await?;
        let is_away = match &judged.row.provider {
            Some(provider) if judged.skip.is_none() => is_away(app, provider, &mut away).await?,
            Some(_) | None => false,
        };
        pass.held |= is_away;
        if judged.skip.is_none() && !is_away {
            let cause = RotationCause::Campaign {
                campaign: row.campaign,
                compromised: row.compromised,
            };
            let (user, key) = (&judged.row.user, judged.row.key);
            match app.rotate_key(user, key, cause, &caller(row)).await {
                // Refused: it was replaced or ended meanwhile.
                Ok(_) | Err(CaseError::Command(CommandError::Refused(_)) | CaseError::Rule(_)) => {}
                Err(CaseError::Command(error)) => return Err(error),
            }
            pass.after = Some(judged.row.key);
            return Ok(Turn::Taken);
        }
        pass.after = Some(judged.row.key);
    }
    Ok(Turn::Skipped)
}

/// Says whether a provider does not answer or is paused: a new key would only wait there, and its
/// turn comes when that is over.
async fn is_away(
    app: &App,
    provider: &ProviderSlug,
    known: &mut BTreeMap<ProviderSlug, bool>,
) -> Result<bool, CommandError> {
    if let Some(away) = known.get(provider) {
        return Ok(*away);
    }
    let (state, _) = app.dispatch.load::<Provider>(provider).await?;
    let away = state
        .registration()
        .is_some_and(|known| known.paused || known.outage.is_some());
    known.insert(provider.clone(), away);
    Ok(away)
}
