//! What an admin said of a provider, and how it changes.

use serde::{Deserialize, Serialize};

use super::{
    AddProvider, Callback, Choice, OnMissing, Protocol, ProviderChanges, ProviderError,
    ProviderEvent, ProviderKind,
};
use crate::breaker::Outage;
use crate::keyring::Algorithm;
use crate::{
    BaseUrl, CaBundle, ClientId, Description, DisplayName, Failure, HostKeyLine, ProviderSlug,
    ProxyUrl, PublicPem, SecretRef,
};

/// A registered provider as it now is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "switches that turn apart from each other"
)]
pub struct Registration {
    /// Its short name.
    pub provider: ProviderSlug,
    /// Which product it runs.
    pub kind: ProviderKind,
    /// What people call it.
    pub name: DisplayName,
    /// A few words about it.
    pub description: Description,
    /// Where it is.
    pub base_url: BaseUrl,
    /// The id of the OAuth app.
    pub client_id: Option<ClientId>,
    /// Where the vault keeps the app's secret.
    pub client_secret: Option<SecretRef>,
    /// Which redirect URL the app is registered with.
    pub callback: Callback,
    /// The algorithm of new keys here, where it is not the deployment's default.
    pub algorithm: Option<Algorithm>,
    /// Whether to use PKCE, where it is not left to what the product is known to support.
    pub pkce: Option<bool>,
    /// How people grant access.
    pub protocol: Protocol,
    /// The public half of the key that `client_secret` keeps, for OAuth 1.0a.
    pub public_key: Option<PublicPem>,
    /// Whether keys are also to be good for signing commits.
    pub signing: bool,
    /// Certificates of authorities that are trusted here besides the system's.
    pub ca_bundle: Option<CaBundle>,
    /// The proxy on the way there, where it is not the deployment's.
    pub proxy: Option<ProxyUrl>,
    /// What becomes of a key that is no longer there.
    pub on_missing: OnMissing,
    /// Where the vault keeps the secret by which what the product tells us is known to be its own.
    pub hook_secret: Option<SecretRef>,
    /// Whether an admin stopped new links and key sync.
    pub disabled: bool,
    /// Whether an operator stopped key sync.
    pub paused: bool,
    /// The second secret, while there is one: either of them works.
    pub staged: Option<Staged>,
    /// Whether it is to be removed once no account is linked any more.
    pub leaving: bool,
    /// Whether that waits for nothing.
    pub forced: bool,
    /// Why the provider refuses the app, if it does.
    pub refused: Option<Failure>,
    /// By which keys its SSH server is known, as lines of a `known_hosts` file.
    pub host_keys: Vec<HostKeyLine>,
    /// Since when and why it is left alone, if it does not answer.
    pub outage: Option<Outage>,
}

/// A second secret beside the app's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Staged {
    /// Where the vault keeps it.
    pub secret: SecretRef,
    /// The public half, where it is a key of ours.
    pub public_key: Option<PublicPem>,
}

pub(super) fn accept(
    kind: ProviderKind,
    algorithm: Option<Algorithm>,
) -> Result<(), ProviderError> {
    match algorithm {
        Some(algorithm) if !kind.accepts(algorithm) => {
            Err(ProviderError::AlgorithmNotAccepted { kind, algorithm })
        }
        Some(_) | None => Ok(()),
    }
}

/// Refuses a place that looks like a product but is another.
fn place(kind: ProviderKind, base_url: &BaseUrl) -> Result<(), ProviderError> {
    let host = base_url.url().host_str().unwrap_or_default().to_owned();
    let is_cloud = host == "bitbucket.org" || host.ends_with(".bitbucket.org");
    match kind {
        ProviderKind::BitbucketServer if is_cloud => Err(ProviderError::BitbucketCloud),
        ProviderKind::Github
        | ProviderKind::Gitlab
        | ProviderKind::BitbucketServer
        | ProviderKind::Gitea
        | ProviderKind::AzureDevops
        | ProviderKind::Ssh => Ok(()),
    }
}

