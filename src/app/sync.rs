//! What is pending between the log and the providers, and why.

use domain::{AccountId, KeyId};
use projections::key_placements::{self, Pending, PlacementRow, Tally};
use projections::{Limit, Page};

use super::{App, CaseError};

impl App {
    /// Lists key placements that are not done, or those of one state.
    pub async fn list_pending(
        &self,
        filter: &Pending,
        after: Option<(AccountId, KeyId)>,
        limit: Limit,
    ) -> Result<Page<PlacementRow, (AccountId, KeyId)>, CaseError> {
        let rows = self.database.query(key_placements::pending(filter, after, limit)).await?;
        let items: Vec<PlacementRow> =
            rows.iter().map(key_placements::from_row).collect::<Result<_, _>>()?;
        let is_full = items.len() == limit.rows() as usize;
        let next = items.last().filter(|_| is_full).map(|row| (row.account, row.key));
        Ok(Page { items, next })
    }

    /// Counts what is not done, by provider, direction, state and reason.
    pub async fn tally(&self) -> Result<Vec<Tally>, CaseError> {
        let rows = self.database.query(key_placements::tally()).await?;
        Ok(rows.iter().map(key_placements::tally_from_row).collect::<Result<_, _>>()?)
    }
}
