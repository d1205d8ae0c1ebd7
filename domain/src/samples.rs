//! People, providers, keys and times for tests.

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use crate::account::Grant;
use crate::keyring::{Algorithm, KeyPair, PublicKey};
use crate::{
    AccountId, Blame, CampaignId, Failure, KeyId, ProviderSlug, ReasonCode, ReplayId, Sealed,
    SecretRef, TokenId, UserId,
};

/// Begins a test of an aggregate to which `events` have happened.
pub(crate) fn given<A: Aggregate<Services = ()>>(
    events: impl IntoIterator<Item = A::Event>,
) -> AggregateTestExecutor<A> {
    TestFramework::with(()).given(events.into_iter().collect())
}

pub(crate) fn ada() -> UserId {
    "ada".parse().unwrap()
}

pub(crate) fn bob() -> UserId {
    "bob".parse().unwrap()
}

pub(crate) fn github() -> ProviderSlug {
    "github".parse().unwrap()
}

pub(crate) fn account() -> AccountId {
    AccountId::new(Uuid::from_u128(0x4711))
}

pub(crate) fn key(number: u128) -> KeyId {
    KeyId::new(Uuid::from_u128(number))
}

pub(crate) fn replay(number: u128) -> ReplayId {
    ReplayId::new(Uuid::from_u128(number))
}

pub(crate) fn campaign(number: u128) -> CampaignId {
    CampaignId::new(Uuid::from_u128(number))
}

pub(crate) fn token(number: u128) -> TokenId {
    TokenId::new(Uuid::from_u128(number))
}

pub(crate) fn secret(number: u128) -> SecretRef {
    SecretRef::new(Uuid::from_u128(number))
}

/// Returns the grant of a generation; its tokens are its own.
pub(crate) fn grant(generation: u64) -> Grant {
    Grant {
        secret: secret(u128::from(generation)),
        generation,
        scopes: vec!["admin:public_key".to_owned()],
        missing_scopes: vec![],
        expires_at: None,
        refreshable: true,
    }
}

/// Returns a key pair; its id is `key(number)`.
pub(crate) fn pair(number: u128) -> KeyPair {
    KeyPair {
        key: key(number),
        algorithm: Algorithm::Ed25519,
        public_key: PublicKey {
            line: format!("ssh-ed25519 AAAA{number}"),
            fingerprint: format!("SHA256:{number}"),
        },
        private_key: secret(100 + number),
    }
}

pub(crate) fn sealed(person: &UserId) -> Sealed {
    Sealed {
        person: person.clone(),
        sealed: "AAAA".to_owned(),
    }
}

pub(crate) fn noon() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// Time mends it.
pub(crate) fn outage() -> Failure {
    Failure::new(Blame::Provider, ReasonCode::ProviderUnreachable, None)
}

/// A new link mends it.
pub(crate) fn revoked() -> Failure {
    Failure::new(Blame::Grant, ReasonCode::GrantRevoked, None)
}
