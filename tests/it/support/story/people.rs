//! People with an account at GitHub, and what can happen to them.

use domain::account::{
    AccountEvent, Grant, Presence, PublicationCause, Renewal, Residue, WithdrawalCause,
};
use domain::keyring::{Algorithm, Holder, KeyringEvent, PublicKey, RotationCause};
use domain::reconcile::Drift;
use domain::{AccountId, Failure, KeyId, Sealed, SecretRef, UserId};
use uuid::Uuid;

use super::{down, github, revoked};
use crate::support::logs::noon;

/// A person with an account at GitHub.
pub(crate) struct Person(UserId);

/// Makes an event about the person's account.
macro_rules! account_event {
    ($person:ident, $kind:ident $(, $field:ident: $value:expr)* $(,)?) => {
        AccountEvent::$kind {
            account: $person.account(),
            user: $person.user(),
            provider: github(),
            $($field: $value),*
        }
    };
}

impl Person {
    pub(crate) fn new(name: &str) -> Self {
        Self(name.parse().unwrap())
    }

    pub(crate) fn name(&self) -> &str {
        self.0.as_str()
    }

    pub(crate) fn user(&self) -> UserId {
        self.0.clone()
    }

    pub(crate) fn account(&self) -> AccountId {
        // FNV-1a of 128 bits: no two names of a story meet.
        let digest =
            self.name()
                .bytes()
                .fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |so_far, byte| {
                    (so_far ^ u128::from(byte))
                        .wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
                });
        AccountId::from_digest(digest.to_be_bytes())
    }

    /// The person's key of a number; no two people share one.
    pub(crate) fn key(&self, number: u128) -> KeyId {
        KeyId::new(Uuid::from_u128(
            (self.account().uuid().as_u128() >> 8 << 8) + number,
        ))
    }

    fn grant(generation: u64) -> Grant {
        Grant {
            secret: SecretRef::new(Uuid::from_u128(5)),
            generation,
            scopes: vec!["admin:public_key".to_owned()],
            missing_scopes: vec![],
            expires_at: Some(noon()),
            refreshable: true,
        }
    }

    fn profile(&self) -> Sealed {
        Sealed {
            person: self.user(),
            sealed: "c2VhbGVk".to_owned(),
        }
    }

    pub(crate) fn linked(&self) -> AccountEvent {
        account_event!(self, AccountLinked, profile: self.profile(), grant: Some(Self::grant(1)))
    }

    pub(crate) fn renewed(&self, generation: u64, how: Renewal) -> AccountEvent {
        let grant = Self::grant(generation);
        account_event!(self, GrantRenewed, how: how, profile: None, grant: grant)
    }

    pub(crate) fn grant_lost(&self) -> AccountEvent {
        account_event!(self, GrantLost, failure: revoked())
    }

    pub(crate) fn unlink_requested(&self) -> AccountEvent {
        account_event!(self, UnlinkRequested)
    }

    pub(crate) fn forced(&self) -> AccountEvent {
        account_event!(self, UnlinkForced)
    }

    pub(crate) fn revocation_failed(&self) -> AccountEvent {
        let retry_at = noon() + chrono::TimeDelta::hours(1);
        account_event!(
            self, GrantRevocationFailed, failure: down(), attempts: 1, retry_at: retry_at
        )
    }

    pub(crate) fn revocation_parked(&self) -> AccountEvent {
        account_event!(self, GrantRevocationParked, failure: down(), attempts: 12)
    }

    pub(crate) fn revocation_requested(&self) -> AccountEvent {
        account_event!(self, GrantRevocationRequested)
    }

    pub(crate) fn unlinked(&self) -> AccountEvent {
        let key = self.key(2);
        let (remote_key, fingerprint) = (None, None);
        let left = Residue::Key {
            key,
            remote_key,
            fingerprint,
        };
        account_event!(self, AccountUnlinked, residue: vec![left])
    }

    pub(crate) fn requested(&self, key: u128, cause: PublicationCause) -> AccountEvent {
        account_event!(self, KeyPublicationRequested, key: self.key(key), cause: cause)
    }

    fn put(&self, key: u128, presence: Presence) -> AccountEvent {
        let remote_key = Some(key.to_string());
        account_event!(
            self, KeyPublished, key: self.key(key), remote_key: remote_key, presence: presence,
            expires_at: None
        )
    }

    pub(crate) fn published(&self, key: u128) -> AccountEvent {
        self.put(key, Presence::Created)
    }

    pub(crate) fn adopted(&self, key: u128) -> AccountEvent {
        self.put(key, Presence::Adopted)
    }

    pub(crate) fn failed(&self, key: u128, attempts: u32) -> AccountEvent {
        let retry_at = noon() + chrono::TimeDelta::hours(1);
        account_event!(
            self, KeyPublicationFailed, key: self.key(key), failure: down(), attempts: attempts,
            retry_at: retry_at
        )
    }

    pub(crate) fn parked(&self, key: u128, failure: &Failure) -> AccountEvent {
        let failure = failure.clone();
        account_event!(
            self, KeyPublicationParked, key: self.key(key), failure: failure, attempts: 2
        )
    }

    pub(crate) fn withdrawing(&self, key: u128, cause: WithdrawalCause) -> AccountEvent {
        account_event!(self, KeyWithdrawalRequested, key: self.key(key), cause: cause)
    }

    pub(crate) fn withdrawal_failed(&self, key: u128, attempts: u32) -> AccountEvent {
        let retry_at = noon() + chrono::TimeDelta::hours(2);
        account_event!(
            self, KeyWithdrawalFailed, key: self.key(key), failure: down(), attempts: attempts,
            retry_at: retry_at
        )
    }

    pub(crate) fn withdrawal_parked(&self, key: u128, failure: &Failure) -> AccountEvent {
        let failure = failure.clone();
        account_event!(
            self, KeyWithdrawalParked, key: self.key(key), failure: failure, attempts: 1
        )
    }

    pub(crate) fn withdrawn(&self, key: u128) -> AccountEvent {
        account_event!(self, KeyWithdrawn, key: self.key(key), was_there: true)
    }

    /// A key of theirs, or one that nobody knows.
    pub(crate) fn drifted(&self, key: Option<u128>, what: Drift) -> AccountEvent {
        let unknown = key.is_none();
        account_event!(
            self, KeyDriftFound, key: key.map(|key| self.key(key)), what: what,
            fingerprint: unknown.then(|| "SHA256:unknown".to_owned()),
            remote_key: unknown.then(|| "9".to_owned())
        )
    }

    pub(crate) fn settled(&self, key: Option<u128>) -> AccountEvent {
        let unknown = key.is_none();
        account_event!(
            self, KeyDriftSettled, key: key.map(|key| self.key(key)),
            fingerprint: unknown.then(|| "SHA256:unknown".to_owned())
        )
    }

    pub(crate) fn released(&self, key: u128) -> AccountEvent {
        account_event!(self, KeyReleased, key: self.key(key))
    }

    fn public_key(&self, number: u128) -> PublicKey {
        PublicKey {
            line: format!("ssh-ed25519 {}{number}", self.name()),
            fingerprint: format!("SHA256:{}{number}", self.name()),
        }
    }

    fn made(&self, number: u128, holder: Holder) -> KeyringEvent {
        KeyringEvent::KeyGenerated {
            user: self.user(),
            key: self.key(number),
            holder,
            algorithm: Algorithm::Ed25519,
            public_key: self.public_key(number),
            private_key: SecretRef::new(Uuid::from_u128(6)),
        }
    }

    pub(crate) fn generated(&self, number: u128) -> KeyringEvent {
        self.made(number, Holder::Account(self.account()))
    }

    pub(crate) fn personal(&self, number: u128) -> KeyringEvent {
        self.made(number, Holder::Personal)
    }

    pub(crate) fn rotated(&self, from: u128, to: u128, cause: RotationCause) -> KeyringEvent {
        KeyringEvent::KeyRotated {
            user: self.user(),
            key: self.key(to),
            replaced: self.key(from),
            holder: Holder::Account(self.account()),
            algorithm: Algorithm::Ed25519,
            public_key: self.public_key(to),
            private_key: SecretRef::new(Uuid::from_u128(6)),
            cause,
        }
    }

    pub(crate) fn retired(&self, number: u128) -> KeyringEvent {
        KeyringEvent::KeyRetired {
            user: self.user(),
            key: self.key(number),
            holder: Holder::Account(self.account()),
        }
    }
}
