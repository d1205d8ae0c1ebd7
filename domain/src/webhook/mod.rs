//! A webhook: a receiver of notices outside, registered by an admin.

mod command;
mod error;
mod event;
mod patience;
#[cfg(test)]
mod tests;
mod url;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use command::WebhookCommand;
pub use error::WebhookError;
pub use event::WebhookEvent;
pub use patience::wait;
pub use url::WebhookUrl;

use crate::{NoticeKind, SecretRef, WebhookId};

/// Why nothing is sent to a receiver any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledCause {
    /// It answered 410: it wants nothing any more.
    Gone,
    /// One message failed ten times, over three days.
    Unanswered,
}

/// The life of one webhook.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Webhook {
    /// Never added.
    #[default]
    Absent,
    /// Registered.
    Present(Receiver),
    /// Removed for good.
    Removed,
}

/// A receiver as it now is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receiver {
    /// The webhook.
    pub webhook: WebhookId,
    /// Where messages are sent.
    pub url: WebhookUrl,
    /// Of which kinds of notices; none named: of all.
    pub kinds: Vec<NoticeKind>,
    /// Where the vault keeps the secret that signs.
    pub secret: SecretRef,
    /// The secret before it, and until when messages carry its signature too.
    pub previous: Option<(SecretRef, DateTime<Utc>)>,
    /// Why nothing is sent, if nothing is.
    pub disabled: Option<DisabledCause>,
}

impl Receiver {
    /// Lists the secrets that are still in use.
    pub fn secrets(&self) -> Vec<SecretRef> {
        let previous = self.previous.map(|(secret, _)| secret);
        [self.secret].into_iter().chain(previous).collect()
    }
}

impl Webhook {
    /// Returns the receiver, if it is there.
    pub fn receiver(&self) -> Option<&Receiver> {
        match self {
            Self::Present(receiver) => Some(receiver),
            Self::Absent | Self::Removed => None,
        }
    }

    /// Decides what follows from a command.
    pub fn decide(&self, command: WebhookCommand) -> Result<Vec<WebhookEvent>, WebhookError> {
        use WebhookCommand as C;
        match (self, command) {
            (
                Self::Absent,
                C::AddWebhook {
                    webhook,
                    url,
                    kinds,
                    secret,
                },
            ) => Ok(vec![WebhookEvent::WebhookAdded {
                webhook,
                url,
                kinds: sorted(kinds),
                secret,
            }]),
            (Self::Present(_) | Self::Removed, C::AddWebhook { .. }) => {
                Err(WebhookError::AlreadyAdded)
            }
            (Self::Present(receiver), command) => Ok(receiver.decide(command)),
            (Self::Removed, C::RemoveWebhook | C::RecordWebhookDisabled { .. })
            | (Self::Absent, C::RecordWebhookDisabled { .. }) => Ok(vec![]),
            (
                Self::Removed,
                C::ChangeWebhook { .. } | C::RotateSecret { .. } | C::EnableWebhook,
            )
            | (
                Self::Absent,
                C::ChangeWebhook { .. }
                | C::RotateSecret { .. }
                | C::RemoveWebhook
                | C::EnableWebhook,
            ) => Err(WebhookError::NotFound),
        }
    }
}

impl Receiver {
    /// Decides what follows from a command to a receiver that is there.
    fn decide(&self, command: WebhookCommand) -> Vec<WebhookEvent> {
        use WebhookCommand as C;
        let webhook = self.webhook;
        match command {
            // Decided before: it is there.
            C::AddWebhook { .. } => vec![],
            C::ChangeWebhook { url, kinds } => {
                let url = url.filter(|url| *url != self.url);
                let kinds = kinds.map(sorted).filter(|kinds| *kinds != self.kinds);
                if url.is_none() && kinds.is_none() {
                    return vec![];
                }
                vec![WebhookEvent::WebhookChanged {
                    webhook,
                    url,
                    kinds,
                }]
            }
            C::RotateSecret { secret, .. } if secret == self.secret => vec![],
            C::RotateSecret {
                secret,
                now,
                overlap,
            } => vec![WebhookEvent::WebhookSecretRotated {
                webhook,
                secret,
                overlap_until: now + overlap,
            }],
            C::RemoveWebhook => vec![WebhookEvent::WebhookRemoved { webhook }],
            C::RecordWebhookDisabled { cause } if self.disabled.is_none() => {
                vec![WebhookEvent::WebhookDisabled { webhook, cause }]
            }
            C::EnableWebhook if self.disabled.is_some() => {
                vec![WebhookEvent::WebhookEnabled { webhook }]
            }
            C::RecordWebhookDisabled { .. } | C::EnableWebhook => vec![],
        }
    }

    fn apply(&mut self, event: WebhookEvent) {
        match event {
            WebhookEvent::WebhookChanged { url, kinds, .. } => {
                if let Some(url) = url {
                    self.url = url;
                }
                if let Some(kinds) = kinds {
                    self.kinds = kinds;
                }
            }
            WebhookEvent::WebhookDisabled { cause, .. } => self.disabled = Some(cause),
            WebhookEvent::WebhookEnabled { .. } => self.disabled = None,
            WebhookEvent::WebhookSecretRotated {
                secret,
                overlap_until,
                ..
            } => {
                self.previous = Some((self.secret, overlap_until));
                self.secret = secret;
            }
            WebhookEvent::WebhookAdded { .. } | WebhookEvent::WebhookRemoved { .. } => {}
        }
    }
}

fn sorted(mut kinds: Vec<NoticeKind>) -> Vec<NoticeKind> {
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

impl Aggregate for Webhook {
    const TYPE: &'static str = "webhook";
    type Command = WebhookCommand;
    type Event = WebhookEvent;
    type Error = WebhookError;
    type Services = ();

    async fn handle(
        &mut self,
        command: WebhookCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), WebhookError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: WebhookEvent) {
        match (self, event) {
            (
                present,
                WebhookEvent::WebhookAdded {
                    webhook,
                    url,
                    kinds,
                    secret,
                },
            ) => {
                *present = Self::Present(Receiver {
                    webhook,
                    url,
                    kinds,
                    secret,
                    previous: None,
                    disabled: None,
                });
            }
            (present, WebhookEvent::WebhookRemoved { .. }) => *present = Self::Removed,
            (Self::Present(receiver), event) => receiver.apply(event),
            (Self::Absent | Self::Removed, _) => {}
        }
    }
}
