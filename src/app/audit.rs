//! The history, as an auditor reads it. Every read is itself recorded before it is answered.

use std::collections::HashMap;

use domain::access::{Access, AccessCommand};
use domain::{AccountId, Event, Recorded, Sealed};
use projections::audit_trail::{self, AuditRow, Order, Search};
use projections::{Limit, Page};
use serde_json::Value;

use super::dispatch::origin_context;
use super::{App, Caller, CaseError, CommandError, Rule};
use crate::eventlog::{LogError, Stored};

/// What stands where personal data was, once the person is erased.
pub const ERASED: &str = "erased";

/// An event as an auditor sees it: what was stored, and personal data in clear where it may be.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The event.
    pub recorded: Recorded<Event>,
    /// The address that it was asked from, or [`ERASED`].
    pub address: Option<String>,
    /// The user agent that it was asked with, or [`ERASED`].
    pub agent: Option<String>,
    /// Its data as stored, personal data opened.
    pub data: Value,
}

impl App {
    /// Searches the history.
    pub async fn search_audit(
        &self,
        search: &Search,
        order: Order,
        cursor: Option<u64>,
        limit: Limit,
    ) -> Result<Page<Seen, u64>, CaseError> {
        let rows = self.audit_rows(search, order, cursor, limit).await?;
        let is_full = rows.len() == limit.rows() as usize;
        let next = rows.last().filter(|_| is_full).map(|row| row.index);
        let mut items = Vec::with_capacity(rows.len());
        for stored in self.lines(&rows).await? {
            items.push(self.see(&stored).await?);
        }
        Ok(Page { items, next })
    }

    /// Returns one event, and what it caused.
    pub async fn audit_event(&self, index: u64) -> Result<(Seen, Vec<Seen>), CaseError> {
        let stored = self.log.read_all(index, 1).await.map_err(CommandError::from)?;
        let Some(stored) = stored.first().filter(|stored| stored.index == index) else {
            return Err(Rule::EventNotFound.into());
        };
        let seen = self.see(stored).await?;
        let search =
            Search { correlation: Some(seen.recorded.header.correlation), ..Search::default() };
        let together = self
            .search_audit(&search, Order::OldestFirst, Some(index), Limit::default())
            .await?;
        let id = seen.recorded.header.id;
        let caused = together
            .items
            .into_iter()
            .filter(|other| other.recorded.header.causation == Some(id))
            .collect();
        Ok((seen, caused))
    }

    /// Returns a page of rows: where the events are that fit.
    pub async fn audit_rows(
        &self,
        search: &Search,
        order: Order,
        cursor: Option<u64>,
        limit: Limit,
    ) -> Result<Vec<AuditRow>, CaseError> {
        let statement = audit_trail::search(search, order, cursor, limit);
        let rows = self.database.query(statement).await?;
        Ok(rows.iter().map(audit_trail::from_row).collect::<Result<_, _>>()?)
    }

    /// Returns the stored lines of rows, in their order.
    pub async fn lines(&self, rows: &[AuditRow]) -> Result<Vec<Stored>, CaseError> {
        let indexes = rows.iter().map(|row| row.index);
        let (Some(first), Some(last)) = (indexes.clone().min(), indexes.max()) else {
            return Ok(Vec::new());
        };
        let span = usize::try_from(last - first + 1).unwrap_or(usize::MAX);
        let mut found: HashMap<u64, Stored> = HashMap::new();
        if span <= rows.len().saturating_mul(4) {
            // Close together: one read is cheaper than one for each.
            let all = self.log.read_all(first, span).await.map_err(CommandError::from)?;
            found.extend(all.into_iter().map(|stored| (stored.index, stored)));
        } else {
            for row in rows {
                let one = self.log.read_all(row.index, 1).await.map_err(CommandError::from)?;
                found.extend(one.into_iter().map(|stored| (stored.index, stored)));
            }
        }
        rows.iter()
            .map(|row| {
                let missing = || LogError::Damaged(format!("event {} is not there", row.index));
                found.remove(&row.index).ok_or_else(missing).map_err(CommandError::from)
            })
            .collect::<Result<_, _>>()
            .map_err(CaseError::from)
    }

    /// Records that somebody reads the history. Without the record there is no answer.
    pub async fn record_audit_read(
        &self,
        query: String,
        returned: u64,
        caller: &Caller,
    ) -> Result<Option<u64>, CommandError> {
        let command = AccessCommand::RecordAuditRead { query, returned };
        // A stream for each read: nothing grows.
        let executed =
            self.dispatch.execute::<Access>(&caller.correlation, command, caller).await?;
        Ok(executed.index)
    }

    async fn see(&self, stored: &Stored) -> Result<Seen, CaseError> {
        let damaged = |error: String| CommandError::from(LogError::Damaged(error));
        let recorded = Event::decode(stored.index, &stored.line)
            .map_err(|error| damaged(error.to_string()))?;
        let mut line: Value =
            serde_json::from_str(&stored.line).map_err(|error| damaged(error.to_string()))?;
        let mut data = line["data"].take();
        let context = origin_context(recorded.header.correlation);
        let origin = &recorded.header.origin;
        let address = self.open(origin.address.as_ref(), &context).await?;
        let agent = self.open(origin.agent.as_ref(), &context).await?;
        let account = data["account"].as_str().and_then(|account| account.parse().ok());
        if let (Some(account), Ok(profile)) =
            (account, serde_json::from_value::<Sealed>(data["profile"].clone()))
        {
            let opened = self.open(Some(&profile), &profile_context(account)).await?;
            let opened = opened.unwrap_or_default();
            data["profile"] = serde_json::from_str(&opened).unwrap_or(Value::String(opened));
        }
        Ok(Seen { recorded, address, agent, data })
    }

    async fn open(
        &self,
        sealed: Option<&Sealed>,
        context: &str,
    ) -> Result<Option<String>, CaseError> {
        let Some(sealed) = sealed else { return Ok(None) };
        let opened = self.vault.open_personal(sealed, context).await?;
        Ok(Some(opened.unwrap_or_else(|| ERASED.to_owned())))
    }
}

/// Returns what a profile is bound to when it is sealed.
pub fn profile_context(account: AccountId) -> String {
    format!("profile/{account}")
}
