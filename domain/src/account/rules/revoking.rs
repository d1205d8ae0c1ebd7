//! A grant on its way to be revoked, once no key of the account is left at the provider.

use chrono::{DateTime, Utc};

use crate::Failure;
use crate::account::{AccountEvent, Link};

impl Link {
    /// Asks for another try. One that never failed is on its way anyway.
    pub(super) fn request_revocation(&self) -> Vec<AccountEvent> {
        if !self.unlinking || self.revocation.attempts == 0 {
            return vec![];
        }
        vec![AccountEvent::GrantRevocationRequested {
            account: self.account,
            user: self.user.clone(),
            provider: self.provider.clone(),
        }]
    }

    pub(super) fn revocation_failed(
        &self,
        failure: Failure,
        retry_at: Option<DateTime<Utc>>,
    ) -> Vec<AccountEvent> {
        if !self.unlinking || self.revocation.parked {
            return vec![];
        }
        let (account, user, provider) = (self.account, self.user.clone(), self.provider.clone());
        let attempts = self.revocation.attempts.saturating_add(1);
        vec![match retry_at {
            Some(retry_at) => AccountEvent::GrantRevocationFailed {
                account,
                user,
                provider,
                failure,
                attempts,
                retry_at,
            },
            None => AccountEvent::GrantRevocationParked {
                account,
                user,
                provider,
                failure,
                attempts,
            },
        }]
    }
}