impl AddProvider {
    pub(super) fn into_event(self) -> Result<ProviderEvent, ProviderError> {
        accept(self.kind, self.algorithm)?;
        if !self.kind.speaks(self.protocol) {
            return Err(ProviderError::ProtocolNotSpoken(self.kind));
        }
        place(self.kind, &self.base_url)?;
        if self.signing && !self.kind.registers_for_signing() {
            return Err(ProviderError::SigningNotDone(self.kind));
        }
        let has_app = self.client_id.is_some() || self.client_secret.is_some();
        let lacks_app = self.client_id.is_none() || self.client_secret.is_none();
        if self.kind.is_by_hand() && has_app {
            return Err(ProviderError::AppNotUsed(self.kind));
        }
        if !self.kind.is_by_hand() && lacks_app {
            return Err(ProviderError::AppMissing);
        }
        Ok(ProviderEvent::ProviderAdded {
            provider: self.provider,
            kind: self.kind,
            name: self.name,
            description: self.description,
            base_url: self.base_url,
            client_id: self.client_id,
            client_secret: self.client_secret,
            callback: self.callback,
            algorithm: self.algorithm,
            pkce: self.pkce,
            protocol: self.protocol,
            public_key: self.public_key,
            signing: self.signing,
            ca_bundle: self.ca_bundle,
            proxy: self.proxy,
            on_missing: self.on_missing,
        })
    }
}

impl Registration {
    pub(super) fn is_as_added(&self, added: &AddProvider) -> bool {
        let AddProvider {
            provider,
            kind,
            name,
            description,
            base_url,
            client_id,
            client_secret,
            callback,
            algorithm,
            pkce,
            protocol,
            public_key,
            signing,
            ca_bundle,
            proxy,
            on_missing,
        } = added;
        self.provider == *provider
            && self.kind == *kind
            && self.name == *name
            && self.description == *description
            && self.base_url == *base_url
            && self.client_id == *client_id
            && self.client_secret == *client_secret
            && self.callback == *callback
            && self.algorithm == *algorithm
            && self.pkce == *pkce
            && self.protocol == *protocol
            && self.public_key == *public_key
            && self.signing == *signing
            && self.ca_bundle == *ca_bundle
            && self.proxy == *proxy
            && self.on_missing == *on_missing
    }

    pub(super) fn change(
        &self,
        changes: ProviderChanges,
        linked_accounts: u64,
    ) -> Result<Vec<ProviderEvent>, ProviderError> {
        let changes = changes.without_what_already_is(self);
        accept(self.kind, changes.algorithm.and_then(Choice::own))?;
        if let Some(base_url) = &changes.base_url {
            place(self.kind, base_url)?;
        }
        if changes.signing == Some(true) && !self.kind.registers_for_signing() {
            return Err(ProviderError::SigningNotDone(self.kind));
        }
        let names_app = changes.client_id.is_some() || changes.client_secret.is_some();
        if self.kind.is_by_hand() && names_app {
            return Err(ProviderError::AppNotUsed(self.kind));
        }
        if self.protocol == Protocol::Oauth1 && changes.client_secret.is_some() {
            return Err(ProviderError::KeyIsOurs);
        }
        if changes.base_url.is_some() && linked_accounts > 0 {
            return Err(ProviderError::BaseUrlFixed);
        }
        if changes == ProviderChanges::default() {
            return Ok(vec![]);
        }
        Ok(vec![ProviderEvent::ProviderChanged {
            provider: self.provider.clone(),
            changes,
        }])
    }

