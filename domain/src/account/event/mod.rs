//! What can have happened at a person's place at one provider.

mod words;

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

pub use words::{Grant, Presence, PublicationCause, Renewal, Residue, WithdrawalCause};

use crate::reconcile::Drift;
use crate::{
    AccountId, Failure, KeyId, Kind, LoggedEvent, ProviderSlug, Sealed, SecretRef, UserId,
};

/// A fact about one account. Stream `account-<account>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum AccountEvent {
    /// A person linked an account at a provider.
    AccountLinked {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
        /// Who the person is there (number, login, name), sealed.
        profile: Sealed,
        /// What the provider gave us; nothing where keys are carried by hand.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grant: Option<Grant>,
    },
    /// A link that was under way took too long, or whoever made it died: no link comes about with its
    /// tokens any more, and the provider gets them back.
    LinkGivenUp {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
        /// Where the vault kept the tokens.
        secret: SecretRef,
    },
    /// New tokens took the place of the old.
    GrantRenewed {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
        /// How.
        how: Renewal,
        /// Who the person is there now, sealed, if it was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        profile: Option<Sealed>,
        /// What the provider gave us.
        grant: Grant,
    },
    /// The grant no longer works and nothing but a new link helps.
    GrantLost {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
        /// Why.
        failure: Failure,
    },
    /// Somebody asked to unlink; unusable here at once, the provider is cleaned up next.
    UnlinkRequested {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
    },
    /// An admin ended an unlinking at once: nothing more is tried at the provider. Why stands in
    /// the envelope's reason.
    UnlinkForced {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
    },
    /// The account is no longer linked; its secrets are destroyed.
    AccountUnlinked {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
        /// What could not be cleaned up.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        residue: Vec<Residue>,
    },
    /// Another try to revoke the grant of an unlinking is wanted: what kept it may be mended.
    GrantRevocationRequested {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
    },
    /// A try to revoke the grant of an unlinking failed; there will be another.
    GrantRevocationFailed {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
        /// Why.
        failure: Failure,
        /// How many tries have failed since it was asked for.
        attempts: u32,
        /// Not before this time.
        #[serde(with = "crate::time")]
        retry_at: DateTime<Utc>,
    },
    /// Revoking the grant of an unlinking waits for somebody: no further try by itself. The
    /// provider may still honour it.
    GrantRevocationParked {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
        /// Why.
        failure: Failure,
        /// How many tries have failed since it was asked for.
        attempts: u32,
    },
    /// A key is to be put at the provider.
    KeyPublicationRequested {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
        /// The key.
        key: KeyId,
        /// Why.
        cause: PublicationCause,
    },
    /// The key is at the provider.
    KeyPublished {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
        /// The key.
        key: KeyId,
        /// The provider's own id of it; absent where a person pasted it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remote_key: Option<String>,
        /// How it came to be there.
        presence: Presence,
        /// When the provider ends it by itself, if it does.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            with = "crate::time::optional"
        )]
        expires_at: Option<DateTime<Utc>>,
    },
    /// A try to publish failed; there will be another.
    KeyPublicationFailed {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
        /// The key.
        key: KeyId,
        /// Why.
        failure: Failure,
        /// How many tries have failed since it was requested.
        attempts: u32,
        /// Not before this time.
        #[serde(with = "crate::time")]
        retry_at: DateTime<Utc>,
    },
    /// Publishing waits for somebody: no further try by itself.
    KeyPublicationParked {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
        /// The key.
        key: KeyId,
        /// Why.
        failure: Failure,
        /// How many tries have failed since it was requested.
        attempts: u32,
    },
    /// A key is to be taken away from the provider.
    KeyWithdrawalRequested {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
        /// The key.
        key: KeyId,
        /// Why.
        cause: WithdrawalCause,
    },
    /// The key is not at the provider.
    KeyWithdrawn {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
        /// The key.
        key: KeyId,
        /// Whether it was there until now.
        was_there: bool,
    },
    /// A try to withdraw failed; there will be another.
    KeyWithdrawalFailed {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
        /// The key.
        key: KeyId,
        /// Why.
        failure: Failure,
        /// How many tries have failed since it was requested.
        attempts: u32,
        /// Not before this time.
        #[serde(with = "crate::time")]
        retry_at: DateTime<Utc>,
    },
    /// Withdrawing waits for somebody: no further try by itself.
    KeyWithdrawalParked {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
        /// The key.
        key: KeyId,
        /// Why.
        failure: Failure,
        /// How many tries have failed since it was requested.
        attempts: u32,
    },
    /// A key that was there before us is left to the person.
    KeyReleased {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
        /// The key.
        key: KeyId,
    },
    /// Somebody gave up what was parked: nothing more is tried. Why stands in the envelope's
    /// reason.
    KeyPlacementDiscarded {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
        /// The key.
        key: KeyId,
        /// Whether it was to be taken away, and so stays at the provider.
        stays: bool,
        /// The provider's own id of it, where it stays and that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remote_key: Option<String>,
    },
    /// The provider will end a key soon: the person is reminded.
    KeyExpiring {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
        /// The key.
        key: KeyId,
        /// When.
        #[serde(with = "crate::time")]
        expires_at: DateTime<Utc>,
    },
    /// A look found that the provider disagrees with the log about a key.
    KeyDriftFound {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
        /// The key; absent for one that the log does not know here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<KeyId>,
        /// How.
        what: Drift,
        /// The fingerprint of a key that the log does not know.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fingerprint: Option<String>,
        /// The provider's own id of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remote_key: Option<String>,
    },
    /// The provider no longer disagrees with the log about a key.
    KeyDriftSettled {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
        /// The key; absent for one that the log does not know here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<KeyId>,
        /// The fingerprint of a key that the log does not know.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fingerprint: Option<String>,
    },
}

