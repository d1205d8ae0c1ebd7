//! New values of a provider's settings.

use domain::provider::{Choice, ProviderChanges};
use domain::{Event, ProviderSlug, Recorded};

use super::stamped;
use crate::write::{maybe, text, word, yes_no};
use crate::{Statement, Value};

pub(super) fn changed(
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
