//! Stories of providers, people and keys, told to a log.

mod leaving;
mod looks;
mod operation;
mod outage;
mod people;
mod webhooks;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use domain::access::AccessEvent;
use domain::account::{AccountEvent, PublicationCause, Renewal, WithdrawalCause};
use domain::campaign::CampaignEvent;
use domain::keyring::{Algorithm, KeyringEvent, RotationCause};
use domain::offboarding::OffboardingEvent;
use domain::provider::{
    Callback, Choice, OnMissing, Protocol, ProviderChanges, ProviderEvent, ProviderKind,
};
use domain::replay::ReplayEvent;
use domain::settings::{GraceHours, KeyAge, SettingsEvent};
use domain::token::TokenEvent;
use domain::webhook::WebhookEvent;
use domain::{
    Actor, ActorKind, Blame, Draft, Event, EventId, Failure, Header, Means, Origin, ProviderSlug,
    ReasonCode, Role, SecretRef, StreamName, TokenId,
};
use lanyard::clock::{FixedClock, Ids, SeededIds};
use lanyard::eventlog::memory::MemoryLog;
use lanyard::eventlog::{Append, EventLog};
use uuid::Uuid;

pub(crate) use operation::replay;
pub(crate) use people::Person;

use super::logs::noon;

/// A log and what was told to it. A second passes between two events.
pub(crate) struct Story {
    pub(crate) log: Arc<dyn EventLog>,
    clock: Arc<FixedClock>,
    ids: SeededIds,
    versions: Mutex<HashMap<StreamName, u64>>,
}

