//! What waits because somebody has stopped key sync at its provider, and for nothing else.

use std::collections::BTreeSet;

use domain::{ProviderSlug, ReasonCode};
use projections::key_placements::{PlacementRow, PlacementStatus};
use projections::provider_list;

use super::App;
use crate::database::DatabaseError;

/// The providers that are paused or disabled.
#[derive(Debug, Clone, Default)]
pub struct Stops(BTreeSet<ProviderSlug>);

impl Stops {
    /// Says why nothing is done at a provider, if somebody has stopped it.
    pub fn at(&self, provider: &ProviderSlug) -> Option<ReasonCode> {
        self.0
            .contains(provider)
            .then_some(ReasonCode::ProviderPaused)
    }

    /// Says why nothing is done about a key, if that is somebody's order. What is parked waits for more.
    pub fn hold(&self, row: &PlacementRow) -> Option<ReasonCode> {
        match row.status {
            PlacementStatus::Requested | PlacementStatus::Failed => self.at(&row.provider),
            PlacementStatus::Parked
            | PlacementStatus::Published
            | PlacementStatus::Withdrawn
            | PlacementStatus::Released
            | PlacementStatus::Left => None,
        }
    }
}

impl App {
    /// Lists where key sync is stopped.
    pub async fn stops(&self) -> Result<Stops, DatabaseError> {
        let rows = self.database.query(provider_list::states()).await?;
        let mut stopped = BTreeSet::new();
        for row in &rows {
            let state = provider_list::state_from_row(row)?;
            if state.paused {
                stopped.insert(state.provider);
            }
        }
        Ok(Stops(stopped))
    }
}