    pub(super) fn stage(
        &self,
        secret: SecretRef,
        public_key: Option<PublicPem>,
    ) -> Result<Vec<ProviderEvent>, ProviderError> {
        if self.kind.is_by_hand() {
            return Err(ProviderError::AppNotUsed(self.kind));
        }
        if self.staged.is_some() {
            return Err(ProviderError::SecretStaged);
        }
        Ok(vec![ProviderEvent::ProviderSecretStaged {
            provider: self.provider.clone(),
            secret,
            public_key,
        }])
    }

    pub(super) fn half_opened(&self) -> Vec<ProviderEvent> {
        match &self.outage {
            Some(outage) if !outage.probed => vec![ProviderEvent::BreakerHalfOpened {
                provider: self.provider.clone(),
                since: outage.since,
            }],
            Some(_) | None => vec![],
        }
    }

    pub(super) fn closed(&self) -> Vec<ProviderEvent> {
        let closed = |outage: &Outage| ProviderEvent::BreakerClosed {
            provider: self.provider.clone(),
            since: outage.since,
        };
        self.outage.iter().map(closed).collect()
    }

    pub(super) fn hooks(&self, secret: SecretRef) -> Result<Vec<ProviderEvent>, ProviderError> {
        if !self.kind.sends_hooks() {
            return Err(ProviderError::HooksNotSent(self.kind));
        }
        if self.hook_secret == Some(secret) {
            return Ok(vec![]);
        }
        Ok(vec![ProviderEvent::HookSecretSet {
            provider: self.provider.clone(),
            secret,
        }])
    }

    pub(super) fn confirm(&mut self) {
        if let Some(staged) = self.staged.take() {
            self.client_secret = Some(staged.secret);
            self.public_key = staged.public_key.or(self.public_key.take());
        }
    }

    pub(super) fn take(&mut self, changes: ProviderChanges) {
        let ProviderChanges {
            name,
            description,
            base_url,
            client_id,
            client_secret,
            callback,
            algorithm,
            pkce,
            signing,
            ca_bundle,
            proxy,
            on_missing,
        } = changes;
        if let Some(name) = name {
            self.name = name;
        }
        if let Some(description) = description {
            self.description = description;
        }
        if let Some(base_url) = base_url {
            self.base_url = base_url;
        }
        if client_id.is_some() {
            self.client_id = client_id;
        }
        if client_secret.is_some() {
            self.client_secret = client_secret;
        }
        if let Some(callback) = callback {
            self.callback = callback;
        }
        if let Some(algorithm) = algorithm {
            self.algorithm = algorithm.own();
        }
        if let Some(pkce) = pkce {
            self.pkce = pkce.own();
        }
        if let Some(signing) = signing {
            self.signing = signing;
        }
        if let Some(ca_bundle) = ca_bundle {
            self.ca_bundle = ca_bundle.own();
        }
        if let Some(proxy) = proxy {
            self.proxy = proxy.own();
        }
        if let Some(on_missing) = on_missing {
            self.on_missing = on_missing;
        }
    }
}

impl ProviderChanges {
    fn without_what_already_is(self, now: &Registration) -> Self {
        Self {
            name: self.name.filter(|name| *name != now.name),
            description: self.description.filter(|words| *words != now.description),
            base_url: self.base_url.filter(|url| *url != now.base_url),
            client_id: self
                .client_id
                .filter(|id| Some(id) != now.client_id.as_ref()),
            client_secret: self
                .client_secret
                .filter(|at| Some(*at) != now.client_secret),
            callback: self.callback.filter(|callback| *callback != now.callback),
            algorithm: self
                .algorithm
                .filter(|choice| choice.own() != now.algorithm),
            pkce: self.pkce.filter(|choice| choice.own() != now.pkce),
            signing: self.signing.filter(|signing| *signing != now.signing),
            ca_bundle: self
                .ca_bundle
                .filter(|choice| choice.clone().own() != now.ca_bundle),
            proxy: self
                .proxy
                .filter(|choice| choice.clone().own() != now.proxy),
            on_missing: self.on_missing.filter(|choice| *choice != now.on_missing),
        }
    }
}
