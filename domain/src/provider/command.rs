//! What can be asked of a provider.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Callback, HostKeySource, OnMissing, Protocol, ProviderKind};
use crate::keyring::Algorithm;
use crate::{
    AccountId, BaseUrl, CaBundle, ClientId, Description, DisplayName, Failure, HostKeyLine,
    ProviderSlug, ProxyUrl, PublicPem, SecretRef, UserId,
};

/// A command to one provider.
#[derive(Debug, Clone, PartialEq)]
pub enum ProviderCommand {
    /// Registers a provider. No event if it was registered just so.
    AddProvider(AddProvider),
    /// Changes what is given, leaves what is absent.
    ChangeProvider {
        /// The new values.
        changes: ProviderChanges,
        /// How many accounts are linked: with any, the base URL stays.
        linked_accounts: u64,
    },
    /// Stops new links and key sync.
    DisableProvider,
    /// Lets it work again.
    EnableProvider,
    /// Stops key sync.
    PauseProvider,
    /// Lets key sync go on.
    ResumeProvider,
    /// Puts a second secret beside the app's: either of them works until one is confirmed or
    /// dropped.
    StageSecret {
        /// Where the vault keeps it.
        secret: SecretRef,
        /// The public half, where it is a key of ours.
        public_key: Option<PublicPem>,
    },
    /// Lets the second secret take the place of the first.
    ConfirmSecret,
    /// Lets the second secret go.
    DropSecret,
    /// Stops new links, and has every account unlinked; then it can be removed.
    RequestRemoval {
        /// Whether to wait for nothing: what stays at the provider is named.
        force: bool,
    },
    /// Calls the removal off: new links are taken again. Accounts that were asked to be unlinked
    /// are unlinked.
    CancelRemoval,
    /// Reports that the provider refuses the app.
    RecordAppRefused {
        /// What it said.
        failure: Failure,
    },
    /// Reports that the provider accepts the app.
    RecordAppAccepted,
    /// Reports that the provider does not answer, and is left alone from now on. Stale: it is
    /// already.
    RecordBreakerOpened {
        /// What the last try met.
        failure: Failure,
        /// How many of the last tries had met an outage.
        attempts: u32,
        /// Since when it is left alone.
        at: DateTime<Utc>,
    },
    /// Reports that it is probed. Stale: nothing is open, or it is probed already.
    RecordBreakerHalfOpened,
    /// Reports that it answers again. Stale: nothing is open.
    RecordBreakerClosed,
    /// Takes the keys by which the provider's SSH server is known.
    RecordHostKeys {
        /// Where they are from.
        source: HostKeySource,
        /// As lines of a `known_hosts` file.
        keys: Vec<HostKeyLine>,
    },
    /// Takes the secret by which what the product tells us by itself is known to be from there.
    SetHookSecret {
        /// Where the vault keeps it.
        secret: SecretRef,
    },
    /// Reports with which redirect URL the app is registered. Stale: it is known already.
    RecordRedirect {
        /// The redirect URL.
        redirect_url: BaseUrl,
    },
    /// Reports that a grant stays there which nobody here has any more.
    RecordGrantLeft {
        /// The provider.
        provider: ProviderSlug,
        /// Who granted it.
        user: UserId,
        /// The account that it was to be linked with, if it came so far.
        account: Option<AccountId>,
        /// Why it could not be revoked.
        failure: Failure,
    },
    /// Removes it for good.
    RemoveProvider {
        /// How many accounts are linked: with any, it is refused.
        linked_accounts: u64,
    },
}

/// Everything an admin says when registering a provider.
#[derive(Debug, Clone, PartialEq)]
pub struct AddProvider {
    /// Its short name, for ever.
    pub provider: ProviderSlug,
    /// Which product it runs.
    pub kind: ProviderKind,
    /// What people call it.
    pub name: DisplayName,
    /// A few words about it.
    pub description: Description,
    /// Where it is.
    pub base_url: BaseUrl,
    /// The id of the OAuth app registered there.
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
    /// The public half of the key that `client_secret` keeps, for OAuth 1.0a: an admin pastes it
    /// at the product.
    pub public_key: Option<PublicPem>,
    /// Whether keys are also to be good for signing commits.
    pub signing: bool,
    /// Certificates of authorities that are trusted here besides the system's.
    pub ca_bundle: Option<CaBundle>,
    /// The proxy on the way there, where it is not the deployment's.
    pub proxy: Option<ProxyUrl>,
    /// What becomes of a key that is no longer there.
    pub on_missing: OnMissing,
}

/// New values of a provider's settings; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ProviderChanges {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<DisplayName>,
    /// A few words about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// Where it is; fixed once an account is linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<BaseUrl>,
    /// The id of the OAuth app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    /// Where the vault keeps the app's new secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<SecretRef>,
    /// Which redirect URL the app is registered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<Callback>,
    /// The algorithm of new keys here; `default` goes back to the deployment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Choice<Algorithm>>,
    /// Whether to use PKCE; `default` goes back to what the product is known to support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pkce: Option<Choice<bool>>,
    /// Whether keys are also to be good for signing commits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing: Option<bool>,
    /// Certificates of authorities that are trusted here; `default` goes back to the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<Choice<CaBundle>>,
    /// The proxy on the way there; `default` goes back to the deployment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Choice<ProxyUrl>>,
    /// What becomes of a key that is no longer there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_missing: Option<OnMissing>,
}

/// A setting of its own, or back to the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice<T> {
    /// Whatever the default is.
    Default,
    /// This, whatever the default is.
    Own(T),
}

impl<T> Choice<T> {
    /// Returns the setting of its own, if there is one.
    pub fn own(self) -> Option<T> {
        match self {
            Self::Default => None,
            Self::Own(value) => Some(value),
        }
    }
}