impl Story {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(FixedClock::at(noon()));
        Self {
            log: Arc::new(MemoryLog::new(clock.clone())),
            clock,
            ids: SeededIds::new(1),
            versions: Mutex::default(),
        }
    }

    /// Appends an event as caused by `actor`; returns its index.
    pub(crate) async fn tell(&self, actor: &str, event: impl Into<Told>) -> u64 {
        let Told(event) = event.into();
        let id = self.ids.v7(noon());
        let stream = stream(&event, id);
        let version = {
            let mut versions = self.versions.lock().unwrap();
            let version = versions.entry(stream.clone()).or_default();
            *version += 1;
            *version
        };
        let kind = match actor {
            "policy" | "publisher" | "sweep" => ActorKind::System,
            _ => ActorKind::Person,
        };
        let header = Header {
            id: EventId::new(id),
            actor: Actor {
                kind,
                id: actor.to_owned(),
                roles: Vec::new(),
                means: Means::Internal,
            },
            origin: Origin {
                request: None,
                sender: None,
            },
            reason: Some("a story".to_owned()),
            correlation: Uuid::from_u128(u128::from(version)),
            causation: None,
        };
        let draft = match &event {
            Event::Access(event) => Draft::new(&header, &stream, version, event),
            Event::Account(event) => Draft::new(&header, &stream, version, event),
            Event::Campaign(event) => Draft::new(&header, &stream, version, event),
            Event::Keyring(event) => Draft::new(&header, &stream, version, event),
            Event::Offboarding(event) => Draft::new(&header, &stream, version, event),
            Event::Provider(event) => Draft::new(&header, &stream, version, event),
            Event::Replay(event) => Draft::new(&header, &stream, version, event),
            Event::Settings(event) => Draft::new(&header, &stream, version, event),
            Event::Token(event) => Draft::new(&header, &stream, version, event),
            Event::Webhook(event) => Draft::new(&header, &stream, version, event),
        };
        let append = Append {
            stream,
            expected: version - 1,
            events: vec![draft],
        };
        self.clock.advance(chrono::TimeDelta::seconds(1));
        self.log.append(append).await.unwrap().last
    }

    /// Links `people` accounts at GitHub, each with a key that is put there.
    pub(crate) async fn people_link(&self, people: std::ops::Range<u32>) {
        for number in people {
            let person = Person::new(&format!("dev{number}"));
            self.tell(person.name(), person.linked()).await;
            self.tell("policy", person.generated(1)).await;
            self.tell("policy", person.requested(1, PublicationCause::Link))
                .await;
            self.tell("publisher", person.published(1)).await;
        }
    }

    /// Tells of everything that can happen, in an order in which it can.
    pub(crate) async fn everything(&self) {
        let (ada, bob) = (Person::new("ada"), Person::new("bob"));
        self.providers().await;
        self.tell(
            "root",
            SettingsEvent::SettingsChanged {
                algorithm: Some(Algorithm::Rsa4096),
                rotation_grace_hours: None,
                max_key_age_days: Some(Choice::Own(KeyAge::try_from(90).unwrap())),
            },
        )
        .await;
        self.tell(
            "root",
            SettingsEvent::SettingsChanged {
                algorithm: None,
                rotation_grace_hours: Some(GraceHours::default()),
                max_key_age_days: Some(Choice::Default),
            },
        )
        .await;
        self.tokens().await;
        self.webhooks().await;
        // Ada links, and rotates through an outage.
        self.tell("ada", ada.linked()).await;
        self.tell("policy", ada.generated(1)).await;
        self.tell("ada", ada.personal(9)).await;
        self.tell("policy", ada.requested(1, PublicationCause::Link))
            .await;
        self.tell("publisher", ada.published(1)).await;
        self.tell("ada", ada.rotated(1, 2, RotationCause::Requested))
            .await;
        self.tell("policy", ada.requested(2, PublicationCause::Rotation))
            .await;
        self.tell("publisher", ada.failed(2, 1)).await;
        self.tell("publisher", ada.parked(2, &down())).await;
        self.replay(&ada).await;
        self.tell("policy", ada.withdrawing(1, WithdrawalCause::Rotation))
            .await;
        self.tell("publisher", ada.withdrawal_failed(1, 1)).await;
        self.tell("publisher", ada.withdrawn(1)).await;
        self.tell("policy", ada.retired(1)).await;
        // Her grant is lost and renewed while a key is on its way.
        self.tell("ada", ada.rotated(2, 3, RotationCause::Compromised))
            .await;
        self.tell("policy", ada.withdrawing(2, WithdrawalCause::Rotation))
            .await;
        self.tell("publisher", ada.withdrawal_parked(2, &revoked()))
            .await;
        self.tell("publisher", ada.grant_lost()).await;
        self.tell("ada", ada.renewed(2, Renewal::Relink)).await;
        self.tell("policy", ada.withdrawing(2, WithdrawalCause::Retry))
            .await;
        self.tell("publisher", ada.released(2)).await;
        self.tell("policy", ada.retired(2)).await;
        self.tell("policy", ada.requested(3, PublicationCause::Rotation))
            .await;
        self.drift(&ada).await;
        self.campaigns(&ada).await;
        // Bob links, leaves, and is unlinked while GitHub no longer lets us in.
        self.tell("bob", bob.linked()).await;
        self.tell("policy", bob.generated(1)).await;
        self.tell("policy", bob.requested(1, PublicationCause::Link))
            .await;
        self.tell("publisher", bob.adopted(1)).await;
        self.tell("policy", bob.requested(2, PublicationCause::Retry))
            .await;
        self.tell("publisher", bob.parked(2, &revoked())).await;
        self.leaves(&bob).await;
        self.tell("bob", bob.unlink_requested()).await;
        self.tell("policy", bob.withdrawing(2, WithdrawalCause::Unlink))
            .await;
        self.tell("publisher", bob.grant_lost()).await;
        self.has_left(&bob).await;
        self.tell(
            "grace",
            AccessEvent::AuditRead {
                query: "user=bob".to_owned(),
                returned: 9,
            },
        )
        .await;
    }

    async fn providers(&self) {
        let provider = github;
        self.tell("root", added(github())).await;
        let changes = ProviderChanges {
            name: Some("Our GitHub".parse().unwrap()),
            algorithm: Some(Choice::Own(Algorithm::EcdsaP256)),
            pkce: Some(Choice::Own(true)),
            ..ProviderChanges::default()
        };
        self.tell(
            "root",
            ProviderEvent::ProviderChanged {
                provider: provider(),
                changes,
            },
        )
        .await;
        let changes = ProviderChanges {
            algorithm: Some(Choice::Default),
            ..ProviderChanges::default()
        };
        self.tell(
            "root",
            ProviderEvent::ProviderChanged {
                provider: provider(),
                changes,
            },
        )
        .await;
        self.tell(
            "root",
            ProviderEvent::ProviderDisabled {
                provider: provider(),
            },
        )
        .await;
        self.tell(
            "root",
            ProviderEvent::ProviderPaused {
                provider: provider(),
            },
        )
        .await;
        self.tell(
            "root",
            ProviderEvent::ProviderEnabled {
                provider: provider(),
            },
        )
        .await;
        self.outage().await;
        let ghes: ProviderSlug = "ghes".parse().unwrap();
        self.tell("root", added(ghes.clone())).await;
        self.tell("root", ProviderEvent::ProviderRemoved { provider: ghes })
            .await;
        self.tell(
            "root",
            ProviderEvent::ProviderResumed {
                provider: provider(),
            },
        )
        .await;
    }

    async fn tokens(&self) {
        for (number, user) in [(1, "root"), (2, "ada")] {
            let created = TokenEvent::TokenCreated {
                token: token(number),
                user: user.parse().unwrap(),
                name: "laptop".parse().unwrap(),
                roles: vec![Role::Admin, Role::Auditor],
                digest: format!("{number:064x}"),
                expires_at: noon() + chrono::TimeDelta::days(90),
            };
            self.tell("root", created).await;
        }
        let revoked = TokenEvent::TokenRevoked {
            token: token(2),
            user: "ada".parse().unwrap(),
        };
        self.tell("root", revoked).await;
    }
}

