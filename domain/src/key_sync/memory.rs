//! What the policy remembers: one row per account, one per key, and what each event does to them.
//!
//! The `key_sync` projection keeps the rows; the functions here say what it writes, so that the
//! projection, the policy and the tests share one definition. Events are taken in the log's order.
//!
//! | event | the account's row | the row of its `key` | the rows of all its keys |
//! | --- | --- | --- | --- |
//! | `AccountLinked` | there, `linked`, with its `user` | | |
//! | `GrantRenewed` | `linked`, unless `unlinking` | | `publishing_lost` → `publishing_due`, `withdrawing_lost` → `withdrawing_due` |
//! | `GrantLost` | `grant_lost`, unless `unlinking` | | |
//! | `UnlinkRequested` | `unlinking` | | |
//! | `AccountUnlinked` | `unlinked` | | standing `ended` |
//! | `KeyPublicationRequested` | | `publishing` | |
//! | `KeyPublicationFailed` | | `publishing` | |
//! | `KeyPublicationParked` | | `publishing_parked`; `publishing_lost` if the grant is to blame | |
//! | `KeyPublished` | | `published` | those made before it and `replaced`: relieved now, unless they were before |
//! | `KeyWithdrawalRequested` | | `withdrawing` | |
//! | `KeyWithdrawalFailed` | | `withdrawing` | |
//! | `KeyWithdrawalParked` | | `withdrawing_parked`; `withdrawing_lost` if the grant is to blame | |
//! | `KeyWithdrawn`, `KeyReleased`, `KeyPlacementDiscarded` | | `gone` | |
//! | `KeyGenerated` | | there, with its `user`, `current`, `nowhere` | |
//! | `KeyRotated` | | there, with its `user`, `current`, `nowhere` | |
//! | … its `replaced` key | | `replaced` or `compromised`, unless `ended` | |
//! | `KeyRetired` | | no longer there | |
//!
//! The three events of a keyring count only where the holder is an account; a place changes only
//! where the row is there.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::Revoking;
use crate::account::AccountEvent;
use crate::keyring::KeyringEvent;
use crate::{AccountId, Blame, Failure, KeyId, ProviderSlug, UserId};

/// How far the link of an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// Linked.
    Linked,
    /// Linked; the grant no longer works.
    GrantLost,
    /// On the way to be unlinked.
    Unlinking,
    /// Not linked.
    Unlinked,
}

/// Whether a key is its holder's current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyStanding {
    /// It is.
    Current,
    /// Another takes its place.
    Replaced,
    /// Another takes its place, and it must not be trusted any more.
    Compromised,
    /// The link that it was made for is over: it is retired wherever it is.
    Ended,
}

/// Where a key is on its way to the provider or away from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Never sent there.
    Nowhere,
    /// To be published.
    Publishing,
    /// To be published; waits for somebody.
    PublishingParked,
    /// To be published, and it cannot be: the grant is gone.
    PublishingLost,
    /// To be published, and the grant is there again: to be requested anew.
    PublishingDue,
    /// There.
    Published,
    /// To be withdrawn.
    Withdrawing,
    /// To be withdrawn; waits for somebody.
    WithdrawingParked,
    /// To be withdrawn, and it cannot be: the grant is gone.
    WithdrawingLost,
    /// To be withdrawn, and the grant is there again: to be requested anew.
    WithdrawingDue,
    /// No longer there, or left to the person.
    Gone,
}

