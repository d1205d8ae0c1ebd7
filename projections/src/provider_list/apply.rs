//! What each event makes of a provider's row.

use domain::provider::{Choice, ProviderChanges, ProviderEvent};
use domain::{Event, ProviderSlug, Recorded};

use crate::write::{failure, json, maybe, text, time, word, yes_no};
use crate::{Statement, Value};

/// Writes an update of one provider: what changes, and `$2` to `$4`.
macro_rules! update {
    ($set:literal) => {
        concat!(
            "UPDATE {provider_list} SET ",
            $set,
            ", changed_at = $2, revision = $3, idx = $4 WHERE provider = $1 AND idx < $4"
        )
    };
}

pub(super) fn statement(recorded: &Recorded<Event>, event: &ProviderEvent) -> Statement {
    use ProviderEvent as E;
    let simple = |sql: &'static str, provider| Statement::new(sql, stamped(recorded, provider));
    match event {
        E::ProviderAdded {
            provider,
            kind,
            name,
            description,
            base_url,
            client_id,
            client_secret,
            callback,
            algorithm,
            pkce,
            protocol,
            public_key,
            signing,
            ca_bundle,
            proxy,
            on_missing,
        } => Statement::new(
            "INSERT INTO {provider_list} AS t (provider, changed_at, revision, idx, added_at, \
             kind, name, description, base_url, client_id, client_secret, callback, algorithm, \
             pkce, protocol, public_key, signing, ca_bundle, proxy, on_missing, disabled, paused, \
             removed, leaving, forced, host_keys, breaker) VALUES ($1, $2, $3, $4, $2, $5, $6, $7, $8, $9, $10, \
             $11, $12, $13, $14, $15, $16, $17, $18, $19, 'no', 'no', 'no', 'no', 'no', '[]', 'closed') ON CONFLICT (provider) DO NOTHING",
            stamped(recorded, provider).into_iter().chain([
                word(kind),
                text(name),
                text(description),
                text(base_url),
                maybe(client_id.as_ref()),
                maybe(client_secret.as_ref()),
                word(callback),
                maybe(algorithm.as_ref()),
                pkce.map_or(Value::Null, yes_no),
                word(protocol),
                maybe(public_key.as_ref()),
                yes_no(*signing),
                maybe(ca_bundle.as_ref()),
                maybe(proxy.as_ref()),
                word(on_missing),
            ]),
        ),
        E::ProviderChanged { provider, changes } => changed(recorded, provider, changes),
        E::ProviderDisabled { provider } => simple(update!("disabled = 'yes'"), provider),
        E::ProviderEnabled { provider } => simple(update!("disabled = 'no'"), provider),
        E::ProviderPaused { provider } => simple(update!("paused = 'yes'"), provider),
        E::ProviderResumed { provider } => simple(update!("paused = 'no'"), provider),
        E::ProviderRemoved { provider } => simple(update!("removed = 'yes'"), provider),
        E::ProviderSecretStaged {
            provider,
            secret,
            public_key,
        } => Statement::new(
            update!("staged_secret = $5, staged_key = $6"),
            stamped(recorded, provider)
                .into_iter()
                .chain([text(secret), maybe(public_key.as_ref())]),
        ),
        E::ProviderSecretConfirmed { provider } => simple(
            update!(
                "client_secret = staged_secret, public_key = COALESCE(staged_key, public_key), \
                 staged_secret = NULL, staged_key = NULL"
            ),
            provider,
        ),
        E::ProviderSecretDropped { provider } => {
            simple(update!("staged_secret = NULL, staged_key = NULL"), provider)
        }
        E::ProviderRemovalRequested {
            provider,
            force: false,
        } => simple(update!("leaving = 'yes'"), provider),
        E::ProviderRemovalRequested {
            provider,
            force: true,
        } => simple(update!("leaving = 'yes', forced = 'yes'"), provider),
        E::ProviderRemovalCancelled { provider } => {
            simple(update!("leaving = 'no', forced = 'no'"), provider)
        }
        E::ProviderAppRefused {
            provider,
            failure: why,
        } => Statement::new(
            update!("failure_blame = $5, failure_code = $6, failure_detail = $7"),
            stamped(recorded, provider).into_iter().chain(failure(why)),
        ),
        E::ProviderAppAccepted { provider } => simple(
            update!("failure_blame = NULL, failure_code = NULL, failure_detail = NULL"),
            provider,
        ),
        E::ProviderHostKeysRecorded { provider, keys, .. } => Statement::new(
            update!("host_keys = $5"),
            stamped(recorded, provider).into_iter().chain([json(keys)]),
        ),
        E::HookSecretSet { provider, secret } => Statement::new(
            update!("hook_secret = $5"),
            stamped(recorded, provider)
                .into_iter()
                .chain([text(secret)]),
        ),
        E::ProviderRedirectNoted {
            provider,
            redirect_url,
        } => Statement::new(
            update!("redirect_url = $5"),
            stamped(recorded, provider)
                .into_iter()
                .chain([text(redirect_url)]),
        ),
        // Its revision moves with every event.
        E::ProviderGrantLeft { provider, .. } => simple(update!("removed = removed"), provider),
        E::BreakerOpened {
            provider,
            failure: why,
            since,
            ..
        } => Statement::new(
            update!(
                "breaker = 'open', recovered_at = NULL, outage_since = $5, outage_blame = $6, \
                 outage_code = $7, outage_detail = $8"
            ),
            stamped(recorded, provider)
                .into_iter()
                .chain([time(*since)])
                .chain(failure(why)),
        ),
        E::BreakerHalfOpened { provider, .. } => simple(update!("breaker = 'half_open'"), provider),
        // When it began is kept: what it parked may still be on its way.
        E::BreakerClosed { provider, .. } => {
            simple(update!("breaker = 'closed', recovered_at = $2"), provider)
        }
    }
}

