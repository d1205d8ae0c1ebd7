//! What looks at the providers found, and what somebody wants done about it.

use domain::account::{Account, AccountCommand, AccountError, PlacementStatus, PublicationCause};
use domain::keyring::KeyringError;
use domain::reconcile::Drift;
use domain::{AccountId, KeyId, UserId};
use projections::key_placements::{self, Drifted, PlacementRow, UnknownKey};
use projections::{Limit, Page};

use super::sync::{PlacementCursor, page};
use super::{App, Caller, CaseError, CommandError, Rule};

impl App {
    /// Lists placements about which a provider disagrees with the log.
    pub async fn list_drift(
        &self,
        filter: &Drifted,
        after: Option<PlacementCursor>,
        limit: Limit,
    ) -> Result<Page<PlacementRow, PlacementCursor>, CaseError> {
        let asked = key_placements::drifted(filter, after, limit);
        let rows = self.database.query(asked).await?;
        let items: Result<Vec<_>, _> = rows.iter().map(key_placements::from_row).collect();
        Ok(page(items?, limit))
    }

    /// Lists keys that bear our name and that the log does not know.
    pub async fn list_unknown_keys(
        &self,
        filter: &Drifted,
        limit: Limit,
    ) -> Result<Vec<UnknownKey>, CaseError> {
        if filter.what.is_some_and(|what| what != Drift::Foreign) {
            return Ok(vec![]);
        }
        let asked = key_placements::unknown_keys(filter, limit);
        let rows = self.database.query(asked).await?;
        let known: Result<_, _> = rows.iter().map(key_placements::unknown_from_row).collect();
        Ok(known?)
    }

    /// Puts a key back that is missing; returns the index of the request, if one was needed.
    pub async fn restore_key(
        &self,
        user: &UserId,
        account: AccountId,
        key: KeyId,
        caller: &Caller,
    ) -> Result<Option<u64>, CaseError> {
        let (state, _) = self.dispatch.load::<Account>(&account).await?;
        // Whose account it is stays unsaid.
        let link = state.link().filter(|link| link.user == *user);
        let link = link.ok_or_else(|| CommandError::Refused(AccountError::NotFound.into()))?;
        let placement = link
            .placements
            .get(&key)
            .ok_or_else(|| CommandError::Refused(KeyringError::NotFound.into()))?;
        let is_on_its_way = matches!(
            placement.status,
            PlacementStatus::Publishing(_) | PlacementStatus::PublishingParked
        );
        let is_off = placement.status == PlacementStatus::Published
            && placement.drift.is_some_and(Drift::is_restorable);
        if !is_on_its_way && !is_off {
            return Err(Rule::NothingToRestore.into());
        }
        let cause = PublicationCause::Restore;
        let command = AccountCommand::RequestKeyPublication {
            key,
            cause,
            link: None,
        };
        let done = self
            .dispatch
            .execute::<Account>(&account, command, caller)
            .await?;
        Ok(done.index.filter(|_| !done.events.is_empty()))
    }
}
