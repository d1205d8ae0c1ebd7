//! What follows from a command to a linked account: the rule table.

mod drift;
mod publishing;
mod revoking;
mod withdrawing;

use super::{
    AccountCommand, AccountError, AccountEvent, Link, PlacementStatus, Renewal, Residue, given_up,
};
use crate::KeyId;

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
                grant: Some(grant), ..
            } if self.ended.contains(&grant.secret) => Err(Refusal::LinkGivenUp),
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
            C::RecordLinkGivenUp { secret, .. } if self.uses(secret) => Ok(vec![]),
            // Of whoever was about to link it, who need not be who has it linked.
            C::RecordLinkGivenUp {
                account,
                user,
                provider,
                secret,
            } => Ok(given_up(&self.ended, account, user, provider, secret)),
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
            C::RequestKeyPublication {
                link: Some(link), ..
            } if link != self.number => Ok(vec![]),
            C::RequestKeyPublication { key, cause, .. } => Ok(self.request_publication(key, cause)),
            C::RequestKeyWithdrawal { key, cause } => Ok(self.request_withdrawal(key, cause)),
            C::DiscardPlacement { key } => self.discard(key),
            C::RecordGrantRenewed { grant, .. }
                if !self.follows(&grant) || self.ended.contains(&grant.secret) =>
            {
                Ok(vec![])
            }
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
            C::RequestGrantRevocation => Ok(self.request_revocation()),
            C::RecordGrantRevocationFailed { failure, retry_at } => {
                Ok(self.revocation_failed(failure, retry_at))
            }
            C::RecordKeyDrift { keys, foreign } => Ok(self.looked(&keys, &foreign)),
            C::RecordAccountUnlinked { .. } if !self.unlinking => Ok(vec![]),
            C::RecordAccountUnlinked { residue } => self.unlinked(residue),
        }
    }

    /// Gives up what is parked. What was given up already is no event.
    fn discard(&self, key: KeyId) -> Decision {
        use PlacementStatus as S;
        let stays = match self.status(key) {
            Some(S::PublishingParked) => false,
            Some(S::WithdrawingParked) => true,
            Some(S::Gone) => return Ok(vec![]),
            Some(S::Publishing(_) | S::Published | S::Withdrawing(_)) | None => {
                return Err(AccountError::NotParked);
            }
        };
        let discarded = AccountEvent::KeyPlacementDiscarded {
            account: self.account,
            user: self.user.clone(),
            provider: self.provider.clone(),
            key,
            stays,
            remote_key: self.remote_key(key).filter(|_| stays),
        };
        Ok(self.and_settled(key, discarded))
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
