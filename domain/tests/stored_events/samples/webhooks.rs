//! What happens to webhooks.

use domain::webhook::{DisabledCause, WebhookEvent};
use domain::{Event, NoticeKind};

use super::{Sample, later, secret, webhook};

pub(super) fn samples() -> Vec<Sample> {
    samples! {
        &format!("webhook-{}", webhook()), Webhook(WebhookEvent) with { webhook: webhook(), };
        WebhookAdded {
            url: "https://ops.example.com/hooks".parse().unwrap(),
            kinds: vec![NoticeKind::NeedsRelink, NoticeKind::ProviderDown],
            secret: secret()
        }
        WebhookChanged {
            url: Some("https://ops.example.com/elsewhere".parse().unwrap()),
            kinds: Some(vec![])
        }
        WebhookRemoved {}
        WebhookDisabled { cause: DisabledCause::Unanswered }
        WebhookEnabled {}
        WebhookSecretRotated { secret: secret(), overlap_until: later() }
    }
}
