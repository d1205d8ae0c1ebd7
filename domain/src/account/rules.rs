//! What follows from a command to a linked account: the rule table.

use chrono::{DateTime, Utc};

use super::{
    AccountCommand, AccountError, AccountEvent, Link, PlacementStatus, Presence, PublicationCause,
    Renewal, Residue, WithdrawalCause,
};
use crate::{Failure, KeyId};

type Decision = Result<Vec<AccountEvent>, AccountError>;

impl Link {
    pub(super) fn decide(&self, command: AccountCommand) -> Decision {
        use AccountCommand as C;
        use AccountError as Refusal;
        use AccountEvent as E;
        let (account, user, provider) = (self.account, self.user.clone(), self.provider.clone());
        match command {
            C::LinkAccount { user: by, .. } if by != user => Err(Refusal::LinkedElsewhere),
            C::LinkAccount { .. } | C::RequestKeyPublication { .. } if self.unlinking => {
                Err(Refusal::Unlinking)
            }
            C::LinkAccount { grant, .. } if grant == self.grant => Ok(vec![]),
            // By hand there is nothing to be renewed.
            C::LinkAccount { grant: None, .. } => Ok(vec![]),
            C::LinkAccount {
                grant: Some(grant), ..
            } if !self.follows(&grant) => Err(Refusal::GrantSuperseded),
            C::LinkAccount {
                profile,
                grant: Some(grant),
                ..
            } => Ok(vec![E::GrantRenewed {
                account,
                user,
                provider,
                how: Renewal::Relink,
                profile: Some(profile),
                grant,
            }]),
            // Whose account it is stays unsaid.
            C::UnlinkAccount { user: by } | C::ForceUnlink { user: by, .. } if by != user => {
                Err(Refusal::NotFound)
            }
            C::ForceUnlink { fingerprints, .. } => Ok(self.force_unlink(&fingerprints)),
            C::UnlinkAccount { .. } if self.unlinking => Ok(vec![]),
            C::UnlinkAccount { .. } => Ok(vec![E::UnlinkRequested {
                account,
                user,
                provider,
            }]),
            C::RequestKeyPublication { key, cause } => Ok(self.request_publication(key, cause)),
            C::RequestKeyWithdrawal { key, cause } => Ok(self.request_withdrawal(key, cause)),
            C::RecordGrantRenewed { grant, .. } if !self.follows(&grant) => Ok(vec![]),
            C::RecordGrantRenewed { how, grant } => Ok(vec![E::GrantRenewed {
                account,
                user,
                provider,
                how,
                profile: None,
                grant,
            }]),
            C::RecordGrantLost { generation, .. }
                if generation != self.generation() || self.lost.is_some() =>
            {
                Ok(vec![])
            }
            C::RecordGrantLost { failure, .. } => Ok(vec![E::GrantLost {
                account,
                user,
                provider,
                failure,
            }]),
            C::RecordKeyPublished {
                key,
                remote_key,
                presence,
                expires_at,
            } => Ok(self.published(key, remote_key, presence, expires_at)),
            C::RecordKeyExpiring { key, expires_at } => Ok(self.expiring(key, expires_at)),
            C::RecordKeyPublicationFailed {
                key,
                failure,
                retry_at,
            } => Ok(self.publication_failed(key, failure, retry_at)),
            C::RecordKeyWithdrawn { key, was_there } => Ok(self.withdrawn(key, was_there)),
            C::RecordKeyWithdrawalFailed {
                key,
                failure,
                retry_at,
            } => Ok(self.withdrawal_failed(key, failure, retry_at)),
            C::RecordAccountUnlinked { .. } if !self.unlinking => Ok(vec![]),
            C::RecordAccountUnlinked { residue } => self.unlinked(residue),
        }
    }

    fn request_publication(&self, key: KeyId, cause: PublicationCause) -> Vec<AccountEvent> {
        if !self.needs_publication(key, cause) {
            return vec![];
        }
        vec![AccountEvent::KeyPublicationRequested {
            account: self.account,
            user: self.user.clone(),
            provider: self.provider.clone(),
            key,
            cause,
        }]
    }

