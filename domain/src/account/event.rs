//! What can have happened at a person's place at one provider.

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Failure, KeyId, Kind, LoggedEvent, ProviderSlug, ReplayId, Sealed, SecretRef, UserId,
};

/// What the provider gave us, without the tokens themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Where the vault keeps the tokens.
    pub secret: SecretRef,
    /// Which generation of the tokens: 1 at the link, one more at each renewal.
    pub generation: u64,
    /// The scopes that were granted, as the provider names them, sorted.
    pub scopes: Vec<String>,
    /// The scopes that were asked for and not granted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_scopes: Vec<String>,
    /// When the access token runs out; absent for one that does not.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::time::optional"
    )]
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether there is a refresh token.
    pub refreshable: bool,
}

/// How a grant was renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Renewal {
    /// The person linked the same account again.
    Relink,
    /// A refresh token was used.
    Refresh,
}

/// Why a key is to be put at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PublicationCause {
    /// The account was linked.
    Link,
    /// The key replaces another.
    Rotation,
    /// An operator replays the provider.
    Replay(ReplayId),
    /// Somebody asked for another try.
    Retry,
}

/// Why a key is to be taken away from the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawalCause {
    /// Another key took its place.
    Rotation,
    /// The account is being unlinked.
    Unlink,
    /// An operator replays the provider.
    Replay(ReplayId),
    /// Somebody asked for another try.
    Retry,
}

/// How a key came to be at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// We put it there now.
    Created,
    /// We put it there before; it was found in place.
    Found,
    /// It was there before us: it is never deleted as ours.
    Adopted,
    /// The person pasted it and said so.
    ByHand,
}

/// Something that an unlinking left at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Residue {
    /// A key that could not be withdrawn.
    Key {
        /// The key.
        key: KeyId,
        /// The provider's own id of it, if known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remote_key: Option<String>,
        /// The fingerprint by which people find it there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fingerprint: Option<String>,
    },
    /// A grant that could not be revoked.
    Grant,
}

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
}

impl LoggedEvent for AccountEvent {
    fn kind(&self) -> Kind {
        match self {
            Self::AccountLinked { .. } => Kind::new("AccountLinked", "LAC01I", 1),
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
            Self::KeyExpiring { .. } => Kind::new("KeyExpiring", "LAC15W", 1),
            Self::UnlinkForced { .. } => Kind::new("UnlinkForced", "LAC18W", 1),
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
