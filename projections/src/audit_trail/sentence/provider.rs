//! What happened to a provider, in words.

use domain::provider::{HostKeySource, ProviderChanges, ProviderEvent};

use super::{counted, why};

pub(super) fn provider(event: &ProviderEvent) -> String {
    match event {
        ProviderEvent::ProviderAdded {
            provider,
            kind,
            base_url,
            ..
        } => format!("added the {kind} provider {provider} at {base_url}"),
        ProviderEvent::ProviderChanged { provider, changes } => {
            format!("changed {} of {provider}", changed(changes))
        }
        ProviderEvent::ProviderDisabled { provider } => {
            format!("disabled {provider}: no new links, no key sync")
        }
        ProviderEvent::ProviderEnabled { provider } => format!("enabled {provider}"),
        ProviderEvent::ProviderPaused { provider } => format!("paused key sync at {provider}"),
        ProviderEvent::ProviderResumed { provider } => format!("resumed key sync at {provider}"),
        ProviderEvent::ProviderRemoved { provider } => format!("removed {provider}"),
        ProviderEvent::ProviderSecretStaged { provider, .. } => {
            format!("put a second secret beside that of the app at {provider}")
        }
        ProviderEvent::ProviderSecretConfirmed { provider } => {
            format!("let the second secret take the place of the first at {provider}")
        }
        ProviderEvent::ProviderSecretDropped { provider } => {
            format!("let the second secret at {provider} go")
        }
        ProviderEvent::ProviderRemovalRequested {
            provider,
            force: false,
        } => format!("asked to have every account at {provider} unlinked and it removed"),
        ProviderEvent::ProviderRemovalRequested {
            provider,
            force: true,
        } => format!(
            "asked to have every account at {provider} end at once, whatever stays there, and it \
             removed"
        ),
        ProviderEvent::ProviderRemovalCancelled { provider } => {
            format!("called the removal of {provider} off")
        }
        ProviderEvent::ProviderAppRefused { provider, failure } => {
            format!(
                "found that {provider} refuses the app: {}",
                failure.code.as_str()
            )
        }
        ProviderEvent::ProviderAppAccepted { provider } => {
            format!("found that {provider} accepts the app again")
        }
        ProviderEvent::BreakerOpened {
            provider,
            failure,
            attempts,
            ..
        } => format!(
            "left {provider} alone but for probes, for it does not answer {}",
            why(failure, *attempts)
        ),
        ProviderEvent::BreakerHalfOpened { provider, since } => {
            format!(
                "began to probe {provider}, left alone since {}",
                since.format("%Y-%m-%d %H:%M UTC")
            )
        }
        ProviderEvent::BreakerClosed { provider, since } => format!(
            "found that {provider} answers again; it had been left alone since {}",
            since.format("%Y-%m-%d %H:%M UTC")
        ),
        ProviderEvent::ProviderRedirectNoted {
            provider,
            redirect_url,
        } => format!("found that {provider} accepts the app with {redirect_url}"),
        ProviderEvent::ProviderGrantLeft {
            provider,
            user,
            failure,
            ..
        } => {
            let detail = failure.detail.as_deref();
            let why = detail.unwrap_or(failure.code.as_str());
            format!(
                "destroyed what {user} had granted at {provider} for a link that did not come \
                 about, and could not revoke it there: {why}"
            )
        }
        ProviderEvent::HookSecretSet { provider, .. } => {
            format!("had a secret made for the hooks of {provider}")
        }
        ProviderEvent::ProviderHostKeysRecorded {
            provider,
            source,
            keys,
        } => {
            let known = match source {
                HostKeySource::Official => "published by its vendor",
                HostKeySource::Entered => "entered",
                HostKeySource::Scanned => "shown by it and confirmed",
            };
            format!(
                "recorded {} of {provider}, {known}",
                counted(keys.len() as u64, "host key")
            )
        }
    }
}

fn changed(changes: &ProviderChanges) -> String {
    let ProviderChanges {
        name,
        description,
        base_url,
        client_id,
        client_secret,
        callback,
        algorithm,
        pkce,
        signing,
        ca_bundle,
        proxy,
        on_missing,
    } = changes;
    let named: Vec<_> = [
        (name.is_some(), "name"),
        (description.is_some(), "description"),
        (base_url.is_some(), "base URL"),
        (client_id.is_some(), "client id"),
        (client_secret.is_some(), "client secret"),
        (callback.is_some(), "callback"),
        (algorithm.is_some(), "algorithm"),
        (pkce.is_some(), "PKCE"),
        (signing.is_some(), "signing"),
        (ca_bundle.is_some(), "CA bundle"),
        (proxy.is_some(), "proxy"),
        (on_missing.is_some(), "what becomes of missing keys"),
    ]
    .into_iter()
    .filter_map(|(is_changed, what)| is_changed.then_some(what))
    .collect();
    if named.is_empty() {
        "nothing".to_owned()
    } else {
        named.join(", ")
    }
}
