//! Events for tests.

use chrono::{DateTime, TimeDelta, Utc};
use domain::access::AccessEvent;
use domain::account::{
    AccountEvent, Grant, Presence, PublicationCause, Renewal, Residue, WithdrawalCause,
};
use domain::keyring::{Algorithm, Holder, KeyringEvent, PublicKey, RotationCause};
use domain::offboarding::{OffboardingEvent, OffboardingTally};
use domain::provider::{Callback, OnMissing, Protocol, ProviderEvent, ProviderKind};
use domain::reconcile::Drift;
use domain::replay::{ReplayEvent, ReplayInclude, ReplayScope};
use domain::settings::SettingsEvent;
use domain::token::TokenEvent;
use domain::{
    AccountId, Actor, ActorKind, Blame, CampaignId, Event, EventId, Failure, Header, KeyId, Means,
    Origin, ProviderSlug, ReasonCode, Recorded, ReplayId, Role, Sealed, SecretRef, StreamName,
    TokenId, UserId,
};
use uuid::Uuid;

pub(crate) use crate::sound::{assert_sound, verb};

/// Makes an event about the sample account, and a key where one is given.
macro_rules! account_event {
    ($kind:ident $(, $field:ident: $value:expr)* $(,)?) => {
        domain::account::AccountEvent::$kind {
            account: crate::sample::account(),
            user: crate::sample::ada(),
            provider: crate::sample::github(),
            $($field: $value),*
        }
    };
}
pub(crate) use account_event;

pub(crate) fn ada() -> UserId {
    "ada".parse().unwrap()
}

pub(crate) fn github() -> ProviderSlug {
    "github".parse().unwrap()
}

pub(crate) fn account() -> AccountId {
    AccountId::from_digest([1; 16])
}

pub(crate) fn key(number: u128) -> KeyId {
    KeyId::new(Uuid::from_u128(number))
}

pub(crate) fn replay() -> ReplayId {
    ReplayId::new(Uuid::from_u128(7))
}

pub(crate) fn campaign() -> CampaignId {
    CampaignId::new(Uuid::from_u128(10))
}

pub(crate) fn token() -> TokenId {
    TokenId::new(Uuid::from_u128(8))
}

pub(crate) fn secret() -> SecretRef {
    SecretRef::new(Uuid::from_u128(9))
}

/// When the event at `index` is recorded: a second each.
pub(crate) fn at(index: u64) -> DateTime<Utc> {
    let start: DateTime<Utc> = "2026-11-22T12:00:00Z".parse().unwrap();
    start + TimeDelta::seconds(index.try_into().unwrap())
}

/// The event at `index` of the log, and number 3 of its stream, caused by ada.
pub(crate) fn recorded(index: u64, event: Event) -> Recorded<Event> {
    let kind = event.kind();
    Recorded {
        index,
        stream: StreamName::of("sample", &index),
        version: 3,
        code: kind.code.to_owned(),
        recorded_at: at(index),
        outcome: kind.outcome(),
        header: Header {
            id: EventId::new(Uuid::from_u128(u128::from(index) + 1000)),
            actor: person("ada"),
            origin: Origin {
                request: None,
                sender: None,
            },
            reason: Some("because".to_owned()),
            correlation: Uuid::from_u128(5),
            causation: None,
        },
        event,
    }
}

pub(crate) fn person(id: &str) -> Actor {
    Actor {
        kind: ActorKind::Person,
        id: id.to_owned(),
        roles: vec![Role::Admin],
        means: Means::Internal,
    }
}

pub(crate) fn grant(generation: u64) -> Grant {
    Grant {
        secret: secret(),
        generation,
        scopes: vec!["admin:public_key".to_owned()],
        missing_scopes: vec![],
        expires_at: None,
        refreshable: false,
    }
}

pub(crate) fn profile() -> Sealed {
    Sealed {
        person: ada(),
        sealed: "c2VhbGVk".to_owned(),
    }
}

pub(crate) fn down() -> Failure {
    Failure::new(Blame::Provider, ReasonCode::ProviderError, Some("503"))
}

pub(crate) fn revoked() -> Failure {
    Failure::new(Blame::Grant, ReasonCode::GrantRevoked, None)
}

pub(crate) fn linked() -> AccountEvent {
    AccountEvent::AccountLinked {
        account: account(),
        user: ada(),
        provider: github(),
        profile: profile(),
        grant: Some(grant(1)),
    }
}

pub(crate) fn generated(number: u128, holder: Holder) -> KeyringEvent {
    KeyringEvent::KeyGenerated {
        user: ada(),
        key: key(number),
        holder,
        algorithm: Algorithm::Ed25519,
        public_key: public_key(number),
        private_key: secret(),
    }
}

pub(crate) fn rotated(from: u128, to: u128, cause: RotationCause) -> KeyringEvent {
    KeyringEvent::KeyRotated {
        user: ada(),
        key: key(to),
        replaced: key(from),
        holder: Holder::Account(account()),
        algorithm: Algorithm::Ed25519,
        public_key: public_key(to),
        private_key: secret(),
        cause,
    }
}

fn public_key(number: u128) -> PublicKey {
    PublicKey {
        line: format!("ssh-ed25519 AAAA{number}"),
        fingerprint: format!("SHA256:{number}"),
    }
}

