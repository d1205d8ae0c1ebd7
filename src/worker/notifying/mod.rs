//! The notifier: tells the receivers outside what opened and what closed.
//!
//! What is to be told is a list in a projection, and how far a receiver is a row of its own: in
//! order, at least once, each message under an id of its own. There is no queue. Each receiver
//! has a task of its own, so a slow one delays nobody; nobody polls: the next look is when an
//! event is applied, or when a try is due.

mod delivering;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{SecretRef, WebhookId};
use projections::notices::Seen;
use projections::webhooks::WebhookRow;
use tokio::task::{Id, JoinSet};

use self::delivering::Delivery;
use crate::app::{App, CommandError};

/// How long a receiver rests after a fault of ours.
const REST: TimeDelta = TimeDelta::seconds(5);

/// What one look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looked {
    /// Whether anything is being sent.
    pub moved: bool,
    /// When to look again, even if no event comes.
    pub next_at: Option<DateTime<Utc>>,
}

/// Tells receivers what opened and what closed.
pub struct Notifier {
    app: App,
    /// Each tells until when its receiver rests.
    tasks: JoinSet<Option<DateTime<Utc>>>,
    /// To whom each of them sends.
    open: HashMap<Id, WebhookId>,
    /// Until when each is left alone after a fault of ours.
    rests: HashMap<WebhookId, DateTime<Utc>>,
    /// At which revision and up to which index there was nothing to tell.
    quiet: HashMap<WebhookId, (u64, u64)>,
    /// Old secrets that are destroyed already.
    dropped: HashSet<SecretRef>,
    /// Set when no further message is to be taken up.
    closing: Arc<AtomicBool>,
}

impl Notifier {
    /// Works through `app`.
    pub fn new(app: App) -> Self {
        Self {
            app,
            tasks: JoinSet::new(),
            open: HashMap::new(),
            rests: HashMap::new(),
            quiet: HashMap::new(),
            dropped: HashSet::new(),
            closing: Arc::default(),
        }
    }

    /// Begins to send to every receiver for which something is due.
    pub async fn look(&mut self) -> Result<Looked, CommandError> {
        let mut looked = Looked {
            moved: false,
            next_at: None,
        };
        // Everything before this index is in the read models by now.
        let applied = self.app.applied.events();
        let now = self.app.now();
        for row in self.app.all_webhooks().await? {
            let mut at = self.drop_previous(&row, now).await?;
            let is_busy = self.open.values().any(|open| *open == row.webhook);
            if row.disabled.is_none() && !is_busy {
                match self.next_for(&row, applied, now).await? {
                    Some(due) if due <= now => {
                        self.begin(row.webhook);
                        looked.moved = true;
                    }
                    due => at = at.into_iter().chain(due).min(),
                }
            }
            looked.next_at = looked.next_at.into_iter().chain(at).min();
        }
        Ok(looked)
    }

    /// Waits until a receiver is done with; for ever if nothing is being sent.
    pub async fn receiver_ended(&mut self) {
        let (task, rest) = match self.tasks.join_next_with_id().await {
            Some(Ok(ended)) => ended,
            // What panicked would at once do so again.
            Some(Err(error)) => {
                tracing::error!(%error, "a delivery broke off");
                (error.id(), Some(self.app.now() + REST))
            }
            None => return std::future::pending().await,
        };
        if let Some(webhook) = self.open.remove(&task)
            && let Some(until) = rest
        {
            self.rests.insert(webhook, until);
        }
    }

    /// Lets every message under way arrive, and waits for that.
    pub async fn close(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        while self.is_busy() {
            self.receiver_ended().await;
        }
    }

    /// Says whether anything is being sent.
    pub fn is_busy(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// Returns when the next message to a receiver is due, if there is one.
    async fn next_for(
        &mut self,
        row: &WebhookRow,
        applied: u64,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, CommandError> {
        let progress = self.app.progress_of(row).await?;
        let mut after = progress.seen.clone();
        if let Some((revision, index)) = self.quiet.get(&row.webhook)
            && *revision == row.revision
        {
            after = after.max(Seen {
                index: *index,
                notice: String::new(),
            });
        }
        if self.app.next_change(row, &after).await?.is_none() {
            self.quiet.insert(row.webhook, (row.revision, applied));
            return Ok(None);
        }
        let rest = self.rests.get(&row.webhook).copied();
        Ok(Some(
            progress
                .free_at()
                .into_iter()
                .chain(rest)
                .max()
                .unwrap_or(now),
        ))
    }

    fn begin(&mut self, webhook: WebhookId) {
        self.rests.remove(&webhook);
        let (app, closing) = (self.app.clone(), self.closing.clone());
        let task = self
            .tasks
            .spawn(async move { deliver_all(&app, webhook, &closing).await });
        self.open.insert(task.id(), webhook);
    }

    /// Destroys the secret before the current one once its time is over; returns when that is.
    async fn drop_previous(
        &mut self,
        row: &WebhookRow,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, CommandError> {
        let Some((secret, until)) = row.previous else {
            return Ok(None);
        };
        if until > now {
            return Ok(Some(until));
        }
        if !self.dropped.contains(&secret) {
            self.app.vault.destroy(secret).await?;
            self.dropped.insert(secret);
        }
        Ok(None)
    }
}

/// Tells a receiver one change after the other, until it knows all or does not take one.
async fn deliver_all(app: &App, webhook: WebhookId, closing: &AtomicBool) -> Option<DateTime<Utc>> {
    while !closing.load(Ordering::Relaxed) {
        match app.deliver_next(webhook).await {
            Ok(Delivery::Delivered) => {}
            Ok(Delivery::Over) => return None,
            Err(error) => {
                tracing::error!(webhook.id = %webhook, %error, "a receiver rests");
                return Some(app.now() + REST);
            }
        }
    }
    None
}
