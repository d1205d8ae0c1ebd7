//! Webhooks: receivers of notices outside, as admins register them (Standard Webhooks).

mod deliveries;
mod message;
mod sending;
mod signature;

use std::collections::BTreeSet;

use chrono::TimeDelta;
use cqrs_es::Aggregate;
use domain::webhook::{Receiver, Webhook, WebhookCommand, WebhookError, WebhookEvent, WebhookUrl};
use domain::{NoticeKind, SecretRef, StreamName, WebhookId, decode_as};
use projections::notices::{Change, Seen, change_from_row, changes};
use projections::webhooks::{self, WebhookRow};
use projections::{Limit, Page};

pub use deliveries::{Claim, Progress, Settled};
pub use message::Message;
pub use sending::Sent;

use self::signature::new_secret;
use super::{App, Caller, CaseError, CommandError, Executed};
use crate::vault::{Owner, Purpose, Secret};

/// How long messages carry the signature of the old secret too, where nobody says.
pub const OVERLAP: TimeDelta = TimeDelta::hours(24);

/// How long the read models may take to know of a change.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// A webhook, and how far its receiver is.
#[derive(Debug, Clone)]
pub struct KnownWebhook {
    /// The webhook.
    pub row: WebhookRow,
    /// How far its receiver is.
    pub progress: Progress,
}

/// A webhook with a secret that was just made: the only time it is seen.
#[derive(Debug)]
pub struct WithSecret {
    /// The webhook.
    pub known: KnownWebhook,
    /// The secret.
    pub secret: Secret,
    /// The index of the event.
    pub index: Option<u64>,
}

impl App {
    /// Says why a receiver would never be called.
    pub fn check_receiver(&self, url: &WebhookUrl) -> Result<(), String> {
        let checked = self.providers.check_receiver(&url.url());
        checked.map_err(|error| error.to_string())
    }

    /// Registers a receiver. It is told of what happens from now on.
    pub async fn add_webhook(
        &self,
        url: WebhookUrl,
        kinds: Vec<NoticeKind>,
        caller: &Caller,
    ) -> Result<WithSecret, CaseError> {
        let webhook = WebhookId::new(self.new_id());
        let (secret, sealed) = self.make_webhook_secret(webhook).await?;
        let command = WebhookCommand::AddWebhook {
            webhook,
            url,
            kinds,
            secret: sealed,
        };
        self.with_secret(webhook, command, None, (secret, sealed), caller)
            .await
    }

    /// Signs with a new secret from now on, and for a while with the old one too.
    pub async fn rotate_webhook_secret(
        &self,
        webhook: WebhookId,
        overlap: TimeDelta,
        seen: Option<u64>,
        caller: &Caller,
    ) -> Result<WithSecret, CaseError> {
        self.webhook(webhook).await?;
        let (secret, sealed) = self.make_webhook_secret(webhook).await?;
        let command = WebhookCommand::RotateSecret {
            secret: sealed,
            now: self.now(),
            overlap,
        };
        self.with_secret(webhook, command, seen, (secret, sealed), caller)
            .await
    }

    /// Changes where a webhook's messages go, or of what; enables it again.
    pub async fn change_webhook(
        &self,
        webhook: WebhookId,
        command: WebhookCommand,
        seen: Option<u64>,
        caller: &Caller,
    ) -> Result<(KnownWebhook, Option<u64>), CaseError> {
        let done = self
            .dispatch
            .execute_at::<Webhook>(&webhook, seen, command, caller)
            .await?;
        let known = self.known_webhook(webhook, &done).await?;
        Ok((known, done.index))
    }

    /// Removes a webhook for good, and destroys its secrets.
    pub async fn remove_webhook(
        &self,
        webhook: WebhookId,
        caller: &Caller,
    ) -> Result<Option<u64>, CaseError> {
        let done = self
            .dispatch
            .execute::<Webhook>(&webhook, WebhookCommand::RemoveWebhook, caller)
            .await?;
        self.destroy_spent_of(webhook, done.revision).await;
        Ok(done.index)
    }