/// Gives an enum of words its text and back.
macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl $name {
            /// Returns the word for it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// Reads the word for it.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

words!(LinkState {
    Linked = "linked",
    GrantLost = "grant_lost",
    Unlinking = "unlinking",
    Unlinked = "unlinked",
});
words!(KeyStanding {
    Current = "current",
    Replaced = "replaced",
    Compromised = "compromised",
    Ended = "ended",
});
words!(Place {
    Nowhere = "nowhere",
    Publishing = "publishing",
    PublishingParked = "publishing_parked",
    PublishingLost = "publishing_lost",
    PublishingDue = "publishing_due",
    Published = "published",
    Withdrawing = "withdrawing",
    WithdrawingParked = "withdrawing_parked",
    WithdrawingLost = "withdrawing_lost",
    WithdrawingDue = "withdrawing_due",
    Gone = "gone",
});

impl LinkState {
    /// Returns what an event makes of the link, by way of [`LinkState::then`].
    pub fn after(event: &AccountEvent) -> Option<Self> {
        use AccountEvent as E;
        match event {
            E::AccountLinked { .. } | E::GrantRenewed { .. } => Some(Self::Linked),
            E::GrantLost { .. } => Some(Self::GrantLost),
            E::UnlinkRequested { .. } => Some(Self::Unlinking),
            E::AccountUnlinked { .. } => Some(Self::Unlinked),
            // The end comes with it.
            E::UnlinkForced { .. }
            | E::LinkGivenUp { .. }
            | E::GrantRevocationRequested { .. }
            | E::GrantRevocationFailed { .. }
            | E::GrantRevocationParked { .. }
            | E::KeyPublicationRequested { .. }
            | E::KeyPublished { .. }
            | E::KeyPublicationFailed { .. }
            | E::KeyPublicationParked { .. }
            | E::KeyWithdrawalRequested { .. }
            | E::KeyWithdrawn { .. }
            | E::KeyWithdrawalFailed { .. }
            | E::KeyWithdrawalParked { .. }
            | E::KeyReleased { .. }
            | E::KeyPlacementDiscarded { .. }
            | E::KeyExpiring { .. }
            | E::KeyDriftFound { .. }
            | E::KeyDriftSettled { .. } => None,
        }
    }

    /// Returns the state that follows: nothing but its end ends an unlinking, whatever becomes
    /// of the grant meanwhile.
    #[must_use]
    pub const fn then(self, next: Self) -> Self {
        match (self, next) {
            (Self::Unlinking, Self::Linked | Self::GrantLost) => self,
            (Self::Linked | Self::GrantLost | Self::Unlinking | Self::Unlinked, _) => next,
        }
    }
}

impl KeyStanding {
    /// Lists what an event makes of keys, by way of [`KeyStanding::then`]. A key's first is the
    /// one that its row begins with; `KeyRetired` ends the row instead.
    pub fn after(event: &KeyringEvent) -> Vec<(KeyId, Self)> {
        match event {
            KeyringEvent::KeyGenerated { key, .. } => vec![(*key, Self::Current)],
            KeyringEvent::KeyRotated {
                key,
                replaced,
                cause,
                ..
            } => {
                let old = if cause.is_compromised() {
                    Self::Compromised
                } else {
                    Self::Replaced
                };
                vec![(*replaced, old), (*key, Self::Current)]
            }
            KeyringEvent::KeyRetired { .. } => vec![],
        }
    }

    /// Returns the standing that follows: what has ended stays so.
    #[must_use]
    pub const fn then(self, next: Self) -> Self {
        match self {
            Self::Ended => self,
            Self::Current | Self::Replaced | Self::Compromised => next,
        }
    }
}

impl Place {
    /// Where a renewed grant takes every key of its account, from and to.
    pub const AFTER_RENEWAL: [(Self, Self); 2] = [
        (Self::PublishingLost, Self::PublishingDue),
        (Self::WithdrawingLost, Self::WithdrawingDue),
    ];

    /// Returns which key an event takes where. Besides, a `GrantRenewed` moves all keys of the
    /// account as [`Place::AFTER_RENEWAL`] says.
    pub fn after(event: &AccountEvent) -> Option<(KeyId, Self)> {
        use AccountEvent as E;
        let by_grant = |failure: &Failure| failure.blame == Blame::Grant;
        match event {
            E::KeyPublicationRequested { key, .. } | E::KeyPublicationFailed { key, .. } => {
                Some((*key, Self::Publishing))
            }
            E::KeyPublicationParked { key, failure, .. } if by_grant(failure) => {
                Some((*key, Self::PublishingLost))
            }
            E::KeyPublicationParked { key, .. } => Some((*key, Self::PublishingParked)),
            E::KeyPublished { key, .. } => Some((*key, Self::Published)),
            E::KeyWithdrawalRequested { key, .. } | E::KeyWithdrawalFailed { key, .. } => {
                Some((*key, Self::Withdrawing))
            }
            E::KeyWithdrawalParked { key, failure, .. } if by_grant(failure) => {
                Some((*key, Self::WithdrawingLost))
            }
            E::KeyWithdrawalParked { key, .. } => Some((*key, Self::WithdrawingParked)),
            E::KeyWithdrawn { key, .. }
            | E::KeyReleased { key, .. }
            | E::KeyPlacementDiscarded { key, .. } => Some((*key, Self::Gone)),
            E::AccountLinked { .. }
            | E::LinkGivenUp { .. }
            | E::GrantRenewed { .. }
            | E::GrantLost { .. }
            | E::UnlinkRequested { .. }
            | E::UnlinkForced { .. }
            | E::GrantRevocationRequested { .. }
            | E::GrantRevocationFailed { .. }
            | E::GrantRevocationParked { .. }
            | E::AccountUnlinked { .. }
            | E::KeyExpiring { .. }
            | E::KeyDriftFound { .. }
            | E::KeyDriftSettled { .. } => None,
        }
    }
}

/// Returns the key whose arrival at the provider relieves the replaced ones that were made before
/// it.
pub fn relieves(event: &AccountEvent) -> Option<KeyId> {
    use AccountEvent as E;
    match event {
        E::KeyPublished { key, .. } => Some(*key),
        E::AccountLinked { .. }
        | E::LinkGivenUp { .. }
        | E::GrantRenewed { .. }
        | E::GrantLost { .. }
        | E::UnlinkRequested { .. }
        | E::UnlinkForced { .. }
        | E::GrantRevocationRequested { .. }
        | E::GrantRevocationFailed { .. }
        | E::GrantRevocationParked { .. }
        | E::AccountUnlinked { .. }
        | E::KeyPublicationRequested { .. }
        | E::KeyPublicationFailed { .. }
        | E::KeyPublicationParked { .. }
        | E::KeyWithdrawalRequested { .. }
        | E::KeyWithdrawn { .. }
        | E::KeyWithdrawalFailed { .. }
        | E::KeyWithdrawalParked { .. }
        | E::KeyReleased { .. }
        | E::KeyPlacementDiscarded { .. }
        | E::KeyExpiring { .. }
        | E::KeyDriftFound { .. }
        | E::KeyDriftSettled { .. } => None,
    }
}

/// What the policy remembers of one account: one row of the `key_sync` projection and its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountMemory {
    /// The account.
    pub account: AccountId,
    /// The person.
    pub user: UserId,
    /// The provider.
    pub provider: ProviderSlug,
    /// How far its link is.
    pub link: LinkState,
    /// Whether its grant may be revoked, while it is being unlinked.
    pub revoking: Revoking,
    /// Which link of the account it is, counted from 1.
    pub number: u64,
    /// Its keys that are not retired, oldest first.
    pub keys: Vec<KeyMemory>,
}

/// What the policy remembers of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyMemory {
    /// The key.
    pub key: KeyId,
    /// Whose it is: perhaps not the one who has linked the account since.
    pub user: UserId,
    /// Whether it is the current one.
    pub standing: KeyStanding,
    /// Where it is.
    pub place: Place,
    /// Since when a key that was made after it is at the provider, if it was replaced by then:
    /// its grace runs from there.
    pub relieved_at: Option<DateTime<Utc>>,
}

impl KeyMemory {
    /// Says whether its grace is over.
    pub fn is_grace_over(&self, now: DateTime<Utc>, grace: TimeDelta) -> bool {
        self.relieved_at.is_none_or(|since| since + grace <= now)
    }
}