    fn needs_publication(&self, key: KeyId, cause: PublicationCause) -> bool {
        use PlacementStatus as S;
        use PublicationCause as Why;
        let placement = self.placements.get(&key);
        match (placement.map(|placement| placement.status), cause) {
            // A replay takes a key up once, whatever became of it since.
            (Some(S::Publishing(_) | S::PublishingParked | S::Published), Why::Replay(replay)) => {
                placement.is_some_and(|placement| placement.replay != Some(replay))
            }
            // Another try makes sense once one has failed.
            (Some(S::Publishing(_)), Why::Retry) => self.attempts(key) > 0,
            (Some(S::PublishingParked), Why::Retry | Why::Link | Why::Rotation)
            | (None, Why::Link | Why::Rotation) => true,
            (Some(S::Publishing(_) | S::Published), Why::Link | Why::Rotation)
            | (Some(S::Published), Why::Retry)
            | (None, Why::Retry | Why::Replay(_))
            // What was taken away does not come back, it may be compromised: not by a replay,
            // not by a request that is delivered twice.
            | (Some(S::Withdrawing(_) | S::WithdrawingParked | S::Gone), _) => false,
        }
    }

    fn request_withdrawal(&self, key: KeyId, cause: WithdrawalCause) -> Vec<AccountEvent> {
        if !self.needs_withdrawal(key, cause) {
            return vec![];
        }
        let (account, user, provider) = (self.account, self.user.clone(), self.provider.clone());
        let adopted = |placement: &super::Placement| placement.adopted;
        vec![if self.placements.get(&key).is_some_and(adopted) {
            AccountEvent::KeyReleased {
                account,
                user,
                provider,
                key,
            }
        } else {
            AccountEvent::KeyWithdrawalRequested {
                account,
                user,
                provider,
                key,
                cause,
            }
        }]
    }

    fn needs_withdrawal(&self, key: KeyId, cause: WithdrawalCause) -> bool {
        use PlacementStatus as S;
        use WithdrawalCause as Why;
        let placement = self.placements.get(&key);
        match (placement.map(|placement| placement.status), cause) {
            (Some(S::Withdrawing(_) | S::WithdrawingParked), Why::Replay(replay)) => {
                placement.is_some_and(|placement| placement.replay != Some(replay))
            }
            (Some(S::Withdrawing(_)), Why::Retry) => self.attempts(key) > 0,
            (Some(S::WithdrawingParked), Why::Retry | Why::Rotation | Why::Unlink)
            | (
                Some(S::Publishing(_) | S::PublishingParked | S::Published),
                Why::Rotation | Why::Unlink,
            ) => true,
            (Some(S::Withdrawing(_)), Why::Rotation | Why::Unlink)
            | (
                Some(S::Publishing(_) | S::PublishingParked | S::Published),
                Why::Retry | Why::Replay(_),
            )
            | (Some(S::Gone) | None, _) => false,
        }
    }

    fn published(
        &self,
        key: KeyId,
        remote_key: Option<String>,
        presence: Presence,
        expires_at: Option<DateTime<Utc>>,
    ) -> Vec<AccountEvent> {
        use PlacementStatus as S;
        let (account, user, provider) = (self.account, self.user.clone(), self.provider.clone());
        match (self.status(key), presence) {
            (Some(S::Publishing(_) | S::PublishingParked), _) => {
                vec![AccountEvent::KeyPublished {
                    account,
                    user,
                    provider,
                    key,
                    remote_key,
                    presence,
                    expires_at,
                }]
            }
            // Pasted again before the provider ended it, it lasts longer.
            (Some(S::Published), Presence::ByHand) if expires_at > self.expires_at(key) => {
                vec![AccountEvent::KeyPublished {
                    account,
                    user,
                    provider,
                    key,
                    remote_key,
                    presence,
                    expires_at,
                }]
            }
            // It turns out to be the person's own while it is about to be taken away.
            (Some(S::Withdrawing(_) | S::WithdrawingParked), Presence::Adopted) => {
                vec![AccountEvent::KeyReleased {
                    account,
                    user,
                    provider,
                    key,
                }]
            }
            (
                Some(S::Withdrawing(_) | S::WithdrawingParked),
                Presence::Created | Presence::Found | Presence::ByHand,
            )
            | (Some(S::Published | S::Gone) | None, _) => vec![],
        }
    }

