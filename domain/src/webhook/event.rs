//! What can have happened to a webhook.

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::{DisabledCause, WebhookUrl};
use crate::{Kind, LoggedEvent, NoticeKind, SecretRef, WebhookId};

/// A fact about one receiver of notices. Stream `webhook-<webhook>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum WebhookEvent {
    /// An admin registered a receiver.
    WebhookAdded {
        /// The webhook.
        webhook: WebhookId,
        /// Where messages are sent.
        url: WebhookUrl,
        /// Of which kinds of notices; none named: of all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        kinds: Vec<NoticeKind>,
        /// Where the vault keeps the secret that signs.
        secret: SecretRef,
    },
    /// An admin changed it; what is absent stayed as it was.
    WebhookChanged {
        /// The webhook.
        webhook: WebhookId,
        /// Where messages are sent now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<WebhookUrl>,
        /// Of which kinds of notices now; an empty list: of all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kinds: Option<Vec<NoticeKind>>,
    },
    /// An admin removed it for good.
    WebhookRemoved {
        /// The webhook.
        webhook: WebhookId,
    },
    /// Nothing is sent until an admin enables it again.
    WebhookDisabled {
        /// The webhook.
        webhook: WebhookId,
        /// Why.
        cause: DisabledCause,
    },
    /// An admin let it go on where it stopped.
    WebhookEnabled {
        /// The webhook.
        webhook: WebhookId,
    },
    /// Messages are signed with another secret; until a time with the old one too.
    WebhookSecretRotated {
        /// The webhook.
        webhook: WebhookId,
        /// Where the vault keeps the new secret.
        secret: SecretRef,
        /// Until when messages carry the old signature too.
        #[serde(with = "crate::time")]
        overlap_until: DateTime<Utc>,
    },
}

impl LoggedEvent for WebhookEvent {
    fn kind(&self) -> Kind {
        match self {
            Self::WebhookAdded { .. } => Kind::new("WebhookAdded", "LWH01I", 1),
            Self::WebhookChanged { .. } => Kind::new("WebhookChanged", "LWH02I", 1),
            Self::WebhookRemoved { .. } => Kind::new("WebhookRemoved", "LWH03I", 1),
            Self::WebhookDisabled { .. } => Kind::new("WebhookDisabled", "LWH04E", 1),
            Self::WebhookEnabled { .. } => Kind::new("WebhookEnabled", "LWH05I", 1),
            Self::WebhookSecretRotated { .. } => Kind::new("WebhookSecretRotated", "LWH06I", 1),
        }
    }
}

impl DomainEvent for WebhookEvent {
    fn event_type(&self) -> String {
        self.kind().name.to_owned()
    }

    fn event_version(&self) -> String {
        self.kind().schema.to_string()
    }
}
