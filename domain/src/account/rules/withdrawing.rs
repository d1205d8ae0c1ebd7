//! A key on its way away from the provider.

use chrono::{DateTime, Utc};

use crate::account::{AccountEvent, Link, Placement, PlacementStatus, WithdrawalCause};
use crate::{Failure, KeyId};

impl Link {
    pub(super) fn request_withdrawal(
        &self,
        key: KeyId,
        cause: WithdrawalCause,
    ) -> Vec<AccountEvent> {
        if !self.needs_withdrawal(key, cause) {
            return vec![];
        }
        let (account, user, provider) = (self.account, self.user.clone(), self.provider.clone());
        let adopted = |placement: &Placement| placement.adopted;
        if self.placements.get(&key).is_some_and(adopted) {
            let released = AccountEvent::KeyReleased {
                account,
                user,
                provider,
                key,
            };
            return self.and_settled(key, released);
        }
        vec![AccountEvent::KeyWithdrawalRequested {
            account,
            user,
            provider,
            key,
            cause,
        }]
    }

    fn needs_withdrawal(&self, key: KeyId, cause: WithdrawalCause) -> bool {
        use PlacementStatus as S;
        use WithdrawalCause as Why;
        let placement = self.placements.get(&key);
        match (placement.map(|placement| placement.status), cause) {
            (Some(S::Withdrawing(_) | S::WithdrawingParked), Why::Replay(replay)) => {
                placement.is_some_and(|placement| placement.is_for(replay))
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

    pub(super) fn withdrawn(&self, key: KeyId, was_there: bool) -> Vec<AccountEvent> {
        let Some(PlacementStatus::Withdrawing(_) | PlacementStatus::WithdrawingParked) =
            self.status(key)
        else {
            return vec![];
        };
        let withdrawn = AccountEvent::KeyWithdrawn {
            account: self.account,
            user: self.user.clone(),
            provider: self.provider.clone(),
            key,
            was_there,
        };
        self.and_settled(key, withdrawn)
    }

    pub(super) fn withdrawal_failed(
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
}