    fn expires_at(&self, key: KeyId) -> Option<DateTime<Utc>> {
        self.placements.get(&key).and_then(|known| known.expires_at)
    }

    fn expiring(&self, key: KeyId, expires_at: DateTime<Utc>) -> Vec<AccountEvent> {
        let due = self.placements.get(&key).is_some_and(|known| {
            known.status == PlacementStatus::Published
                && known.expires_at == Some(expires_at)
                && !known.reminded
        });
        if !due {
            return vec![];
        }
        vec![AccountEvent::KeyExpiring {
            account: self.account,
            user: self.user.clone(),
            provider: self.provider.clone(),
            key,
            expires_at,
        }]
    }

    fn publication_failed(
        &self,
        key: KeyId,
        failure: Failure,
        retry_at: Option<DateTime<Utc>>,
    ) -> Vec<AccountEvent> {
        let Some(PlacementStatus::Publishing(_)) = self.status(key) else {
            return vec![];
        };
        let (account, user, provider) = (self.account, self.user.clone(), self.provider.clone());
        let attempts = self.attempts(key).saturating_add(1);
        vec![match retry_at {
            Some(retry_at) => AccountEvent::KeyPublicationFailed {
                account,
                user,
                provider,
                key,
                failure,
                attempts,
                retry_at,
            },
            None => AccountEvent::KeyPublicationParked {
                account,
                user,
                provider,
                key,
                failure,
                attempts,
            },
        }]
    }

    fn withdrawn(&self, key: KeyId, was_there: bool) -> Vec<AccountEvent> {
        let Some(PlacementStatus::Withdrawing(_) | PlacementStatus::WithdrawingParked) =
            self.status(key)
        else {
            return vec![];
        };
        vec![AccountEvent::KeyWithdrawn {
            account: self.account,
            user: self.user.clone(),
            provider: self.provider.clone(),
            key,
            was_there,
        }]
    }

    fn withdrawal_failed(
        &self,
        key: KeyId,
        failure: Failure,
        retry_at: Option<DateTime<Utc>>,
    ) -> Vec<AccountEvent> {
        let Some(PlacementStatus::Withdrawing(_)) = self.status(key) else {
            return vec![];
        };
        let (account, user, provider) = (self.account, self.user.clone(), self.provider.clone());
        let attempts = self.attempts(key).saturating_add(1);
        vec![match retry_at {
            Some(retry_at) => AccountEvent::KeyWithdrawalFailed {
                account,
                user,
                provider,
                key,
                failure,
                attempts,
                retry_at,
            },
            None => AccountEvent::KeyWithdrawalParked {
                account,
                user,
                provider,
                key,
                failure,
                attempts,
            },
        }]
    }

    fn unlinked(&self, mut residue: Vec<Residue>) -> Decision {
        let is_named = |id: KeyId| {
            residue
                .iter()
                .any(|left| matches!(left, Residue::Key { key, .. } if *key == id))
        };
        if !self.remaining_keys().all(is_named) {
            return Err(AccountError::KeysRemain);
        }
        // Whoever cleans up by hand needs the provider's own id.
        for left in &mut residue {
            if let Residue::Key {
                key, remote_key, ..
            } = left
                && remote_key.is_none()
            {
                *remote_key = self.remote_key(*key);
            }
        }
        Ok(vec![AccountEvent::AccountUnlinked {
            account: self.account,
            user: self.user.clone(),
            provider: self.provider.clone(),
            residue,
        }])
    }
}