pub(crate) fn added() -> ProviderEvent {
    ProviderEvent::ProviderAdded {
        provider: github(),
        kind: ProviderKind::Github,
        name: "GitHub".parse().unwrap(),
        description: "".parse().unwrap(),
        base_url: "https://github.com".parse().unwrap(),
        client_id: Some("Iv1.0123".parse().unwrap()),
        client_secret: Some(secret()),
        callback: Callback::Own,
        algorithm: None,
        pkce: None,
        protocol: Protocol::Oauth2,
        public_key: None,
        signing: false,
        ca_bundle: None,
        proxy: None,
        on_missing: OnMissing::Report,
    }
}

/// One event of every type, as a story could have them.
pub(crate) fn every() -> Vec<Event> {
    let (retry_at, ours) = (at(100), Holder::Account(account()));
    let provider = github;
    let of_account = [
        linked(),
        account_event!(GrantRenewed, how: Renewal::Refresh, profile: None, grant: grant(2)),
        account_event!(KeyPublicationRequested, key: key(1), cause: PublicationCause::Link),
        account_event!(
            KeyPublicationFailed, key: key(1), failure: down(), attempts: 1, retry_at: retry_at
        ),
        account_event!(KeyPublicationParked, key: key(1), failure: down(), attempts: 2),
        account_event!(
            KeyPublished, key: key(1), remote_key: Some("42".to_owned()), presence: Presence::Created,
            expires_at: Some(at(9))
        ),
        account_event!(GrantLost, failure: revoked()),
        account_event!(UnlinkRequested),
        account_event!(KeyWithdrawalRequested, key: key(1), cause: WithdrawalCause::Unlink),
        account_event!(
            KeyWithdrawalFailed, key: key(1), failure: down(), attempts: 1, retry_at: retry_at
        ),
        account_event!(KeyWithdrawalParked, key: key(1), failure: revoked(), attempts: 2),
        account_event!(KeyWithdrawn, key: key(1), was_there: true),
        account_event!(KeyReleased, key: key(2)),
        account_event!(
            KeyPlacementDiscarded, key: key(2), stays: true, remote_key: Some("77".to_owned())
        ),
        account_event!(KeyExpiring, key: key(1), expires_at: at(9)),
        account_event!(
            GrantRevocationFailed, failure: down(), attempts: 1, retry_at: retry_at
        ),
        account_event!(GrantRevocationParked, failure: down(), attempts: 12),
        account_event!(GrantRevocationRequested),
        account_event!(UnlinkForced),
        account_event!(LinkGivenUp, secret: secret()),
        account_event!(
            KeyDriftFound, key: Some(key(1)), what: Drift::Missing, fingerprint: None, remote_key: None
        ),
        account_event!(KeyDriftSettled, key: Some(key(1)), fingerprint: None),
        account_event!(
            KeyDriftFound, key: None, what: Drift::Foreign, fingerprint: Some("SHA256:9".to_owned()),
            remote_key: Some("9".to_owned())
        ),
        account_event!(KeyDriftSettled, key: None, fingerprint: Some("SHA256:9".to_owned())),
        account_event!(AccountUnlinked, residue: vec![Residue::Grant]),
    ];
    let of_keyring = [
        generated(1, ours),
        rotated(1, 2, RotationCause::Requested),
        KeyringEvent::KeyRetired {
            user: ada(),
            key: key(1),
            holder: ours,
        },
    ];
    let of_replay = [
        ReplayEvent::ReplayStarted {
            replay: replay(),
            scope: scope(),
            planned: 3,
        },
        ReplayEvent::ReplayCancelled {
            replay: replay(),
            provider: provider(),
        },
        ReplayEvent::ReplayResumed {
            replay: replay(),
            provider: provider(),
        },
        ReplayEvent::ReplayCompleted {
            replay: replay(),
            provider: provider(),
            settled: 2,
            parked: 1,
            in_place: 1,
        },
    ];
    let of_offboarding = [
        OffboardingEvent::OffboardingRequested {
            user: ada(),
            force: false,
        },
        OffboardingEvent::OffboardingForced { user: ada() },
        OffboardingEvent::OffboardingCompleted {
            user: ada(),
            tally: OffboardingTally::default(),
        },
    ];
    let of_token = [
        TokenEvent::TokenCreated {
            token: token(),
            user: ada(),
            name: "laptop".parse().unwrap(),
            roles: vec![Role::Admin, Role::Auditor],
            digest: "00ff".to_owned(),
            expires_at: at(1_000_000),
        },
        TokenEvent::TokenRevoked {
            token: token(),
            user: ada(),
        },
    ];
    let of_access = AccessEvent::AuditRead {
        query: "user=ada".to_owned(),
        returned: 12,
    };
    let of_settings = SettingsEvent::SettingsChanged {
        algorithm: Some(Algorithm::Rsa4096),
        rotation_grace_hours: None,
        max_key_age_days: None,
    };
    let mut every: Vec<Event> = vec![];
    every.extend(
        crate::provider_list::sample::every()
            .into_iter()
            .map(Event::Provider),
    );
    every.push(Event::Settings(of_settings));
    every.extend(of_token.map(Event::Token));
    every.extend(crate::webhooks::sample::every().map(Event::Webhook));
    every.extend(of_keyring.map(Event::Keyring));
    every.extend(of_account.map(Event::Account));
    every.extend(of_replay.map(Event::Replay));
    every.extend(of_offboarding.map(Event::Offboarding));
    every.extend(crate::campaigns::tests::every().map(Event::Campaign));
    every.push(Event::Access(of_access));
    every
}

/// What is unfinished at the sample provider.
pub(crate) fn scope() -> ReplayScope {
    ReplayScope {
        provider: github(),
        user: None,
        since: None,
        until: None,
        include: ReplayInclude::Unfinished,
    }
}
