//! Events for tests.

use chrono::{DateTime, TimeDelta, Utc};
use domain::account::{AccountEvent, Grant};
use domain::keyring::{Algorithm, Holder, KeyringEvent, PublicKey, RotationCause};
use domain::provider::{Callback, ProviderEvent, ProviderKind};
use domain::{
    AccountId, Actor, ActorKind, Blame, Event, EventId, Failure, Header, KeyId, Means, Origin,
    Outcome, ProviderSlug, ReasonCode, Recorded, ReplayId, Role, Sealed, SecretRef, StreamName,
    TokenId, UserId,
};
use uuid::Uuid;

use crate::{Statement, Value};

pub(crate) fn ada() -> UserId {
    "ada".parse().unwrap()
}

pub(crate) fn github() -> ProviderSlug {
    "github".parse().unwrap()
}

pub(crate) fn account() -> AccountId {
    AccountId::derive(&github(), "1")
}

pub(crate) fn key(number: u128) -> KeyId {
    KeyId::new(Uuid::from_u128(number))
}

pub(crate) fn replay() -> ReplayId {
    ReplayId::new(Uuid::from_u128(7))
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
                address: None,
                agent: None,
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
        grant: grant(1),
    }
}

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
    }
}

/// Says whether an outcome is one of success, so that tests read as sentences.
pub(crate) fn succeeded(recorded: &Recorded<Event>) -> bool {
    recorded.outcome == Outcome::Success
}

/// Returns what a statement does, without its columns: `INSERT keys`, `UPDATE keys`.
pub(crate) fn verb(statement: &Statement) -> String {
    let verb = statement.sql.split(' ').next().unwrap();
    let table = statement.sql.split(['{', '}']).nth(1).unwrap();
    format!("{verb} {table}")
}

/// Asserts what every statement of a projection keeps: its arguments are those that its text
/// names, and it is guarded by the index of its event.
pub(crate) fn assert_sound(statement: &Statement, index: u64) {
    let sql: &str = &statement.sql;
    let mut named: Vec<usize> = sql
        .split('$')
        .skip(1)
        .map(|rest| {
            let digits = rest.chars().take_while(char::is_ascii_digit).count();
            rest[..digits].parse().unwrap()
        })
        .collect();
    named.sort_unstable();
    named.dedup();
    let all: Vec<_> = (1..=statement.args.len()).collect();
    assert_eq!(named, all, "{sql}");
    assert!(statement.args.contains(&Value::from(index)), "{sql}");
    let guards = ["idx < $", "t.idx < excluded.idx", "DO NOTHING"];
    assert!(guards.iter().any(|guard| sql.contains(guard)), "{sql}");
}