fn stream(event: &Event, id: Uuid) -> StreamName {
    match event {
        Event::Access(_) => StreamName::of("access", &id),
        Event::Account(event) => {
            let json = serde_json::to_value(event).unwrap();
            let account = json["data"]["account"].as_str().unwrap().to_owned();
            StreamName::of("account", &account)
        }
        Event::Campaign(
            CampaignEvent::CampaignStarted { campaign, .. }
            | CampaignEvent::CampaignPaused { campaign }
            | CampaignEvent::CampaignResumed { campaign }
            | CampaignEvent::CampaignCancelled { campaign }
            | CampaignEvent::CampaignCompleted { campaign, .. },
        ) => StreamName::of("campaign", campaign),
        Event::Keyring(
            KeyringEvent::KeyGenerated { user, .. }
            | KeyringEvent::KeyRotated { user, .. }
            | KeyringEvent::KeyRetired { user, .. },
        ) => StreamName::of("keyring", user),
        Event::Offboarding(
            OffboardingEvent::OffboardingRequested { user, .. }
            | OffboardingEvent::OffboardingForced { user }
            | OffboardingEvent::OffboardingCompleted { user, .. },
        ) => StreamName::of("offboarding", user),
        Event::Provider(event) => {
            let json = serde_json::to_value(event).unwrap();
            let provider = json["data"]["provider"].as_str().unwrap().to_owned();
            StreamName::of("provider", &provider)
        }
        Event::Replay(
            ReplayEvent::ReplayStarted { replay, .. }
            | ReplayEvent::ReplayCancelled { replay, .. }
            | ReplayEvent::ReplayResumed { replay, .. }
            | ReplayEvent::ReplayCompleted { replay, .. },
        ) => StreamName::of("replay", replay),
        Event::Settings(_) => StreamName::of("settings", &"deployment"),
        Event::Token(
            TokenEvent::TokenCreated { token, .. } | TokenEvent::TokenRevoked { token, .. },
        ) => StreamName::of("token", token),
        Event::Webhook(event) => webhooks::stream(event),
    }
}

/// An event of any aggregate.
pub(crate) struct Told(Event);

macro_rules! told {
    ($($event:ident in $variant:ident),*) => { $(
        impl From<$event> for Told {
            fn from(event: $event) -> Self {
                Self(Event::$variant(event))
            }
        }
    )* };
}

told!(
    AccessEvent in Access,
    AccountEvent in Account,
    CampaignEvent in Campaign,
    KeyringEvent in Keyring,
    OffboardingEvent in Offboarding,
    ProviderEvent in Provider,
    ReplayEvent in Replay,
    SettingsEvent in Settings,
    TokenEvent in Token,
    WebhookEvent in Webhook
);

pub(crate) fn github() -> ProviderSlug {
    "github".parse().unwrap()
}

pub(crate) fn token(number: u128) -> TokenId {
    TokenId::new(Uuid::from_u128(number))
}

pub(crate) fn down() -> Failure {
    Failure::new(Blame::Provider, ReasonCode::ProviderError, Some("503"))
}

pub(crate) fn revoked() -> Failure {
    Failure::new(Blame::Grant, ReasonCode::GrantRevoked, None)
}

fn added(provider: ProviderSlug) -> ProviderEvent {
    ProviderEvent::ProviderAdded {
        provider,
        kind: ProviderKind::Github,
        name: "GitHub".parse().unwrap(),
        description: "where we work".parse().unwrap(),
        base_url: "https://github.com".parse().unwrap(),
        client_id: Some("Iv1.0123".parse().unwrap()),
        client_secret: Some(SecretRef::new(Uuid::from_u128(4))),
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
