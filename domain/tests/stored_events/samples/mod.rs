//! One event of every type, with everything in it that can be.

use chrono::{DateTime, Utc};
use domain::access::AccessEvent;
use domain::account::{
    AccountEvent, Grant, Presence, PublicationCause, Renewal, Residue, WithdrawalCause,
};
use domain::campaign::{CampaignEvent, CampaignScope, KeysPerMinute};
use domain::keyring::{Algorithm, Holder, KeyringEvent, PublicKey, RotationCause};
use domain::provider::{
    Callback, Choice, HostKeySource, OnMissing, Protocol, ProviderChanges, ProviderEvent,
    ProviderKind,
};
use domain::reconcile::Drift;
use domain::settings::{KeyAge, SettingsEvent};
use domain::{
    AccountId, Actor, ActorKind, Blame, CampaignId, Draft, Event, EventId, Failure, Header, KeyId,
    Kind, LoggedEvent, Means, Origin, ProviderSlug, ReasonCode, Recorded, ReplayId, Role, Sealed,
    SecretRef, StreamName, TokenId, UserId, WebhookId, format_time,
};
use uuid::Uuid;

/// An event with its envelope.
pub(crate) struct Sample {
    pub(crate) kind: Kind,
    stream: StreamName,
    draft: Draft,
    event: Event,
}

impl Sample {
    fn of<E: LoggedEvent>(stream: &str, event: E, any: impl FnOnce(E) -> Event) -> Self {
        let stream: StreamName = stream.parse().unwrap();
        Self {
            kind: event.kind(),
            draft: Draft::new(&header(), &stream, 3, &event),
            stream,
            event: any(event),
        }
    }

    pub(crate) fn line(&self) -> String {
        self.draft.line(&format_time(time()))
    }

    pub(crate) fn recorded(&self, index: u64) -> Recorded<Event> {
        Recorded {
            index,
            stream: self.stream.clone(),
            version: 3,
            code: self.kind.code.to_owned(),
            recorded_at: time(),
            outcome: self.kind.outcome(),
            header: header(),
            event: self.event.clone(),
        }
    }
}

fn id(last: u128) -> Uuid {
    Uuid::from_u128(0x019a_b1c2_d3e4_7000_8000_0000_0000_0000 + last)
}

fn time() -> DateTime<Utc> {
    "2026-11-22T11:02:53.000120Z".parse().unwrap()
}

fn later() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn sealed(sealed: &str) -> Sealed {
    Sealed {
        person: user(),
        sealed: sealed.to_owned(),
    }
}

pub(crate) fn header() -> Header {
    Header {
        id: EventId::new(id(1)),
        actor: Actor {
            kind: ActorKind::Person,
            id: "ada".to_owned(),
            roles: vec![Role::Admin, Role::Member],
            means: Means::Token(TokenId::new(id(2))),
        },
        origin: Origin {
            request: Some(id(3)),
            sender: Some(sealed("AXNlbmRlcg")),
        },
        reason: Some("ticket 4711: \"rotate\"".to_owned()),
        correlation: id(3),
        causation: Some(EventId::new(id(4))),
    }
}

fn user() -> UserId {
    "ada".parse().unwrap()
}

fn provider() -> ProviderSlug {
    "github".parse().unwrap()
}

fn account() -> AccountId {
    "600b95ec-636f-58a1-af2d-e39291c49d99".parse().unwrap()
}

fn key() -> KeyId {
    KeyId::new(id(5))
}

fn secret() -> SecretRef {
    SecretRef::new(id(6))
}

fn replay() -> ReplayId {
    ReplayId::new(id(7))
}

fn campaign() -> CampaignId {
    CampaignId::new(id(10))
}

fn token() -> TokenId {
    TokenId::new(id(8))
}

fn webhook() -> WebhookId {
    WebhookId::new(id(9))
}

fn grant() -> Grant {
    Grant {
        secret: secret(),
        generation: 1,
        scopes: vec!["admin:public_key".to_owned(), "repo".to_owned()],
        missing_scopes: vec!["read:org".to_owned()],
        expires_at: Some(later()),
        refreshable: true,
    }
}

fn outage() -> Failure {
    let said = "503 Service Unavailable";
    Failure::new(Blame::Provider, ReasonCode::ProviderError, Some(said))
}

fn public_key() -> PublicKey {
    PublicKey {
        line: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA".to_owned(),
        fingerprint: "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU".to_owned(),
    }
}

