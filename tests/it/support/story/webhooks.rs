//! Receivers of notices, and what can happen to them.

use domain::webhook::{DisabledCause, WebhookEvent};
use domain::{NoticeKind, SecretRef, StreamName, WebhookId};
use uuid::Uuid;

use super::Story;
use crate::support::logs::noon;

fn webhook(number: u128) -> WebhookId {
    WebhookId::new(Uuid::from_u128(number))
}

fn secret(number: u128) -> SecretRef {
    SecretRef::new(Uuid::from_u128(number))
}

pub(super) fn stream(event: &WebhookEvent) -> StreamName {
    let json = serde_json::to_value(event).unwrap();
    let webhook = json["data"]["webhook"].as_str().unwrap().to_owned();
    StreamName::of("webhook", &webhook)
}

impl Story {
    /// One webhook lives through everything, another is removed.
    pub(super) async fn webhooks(&self) {
        for number in [1, 2] {
            let added = WebhookEvent::WebhookAdded {
                webhook: webhook(number),
                url: "https://ops.example.com/hooks".parse().unwrap(),
                kinds: vec![NoticeKind::NeedsRelink],
                secret: secret(number),
            };
            self.tell("root", added).await;
        }
        let webhook = webhook(1);
        for event in [
            WebhookEvent::WebhookChanged {
                webhook,
                url: Some("https://ops.example.com/elsewhere".parse().unwrap()),
                kinds: None,
            },
            WebhookEvent::WebhookChanged {
                webhook,
                url: None,
                kinds: Some(vec![]),
            },
            WebhookEvent::WebhookSecretRotated {
                webhook,
                secret: secret(3),
                overlap_until: noon() + chrono::TimeDelta::hours(24),
            },
            WebhookEvent::WebhookDisabled {
                webhook,
                cause: DisabledCause::Unanswered,
            },
            WebhookEvent::WebhookEnabled { webhook },
            WebhookEvent::WebhookDisabled {
                webhook,
                cause: DisabledCause::Gone,
            },
            WebhookEvent::WebhookRemoved {
                webhook: self::webhook(2),
            },
        ] {
            self.tell("root", event).await;
        }
    }
}
