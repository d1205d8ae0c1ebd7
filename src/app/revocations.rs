//! Grants that are to be revoked and could not be yet: seen, and tried again.

use domain::AccountId;
use domain::account::{Account, AccountCommand};
use projections::Limit;
use projections::key_placements::{Pending, PlacementStatus};
use projections::revocations::{self, RevocationRow, RevocationStatus, Waiting};

use super::sync::Retried;
use super::{App, Caller, CaseError, CommandError};
use crate::database::DatabaseError;

impl App {
    /// Returns how far the revocation of an account's grant is, while it is being unlinked.
    pub async fn revocation(
        &self,
        account: AccountId,
    ) -> Result<Option<RevocationRow>, DatabaseError> {
        let row = self.database.get(revocations::of_account(account)).await?;
        let row = row.as_ref().map(revocations::from_row).transpose()?;
        Ok(row.filter(|row| row.status != RevocationStatus::Ended))
    }

    /// Lists a page of those that have failed or are parked, after one account.
    pub async fn waiting_revocations(
        &self,
        filter: &Waiting,
        after: Option<AccountId>,
    ) -> Result<Vec<RevocationRow>, DatabaseError> {
        let page = revocations::waiting(filter, after, Limit::default());
        let rows = self.database.query(page).await?;
        let rows: Result<_, _> = rows.iter().map(revocations::from_row).collect();
        Ok(rows?)
    }

    /// Lists the first of those that fit what an operator looks at.
    pub async fn pending_revocations(
        &self,
        filter: &Pending,
    ) -> Result<Vec<RevocationRow>, CaseError> {
        match among_revocations(filter) {
            Some(filter) => Ok(self.waiting_revocations(&filter, None).await?),
            None => Ok(vec![]),
        }
    }

    /// Asks for another try; returns the index of the event, if it is one.
    pub(crate) async fn revoke_again(
        &self,
        account: AccountId,
        caller: &Caller,
    ) -> Result<Option<u64>, CommandError> {
        let command = AccountCommand::RequestGrantRevocation;
        match self
            .dispatch
            .execute::<Account>(&account, command, caller)
            .await
        {
            Ok(done) => Ok(done.index.filter(|_| !done.events.is_empty())),
            // It was unlinked meanwhile.
            Err(CommandError::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks for another try of everything that fits.
    pub(super) async fn retry_revocations(
        &self,
        filter: &Pending,
        retried: &mut Retried,
        caller: &Caller,
    ) -> Result<(), CaseError> {
        let Some(filter) = among_revocations(filter) else {
            return Ok(());
        };
        let mut after = None;
        loop {
            let rows = self.waiting_revocations(&filter, after).await?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = Some(last.account);
            for row in &rows {
                retried.looked_at += 1;
                if let Some(index) = self.revoke_again(row.account, caller).await? {
                    retried.requested += 1;
                    retried.index = Some(index);
                }
            }
        }
    }
}

/// Says which revocations an operator looks at; nothing, if it is a state that only keys have.
fn among_revocations(filter: &Pending) -> Option<Waiting> {
    let status = match filter.status {
        None => None,
        Some(PlacementStatus::Failed) => Some(RevocationStatus::Failed),
        Some(PlacementStatus::Parked) => Some(RevocationStatus::Parked),
        Some(
            PlacementStatus::Requested
            | PlacementStatus::Published
            | PlacementStatus::Withdrawn
            | PlacementStatus::Released
            | PlacementStatus::Left,
        ) => return None,
    };
    Some(Waiting {
        provider: filter.provider.clone(),
        user: filter.user.clone(),
        status,
        code: filter.code,
    })
}
