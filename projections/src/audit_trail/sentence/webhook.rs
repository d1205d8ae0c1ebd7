//! What happened to the receivers of notices.

use domain::webhook::{DisabledCause, WebhookEvent};

pub(super) fn webhook(event: &WebhookEvent) -> String {
    match event {
        WebhookEvent::WebhookAdded { url, .. } => format!("added the webhook {url}"),
        WebhookEvent::WebhookChanged { url: Some(url), .. } => {
            format!("changed a webhook: it is at {url} now")
        }
        WebhookEvent::WebhookChanged { url: None, .. } => {
            "changed of what a webhook is told".to_owned()
        }
        WebhookEvent::WebhookRemoved { .. } => "removed a webhook".to_owned(),
        WebhookEvent::WebhookDisabled { cause, .. } => match cause {
            DisabledCause::Gone => "disabled a webhook, which wants nothing any more (410)",
            DisabledCause::Unanswered => "disabled a webhook, which took nothing for days",
        }
        .to_owned(),
        WebhookEvent::WebhookEnabled { .. } => "enabled a webhook again".to_owned(),
        WebhookEvent::WebhookSecretRotated { overlap_until, .. } => format!(
            "rotated the secret of a webhook; the old one signs too until {}",
            overlap_until.format("%Y-%m-%d %H:%M")
        ),
    }
}
