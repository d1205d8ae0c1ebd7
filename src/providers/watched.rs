//! An adapter whose calls are counted and traced: by provider, by what was asked, by what came
//! of it. Nothing of what was sent or answered is in either.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use domain::keyring::PublicKey;
use domain::{Blame, ReasonCode};
use tracing::Instrument;
use tracing::field::Empty;

use super::{
    Added, Begun, Came, Finding, GitProvider, Identity, KeyList, NewKey, OauthApp, ProviderFailure,
    RemoteKey, RemoteKeyId, Signer, SshServer, Tokens, Wants,
};
use crate::telemetry::metrics::Metrics;
use crate::vault::Secret;

/// Another adapter, watched.
pub(super) struct Watched {
    adapter: Arc<dyn GitProvider>,
    metrics: Metrics,
}

impl Watched {
    pub(super) fn new(adapter: Arc<dyn GitProvider>, metrics: Metrics) -> Self {
        Self { adapter, metrics }
    }

    async fn watch<T>(
        &self,
        app: &OauthApp,
        operation: &'static str,
        outcome: impl Fn(&T) -> &'static str,
        call: impl Future<Output = T>,
    ) -> T {
        let provider = app.provider.as_str();
        let span = tracing::info_span!(
            "provider call",
            otel.kind = "client",
            otel.status_code = Empty,
            provider.slug = provider,
            provider.operation = operation,
            provider.outcome = Empty,
        );
        let began = Instant::now();
        let done = call.instrument(span.clone()).await;
        let outcome = outcome(&done);
        self.metrics
            .called(provider, operation, outcome, began.elapsed());
        span.record("provider.outcome", outcome);
        if outcome != "ok" {
            span.record("otel.status_code", "error");
        }
        done
    }

    async fn judged<T>(
        &self,
        app: &OauthApp,
        operation: &'static str,
        call: impl Future<Output = Result<T, ProviderFailure>>,
    ) -> Result<T, ProviderFailure> {
        let outcome = |done: &Result<T, ProviderFailure>| match done {
            Ok(_) => "ok",
            Err(failure) if failure.failure.code == ReasonCode::ProviderRateLimited => "limited",
            Err(failure) => match failure.failure.blame {
                Blame::Grant => "grant",
                Blame::App => "app",
                Blame::Provider => "provider",
                Blame::Us => "us",
            },
        };
        self.watch(app, operation, outcome, call).await
    }
}

#[async_trait]
impl GitProvider for Watched {
    fn scopes(&self, wants: Wants) -> &'static [&'static str] {
        self.adapter.scopes(wants)
    }

    fn missing_scopes(&self, wants: Wants, granted: Option<&[String]>) -> Vec<String> {
        self.adapter.missing_scopes(wants, granted)
    }

    async fn begin(&self, app: &OauthApp, state: &str) -> Result<Begun, ProviderFailure> {
        let call = self.adapter.begin(app, state);
        self.judged(app, "begin", call).await
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
        let call = self.adapter.exchange(app, came, kept);
        self.judged(app, "exchange", call).await
    }

    async fn refresh(&self, app: &OauthApp, tokens: &Tokens) -> Result<Tokens, ProviderFailure> {
        let call = self.adapter.refresh(app, tokens);
        self.judged(app, "refresh", call).await
    }

    async fn identify(&self, app: &OauthApp, access: &Secret) -> Result<Identity, ProviderFailure> {
        let call = self.adapter.identify(app, access);
        self.judged(app, "identify", call).await
    }

    async fn list_keys(
        &self,
        app: &OauthApp,
        access: &Secret,
    ) -> Result<Vec<RemoteKey>, ProviderFailure> {
        let call = self.adapter.list_keys(app, access);
        self.judged(app, "list_keys", call).await
    }

    async fn list_keys_since(
        &self,
        app: &OauthApp,
        access: &Secret,
        tag: Option<&str>,
    ) -> Result<KeyList, ProviderFailure> {
        let call = self.adapter.list_keys_since(app, access, tag);
        self.judged(app, "list_keys", call).await
    }

    async fn add_key(
        &self,
        app: &OauthApp,
        access: &Secret,
        new: &NewKey<'_>,
    ) -> Result<Added, ProviderFailure> {
        let call = self.adapter.add_key(app, access, new);
        self.judged(app, "add_key", call).await
    }

    async fn remove_key(
        &self,
        app: &OauthApp,
        access: &Secret,
        key: &RemoteKeyId,
    ) -> Result<bool, ProviderFailure> {
        let call = self.adapter.remove_key(app, access, key);
        self.judged(app, "remove_key", call).await
    }

    async fn put_signing_key(
        &self,
        app: &OauthApp,
        access: &Secret,
        new: &NewKey<'_>,
        signer: &dyn Signer,
    ) -> Result<(), ProviderFailure> {
        let call = self.adapter.put_signing_key(app, access, new, signer);
        self.judged(app, "put_signing_key", call).await
    }

    async fn drop_signing_key(
        &self,
        app: &OauthApp,
        access: &Secret,
        key: &PublicKey,
    ) -> Result<(), ProviderFailure> {
        let call = self.adapter.drop_signing_key(app, access, key);
        self.judged(app, "drop_signing_key", call).await
    }

    fn may_sign(&self, granted: Option<&[String]>) -> bool {
        self.adapter.may_sign(granted)
    }

    fn lists_signing_keys(&self) -> bool {
        self.adapter.lists_signing_keys()
    }

    async fn can_sign(&self, app: &OauthApp) -> Result<bool, ProviderFailure> {
        let call = self.adapter.can_sign(app);
        self.judged(app, "can_sign", call).await
    }

    async fn published_host_keys(&self, app: &OauthApp) -> Result<Vec<String>, ProviderFailure> {
        let call = self.adapter.published_host_keys(app);
        self.judged(app, "published_host_keys", call).await
    }

    async fn ssh_server(
        &self,
        app: &OauthApp,
        access: &Secret,
    ) -> Result<Option<SshServer>, ProviderFailure> {
        let call = self.adapter.ssh_server(app, access);
        self.judged(app, "ssh_server", call).await
    }

    fn revokes_apart(&self) -> bool {
        self.adapter.revokes_apart()
    }

    async fn revoke(&self, app: &OauthApp, tokens: &Tokens) -> Result<(), ProviderFailure> {
        let call = self.adapter.revoke(app, tokens);
        self.judged(app, "revoke", call).await
    }

    async fn test(&self, app: &OauthApp) -> Vec<Finding> {
        let outcome = |found: &Vec<Finding>| {
            if found.iter().all(|finding| finding.ok) {
                "ok"
            } else {
                "app"
            }
        };
        let call = self.adapter.test(app);
        self.watch(app, "test", outcome, call).await
    }
}

#[cfg(test)]
mod tests {
    /// A method with a body in the trait would be answered by that body, and never by the adapter.
    #[test]
    fn every_method_of_an_adapter_is_handed_on() {
        let methods = |text: &'static str| {
            let lines = text.lines().map(str::trim_start);
            let names = lines.filter_map(|line| {
                let rest = line.strip_prefix("async ").unwrap_or(line);
                rest.strip_prefix("fn ")?.split(['(', '<']).next()
            });
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        let of = |text: &'static str, begin: &str| {
            let (_, body) = text.split_once(begin).unwrap();
            methods(body.split("\n}\n").next().unwrap())
        };
        let asked = of(include_str!("mod.rs"), "pub trait GitProvider");
        let handed_on = of(include_str!("watched.rs"), "impl GitProvider for Watched");
        assert!(asked.len() > 10, "{asked:?}");
        assert_eq!(asked, handed_on);
    }
}
