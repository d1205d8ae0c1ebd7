//! What stayed at providers when accounts were unlinked.

use projections::residues::{self, Left, ResidueRow};
use projections::{Limit, Page, keys};

use super::{App, CaseError};

impl App {
    /// Lists what stayed, newest first, before a place.
    pub async fn residue(
        &self,
        left: &Left,
        before: Option<(u64, u64)>,
        limit: Limit,
    ) -> Result<Page<ResidueRow, (u64, u64)>, CaseError> {
        let rows = self
            .database
            .query(residues::page(left, before, limit))
            .await?;
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            items.push(self.with_fingerprint(residues::from_row(row)?).await?);
        }
        let full = items.len() == limit.rows() as usize;
        let next = items.last().filter(|_| full).map(|last| last.place);
        Ok(Page { items, next })
    }

    /// Adds the fingerprint where the unlinking did not record it: the log still knows the key.
    async fn with_fingerprint(&self, row: ResidueRow) -> Result<ResidueRow, CaseError> {
        let (Some(key), None) = (row.key, &row.fingerprint) else {
            return Ok(row);
        };
        let known = self.database.get(keys::by_id(key)).await?;
        let known = known.as_ref().map(keys::from_row).transpose()?;
        Ok(ResidueRow {
            fingerprint: known.map(|known| known.public_key.fingerprint),
            ..row
        })
    }
}
