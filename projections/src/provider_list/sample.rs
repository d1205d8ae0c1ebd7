//! Events of a provider, for tests.

use domain::provider::{HostKeySource, ProviderChanges, ProviderEvent};

use crate::sample::{added, at, down, github, secret};

/// Returns one of each.
pub(crate) fn every() -> Vec<ProviderEvent> {
    let provider = github;
    vec![
        added(),
        ProviderEvent::ProviderChanged {
            provider: provider(),
            changes: ProviderChanges::default(),
        },
        ProviderEvent::ProviderDisabled {
            provider: provider(),
        },
        ProviderEvent::ProviderEnabled {
            provider: provider(),
        },
        ProviderEvent::ProviderPaused {
            provider: provider(),
        },
        ProviderEvent::ProviderResumed {
            provider: provider(),
        },
        ProviderEvent::ProviderSecretStaged {
            provider: provider(),
            secret: secret(),
            public_key: None,
        },
        ProviderEvent::ProviderSecretConfirmed {
            provider: provider(),
        },
        ProviderEvent::ProviderSecretDropped {
            provider: provider(),
        },
        ProviderEvent::ProviderAppRefused {
            provider: provider(),
            failure: down(),
        },
        ProviderEvent::ProviderAppAccepted {
            provider: provider(),
        },
        ProviderEvent::ProviderHostKeysRecorded {
            provider: provider(),
            source: HostKeySource::Entered,
            keys: vec!["github.com ssh-ed25519 AAAAC3Nza".parse().unwrap()],
        },
        ProviderEvent::BreakerOpened {
            provider: provider(),
            failure: down(),
            attempts: 5,
            since: at(1),
        },
        ProviderEvent::BreakerHalfOpened {
            provider: provider(),
            since: at(1),
        },
        ProviderEvent::BreakerClosed {
            provider: provider(),
            since: at(1),
        },
        ProviderEvent::HookSecretSet {
            provider: provider(),
            secret: secret(),
        },
        ProviderEvent::ProviderRedirectNoted {
            provider: provider(),
            redirect_url: "https://lanyard.example.com/x".parse().unwrap(),
        },
        ProviderEvent::ProviderGrantLeft {
            provider: provider(),
            user: "ada".parse().unwrap(),
            account: None,
            failure: down(),
        },
        ProviderEvent::ProviderRemovalRequested {
            provider: provider(),
            force: true,
        },
        ProviderEvent::ProviderRemovalCancelled {
            provider: provider(),
        },
        ProviderEvent::ProviderRemoved {
            provider: provider(),
        },
    ]
}