impl LoggedEvent for AccountEvent {
    fn kind(&self) -> Kind {
        match self {
            Self::AccountLinked { .. } => Kind::new("AccountLinked", "LAC01I", 1),
            Self::LinkGivenUp { .. } => Kind::new("LinkGivenUp", "LAC31W", 1),
            Self::GrantRenewed { .. } => Kind::new("GrantRenewed", "LAC02I", 1),
            Self::GrantLost { .. } => Kind::new("GrantLost", "LAC03E", 1),
            Self::UnlinkRequested { .. } => Kind::new("UnlinkRequested", "LAC04I", 1),
            Self::AccountUnlinked { .. } => Kind::new("AccountUnlinked", "LAC05I", 1),
            Self::KeyPublicationRequested { .. } => {
                Kind::new("KeyPublicationRequested", "LAC06I", 1)
            }
            Self::KeyPublished { .. } => Kind::new("KeyPublished", "LAC07I", 1),
            Self::KeyPublicationFailed { .. } => Kind::new("KeyPublicationFailed", "LAC08W", 1),
            Self::KeyPublicationParked { .. } => Kind::new("KeyPublicationParked", "LAC09E", 1),
            Self::KeyWithdrawalRequested { .. } => Kind::new("KeyWithdrawalRequested", "LAC10I", 1),
            Self::KeyWithdrawn { .. } => Kind::new("KeyWithdrawn", "LAC11I", 1),
            Self::KeyWithdrawalFailed { .. } => Kind::new("KeyWithdrawalFailed", "LAC12W", 1),
            Self::KeyWithdrawalParked { .. } => Kind::new("KeyWithdrawalParked", "LAC13E", 1),
            Self::KeyReleased { .. } => Kind::new("KeyReleased", "LAC14I", 1),
            Self::KeyPlacementDiscarded { .. } => Kind::new("KeyPlacementDiscarded", "LAC27I", 1),
            Self::KeyExpiring { .. } => Kind::new("KeyExpiring", "LAC15W", 1),
            Self::GrantRevocationFailed { .. } => Kind::new("GrantRevocationFailed", "LAC28W", 1),
            Self::GrantRevocationParked { .. } => Kind::new("GrantRevocationParked", "LAC29E", 1),
            Self::GrantRevocationRequested { .. } => {
                Kind::new("GrantRevocationRequested", "LAC30I", 1)
            }
            Self::UnlinkForced { .. } => Kind::new("UnlinkForced", "LAC18W", 1),
            Self::KeyDriftFound { .. } => Kind::new("KeyDriftFound", "LAC16W", 1),
            Self::KeyDriftSettled { .. } => Kind::new("KeyDriftSettled", "LAC17I", 1),
        }
    }
}

impl DomainEvent for AccountEvent {
    fn event_type(&self) -> String {
        self.kind().name.to_owned()
    }

    fn event_version(&self) -> String {
        self.kind().schema.to_string()
    }
}
