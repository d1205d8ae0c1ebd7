//! What can have happened to a provider.

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::{Callback, HostKeySource, OnMissing, Protocol, ProviderChanges, ProviderKind};
use crate::keyring::Algorithm;
use crate::{
    AccountId, BaseUrl, CaBundle, ClientId, Description, DisplayName, Failure, HostKeyLine, Kind,
    LoggedEvent, ProviderSlug, ProxyUrl, PublicPem, SecretRef, UserId,
};

/// A fact about one Git provider. Stream `provider-<slug>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum ProviderEvent {
    /// An admin registered a provider.
    ProviderAdded {
        /// The provider.
        provider: ProviderSlug,
        /// Which product it runs.
        kind: ProviderKind,
        /// What people call it.
        name: DisplayName,
        /// A few words about it.
        #[serde(default, skip_serializing_if = "Description::is_empty")]
        description: Description,
        /// Where it is.
        base_url: BaseUrl,
        /// The id of the OAuth app registered there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<ClientId>,
        /// Where the vault keeps the app's secret.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_secret: Option<SecretRef>,
        /// Which redirect URL the app is registered with.
        callback: Callback,
        /// The algorithm of new keys here, where it is not the deployment's default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        algorithm: Option<Algorithm>,
        /// Whether to use PKCE, where it is not left to what the product is known to support.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pkce: Option<bool>,
        /// How people grant access.
        #[serde(default, skip_serializing_if = "Protocol::is_oauth2")]
        protocol: Protocol,
        /// The public half of the key that `client_secret` keeps, for OAuth 1.0a.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        public_key: Option<PublicPem>,
        /// Whether keys are also to be good for signing commits.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        signing: bool,
        /// Certificates of authorities that are trusted here besides the system's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ca_bundle: Option<CaBundle>,
        /// The proxy on the way there, where it is not the deployment's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proxy: Option<ProxyUrl>,
        /// What becomes of a key that is no longer there.
        #[serde(default, skip_serializing_if = "OnMissing::is_report")]
        on_missing: OnMissing,
    },
    /// An admin changed some of its settings; what is absent stayed as it was.
    ProviderChanged {
        /// The provider.
        provider: ProviderSlug,
        /// The new values.
        changes: ProviderChanges,
    },
    /// An admin stopped new links and key sync; what is there stays.
    ProviderDisabled {
        /// The provider.
        provider: ProviderSlug,
    },
    /// An admin let it work again.
    ProviderEnabled {
        /// The provider.
        provider: ProviderSlug,
    },
    /// An operator stopped key sync.
    ProviderPaused {
        /// The provider.
        provider: ProviderSlug,
    },
    /// An operator let key sync go on.
    ProviderResumed {
        /// The provider.
        provider: ProviderSlug,
    },
    /// An admin removed it for good; its slug is never used again.
    ProviderRemoved {
        /// The provider.
        provider: ProviderSlug,
    },
    /// An admin put a second secret beside the app's: either of them works for now.
    ProviderSecretStaged {
        /// The provider.
        provider: ProviderSlug,
        /// Where the vault keeps it.
        secret: SecretRef,
        /// The public half, where it is a key of ours.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        public_key: Option<PublicPem>,
    },
    /// The second secret took the place of the first.
    ProviderSecretConfirmed {
        /// The provider.
        provider: ProviderSlug,
    },
    /// The second secret was let go.
    ProviderSecretDropped {
        /// The provider.
        provider: ProviderSlug,
    },
    /// An admin wants it removed: no new links, and every account is unlinked first.
    ProviderRemovalRequested {
        /// The provider.
        provider: ProviderSlug,
        /// Whether every account ends at once, whatever stays there.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        force: bool,
    },
    /// An admin called its removal off: it takes new links again. Accounts that were asked to be
    /// unlinked by then are unlinked.
    ProviderRemovalCancelled {
        /// The provider.
        provider: ProviderSlug,
    },
    /// The provider refuses the app: an admin is needed, and no person's link is touched.
    ProviderAppRefused {
        /// The provider.
        provider: ProviderSlug,
        /// What it said.
        failure: Failure,
    },
    /// The provider accepts the app again.
    ProviderAppAccepted {
        /// The provider.
        provider: ProviderSlug,
    },
    /// An admin said by which keys the provider's SSH server is known.
    ProviderHostKeysRecorded {
        /// The provider.
        provider: ProviderSlug,
        /// Where they are from.
        source: HostKeySource,
        /// As lines of a `known_hosts` file (`sshd(8)`).
        keys: Vec<HostKeyLine>,
    },
    /// The provider does not answer: it is left alone, and probed from time to time.
    BreakerOpened {
        /// The provider.
        provider: ProviderSlug,
        /// What the last try met.
        failure: Failure,
        /// How many of the last tries had met an outage.
        attempts: u32,
        /// Since when it is left alone.
        #[serde(with = "crate::time")]
        since: DateTime<Utc>,
    },
    /// The first probe since it was left alone is on its way; those after it say nothing new
    /// until one succeeds.
    BreakerHalfOpened {
        /// The provider.
        provider: ProviderSlug,
        /// Since when it is left alone.
        #[serde(with = "crate::time")]
        since: DateTime<Utc>,
    },
    /// A probe succeeded: it works as ever, and what the outage parked goes on.
    BreakerClosed {
        /// The provider.
        provider: ProviderSlug,
        /// Since when it had been left alone.
        #[serde(with = "crate::time")]
        since: DateTime<Utc>,
    },
    /// An admin had a secret made for what the product tells us by itself; the one before it, if
    /// there was one, is of no use any more.
    HookSecretSet {
        /// The provider.
        provider: ProviderSlug,
        /// Where the vault keeps it.
        secret: SecretRef,
    },
    /// The app was found to be accepted while an admin was given this redirect URL for it: it is
    /// what the app is registered with, until another is found to work.
    ProviderRedirectNoted {
        /// The provider.
        provider: ProviderSlug,
        /// The redirect URL.
        redirect_url: BaseUrl,
    },
    /// A person granted access, the link did not come about, and the provider did not take the
    /// grant back: it may still be honoured there. Nobody has its tokens any more.
    ProviderGrantLeft {
        /// The provider.
        provider: ProviderSlug,
        /// Who granted it.
        user: UserId,
        /// The account that it was to be linked with, if it came so far.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<AccountId>,
        /// Why it could not be revoked.
        failure: Failure,
    },
}

