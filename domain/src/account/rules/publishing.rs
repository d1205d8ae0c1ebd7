//! A key on its way to the provider, and there.

use chrono::{DateTime, Utc};

use crate::account::{AccountEvent, Link, PlacementStatus, Presence, PublicationCause};
use crate::reconcile::Drift;
use crate::{Failure, KeyId};

impl Link {
    pub(super) fn request_publication(
        &self,
        key: KeyId,
        cause: PublicationCause,
    ) -> Vec<AccountEvent> {
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
            (Some(S::Publishing(_) | S::PublishingParked | S::Published), Why::Replay(replay)) => {
                placement.is_some_and(|placement| placement.is_for(replay))
            }
            // What a look found missing is put back, once by itself, and whenever somebody asks.
            (Some(S::Published), Why::Restore) => placement
                .and_then(|placement| placement.drift)
                .is_some_and(Drift::is_restorable),
            (Some(S::Published), Why::AutoRestore) => placement.is_some_and(|placement| {
                placement.drift.is_some_and(Drift::is_for_the_policy) && !placement.restored
            }),
            // Another try makes sense once one has failed.
            (Some(S::Publishing(_)), Why::Retry) => self.attempts(key) > 0,
            (Some(S::PublishingParked), Why::Retry | Why::Restore | Why::Link | Why::Rotation)
            | (None, Why::Link | Why::Rotation) => true,
            (Some(S::Publishing(_) | S::Published), Why::Link | Why::Rotation)
            | (Some(S::Published), Why::Retry)
            | (Some(S::Publishing(_)), Why::Restore | Why::AutoRestore)
            | (Some(S::PublishingParked), Why::AutoRestore)
            | (None, Why::Retry | Why::Replay(_) | Why::Restore | Why::AutoRestore)
            // What was taken away does not come back, it may be compromised: not by a replay,
            // not by a request that is delivered twice.
            | (Some(S::Withdrawing(_) | S::WithdrawingParked | S::Gone), _) => false,
        }
    }

    pub(super) fn published(
        &self,
        key: KeyId,
        remote_key: Option<String>,
        presence: Presence,
        expires_at: Option<DateTime<Utc>>,
    ) -> Vec<AccountEvent> {
        use PlacementStatus as S;
        let (account, user, provider) = (self.account, self.user.clone(), self.provider.clone());
        match (self.status(key), presence) {
            (Some(S::Publishing(_) | S::PublishingParked), _) => self.and_settled(
                key,
                AccountEvent::KeyPublished {
                    account,
                    user,
                    provider,
                    key,
                    remote_key,
                    presence,
                    expires_at,
                },
            ),
            // Pasted again before the provider ended it, it lasts longer.
            (Some(S::Published), Presence::ByHand) if expires_at > self.expires_at(key) => self
                .and_settled(
                    key,
                    AccountEvent::KeyPublished {
                        account,
                        user,
                        provider,
                        key,
                        remote_key,
                        presence,
                        expires_at,
                    },
                ),
            // It turns out to be the person's own while it is about to be taken away.
            (Some(S::Withdrawing(_) | S::WithdrawingParked), Presence::Adopted) => self
                .and_settled(
                    key,
                    AccountEvent::KeyReleased {
                        account,
                        user,
                        provider,
                        key,
                    },
                ),
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

    pub(super) fn expiring(&self, key: KeyId, expires_at: DateTime<Utc>) -> Vec<AccountEvent> {
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

    pub(super) fn publication_failed(
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
}
