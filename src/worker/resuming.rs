//! What goes on by itself once something is mended.
//!
//! | whenever | then |
//! | --- | --- |
//! | an admin changes a provider | what failed because of the app is tried again, and what the provider had parked |
//! | somebody lets it work again | … and all else that has failed: the pause is no part of its time |
//! | a provider answers again after an outage | what the outage had parked is tried again, oldest first |
//!
//! What fails again and again while all else works waits for somebody, so that one key that a
//! provider never takes is not tried for ever.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::account::{Account, AccountCommand, PublicationCause, WithdrawalCause};
use domain::breaker::Sign;
use domain::provider::ProviderEvent;
use domain::{AccountId, Blame, Event, Failure, ProviderSlug, ReasonCode, Recorded};
use projections::key_placements::{self, Cause, Pending, PlacementRow, PlacementStatus, Wanted};
use projections::revocations::{self, RevocationRow, RevocationStatus};
use projections::{Limit, provider_list};

use crate::app::{App, Caller, CommandError, unless_refused};
use crate::database::DatabaseError;

/// What an event may have mended at a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mended {
    /// Its registration: id, secret, address, or the way there.
    Registration,
    /// Nothing; but it was left alone by order, and that time counts for nobody.
    Switched,
}

/// What was mended, at which provider.
#[derive(Default)]
pub(super) struct Mends(BTreeMap<ProviderSlug, (Mended, Caller)>);

impl Mends {
    /// Notes what an event may have mended.
    pub(super) fn see(&mut self, event: &Event, caller: &Caller) {
        let (provider, what) = match event {
            Event::Provider(
                ProviderEvent::ProviderChanged { provider, .. }
                | ProviderEvent::ProviderSecretStaged { provider, .. }
                | ProviderEvent::ProviderSecretConfirmed { provider }
                | ProviderEvent::ProviderAppAccepted { provider },
            ) => (provider, Mended::Registration),
            Event::Provider(
                ProviderEvent::ProviderEnabled { provider }
                | ProviderEvent::ProviderResumed { provider },
            ) => (provider, Mended::Switched),
            _ => return,
        };
        let known = self.0.get(provider).map(|(known, _)| *known);
        if known.is_none_or(|known| known < what) {
            self.0.insert(provider.clone(), (what, caller.clone()));
        }
    }

    /// Tries again what is mended.
    pub(super) async fn go_on(self, app: &App) -> Result<(), CommandError> {
        for (provider, (what, caller)) in self.0 {
            app.resume(&provider, what, &caller).await?;
        }
        Ok(())
    }
}

impl Mended {
    /// Says whether it may help what failed so.
    fn helps(self, failure: &Failure, status: PlacementStatus) -> bool {
        match (self, failure.blame, status) {
            (_, Blame::App, _) | (Self::Switched, _, PlacementStatus::Failed) => true,
            // What is parked for the person, or for us, waits for them.
            (_, Blame::Provider, _) => {
                let passes =
                    Sign::passes(failure) || failure.code == ReasonCode::ProviderRateLimited;
                passes && status == PlacementStatus::Parked
            }
            (_, Blame::Grant | Blame::Us, _) => false,
        }
    }
}

/// What outages had parked, on its way back: a page at a time, so that nobody else waits for it.
/// How fast it is then carried out is the affair of the provider's lane.
#[derive(Default)]
pub(super) struct Resuming(BTreeMap<ProviderSlug, Outage>);

/// An outage that is over, or that is over no longer.
struct Outage {
    since: DateTime<Utc>,
    /// Absent while the provider is out again.
    until: Option<DateTime<Utc>>,
    after: Option<PlacementRow>,
    /// Whether the keys are through, and it goes on with revocations.
    revokes: bool,
    /// After which account's.
    revoked: Option<AccountId>,
    caller: Caller,
}

impl Resuming {
    /// Finds what a crash may have left half done. Mostly there is nothing.
    pub(super) async fn begin(app: &App, caller: &Caller) -> Result<Self, DatabaseError> {
        let mut outages = BTreeMap::new();
        for row in app.database.query(provider_list::recovered()).await? {
            let recovered = provider_list::recovered_from_row(&row)?;
            let outage = Outage {
                since: recovered.since,
                until: Some(recovered.until),
                after: None,
                revokes: false,
                revoked: None,
                caller: caller.clone(),
            };
            outages.insert(recovered.provider, outage);
        }
        Ok(Self(outages))
    }

    /// Notes that an outage begins or ends.
    pub(super) fn see(&mut self, recorded: &Recorded<Event>, caller: &Caller) {
        match &recorded.event {
            Event::Provider(ProviderEvent::BreakerClosed { provider, since }) => {
                // What the one before had parked may not have come to its turn.
                let before = self.0.get(provider).map(|outage| outage.since);
                let outage = Outage {
                    since: before.map_or(*since, |before| before.min(*since)),
                    until: Some(recorded.recorded_at),
                    after: None,
                    revokes: false,
                    revoked: None,
                    caller: caller.clone(),
                };
                self.0.insert(provider.clone(), outage);
            }
            Event::Provider(ProviderEvent::BreakerOpened { provider, .. }) => {
                if let Some(outage) = self.0.get_mut(provider) {
                    outage.until = None;
                }
            }
            _ => {}
        }
    }