/// Declares samples of one aggregate: what all its events have, then each type with the rest.
macro_rules! samples {
    ($stream:expr, $wrap:ident($events:ident) with $common:tt;
        $($name:ident { $($fields:tt)* })*) => {
        vec![$(samples!(@one $stream, $wrap, $events::$name, $common, { $($fields)* })),*]
    };
    (@one $stream:expr, $wrap:ident, $events:ident::$name:ident,
        { $($common:tt)* }, { $($fields:tt)* }) => {
        Sample::of($stream, $events::$name { $($common)* $($fields)* }, Event::$wrap)
    };
}

mod leavers;
mod replays;
mod tokens;
mod webhooks;

pub(crate) fn samples() -> Vec<Sample> {
    [accounts(), campaigns(), keyrings(), providers(), others()]
        .into_iter()
        .flatten()
        .collect()
}

fn accounts() -> Vec<Sample> {
    let stream = format!("account-{}", account());
    samples! {
        &stream, Account(AccountEvent) with {
            account: account(), user: user(), provider: provider(),
        };
        AccountLinked { profile: sealed("AXByb2ZpbGU"), grant: Some(grant()) }
        GrantRenewed {
            how: Renewal::Relink, profile: Some(sealed("AXByb2ZpbGU")), grant: grant()
        }
        GrantLost {
            failure: Failure::new(Blame::Grant, ReasonCode::GrantRevoked, None)
        }
        UnlinkRequested {}
        GrantRevocationRequested {}
        GrantRevocationFailed { failure: outage(), attempts: 1, retry_at: later() }
        GrantRevocationParked { failure: outage(), attempts: 12 }
        UnlinkForced {}
        LinkGivenUp { secret: secret() }
        AccountUnlinked {
            residue: vec![
                Residue::Key {
                    key: key(), remote_key: Some("77".to_owned()), fingerprint: None,
                },
                Residue::Grant,
            ]
        }
        KeyPublicationRequested { key: key(), cause: PublicationCause::Link }
        KeyPublished {
            key: key(), remote_key: Some("77".to_owned()), presence: Presence::Created,
            expires_at: Some(later())
        }
        KeyPublicationFailed {
            key: key(), failure: outage(), attempts: 1, retry_at: later()
        }
        KeyPublicationParked { key: key(), failure: outage(), attempts: 12 }
        KeyWithdrawalRequested { key: key(), cause: WithdrawalCause::Replay(replay()) }
        KeyWithdrawn { key: key(), was_there: true }
        KeyWithdrawalFailed {
            key: key(), failure: outage(), attempts: 1, retry_at: later()
        }
        KeyWithdrawalParked { key: key(), failure: outage(), attempts: 12 }
        KeyReleased { key: key() }
        KeyPlacementDiscarded { key: key(), stays: true, remote_key: Some("77".to_owned()) }
        KeyExpiring { key: key(), expires_at: later() }
        KeyDriftFound {
            key: Some(key()),
            what: Drift::Foreign,
            fingerprint: Some("SHA256:TzPYfSCQyWfNEdKzPY8aC0qBK/eSj6pO7l1s0JBkGTQ".to_owned()),
            remote_key: Some("77".to_owned())
        }
        KeyDriftSettled {
            key: Some(key()),
            fingerprint: Some("SHA256:TzPYfSCQyWfNEdKzPY8aC0qBK/eSj6pO7l1s0JBkGTQ".to_owned())
        }
    }
}

fn campaigns() -> Vec<Sample> {
    samples! {
        &format!("campaign-{}", campaign()), Campaign(CampaignEvent) with {
            campaign: campaign(),
        };
        CampaignStarted {
            scope: CampaignScope {
                algorithms: vec![Algorithm::Rsa3072, Algorithm::Rsa4096],
                older_than_days: Some(KeyAge::try_from(90).unwrap()),
                provider: Some(provider()),
                users: vec![user()],
                keys: vec![],
            },
            compromised: true,
            keys_per_minute: KeysPerMinute::default(),
            planned: 40,
            skipped: 2
        }
        CampaignPaused {}
        CampaignResumed {}
        CampaignCancelled {}
        CampaignCompleted { rotated: 40, placed: 39, parked: 1, skipped: 2 }
    }
}

