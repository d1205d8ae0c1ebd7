//! How far each receiver is: behind which change, how the last try went, and who is sending.
//!
//! The row is its own lease. Whoever holds it sends; whoever lost it meanwhile records nothing, and
//! the message goes out again under the same id.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{WebhookId, format_time};
use projections::notices::Seen;
use projections::webhooks::WebhookRow;
use projections::{Row, Statement, UnreadableRow, Value};

use crate::app::{App, CommandError};
use crate::database::DatabaseError;

/// How long a lease holds if nobody gives it back: longer than a receiver may take to answer.
const HOLD: TimeDelta = TimeDelta::minutes(1);

/// How far a receiver is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Everything up to here is delivered.
    pub seen: Seen,
    /// The webhook's revision at the last try: what was wrong before a change counts no more.
    pub revision: u64,
    /// How many tries of the next message have failed.
    pub attempts: u32,
    /// When the first of them did.
    pub failing_since: Option<DateTime<Utc>>,
    /// Not before this time.
    pub due_at: Option<DateTime<Utc>>,
    /// Why the last try failed.
    pub problem: Option<String>,
    /// When the last message was delivered.
    pub delivered_at: Option<DateTime<Utc>>,
    /// Until when somebody is sending.
    held_until: Option<DateTime<Utc>>,
}

impl Progress {
    /// Where a receiver begins of which nothing is known yet.
    fn beginning(row: &WebhookRow) -> Self {
        Self {
            seen: Seen {
                index: row.begun,
                notice: String::new(),
            },
            revision: row.revision,
            ..Self::default()
        }
    }

    /// Forgets what was wrong before the webhook was changed.
    fn anew(mut self, revision: u64) -> Self {
        if self.revision != revision {
            self.attempts = 0;
            self.failing_since = None;
            self.due_at = None;
            self.problem = None;
            self.revision = revision;
        }
        self
    }

    /// Returns when the next message may be sent.
    pub fn free_at(&self) -> Option<DateTime<Utc>> {
        self.due_at.max(self.held_until)
    }
}

/// The right to send to one receiver.
#[derive(Debug)]
pub struct Claim {
    webhook: WebhookId,
    holder: String,
}

/// What a try changes of how far a receiver is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Nothing.
    Untouched,
    /// It has everything up to here.
    Delivered(Seen),
    /// It has not.
    Failed {
        /// Why.
        problem: String,
        /// Not before this time.
        due_at: Option<DateTime<Utc>>,
    },
}

const COLUMNS: &str = "SELECT seen_index, seen_notice, revision, attempts, failing_since, due_at, \
     problem, delivered_at, held_until FROM webhook_deliveries WHERE webhook = $1";

impl App {
    /// Returns how far a receiver is.
    pub async fn progress_of(&self, row: &WebhookRow) -> Result<Progress, CommandError> {
        let asked = Statement::new(COLUMNS, [row.webhook.to_string().into()]);
        let known = match self.database.get(asked).await? {
            Some(known) => read(&known)?,
            None => Progress::beginning(row),
        };
        Ok(known.anew(row.revision))
    }

    /// Takes the right to send; nothing, if somebody else has it.
    pub async fn claim_receiver(&self, row: &WebhookRow) -> Result<Option<Claim>, CommandError> {
        let claim = Claim {
            webhook: row.webhook,
            holder: self.new_id().to_string(),
        };
        let now = self.now();
        let begun = Statement::new(
            "INSERT INTO webhook_deliveries (webhook, seen_index, seen_notice, revision, attempts) \
             VALUES ($1, $2, '', $3, 0) ON CONFLICT (webhook) DO NOTHING",
            [
                row.webhook.to_string().into(),
                row.begun.into(),
                row.revision.into(),
            ],
        );
        let held = Statement::new(
            "UPDATE webhook_deliveries SET holder = $2, held_until = $3 \
             WHERE webhook = $1 AND (held_until IS NULL OR held_until <= $4)",
            [
                row.webhook.to_string().into(),
                claim.holder.as_str().into(),
                format_time(now + HOLD).into(),
                format_time(now).into(),
            ],
        );
        let both = vec![begun, held.must_change_one()];
        match self.database.transact(both).await {
            Ok(_) => Ok(Some(claim)),
            Err(DatabaseError::Stale) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Records what came of a try, and gives the right to send back.
    pub async fn settle_delivery(
        &self,
        claim: Claim,
        before: &Progress,
        settled: Settled,
    ) -> Result<(), CommandError> {
        let now = self.now();
        let mut after = before.clone();
        match settled {
            Settled::Untouched => {}
            Settled::Delivered(seen) => {
                after = Progress {
                    seen,
                    revision: before.revision,
                    delivered_at: Some(now),
                    ..Progress::default()
                };
            }
            Settled::Failed { problem, due_at } => {
                after.attempts += 1;
                after.failing_since.get_or_insert(now);
                after.due_at = due_at;
                after.problem = Some(problem);
            }
        }
        let time = |time: Option<DateTime<Utc>>| Value::from(time.map(format_time));
        let update = Statement::new(
            "UPDATE webhook_deliveries SET seen_index = $3, seen_notice = $4, revision = $5, \
             attempts = $6, failing_since = $7, due_at = $8, problem = $9, delivered_at = $10, \
             holder = NULL, held_until = NULL WHERE webhook = $1 AND holder = $2",
            [
                claim.webhook.to_string().into(),
                claim.holder.into(),
                after.seen.index.into(),
                after.seen.notice.into(),
                after.revision.into(),
                after.attempts.into(),
                time(after.failing_since),
                time(after.due_at),
                Value::from(after.problem),
                time(after.delivered_at),
            ],
        );
        // Without a row the lease was lost, or the webhook removed: then this is not ours to say.
        self.database.transact(vec![update]).await?;
        Ok(())
    }

    /// Forgets how far a removed webhook's receiver was.
    pub(super) async fn forget_deliveries(&self, webhook: WebhookId) -> Result<(), CommandError> {
        let forget = Statement::new(
            "DELETE FROM webhook_deliveries WHERE webhook = $1",
            [webhook.to_string().into()],
        );
        self.database.transact(vec![forget]).await?;
        Ok(())
    }
}

fn read(row: &Row) -> Result<Progress, UnreadableRow> {
    let time = |column: usize| match row.maybe_text(column)? {
        Some(_) => row.parsed(column, "a time").map(Some),
        None => Ok(None),
    };
    Ok(Progress {
        seen: Seen {
            index: row.number(0)?,
            notice: row.text(1)?.to_owned(),
        },
        revision: row.number(2)?,
        attempts: u32::try_from(row.number(3)?).unwrap_or(u32::MAX),
        failing_since: time(4)?,
        due_at: time(5)?,
        problem: row.maybe_text(6)?.map(str::to_owned),
        delivered_at: time(7)?,
        held_until: time(8)?,
    })
}
