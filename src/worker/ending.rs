//! The secrets of what ended.

use domain::account::AccountEvent;
use domain::keyring::KeyringEvent;
use domain::provider::ProviderEvent;
use domain::webhook::WebhookEvent;
use domain::{Event, Recorded};

use super::policy::PolicyError;
use crate::app::{App, Caller};

impl App {
    /// Destroys the secrets of a key, a link, an app or a webhook that ended, and has a key go that is
    /// wanted somewhere nevertheless. The event comes first, so a crash in between is mended by
    /// seeing the event again.
    pub(super) async fn destroy_what_ended(
        &self,
        recorded: &Recorded<Event>,
        caller: &Caller,
    ) -> Result<(), PolicyError> {
        match &recorded.event {
            Event::Keyring(KeyringEvent::KeyRetired { key, holder, .. }) => {
                self.take_away(*holder, *key, caller).await?;
                self.destroy_private_key(*key).await?;
            }
            Event::Account(AccountEvent::AccountUnlinked { .. }) => {
                self.destroy_grant(recorded).await?;
            }
            Event::Provider(
                ProviderEvent::ProviderChanged { provider, .. }
                | ProviderEvent::ProviderSecretConfirmed { provider }
                | ProviderEvent::ProviderSecretDropped { provider }
                | ProviderEvent::HookSecretSet { provider, .. }
                | ProviderEvent::ProviderRemoved { provider },
            ) => {
                let version = recorded.version;
                self.destroy_spent_secrets(provider, version).await?;
            }
            Event::Webhook(
                WebhookEvent::WebhookRemoved { webhook }
                | WebhookEvent::WebhookSecretRotated { webhook, .. },
            ) => {
                let version = recorded.version;
                self.destroy_webhook_secrets(*webhook, version).await?;
            }
            _ => {}
        }
        Ok(())
    }
}