/// Returns `$1` to `$4`: which provider, and what every change sets.
fn stamped(recorded: &Recorded<Event>, provider: &ProviderSlug) -> [Value; 4] {
    [
        text(provider),
        time(recorded.recorded_at),
        recorded.version.into(),
        recorded.index.into(),
    ]
}

fn changed(
    recorded: &Recorded<Event>,
    provider: &ProviderSlug,
    changes: &ProviderChanges,
) -> Statement {
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
    // Absent stays; back to the default is written as an empty text and stored as NULL.
    let default = || Value::from("");
    let algorithm = algorithm.map_or(Value::Null, |choice| match choice {
        Choice::Default => default(),
        Choice::Own(algorithm) => text(&algorithm),
    });
    let pkce = pkce.map_or(Value::Null, |choice| match choice {
        Choice::Default => default(),
        Choice::Own(pkce) => yes_no(pkce),
    });
    let ca_bundle = ca_bundle
        .as_ref()
        .map_or(Value::Null, |choice| match choice {
            Choice::Default => default(),
            Choice::Own(bundle) => text(bundle),
        });
    let proxy = proxy.as_ref().map_or(Value::Null, |choice| match choice {
        Choice::Default => default(),
        Choice::Own(proxy) => text(proxy),
    });
    Statement::new(
        update!(
            "name = COALESCE($5, name), description = COALESCE($6, description), \
             base_url = COALESCE($7, base_url), client_id = COALESCE($8, client_id), \
             client_secret = COALESCE($9, client_secret), callback = COALESCE($10, callback), \
             algorithm = NULLIF(COALESCE($11, algorithm, ''), ''), \
             pkce = NULLIF(COALESCE($12, pkce, ''), ''), signing = COALESCE($13, signing), \
             ca_bundle = NULLIF(COALESCE($14, ca_bundle, ''), ''), \
             proxy = NULLIF(COALESCE($15, proxy, ''), ''), \
             on_missing = COALESCE($16, on_missing)"
        ),
        stamped(recorded, provider).into_iter().chain([
            maybe(name.as_ref()),
            maybe(description.as_ref()),
            maybe(base_url.as_ref()),
            maybe(client_id.as_ref()),
            maybe(client_secret.as_ref()),
            callback.as_ref().map_or(Value::Null, word),
            algorithm,
            pkce,
            signing.map_or(Value::Null, yes_no),
            ca_bundle,
            proxy,
            on_missing.as_ref().map_or(Value::Null, word),
        ]),
    )
}
