//! One message: claim, send, record.

use domain::WebhookId;
use domain::webhook::{DisabledCause, Webhook, WebhookCommand, wait};

use crate::app::webhooks::{Message, Progress, Sent, Settled};
use crate::app::{App, Caller, CommandError};

/// What one try came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// The receiver has the message; there may be another.
    Delivered,
    /// Nothing more is to be sent now.
    Over,
}

impl App {
    /// Tells a receiver the next change that it does not know yet.
    pub(super) async fn deliver_next(&self, webhook: WebhookId) -> Result<Delivery, CommandError> {
        // Read anew for each message: an admin may have changed or removed it.
        let Some(row) = self.webhook_row(webhook).await? else {
            return Ok(Delivery::Over);
        };
        if row.disabled.is_some() {
            return Ok(Delivery::Over);
        }
        let Some(claim) = self.claim_receiver(&row).await? else {
            return Ok(Delivery::Over);
        };
        let mut progress = self.progress_of(&row).await?;
        let due = progress.due_at.is_none_or(|due| due <= self.now());
        let change = if due {
            self.next_change(&row, &progress.seen).await?
        } else {
            // Another instance has just tried.
            None
        };
        let Some(change) = change else {
            self.settle_delivery(claim, &progress, Settled::Untouched)
                .await?;
            return Ok(Delivery::Over);
        };
        let message = Message::of(&change)?;
        let sent = self.send_message(&row, &message).await?;
        let (settled, given_up) = self.judge_delivery(sent, &progress, change.at);
        let delivery = match &settled {
            Settled::Delivered(_) => Delivery::Delivered,
            Settled::Untouched | Settled::Failed { .. } => Delivery::Over,
        };
        // First the event: after a crash in between it is tried once more, and given up then.
        if let Some(cause) = given_up {
            tracing::warn!(webhook.id = %webhook, ?cause, "a webhook is disabled");
            let caller = Caller::system("notifier", self.new_id(), Some(change.notice.notice));
            let command = WebhookCommand::RecordWebhookDisabled { cause };
            let done = self
                .dispatch
                .execute::<Webhook>(&webhook, command, &caller)
                .await?;
            // Why it was given up is shown until it is changed after that.
            progress.revision = done.revision;
        }
        self.settle_delivery(claim, &progress, settled).await?;
        Ok(delivery)
    }

    /// Decides what a try means for the receiver.
    fn judge_delivery(
        &self,
        sent: Sent,
        progress: &Progress,
        at: projections::notices::Seen,
    ) -> (Settled, Option<DisabledCause>) {
        match sent {
            Sent::Delivered => (Settled::Delivered(at), None),
            Sent::Gone => {
                let problem = "status 410: it wants nothing any more".to_owned();
                let due_at = None;
                let failed = Settled::Failed { problem, due_at };
                (failed, Some(DisabledCause::Gone))
            }
            Sent::Failed {
                problem,
                not_before,
            } => {
                let wait = wait(progress.attempts + 1, self.ids.fraction());
                let due_at = wait.map(|wait| self.now() + wait).max(not_before);
                let given_up = wait.is_none().then_some(DisabledCause::Unanswered);
                (Settled::Failed { problem, due_at }, given_up)
            }
        }
    }
}
