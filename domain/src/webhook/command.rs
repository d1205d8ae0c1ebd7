//! What can be asked of a webhook.

use chrono::{DateTime, TimeDelta, Utc};

use super::{DisabledCause, WebhookUrl};
use crate::{NoticeKind, SecretRef, WebhookId};

/// A command to one webhook.
#[derive(Debug, Clone, PartialEq)]
pub enum WebhookCommand {
    /// Registers a receiver.
    AddWebhook {
        /// Its id.
        webhook: WebhookId,
        /// Where messages are sent.
        url: WebhookUrl,
        /// Of which kinds of notices; none named: of all, also of those to come.
        kinds: Vec<NoticeKind>,
        /// Where the vault keeps the secret that signs.
        secret: SecretRef,
    },
    /// Changes what is given, leaves what is absent.
    ChangeWebhook {
        /// Where messages are sent.
        url: Option<WebhookUrl>,
        /// Of which kinds of notices.
        kinds: Option<Vec<NoticeKind>>,
    },
    /// Signs with another secret from now on, and for a while with the old one too.
    RotateSecret {
        /// Where the vault keeps the new one.
        secret: SecretRef,
        /// The time now.
        now: DateTime<Utc>,
        /// How long messages carry both signatures.
        overlap: TimeDelta,
    },
    /// Sends nothing any more, for good.
    RemoveWebhook,
    /// Records that the receiver wants no more, or has not answered for days.
    RecordWebhookDisabled {
        /// Which of the two.
        cause: DisabledCause,
    },
    /// Goes on where it stopped.
    EnableWebhook,
}