fn keyrings() -> Vec<Sample> {
    samples! {
        "keyring-ada", Keyring(KeyringEvent) with { user: user(), };
        KeyGenerated {
            key: key(),
            holder: Holder::Account(account()),
            algorithm: Algorithm::Ed25519,
            public_key: public_key(),
            private_key: secret()
        }
        KeyRotated {
            key: key(),
            replaced: KeyId::new(id(9)),
            holder: Holder::Personal,
            algorithm: Algorithm::Rsa4096,
            public_key: public_key(),
            private_key: secret(),
            cause: RotationCause::Compromised
        }
        KeyRetired { key: key(), holder: Holder::Account(account()) }
    }
}

const HOST_KEY: &str = "git.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
const PEM: &str = "-----BEGIN LABEL-----\nAAAA\n-----END LABEL-----";

fn providers() -> Vec<Sample> {
    samples! {
        "provider-github", Provider(ProviderEvent) with { provider: provider(), };
        ProviderAdded {
            kind: ProviderKind::Github,
            name: "GitHub".parse().unwrap(),
            description: "for all".parse().unwrap(),
            base_url: "https://github.com".parse().unwrap(),
            client_id: Some("Iv1.8a61f9b3a7aba766".parse().unwrap()),
            client_secret: Some(secret()),
            callback: Callback::Own,
            algorithm: Some(Algorithm::EcdsaP256),
            pkce: Some(true),
            protocol: Protocol::Oauth1,
            public_key: Some(PEM.replace("LABEL", "PUBLIC KEY").parse().unwrap()),
            signing: true,
            ca_bundle: Some(PEM.replace("LABEL", "CERTIFICATE").parse().unwrap()),
            proxy: Some("http://proxy.example.com:3128".parse().unwrap()),
            on_missing: OnMissing::Report
        }
        ProviderChanged {
            changes: ProviderChanges {
                name: Some("Our GitHub".parse().unwrap()),
                description: Some("".parse().unwrap()),
                base_url: Some("https://git.example.com/github".parse().unwrap()),
                client_id: Some("Iv1.8a61f9b3a7aba767".parse().unwrap()),
                client_secret: Some(secret()),
                callback: Some(Callback::Shared),
                algorithm: Some(Choice::Default),
                pkce: Some(Choice::Own(false)),
                signing: Some(true),
                ca_bundle: Some(Choice::Default),
                proxy: Some(Choice::Own("http://proxy.example.com:3128".parse().unwrap())),
                on_missing: None,
            }
        }
        ProviderDisabled {}
        ProviderEnabled {}
        ProviderPaused {}
        ProviderResumed {}
        ProviderRemoved {}
        ProviderSecretStaged {
            secret: secret(), public_key: Some(PEM.replace("LABEL", "PUBLIC KEY").parse().unwrap())
        }
        ProviderSecretConfirmed {}
        ProviderSecretDropped {}
        ProviderRemovalRequested { force: false }
        ProviderRemovalCancelled {}
        ProviderAppRefused {
            failure: Failure::new(Blame::App, ReasonCode::AppCredentialsInvalid, None)
        }
        ProviderAppAccepted {}
        ProviderHostKeysRecorded {
            source: HostKeySource::Official,
            keys: vec![HOST_KEY.parse().unwrap()]
        }
        BreakerOpened {
            failure: Failure::new(
                Blame::Provider, ReasonCode::ProviderError, Some("status 503")
            ),
            attempts: 5,
            since: time()
        }
        BreakerHalfOpened { since: time() }
        BreakerClosed { since: time() }
        HookSecretSet { secret: secret() }
        ProviderRedirectNoted {
            redirect_url: "https://lanyard.example.com/oauth/callback/github".parse().unwrap()
        }
        ProviderGrantLeft {
            user: user(),
            account: None,
            failure: Failure::new(
                Blame::Grant, ReasonCode::RemoveByHand, Some("no app can revoke its tokens")
            )
        }
    }
}

fn others() -> Vec<Sample> {
    let settings = samples! {
        "settings-deployment", Settings(SettingsEvent) with {};
        // As the first version wrote it: what came later is absent.
        SettingsChanged {
            algorithm: Some(Algorithm::EcdsaP521),
            rotation_grace_hours: None,
            max_key_age_days: None
        }
    };
    let access = samples! {
        &format!("access-{}", id(3)), Access(AccessEvent) with {};
        AuditRead { query: "actor:ada after:\"2026-11-01\"".to_owned(), returned: 3 }
    };
    [
        replays::samples(),
        leavers::samples(),
        tokens::samples(),
        settings,
        access,
        webhooks::samples(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
