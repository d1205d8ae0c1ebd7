//! What is pending at the providers, and another try for it.

use domain::account::{Account, AccountCommand, PublicationCause, WithdrawalCause};
use domain::{AccountId, KeyId};
use projections::key_placements::{
    self, Pending, PlacementRow, PlacementStatus, Tally, Wanted, pending, tally,
};
use projections::{Limit, Page};

use super::{App, Caller, CaseError, CommandError};

/// Where a page of placements ends.
pub type PlacementCursor = (AccountId, KeyId);

/// What came of asking for another try.
#[derive(Debug, Clone, Copy, Default)]
pub struct Retried {
    /// How many keys, and grants to be revoked, are tried again.
    pub requested: u64,
    /// How many were looked at.
    pub looked_at: u64,
    /// The index of the last event.
    pub index: Option<u64>,
}

impl App {
    /// Counts what is pending, by provider, direction, state and reason.
    pub async fn sync_tally(&self) -> Result<Vec<Tally>, CaseError> {
        let rows = self.database.query(tally()).await?;
        let tallies: Result<_, _> = rows.iter().map(key_placements::tally_from_row).collect();
        Ok(tallies?)
    }

    /// Lists placements: those pending, or those of one state.
    pub async fn list_placements(
        &self,
        filter: &Pending,
        after: Option<PlacementCursor>,
        limit: Limit,
    ) -> Result<Page<PlacementRow, PlacementCursor>, CaseError> {
        let rows = self.database.query(pending(filter, after, limit)).await?;
        let items: Result<Vec<_>, _> = rows.iter().map(key_placements::from_row).collect();
        Ok(page(items?, limit))
    }

    /// Gives up a key that is parked at an account; returns the index of the event, if it was one.
    pub async fn discard_placement(
        &self,
        account: AccountId,
        key: KeyId,
        caller: &Caller,
    ) -> Result<Option<u64>, CommandError> {
        let command = AccountCommand::DiscardPlacement { key };
        let done = self
            .dispatch
            .execute::<Account>(&account, command, caller)
            .await?;
        Ok(done.index.filter(|_| !done.events.is_empty()))
    }

    /// Asks for another try of everything that has failed or waits for somebody. On a task of its
    /// own: a caller who goes away does not stop it half way.
    pub async fn retry(&self, filter: &Pending, caller: &Caller) -> Result<Retried, CaseError> {
        let (app, filter, caller) = (self.clone(), filter.clone(), caller.clone());
        let all = tokio::spawn(async move { app.retry_all(&filter, &caller).await });
        all.await
            .map_err(|error| CommandError::Unavailable(error.to_string()))?
    }

    async fn retry_all(&self, filter: &Pending, caller: &Caller) -> Result<Retried, CaseError> {
        let mut retried = Retried::default();
        let mut after = None;
        loop {
            let Page { items, next } = self
                .list_placements(filter, after, Limit::default())
                .await?;
            for item in items {
                if !matches!(
                    item.status,
                    PlacementStatus::Failed | PlacementStatus::Parked
                ) {
                    continue;
                }
                retried.looked_at += 1;
                let key = item.key;
                let command = match item.wanted {
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
                match self
                    .dispatch
                    .execute::<Account>(&item.account, command, caller)
                    .await
                {
                    Ok(done) if !done.events.is_empty() => {
                        retried.requested += 1;
                        retried.index = done.index;
                    }
                    // It is on its way, or was unlinked meanwhile.
                    Ok(_) | Err(CommandError::Refused(_)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            if next.is_none() {
                self.retry_revocations(filter, &mut retried, caller).await?;
                return Ok(retried);
            }
            after = next;
        }
    }
}

/// Cuts rows into a page.
pub(super) fn page(items: Vec<PlacementRow>, limit: Limit) -> Page<PlacementRow, PlacementCursor> {
    let full = items.len() == limit.rows() as usize;
    let next = items
        .last()
        .filter(|_| full)
        .map(|row| (row.account, row.key));
    Page { items, next }
}