    /// Lists the webhooks, oldest first.
    pub async fn list_webhooks(
        &self,
        after: Option<WebhookId>,
        limit: Limit,
    ) -> Result<Page<KnownWebhook, WebhookId>, CaseError> {
        let rows = self.database.query(webhooks::page(after, limit)).await?;
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            let row = webhooks::from_row(row)?;
            let progress = self.progress_of(&row).await?;
            items.push(KnownWebhook { row, progress });
        }
        let full = items.len() == limit.rows() as usize;
        let next = items.last().filter(|_| full).map(|last| last.row.webhook);
        Ok(Page { items, next })
    }

    /// Returns every webhook that was not removed.
    pub async fn all_webhooks(&self) -> Result<Vec<WebhookRow>, CommandError> {
        let rows = self.database.query(webhooks::all()).await?;
        let rows: Result<_, _> = rows.iter().map(webhooks::from_row).collect();
        Ok(rows?)
    }

    /// Returns a webhook and how far its receiver is.
    pub async fn webhook(&self, webhook: WebhookId) -> Result<KnownWebhook, CaseError> {
        let row = self.webhook_row(webhook).await?;
        let row = row.ok_or_else(|| CommandError::Refused(WebhookError::NotFound.into()))?;
        let progress = self.progress_of(&row).await?;
        Ok(KnownWebhook { row, progress })
    }

    /// Returns a webhook, unless it was removed.
    pub async fn webhook_row(
        &self,
        webhook: WebhookId,
    ) -> Result<Option<WebhookRow>, CommandError> {
        let row = self.database.get(webhooks::by_id(webhook)).await?;
        Ok(row.as_ref().map(webhooks::from_row).transpose()?)
    }

    /// Sends a test message now, and says what came of it.
    pub async fn test_webhook(&self, webhook: WebhookId) -> Result<Sent, CaseError> {
        let known = self.webhook(webhook).await?;
        let message = Message::test(webhook, self.new_id(), self.now())?;
        Ok(self.send_message(&known.row, &message).await?)
    }

    /// Returns the next change of which a webhook is told behind a point, if there is one.
    pub async fn next_change(
        &self,
        row: &WebhookRow,
        after: &Seen,
    ) -> Result<Option<Change>, CommandError> {
        let asked = changes(&row.kinds, after, Limit::new(1).unwrap_or_default());
        let rows = self.database.query(asked).await?;
        Ok(rows.first().map(change_from_row).transpose()?)
    }

    /// Destroys the secrets that a webhook had up to a revision and then no longer had.
    pub async fn destroy_webhook_secrets(
        &self,
        webhook: WebhookId,
        revision: u64,
    ) -> Result<(), CommandError> {
        const PAGE: usize = 500;
        let stream = StreamName::of("webhook", &webhook);
        let (mut state, mut named, mut version) = (Webhook::Absent, BTreeSet::new(), 0);
        while version < revision {
            let page = self.log.read_stream(&stream, version, PAGE).await?;
            if page.is_empty() {
                break;
            }
            for stored in &page {
                let known = decode_as::<WebhookEvent>(stored.index, &stored.line)
                    .map_err(|error| CommandError::Unavailable(error.to_string()))?;
                version = known.version;
                if version <= revision {
                    named.extend(names(&known.event));
                    state.apply(known.event);
                }
            }
        }
        let kept = state.receiver().map_or_else(Vec::new, Receiver::secrets);
        for spent in named.into_iter().filter(|secret| !kept.contains(secret)) {
            self.vault.destroy(spent).await?;
        }
        if state == Webhook::Removed {
            self.forget_deliveries(webhook).await?;
        }
        Ok(())
    }

    async fn make_webhook_secret(
        &self,
        webhook: WebhookId,
    ) -> Result<(Secret, SecretRef), CaseError> {
        let secret = new_secret(self.ids.as_ref());
        let sealed = self
            .vault
            .seal(
                &Owner::Deployment,
                Purpose::WebhookSecret,
                &webhook.to_string(),
                &secret,
            )
            .await?;
        Ok((secret, sealed))
    }

    async fn with_secret(
        &self,
        webhook: WebhookId,
        command: WebhookCommand,
        seen: Option<u64>,
        (secret, sealed): (Secret, SecretRef),
        caller: &Caller,
    ) -> Result<WithSecret, CaseError> {
        let done = self
            .dispatch
            .execute_at::<Webhook>(&webhook, seen, command, caller)
            .await;
        let done = match done {
            Ok(done) => done,
            Err(error) => {
                if !error.is_in_doubt() {
                    self.vault.destroy(sealed).await?;
                }
                return Err(error.into());
            }
        };
        self.destroy_spent_of(webhook, done.revision).await;
        Ok(WithSecret {
            known: self.known_webhook(webhook, &done).await?,
            secret,
            index: done.index,
        })
    }

    /// Destroys spent secrets at once. What fails here is done by the policy, which sees the
    /// event too.
    async fn destroy_spent_of(&self, webhook: WebhookId, revision: u64) {
        if let Err(error) = self.destroy_webhook_secrets(webhook, revision).await {
            tracing::warn!(webhook.id = %webhook, %error, "a spent secret stays for a moment");
        }
    }

    /// Returns a webhook as the read models know it after a change.
    async fn known_webhook(
        &self,
        webhook: WebhookId,
        done: &Executed<Webhook>,
    ) -> Result<KnownWebhook, CaseError> {
        if let Some(index) = done.index {
            self.applied.wait_for(index, PATIENCE).await;
        }
        self.webhook(webhook).await
    }
}

/// Returns the secret that an event names.
fn names(event: &WebhookEvent) -> Option<SecretRef> {
    match event {
        WebhookEvent::WebhookAdded { secret, .. }
        | WebhookEvent::WebhookSecretRotated { secret, .. } => Some(*secret),
        WebhookEvent::WebhookChanged { .. }
        | WebhookEvent::WebhookRemoved { .. }
        | WebhookEvent::WebhookDisabled { .. }
        | WebhookEvent::WebhookEnabled { .. } => None,
    }
}