    /// Takes up the next page at each provider; says whether there was one.
    pub(super) async fn go_on(&mut self, app: &App) -> Result<bool, CommandError> {
        let mut over = Vec::new();
        let mut acted = false;
        for (provider, outage) in &mut self.0 {
            let Some(until) = outage.until else {
                continue;
            };
            if outage.revokes {
                let (taken, is_last) = outage.revoke_on(app, provider, until).await?;
                acted |= taken;
                if is_last {
                    over.push(provider.clone());
                }
                continue;
            }
            let (limit, after) = (Limit::default(), outage.after.as_ref());
            let page = key_placements::parked_by_outage(provider, until, after, limit);
            let rows = app.database.query(page).await?;
            for row in &rows {
                let row = key_placements::from_row(row).map_err(DatabaseError::from)?;
                // What was tried again after an earlier outage, and failed while all was well,
                // does not fail because of an outage.
                if row.cause != Cause::Retry || row.changed_at >= outage.since {
                    app.try_again(&row, &outage.caller).await?;
                    acted = true;
                }
                outage.after = Some(row);
            }
            if rows.len() < limit.rows() as usize {
                outage.revokes = true;
            }
        }
        for provider in &over {
            self.0.remove(provider);
        }
        // With any left, the next look takes the next page.
        Ok(acted || self.0.values().any(|outage| outage.until.is_some()))
    }
}

impl Outage {
    /// Takes up the next page of revocations; says whether it asked for any, and whether it was the
    /// last page.
    async fn revoke_on(
        &mut self,
        app: &App,
        provider: &ProviderSlug,
        until: DateTime<Utc>,
    ) -> Result<(bool, bool), CommandError> {
        let limit = Limit::default();
        let after = self.revoked;
        let page = revocations::parked_by_outage(provider, until, after, limit);
        let rows = app.database.query(page).await?;
        let mut taken = false;
        for row in &rows {
            let row = revocations::from_row(row).map_err(DatabaseError::from)?;
            if !row.retried || row.changed_at >= self.since {
                taken |= app.revoke_again(row.account, &self.caller).await?.is_some();
            }
            self.revoked = Some(row.account);
        }
        Ok((taken, rows.len() < limit.rows() as usize))
    }
}

impl App {
    /// Tries again to revoke what may be revoked now.
    async fn resume_revocations(
        &self,
        provider: &ProviderSlug,
        mended: Mended,
        caller: &Caller,
    ) -> Result<(), CommandError> {
        let filter = revocations::Waiting {
            provider: Some(provider.clone()),
            ..revocations::Waiting::default()
        };
        let mut after = None;
        loop {
            let rows = self.waiting_revocations(&filter, after).await?;
            let Some(RevocationRow { account, .. }) = rows.last() else {
                return Ok(());
            };
            after = Some(*account);
            for row in &rows {
                let status = match row.status {
                    RevocationStatus::Parked => PlacementStatus::Parked,
                    RevocationStatus::Requested
                    | RevocationStatus::Failed
                    | RevocationStatus::Ended => PlacementStatus::Failed,
                };
                let failure = row.failure.as_ref();
                if failure.is_some_and(|failure| mended.helps(failure, status)) {
                    self.revoke_again(row.account, caller).await?;
                }
            }
        }
    }

    /// Tries again at a provider what may work now; how often it failed before counts for nothing.
    async fn resume(
        &self,
        provider: &ProviderSlug,
        mended: Mended,
        caller: &Caller,
    ) -> Result<(), CommandError> {
        self.resume_revocations(provider, mended, caller).await?;
        for status in [PlacementStatus::Parked, PlacementStatus::Failed] {
            let filter = Pending {
                provider: Some(provider.clone()),
                user: None,
                status: Some(status),
                code: None,
            };
            let mut after = None;
            loop {
                let page = key_placements::pending(&filter, after, Limit::default());
                let rows = self.database.query(page).await?;
                for row in &rows {
                    let row = key_placements::from_row(row).map_err(DatabaseError::from)?;
                    after = Some((row.account, row.key));
                    let failure = row.failure.as_ref();
                    if failure.is_some_and(|failure| mended.helps(failure, status)) {
                        self.try_again(&row, caller).await?;
                    }
                }
                if rows.len() < Limit::default().rows() as usize {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn try_again(&self, row: &PlacementRow, caller: &Caller) -> Result<(), CommandError> {
        let key = row.key;
        let command = match row.wanted {
            Wanted::Present => AccountCommand::RequestKeyPublication {
                key,
                cause: PublicationCause::Retry,
                link: None,
            },
            Wanted::Absent => AccountCommand::RequestKeyWithdrawal {
                key,
                cause: WithdrawalCause::Retry,
            },
        };
        let asked = self
            .dispatch
            .execute::<Account>(&row.account, command, caller);
        unless_refused(asked.await)
    }
}
