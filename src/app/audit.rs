//! The audit trail, as auditors read it: the log's own lines, found through a projection.
//!
//! Every read is recorded before it is answered.

use domain::access::{Access, AccessCommand};
use domain::account::AccountEvent;
use domain::{Event, Recorded, Sealed};
use projections::audit_trail::{self, Order, Search, sentence};
use projections::{Limit, Page};

use super::dispatch::opened_origin;
use super::linking::profile_context;
use super::{App, Caller, CaseError, CommandError, Rule};

/// An event, as the log has it and as a person reads it.
#[derive(Debug, Clone)]
pub struct AuditedEvent {
    /// Its place in the log.
    pub index: u64,
    /// The line, byte for byte.
    pub line: String,
    /// What happened, in one sentence.
    pub sentence: String,
    /// The personal data in it; nothing where the person was erased.
    pub personal: Vec<(&'static str, Option<String>)>,
}

/// How many events one read may find on its way through all that fit.
const STRIDE: u32 = Limit::MOST;

impl App {
    /// Finds events; returns where they are in the log.
    pub async fn find_events(
        &self,
        search: &Search,
        order: Order,
        cursor: Option<u64>,
        limit: Limit,
    ) -> Result<Page<u64, u64>, CaseError> {
        let asked = audit_trail::search(search, order, cursor, limit);
        let rows = self.database.query(asked).await?;
        let items: Result<Vec<_>, _> = rows.iter().map(|row| row.number(0)).collect();
        let items = items?;
        let full = items.len() == limit.rows() as usize;
        let next = items.last().copied().filter(|_| full);
        Ok(Page { items, next })
    }

    /// Counts all events that fit.
    pub async fn count_events(&self, search: &Search) -> Result<u64, CaseError> {
        let limit = Limit::new(STRIDE).unwrap_or_default();
        let (mut count, mut cursor) = (0, None);
        loop {
            let page = self
                .find_events(search, Order::OldestFirst, cursor, limit)
                .await?;
            count += page.items.len() as u64;
            match page.next {
                Some(next) => cursor = Some(next),
                None => return Ok(count),
            }
        }
    }

    /// Reads the lines at some indexes, in their order.
    pub async fn lines(&self, indexes: &[u64]) -> Result<Vec<(u64, String)>, CommandError> {
        let mut lines = Vec::with_capacity(indexes.len());
        let mut rest = indexes;
        while let [first, ..] = rest {
            // Neighbours are read at once, in whichever direction they stand.
            let up = rest.iter().zip(*first..).take_while(|(a, b)| **a == *b);
            let down = rest
                .iter()
                .zip((0..=*first).rev())
                .take_while(|(a, b)| **a == *b);
            let run = up.count().max(down.count());
            let (run, later) = rest.split_at(run);
            let start = run.iter().copied().min().unwrap_or(*first);
            let mut read = self.log.read_all(start, run.len()).await?;
            if run.last().is_some_and(|last| last < first) {
                read.reverse();
            }
            lines.extend(read.into_iter().map(|stored| (stored.index, stored.line)));
            rest = later;
        }
        Ok(lines)
    }

    /// Reads events as people do.
    pub async fn read_events(&self, indexes: &[u64]) -> Result<Vec<AuditedEvent>, CaseError> {
        let mut events = Vec::with_capacity(indexes.len());
        for (index, line) in self.lines(indexes).await? {
            events.push(self.audited(index, line).await?.0);
        }
        Ok(events)
    }

    /// Reads one event, and what followed from it.
    pub async fn event(&self, index: u64) -> Result<(AuditedEvent, Vec<AuditedEvent>), CaseError> {
        let mut found = self.lines(&[index]).await?;
        let Some((_, line)) = found.pop() else {
            return Err(Rule::EventNotFound.into());
        };
        let (event, recorded) = self.audited(index, line).await?;
        let search = Search {
            correlation: Some(recorded.header.correlation),
            ..Search::default()
        };
        let limit = Limit::new(STRIDE).unwrap_or_default();
        let together = self
            .find_events(&search, Order::OldestFirst, Some(index), limit)
            .await?;
        let mut caused = Vec::new();
        for (index, line) in self.lines(&together.items).await? {
            let (event, follower) = self.audited(index, line).await?;
            if follower.header.causation == Some(recorded.header.id) {
                caused.push(event);
            }
        }
        Ok((event, caused))
    }

    /// Records that somebody read the audit trail. Where that cannot be, nothing is shown.
    pub async fn record_audit_read(
        &self,
        query: &str,
        returned: u64,
        caller: &Caller,
    ) -> Result<(), CommandError> {
        let command = AccessCommand::RecordAuditRead {
            query: query.chars().take(1_000).collect(),
            returned,
        };
        // One stream per read, so that none grows.
        self.dispatch
            .begin::<Access>(&caller.correlation, command, caller)
            .await?;
        Ok(())
    }

    async fn audited(
        &self,
        index: u64,
        line: String,
    ) -> Result<(AuditedEvent, Recorded<Event>), CaseError> {
        let recorded = Event::decode(index, &line)
            .map_err(|error| CommandError::Unavailable(error.to_string()))?;
        let mut personal = opened_origin(&self.vault, &recorded.header).await?;
        if let Some((sealed, context)) = profile(&recorded.event) {
            let opened = self.vault.open_personal(sealed, &context).await?;
            personal.push(("profile", opened));
        }
        let event = AuditedEvent {
            index,
            sentence: sentence(&recorded),
            line,
            personal,
        };
        Ok((event, recorded))
    }
}

fn profile(event: &Event) -> Option<(&Sealed, String)> {
    match event {
        Event::Account(AccountEvent::AccountLinked {
            account, profile, ..
        }) => Some((profile, profile_context(*account))),
        Event::Account(AccountEvent::GrantRenewed {
            account,
            profile: Some(profile),
            ..
        }) => Some((profile, profile_context(*account))),
        _ => None,
    }
}