impl LoggedEvent for ProviderEvent {
    fn kind(&self) -> Kind {
        match self {
            Self::ProviderAdded { .. } => Kind::new("ProviderAdded", "LPR01I", 1),
            Self::ProviderChanged { .. } => Kind::new("ProviderChanged", "LPR02I", 1),
            Self::ProviderDisabled { .. } => Kind::new("ProviderDisabled", "LPR03I", 1),
            Self::ProviderEnabled { .. } => Kind::new("ProviderEnabled", "LPR04I", 1),
            Self::ProviderPaused { .. } => Kind::new("ProviderPaused", "LPR05I", 1),
            Self::ProviderResumed { .. } => Kind::new("ProviderResumed", "LPR06I", 1),
            Self::ProviderRemoved { .. } => Kind::new("ProviderRemoved", "LPR07I", 1),
            Self::ProviderSecretStaged { .. } => Kind::new("ProviderSecretStaged", "LPR08I", 1),
            Self::ProviderSecretConfirmed { .. } => {
                Kind::new("ProviderSecretConfirmed", "LPR09I", 1)
            }
            Self::ProviderSecretDropped { .. } => Kind::new("ProviderSecretDropped", "LPR10I", 1),
            Self::ProviderRemovalRequested { .. } => {
                Kind::new("ProviderRemovalRequested", "LPR11I", 1)
            }
            Self::ProviderRemovalCancelled { .. } => {
                Kind::new("ProviderRemovalCancelled", "LPR21I", 1)
            }
            Self::ProviderAppRefused { .. } => Kind::new("ProviderAppRefused", "LPR12E", 1),
            Self::ProviderAppAccepted { .. } => Kind::new("ProviderAppAccepted", "LPR13I", 1),
            Self::ProviderHostKeysRecorded { .. } => {
                Kind::new("ProviderHostKeysRecorded", "LPR14I", 1)
            }
            Self::BreakerOpened { .. } => Kind::new("BreakerOpened", "LPR15E", 1),
            Self::BreakerHalfOpened { .. } => Kind::new("BreakerHalfOpened", "LPR16I", 1),
            Self::BreakerClosed { .. } => Kind::new("BreakerClosed", "LPR17I", 1),
            Self::HookSecretSet { .. } => Kind::new("HookSecretSet", "LPR18I", 1),
            Self::ProviderRedirectNoted { .. } => Kind::new("ProviderRedirectNoted", "LPR22I", 1),
            Self::ProviderGrantLeft { .. } => Kind::new("ProviderGrantLeft", "LPR23E", 1),
        }
    }
}

impl DomainEvent for ProviderEvent {
    fn event_type(&self) -> String {
        self.kind().name.to_owned()
    }

    fn event_version(&self) -> String {
        self.kind().schema.to_string()
    }
}
