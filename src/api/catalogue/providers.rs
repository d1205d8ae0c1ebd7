//! The problems of providers.

use super::{Entry, entry};

pub(super) const PROVIDERS: &[Entry] = &[
    entry(
        "provider-not-found",
        404,
        "there is no provider of this name",
        "list the providers at /api/v1/providers",
    ),
    entry(
        "provider-already-added",
        409,
        "a provider of this name is already there",
        "change it with PATCH, or choose another name",
    ),
    entry(
        "provider-slug-retired",
        409,
        "a provider of this name was removed; choose another name",
        "choose another name: history refers to the old one for ever",
    ),
    entry(
        "provider-algorithm-not-accepted",
        422,
        "this product does not take keys of this algorithm",
        "choose another algorithm",
    ),
    entry(
        "provider-app-missing",
        422,
        "this kind of provider needs the OAuth app's client id and client secret",
        "register an OAuth app at the provider and send both",
    ),
    entry(
        "provider-hooks-not-sent",
        422,
        "this product sends no hooks that Lanyard understands",
        "nothing is needed: every account is looked at once a day, and on demand",
    ),
    entry(
        "provider-signing-not-done",
        422,
        "Lanyard can make no keys good for signing commits there",
        "leave out signing, or bring Forgejo up to date; where the product verifies signatures, people add a key of their own for it there",
    ),
    entry(
        "provider-base-url-fixed",
        409,
        "the base URL cannot change while accounts are linked",
        "have the accounts unlinked, or add another provider",
    ),
    entry(
        "provider-accounts-linked",
        409,
        "the provider cannot be removed while accounts are linked",
        "ask for its removal with POST /api/v1/providers/{provider}/removal: every account is unlinked first; or disable it",
    ),
    entry(
        "provider-disabled",
        409,
        "an admin disabled this provider",
        "ask an admin to enable it",
    ),
    entry(
        "provider-app-not-used",
        422,
        "people paste their keys at this kind of provider: it has no OAuth app",
        "leave out client_id and client_secret",
    ),
    entry(
        "provider-protocol-not-spoken",
        422,
        "this product does not speak OAuth 1.0a",
        "leave out protocol; oauth1 is for application links of Bitbucket Server",
    ),
    entry(
        "provider-secret-staged",
        409,
        "a second secret is there already",
        "confirm it or drop it first",
    ),
    entry(
        "provider-no-secret-staged",
        409,
        "there is no second secret",
        "stage one with POST /api/v1/providers/{provider}/secrets",
    ),
    entry(
        "provider-bitbucket-cloud",
        422,
        "Bitbucket Cloud lets no app manage people's SSH keys",
        "add it with the kind ssh: people then paste their keys there",
    ),
    entry(
        "provider-key-is-ours",
        422,
        "for OAuth 1.0a Lanyard makes the key itself",
        "stage a second key with POST /api/v1/providers/{provider}/secrets, without a body",
    ),
    entry(
        "provider-leaving",
        409,
        "this provider is to be removed: it takes no new links",
        "link an account at another provider",
    ),
    entry(
        "host-keys-not-published",
        409,
        "this provider publishes no host keys",
        "enter them with PUT /api/v1/providers/{provider}/host-keys, or scan them and confirm the fingerprints",
    ),
    entry(
        "host-keys-not-had",
        409,
        "the host keys could not be fetched",
        "look at `detail`; try again, or enter them",
    ),
    entry(
        "host-keys-differ",
        409,
        "the provider itself tells the fingerprint of another host key",
        "compare with what its administrators see (at Bitbucket, Server settings, SSH access): either these are the keys of another server, or somebody stands in between",
    ),
    entry(
        "shared-callback-taken",
        409,
        "another provider already uses the shared redirect URL",
        "register this provider's own redirect URL with its app: one shared URL for two providers lets one answer for the other",
    ),
    entry(
        "consumer-key-taken",
        409,
        "another provider already uses this consumer key at this Bitbucket Server",
        "choose another client_id, and make an application link of its own with it",
    ),
];
