//! Whom and what an event is about: what a reader files it under.

use domain::account::AccountEvent;
use domain::campaign::CampaignEvent;
use domain::keyring::{Holder, KeyringEvent};
use domain::offboarding::OffboardingEvent;
use domain::provider::ProviderEvent;
use domain::replay::ReplayEvent;
use domain::token::TokenEvent;
use domain::{AccountId, Event, KeyId, ProviderSlug, UserId};

/// What one event names.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct About<'a> {
    /// The person whom it concerns, whoever caused it.
    pub(crate) user: Option<&'a UserId>,
    /// The provider.
    pub(crate) provider: Option<&'a ProviderSlug>,
    /// The account.
    pub(crate) account: Option<AccountId>,
    /// The key.
    pub(crate) key: Option<KeyId>,
}

impl<'a> About<'a> {
    /// Reads what an event names.
    pub(crate) fn event(event: &'a Event) -> Self {
        match event {
            Event::Access(_) | Event::Settings(_) | Event::Webhook(_) => Self::default(),
            Event::Campaign(CampaignEvent::CampaignStarted { scope, .. }) => Self {
                // Of several people none is the one whom it concerns.
                user: scope.users.first().filter(|_| scope.users.len() == 1),
                provider: scope.provider.as_ref(),
                ..Self::default()
            },
            Event::Campaign(
                CampaignEvent::CampaignPaused { .. }
                | CampaignEvent::CampaignResumed { .. }
                | CampaignEvent::CampaignCancelled { .. }
                | CampaignEvent::CampaignCompleted { .. },
            ) => Self::default(),
            Event::Account(event) => Self::account(event),
            Event::Keyring(event) => Self::keyring(event),
            Event::Provider(
                ProviderEvent::ProviderAdded { provider, .. }
                | ProviderEvent::ProviderChanged { provider, .. }
                | ProviderEvent::ProviderDisabled { provider }
                | ProviderEvent::ProviderEnabled { provider }
                | ProviderEvent::ProviderPaused { provider }
                | ProviderEvent::ProviderResumed { provider }
                | ProviderEvent::ProviderRemoved { provider }
                | ProviderEvent::ProviderSecretStaged { provider, .. }
                | ProviderEvent::ProviderSecretConfirmed { provider }
                | ProviderEvent::ProviderSecretDropped { provider }
                | ProviderEvent::ProviderRemovalRequested { provider, .. }
                | ProviderEvent::ProviderRemovalCancelled { provider }
                | ProviderEvent::ProviderAppRefused { provider, .. }
                | ProviderEvent::ProviderAppAccepted { provider }
                | ProviderEvent::ProviderHostKeysRecorded { provider, .. }
                | ProviderEvent::BreakerOpened { provider, .. }
                | ProviderEvent::BreakerHalfOpened { provider, .. }
                | ProviderEvent::BreakerClosed { provider, .. }
                | ProviderEvent::HookSecretSet { provider, .. }
                | ProviderEvent::ProviderRedirectNoted { provider, .. },
            ) => Self {
                provider: Some(provider),
                ..Self::default()
            },
            Event::Provider(ProviderEvent::ProviderGrantLeft {
                provider,
                user,
                account,
                ..
            }) => Self {
                user: Some(user),
                provider: Some(provider),
                account: *account,
                ..Self::default()
            },
            Event::Replay(ReplayEvent::ReplayStarted { scope, .. }) => Self {
                user: scope.user.as_ref(),
                provider: Some(&scope.provider),
                ..Self::default()
            },
            Event::Offboarding(
                OffboardingEvent::OffboardingRequested { user, .. }
                | OffboardingEvent::OffboardingForced { user }
                | OffboardingEvent::OffboardingCompleted { user, .. },
            ) => Self {
                user: Some(user),
                ..Self::default()
            },
            Event::Replay(
                ReplayEvent::ReplayCancelled { provider, .. }
                | ReplayEvent::ReplayResumed { provider, .. }
                | ReplayEvent::ReplayCompleted { provider, .. },
            ) => Self {
                provider: Some(provider),
                ..Self::default()
            },
            Event::Token(
                TokenEvent::TokenCreated { user, .. } | TokenEvent::TokenRevoked { user, .. },
            ) => Self {
                user: Some(user),
                ..Self::default()
            },
        }
    }

    /// Reads what an event of an account names.
    pub(crate) fn account(event: &'a AccountEvent) -> Self {
        use AccountEvent as E;
        match event {
            E::AccountLinked {
                account,
                user,
                provider,
                ..
            }
            | E::LinkGivenUp {
                account,
                user,
                provider,
                ..
            }
            | E::GrantRenewed {
                account,
                user,
                provider,
                ..
            }
            | E::GrantLost {
                account,
                user,
                provider,
                ..
            }
            | E::UnlinkRequested {
                account,
                user,
                provider,
            }
            | E::UnlinkForced {
                account,
                user,
                provider,
            }
            | E::GrantRevocationRequested {
                account,
                user,
                provider,
            }
            | E::GrantRevocationFailed {
                account,
                user,
                provider,
                ..
            }
            | E::GrantRevocationParked {
                account,
                user,
                provider,
                ..
            }
            | E::AccountUnlinked {
                account,
                user,
                provider,
                ..
            } => Self {
                user: Some(user),
                provider: Some(provider),
                account: Some(*account),
                key: None,
            },
            E::KeyPublicationRequested {
                account,
                user,
                provider,
                key,
                ..
            }
            | E::KeyPublished {
                account,
                user,
                provider,
                key,
                ..
            }
            | E::KeyPublicationFailed {
                account,
                user,
                provider,
                key,
                ..
            }
            | E::KeyPublicationParked {
                account,
                user,
                provider,
                key,
                ..
            }
            | E::KeyWithdrawalRequested {
                account,
                user,
                provider,
                key,
                ..
            }
            | E::KeyWithdrawn {
                account,
                user,
                provider,
                key,
                ..
            }
            | E::KeyWithdrawalFailed {
                account,
                user,
                provider,
                key,
                ..
            }
            | E::KeyWithdrawalParked {
                account,
                user,
                provider,
                key,
                ..
            }
            | E::KeyReleased {
                account,
                user,
                provider,
                key,
            }
            | E::KeyPlacementDiscarded {
                account,
                user,
                provider,
                key,
                ..
            }
            | E::KeyExpiring {
                account,
                user,
                provider,
                key,
                ..
            } => Self {
                user: Some(user),
                provider: Some(provider),
                account: Some(*account),
                key: Some(*key),
            },
            E::KeyDriftFound {
                account,
                user,
                provider,
                key,
                ..
            }
            | E::KeyDriftSettled {
                account,
                user,
                provider,
                key,
                ..
            } => Self {
                user: Some(user),
                provider: Some(provider),
                account: Some(*account),
                key: *key,
            },
        }
    }

    fn keyring(event: &'a KeyringEvent) -> Self {
        let (KeyringEvent::KeyGenerated {
            user, key, holder, ..
        }
        | KeyringEvent::KeyRotated {
            user, key, holder, ..
        }
        | KeyringEvent::KeyRetired { user, key, holder }) = event;
        let account = match holder {
            Holder::Account(account) => Some(*account),
            Holder::Personal => None,
        };
        Self {
            user: Some(user),
            provider: None,
            account,
            key: Some(*key),
        }
    }
}
