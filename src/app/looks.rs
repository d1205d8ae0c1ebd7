//! When each account's keys are looked at, and that a look is wanted sooner.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::provider::{Provider, ProviderError};
use domain::{AccountId, ProviderSlug, format_time};
use projections::{Statement, UnreadableRow};
use tokio::sync::Notify;

use super::{App, CaseError, CommandError};
use crate::database::DatabaseError;

/// How long a look may take until another may be taken in its place.
const PATIENCE: TimeDelta = TimeDelta::minutes(10);

/// Tells whoever looks that a look is wanted now.
#[derive(Debug, Clone, Default)]
pub struct Bell(Arc<Notify>);

impl Bell {
    /// Rings.
    pub(super) fn ring(&self) {
        self.0.notify_one();
    }

    /// Waits until it rings; a ring that nobody waited for counts.
    pub async fn rings(&self) {
        self.0.notified().await;
    }
}

/// A look that is due, taken by whoever holds this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueLook {
    /// Whose keys.
    pub account: AccountId,
    /// Where.
    pub provider: ProviderSlug,
    /// The validator of the list that was seen last.
    pub tag: Option<String>,
    /// The account's version that it agreed with.
    pub version: u64,
    due_at: String,
}

impl App {
    /// Has the accounts that nobody looks at yet looked at within `period`, each at a time of its
    /// own; says of how many.
    pub async fn plan_looks(&self, period: TimeDelta) -> Result<usize, DatabaseError> {
        let asked = Statement::new(
            "SELECT a.account, a.provider FROM {linked_accounts} a LEFT JOIN looks l \
             ON l.account = a.account WHERE a.status = 'linked' AND a.secret IS NOT NULL \
             AND l.account IS NULL LIMIT 1000",
            [],
        );
        let rows = self.database.query(asked).await?;
        let mut planned = Vec::with_capacity(rows.len());
        for row in &rows {
            let millis = period.num_milliseconds();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_precision_loss,
                reason = "a day has few milliseconds"
            )]
            let wait = TimeDelta::milliseconds((millis as f64 * self.ids.fraction()) as i64);
            planned.push(Statement::new(
                "INSERT INTO looks (account, provider, due_at, version) VALUES ($1, $2, $3, 0) \
                 ON CONFLICT (account) DO NOTHING",
                [
                    row.text(0)?.into(),
                    row.text(1)?.into(),
                    format_time(self.now() + wait).into(),
                ],
            ));
        }
        if !planned.is_empty() {
            self.database.transact(planned).await?;
        }
        Ok(rows.len())
    }

    /// Lists when the next look is due at each provider.
    pub async fn next_looks(&self) -> Result<Vec<(ProviderSlug, DateTime<Utc>)>, DatabaseError> {
        let asked = Statement::new(
            "SELECT provider, MIN(due_at) FROM looks GROUP BY provider",
            [],
        );
        let rows = self.database.query(asked).await?;
        let next: Result<_, UnreadableRow> = rows
            .iter()
            .map(|row| Ok((row.parsed(0, "a provider")?, row.parsed(1, "a time")?)))
            .collect();
        Ok(next?)
    }

    /// Takes the look at a provider that is due longest; nothing, if none is, or another instance
    /// was faster.
    pub async fn take_look(
        &self,
        provider: &ProviderSlug,
    ) -> Result<Option<DueLook>, DatabaseError> {
        let now = self.now();
        let asked = Statement::new(
            "SELECT account, tag, version, due_at FROM looks WHERE provider = $1 \
             AND due_at <= $2 ORDER BY due_at LIMIT 1",
            [provider.as_str().into(), format_time(now).into()],
        );
        let rows = self.database.query(asked).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let until = format_time(now + PATIENCE);
        let taken = DueLook {
            account: row.parsed(0, "an account")?,
            provider: provider.clone(),
            tag: row.maybe_text(1)?.map(str::to_owned),
            version: row.number(2)?,
            due_at: until.clone(),
        };
        let take = Statement::new(
            "UPDATE looks SET due_at = $3 WHERE account = $1 AND due_at = $2",
            [row.text(0)?.into(), row.text(3)?.into(), until.into()],
        );
        match self.database.transact(vec![take.must_change_one()]).await {
            Ok(_) => Ok(Some(taken)),
            Err(DatabaseError::Stale) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Says when to look again after a look, and what it saw. A look that somebody wished for
    /// meanwhile is not forgotten.
    pub async fn settle_look(
        &self,
        look: &DueLook,
        again_at: DateTime<Utc>,
        seen: Option<(&str, u64)>,
    ) -> Result<(), DatabaseError> {
        let (tag, version) = match seen {
            Some((tag, version)) => (Some(tag), version),
            None => (None, 0),
        };
        let settled = Statement::new(
            "UPDATE looks SET due_at = $3, tag = $4, version = $5 \
             WHERE account = $1 AND due_at = $2",
            [
                look.account.to_string().into(),
                look.due_at.as_str().into(),
                format_time(again_at).into(),
                tag.into(),
                version.into(),
            ],
        );
        self.database.transact(vec![settled]).await.map(drop)
    }

    /// Looks at an account no more: it is not linked, or cannot be looked at.
    pub async fn end_looks(&self, account: AccountId) -> Result<(), DatabaseError> {
        let ended = Statement::new(
            "DELETE FROM looks WHERE account = $1",
            [account.to_string().into()],
        );
        self.database.transact(vec![ended]).await.map(drop)
    }

    /// Has an account looked at now, if it is linked at the provider and Lanyard carries its keys;
    /// says whether it will be.
    pub async fn look_now(
        &self,
        provider: &ProviderSlug,
        account: AccountId,
    ) -> Result<bool, DatabaseError> {
        let now = Statement::new(
            "INSERT INTO looks AS t (account, provider, due_at, version) \
             SELECT account, provider, $3, 0 FROM {linked_accounts} WHERE account = $1 \
             AND provider = $2 AND status = 'linked' AND secret IS NOT NULL \
             ON CONFLICT (account) DO UPDATE SET due_at = excluded.due_at, tag = NULL",
            [
                account.to_string().into(),
                provider.as_str().into(),
                format_time(self.now()).into(),
            ],
        );
        let wanted = self.database.transact(vec![now]).await?.first() == Some(&1);
        if wanted {
            self.bell.ring();
        }
        Ok(wanted)
    }

    /// Has every account at a provider looked at now, as fast as the provider's pace allows; says
    /// how many there are.
    pub async fn sweep(&self, provider: &ProviderSlug) -> Result<u64, CaseError> {
        let (state, _) = self.dispatch.load::<Provider>(provider).await?;
        if state.registration().is_none() {
            return Err(CommandError::Refused(ProviderError::NotFound.into()).into());
        }
        let now = Statement::new(
            "INSERT INTO looks AS t (account, provider, due_at, version) \
             SELECT account, provider, $2, 0 FROM {linked_accounts} \
             WHERE provider = $1 AND status = 'linked' AND secret IS NOT NULL \
             ON CONFLICT (account) DO UPDATE SET due_at = excluded.due_at",
            [provider.as_str().into(), format_time(self.now()).into()],
        );
        let accounts = self.database.transact(vec![now]).await?;
        self.bell.ring();
        Ok(accounts.first().copied().unwrap_or_default())
    }
}
