//! What a scrape of the metrics asks for beyond what is counted anyway.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use projections::{key_placements, provider_list, revocations};

use super::App;
use crate::database::DatabaseError;
use crate::telemetry::metrics::{Placements, ProviderState};

/// How long an answer is good for: however many scrape, the database is asked no more often.
const FRESH: TimeDelta = TimeDelta::seconds(5);

impl App {
    /// Returns everything that is measured, as text. What cannot be asked now is left out.
    pub async fn measured(&self) -> Result<String, std::fmt::Error> {
        let now = self.now();
        let mut looked = self.metrics.look().await;
        if looked.is_none_or(|at| now < at || now >= at + FRESH) {
            match self.placements_now(now).await {
                Ok(known) => self.metrics.placements_are(&known),
                Err(error) => {
                    tracing::debug!(%error, "the placements are not counted");
                    self.metrics.placements_are(&[]);
                }
            }
            match self.revocations_now().await {
                Ok(known) => self.metrics.revocations_are(&known),
                Err(error) => {
                    tracing::debug!(%error, "the revocations are not counted");
                    self.metrics.revocations_are(&[]);
                }
            }
            match self.providers_now().await {
                Ok(known) => self.metrics.providers_are(&known),
                Err(error) => {
                    tracing::debug!(%error, "the providers' states are not known");
                    self.metrics.providers_are(&[]);
                }
            }
            *looked = Some(now);
        }
        drop(looked);
        match self.lag().await {
            Ok(lag) => self.metrics.lag_is(lag),
            Err(error) => tracing::debug!(%error, "the lag is not known"),
        }
        self.metrics.text()
    }

    async fn providers_now(&self) -> Result<Vec<ProviderState>, DatabaseError> {
        let rows = self.database.query(provider_list::states()).await?;
        let read = |row| {
            let state = provider_list::state_from_row(row)?;
            Ok(ProviderState {
                provider: state.provider.to_string(),
                breaker: state.breaker,
                paused: state.paused,
            })
        };
        rows.iter().map(read).collect()
    }

    async fn revocations_now(&self) -> Result<Vec<(String, &'static str, u64)>, DatabaseError> {
        let rows = self.database.query(revocations::census()).await?;
        let read = |row| {
            let (provider, status, count) = revocations::counted_from_row(row)?;
            Ok((provider.to_string(), status.as_str(), count))
        };
        rows.iter().map(read).collect()
    }

    async fn placements_now(&self, now: DateTime<Utc>) -> Result<Vec<Placements>, DatabaseError> {
        let counted = self.database.query(key_placements::census()).await?;
        let waiting = self
            .database
            .query(key_placements::longest_waiting())
            .await?;
        let mut known = Vec::with_capacity(counted.len());
        for row in &counted {
            let counted = key_placements::counted_from_row(row)?;
            known.push(Placements {
                provider: counted.provider.to_string(),
                state: counted.status.as_str(),
                count: counted.count,
                oldest: None,
            });
        }
        for row in &waiting {
            let waiting = key_placements::waiting_from_row(row)?;
            let age = (now - waiting.since).to_std().unwrap_or(Duration::ZERO);
            let found = known.iter_mut().find(|known| {
                known.state == waiting.status.as_str()
                    && known.provider == waiting.provider.as_str()
            });
            // A row that came between the two questions is told the next time.
            if let Some(found) = found {
                found.oldest = Some(age);
            }
        }
        Ok(known)
    }
}
