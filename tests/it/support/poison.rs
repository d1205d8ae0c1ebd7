//! An adapter that fails, in whatever way, when one person's key is to be added.

use std::sync::Arc;

use async_trait::async_trait;
use lanyard::providers::{
    Added, Begun, Came, Finding, GitProvider, Identity, NewKey, OauthApp, ProviderFailure,
    RemoteKey, RemoteKeyId, Tokens, Wants,
};
use lanyard::vault::Secret;

/// The real adapter, but for one person.
pub(crate) struct Poison {
    pub(crate) adapter: Arc<dyn GitProvider>,
    /// Stands in the title of the key.
    pub(crate) person: &'static str,
    /// What happens then.
    pub(crate) happens: fn() -> ProviderFailure,
}

#[async_trait]
impl GitProvider for Poison {
    fn scopes(&self, wants: Wants) -> &'static [&'static str] {
        self.adapter.scopes(wants)
    }

    fn missing_scopes(&self, wants: Wants, granted: Option<&[String]>) -> Vec<String> {
        self.adapter.missing_scopes(wants, granted)
    }

    async fn begin(&self, app: &OauthApp, state: &str) -> Result<Begun, ProviderFailure> {
        self.adapter.begin(app, state).await
    }

    fn turned_away(&self, error: &str) -> ProviderFailure {
        self.adapter.turned_away(error)
    }

    async fn exchange(
        &self,
        app: &OauthApp,
        came: &Came,
        kept: Option<&Secret>,
    ) -> Result<Tokens, ProviderFailure> {
        self.adapter.exchange(app, came, kept).await
    }

    async fn refresh(&self, app: &OauthApp, tokens: &Tokens) -> Result<Tokens, ProviderFailure> {
        self.adapter.refresh(app, tokens).await
    }

    async fn identify(&self, app: &OauthApp, access: &Secret) -> Result<Identity, ProviderFailure> {
        self.adapter.identify(app, access).await
    }

    async fn list_keys(
        &self,
        app: &OauthApp,
        access: &Secret,
    ) -> Result<Vec<RemoteKey>, ProviderFailure> {
        self.adapter.list_keys(app, access).await
    }

    async fn add_key(
        &self,
        app: &OauthApp,
        access: &Secret,
        new: &NewKey<'_>,
    ) -> Result<Added, ProviderFailure> {
        if new.title.contains(self.person) {
            return Err((self.happens)());
        }
        self.adapter.add_key(app, access, new).await
    }

    async fn remove_key(
        &self,
        app: &OauthApp,
        access: &Secret,
        key: &RemoteKeyId,
    ) -> Result<bool, ProviderFailure> {
        self.adapter.remove_key(app, access, key).await
    }

    async fn revoke(&self, app: &OauthApp, tokens: &Tokens) -> Result<(), ProviderFailure> {
        self.adapter.revoke(app, tokens).await
    }

    async fn test(&self, app: &OauthApp) -> Vec<Finding> {
        self.adapter.test(app).await
    }
}
