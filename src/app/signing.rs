//! Whether a server can be told to take keys for signing commits, where only the server knows.

use domain::provider::{AddProvider, ProviderChanges, ProviderError, ProviderKind, Registration};

use super::{App, CaseError, CommandError};
use crate::providers::{Network, OauthApp};

impl App {
    /// Refuses a new provider that is to take keys for signing and has no way for it.
    pub(super) async fn check_signing_of(&self, added: &AddProvider) -> Result<(), CaseError> {
        if !added.signing {
            return Ok(());
        }
        let app = OauthApp {
            provider: added.provider.clone(),
            base_url: added.base_url.clone(),
            protocol: added.protocol,
            client_id: String::new(),
            client_secret: "".into(),
            redirect_url: self.redirect_url(&added.provider, added.callback),
            pkce: added.pkce,
            signing: true,
            network: Network {
                ca_bundle: added.ca_bundle.clone(),
                proxy: added.proxy.clone(),
            },
        };
        self.check_signing(added.kind, &app).await
    }

    /// Refuses a change by which a provider is to take keys for signing and has no way for it.
    pub(super) async fn check_signing_after(
        &self,
        now: &Registration,
        changes: &ProviderChanges,
    ) -> Result<(), CaseError> {
        if now.signing || changes.signing != Some(true) {
            return Ok(());
        }
        let mut app = self.app_without_secret(now);
        if let Some(base_url) = &changes.base_url {
            app.base_url = base_url.clone();
        }
        self.check_signing(now.kind, &app).await
    }

    /// A server that cannot be asked now is taken at the admin's word: the test and the first key
    /// tell.
    async fn check_signing(&self, kind: ProviderKind, app: &OauthApp) -> Result<(), CaseError> {
        let Some(adapter) = self.providers.get(kind) else {
            return Ok(());
        };
        match adapter.can_sign(app).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                let refused = ProviderError::SigningNotThere;
                Err(CommandError::Refused(refused.into()).into())
            }
            Err(failure) => {
                let provider = app.provider.as_str();
                tracing::info!(
                    provider.slug = provider,
                    %failure,
                    "whether it takes keys for signing is not known"
                );
                Ok(())
            }
        }
    }
}
