//! What can be asked of an account, and what the outside reports about it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{Grant, Presence, PublicationCause, Renewal, Residue, WithdrawalCause};
use crate::reconcile::Drift;
use crate::{AccountId, Failure, KeyId, ProviderSlug, Sealed, SecretRef, UserId};

/// A command to one account.
#[derive(Debug, Clone, PartialEq)]
pub enum AccountCommand {
    /// Links the account to a person; for the same person again, renews the grant.
    LinkAccount {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
        /// Who the person is there, sealed.
        profile: Sealed,
        /// What the provider gave us; nothing where keys are carried by hand. Its generation must
        /// be one more than the current one.
        grant: Option<Grant>,
    },
    /// Reports that tokens which no link uses are given back: none comes to use them from here on.
    /// Stale: a link uses them.
    RecordLinkGivenUp {
        /// The account that was to be linked.
        account: AccountId,
        /// The person.
        user: UserId,
        /// The provider.
        provider: ProviderSlug,
        /// Where the vault keeps the tokens.
        secret: SecretRef,
    },
    /// Starts to unlink.
    UnlinkAccount {
        /// Who owns the account, as the caller believes.
        user: UserId,
    },
    /// Ends an unlinking at once, begun or not, and records what stays at the provider.
    ForceUnlink {
        /// Who owns the account, as the caller believes.
        user: UserId,
        /// The fingerprints of keys, as far as they are known.
        fingerprints: BTreeMap<KeyId, String>,
    },
    /// Asks that a key be put at the provider.
    RequestKeyPublication {
        /// The key.
        key: KeyId,
        /// Why.
        cause: PublicationCause,
        /// Which link of the account it is meant for, where that is remembered: an account that was
        /// linked anew since is not asked, for the key is of the link before.
        link: Option<u64>,
    },
    /// Asks that a key be taken away.
    RequestKeyWithdrawal {
        /// The key.
        key: KeyId,
        /// Why.
        cause: WithdrawalCause,
    },
    /// Asks that the revocation of an unlinking's grant be tried again.
    RequestGrantRevocation,
    /// Gives up a key that is parked: nothing more is tried.
    DiscardPlacement {
        /// The key.
        key: KeyId,
    },
    /// Reports refreshed tokens, already in the vault. Stale: generation not one more.
    RecordGrantRenewed {
        /// How.
        how: Renewal,
        /// What the provider gave us.
        grant: Grant,
    },
    /// Reports that the grant no longer works. Stale: another generation than the current one.
    RecordGrantLost {
        /// The generation that was refused.
        generation: u64,
        /// Why.
        failure: Failure,
    },
    /// Reports that a key is at the provider.
    RecordKeyPublished {
        /// The key.
        key: KeyId,
        /// The provider's own id of it.
        remote_key: Option<String>,
        /// How it came to be there.
        presence: Presence,
        /// When the provider ends it by itself, if it does.
        expires_at: Option<DateTime<Utc>>,
    },
    /// Reports that a key at the provider ends soon.
    RecordKeyExpiring {
        /// The key.
        key: KeyId,
        /// When; stale, if it is another time by now.
        expires_at: DateTime<Utc>,
    },
    /// Reports a failed try to publish. Where the grant is to blame, `RecordGrantLost` goes first;
    /// if that was stale, the grant is another by now and the key is tried again, not parked.
    RecordKeyPublicationFailed {
        /// The key.
        key: KeyId,
        /// Why.
        failure: Failure,
        /// When to try again; absent: park it.
        retry_at: Option<DateTime<Utc>>,
    },
    /// Reports that a key is not at the provider.
    RecordKeyWithdrawn {
        /// The key.
        key: KeyId,
        /// Whether it was there until now.
        was_there: bool,
    },
    /// Reports a failed try to withdraw.
    RecordKeyWithdrawalFailed {
        /// The key.
        key: KeyId,
        /// Why.
        failure: Failure,
        /// When to try again; absent: park it.
        retry_at: Option<DateTime<Utc>>,
    },
    /// Reports a failed try to revoke the grant of an unlinking.
    RecordGrantRevocationFailed {
        /// Why.
        failure: Failure,
        /// When to try again; absent: park it.
        retry_at: Option<DateTime<Utc>>,
    },
    /// Reports everything that a look found otherwise than the log says; what is not named is as it
    /// should be. The look must be of the account as it is: what happened since, it has not seen.
    RecordKeyDrift {
        /// Of keys that the log knows at this account.
        keys: BTreeMap<KeyId, Drift>,
        /// Keys that bear our name and that the log does not know here: the provider's own id by
        /// fingerprint.
        foreign: BTreeMap<String, String>,
    },
    /// Reports that clean-up is over. Refused while a key is still to be withdrawn, unless it
    /// stands in the residue.
    RecordAccountUnlinked {
        /// What could not be cleaned up.
        residue: Vec<Residue>,
    },
}

impl AccountCommand {
    /// Says whether the command reports what the outside did: such are never refused for a rule.
    pub(super) fn is_report(&self) -> bool {
        match self {
            Self::RecordLinkGivenUp { .. }
            | Self::RecordGrantRenewed { .. }
            | Self::RecordGrantLost { .. }
            | Self::RecordKeyPublished { .. }
            | Self::RecordKeyExpiring { .. }
            | Self::RecordKeyPublicationFailed { .. }
            | Self::RecordKeyWithdrawn { .. }
            | Self::RecordKeyWithdrawalFailed { .. }
            | Self::RecordGrantRevocationFailed { .. }
            | Self::RecordKeyDrift { .. }
            | Self::RecordAccountUnlinked { .. } => true,
            Self::LinkAccount { .. }
            | Self::UnlinkAccount { .. }
            | Self::ForceUnlink { .. }
            | Self::RequestKeyPublication { .. }
            | Self::RequestKeyWithdrawal { .. }
            | Self::RequestGrantRevocation
            | Self::DiscardPlacement { .. } => false,
        }
    }
}
