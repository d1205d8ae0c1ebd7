//! One message on its way to one receiver.

use chrono::{DateTime, Utc};
use domain::SecretRef;
use projections::webhooks::WebhookRow;
use reqwest::StatusCode;

use super::message::Message;
use super::signature::sign;
use crate::app::{App, CommandError};
use crate::providers::Outgoing;
use crate::vault::{Secret, VaultError};

/// What a try came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The receiver has it.
    Delivered,
    /// The receiver wants nothing any more (410).
    Gone,
    /// It has to be sent again.
    Failed {
        /// Why, in our words.
        problem: String,
        /// Not before this time, as the receiver asked.
        not_before: Option<DateTime<Utc>>,
    },
}

impl App {
    /// Signs a message with every secret that is in use, and sends it. A redirect is not
    /// followed: the message is for this receiver.
    pub async fn send_message(
        &self,
        row: &WebhookRow,
        message: &Message,
    ) -> Result<Sent, CommandError> {
        let now = self.now();
        let timestamp = now.timestamp();
        let mut signatures = Vec::new();
        for secret in in_use(row, now) {
            let opened = self.webhook_secret(secret).await?;
            let signed =
                opened.and_then(|opened| sign(&opened, &message.id, timestamp, &message.body));
            signatures.extend(signed);
        }
        if signatures.is_empty() {
            return Ok(failed("the secret is gone: rotate it", None));
        }
        let outgoing = Outgoing {
            id: &message.id,
            timestamp,
            signature: &signatures.join(" "),
            body: &message.body,
        };
        let answer = match self.providers.tell(row.url.url(), &outgoing).await {
            Ok(answer) => answer,
            Err(failure) => {
                let words = failure.failure.detail;
                return Ok(failed(words.as_deref().unwrap_or("no answer"), None));
            }
        };
        let status = answer.status;
        Ok(match status {
            status if status.is_success() => Sent::Delivered,
            StatusCode::GONE => Sent::Gone,
            status if status.is_redirection() => failed(
                &format!("status {}: a redirect is not followed", status.as_u16()),
                None,
            ),
            _ => failed(
                &format!("status {}", status.as_u16()),
                answer.retry_after(now),
            ),
        })
    }

    async fn webhook_secret(&self, secret: SecretRef) -> Result<Option<Secret>, CommandError> {
        match self.vault.open_secret(secret).await {
            Ok((secret, _)) => Ok(Some(secret)),
            Err(VaultError::NotFound | VaultError::Destroyed) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Lists the secrets that sign, the newest first.
fn in_use(row: &WebhookRow, now: DateTime<Utc>) -> impl Iterator<Item = SecretRef> {
    let previous = row.previous.filter(|(_, until)| now < *until);
    [row.secret]
        .into_iter()
        .chain(previous.map(|(secret, _)| secret))
}

fn failed(problem: &str, not_before: Option<DateTime<Utc>>) -> Sent {
    Sent::Failed {
        problem: problem.to_owned(),
        not_before,
    }
}
