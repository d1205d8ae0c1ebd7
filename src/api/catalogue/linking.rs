//! What goes wrong while an account is linked, and with linked accounts.

use super::{Entry, entry};

pub(super) const LINKING: &[Entry] = &[
    entry(
        "flow-not-found",
        404,
        "this link has been used or has expired",
        "begin again: a link lives for ten minutes and works once, in one browser",
    ),
    entry(
        "flow-refused",
        400,
        "the answer of the provider does not belong to this browser or to what was begun",
        "begin again in this browser",
    ),
    entry(
        "flow-outdated",
        409,
        "an admin changed the provider meanwhile",
        "begin again",
    ),
    entry(
        "flow-denied",
        403,
        "the provider did not agree to the link",
        "begin again and agree at the provider; if it refuses, tell an admin",
    ),
    entry(
        "flow-failed",
        502,
        "the provider did not complete the link",
        "begin again; if it lasts, an admin tests the provider",
    ),
    entry(
        "scopes-missing",
        403,
        "the provider granted less than is needed",
        "begin again and grant every scope that is asked for",
    ),
    entry(
        "other-identity",
        409,
        "the provider signed in somebody else than the linked account",
        "sign out at the provider, sign in there as the linked account, and begin again; if another account is meant, begin with `another`",
    ),
    entry(
        "account-not-found",
        404,
        "there is no such linked account",
        "list the accounts at /api/v1/users/{user}/accounts",
    ),
    entry(
        "account-linked-elsewhere",
        409,
        "this account at the provider is linked to another user; it must be unlinked there first",
        "sign in at the provider with another account, or have the account unlinked where it is linked",
    ),
    entry(
        "account-unlinking",
        409,
        "the account is being unlinked",
        "wait until it is unlinked, then link it again",
    ),
    entry(
        "account-grant-superseded",
        409,
        "the grant was renewed meanwhile",
        "nothing: the newer grant is in use",
    ),
    entry(
        "account-link-given-up",
        409,
        "the link took too long: what the provider gave for it is given back",
        "link the account again",
    ),
    entry(
        "account-keys-remain",
        409,
        "a key of this account is still to be withdrawn",
        "wait, or look at /api/v1/sync for what it waits for",
    ),
];
