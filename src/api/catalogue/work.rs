//! The problems of what goes on in the background: leaving, campaigns.

use super::{Entry, entry};

pub(super) const WORK: &[Entry] = &[
    // Leaving.
    entry(
        "offboarding-not-found",
        404,
        "nobody asked to off-board this person",
        "ask for it with a POST to the same address",
    ),
    entry(
        "offboarding-under-way",
        409,
        "this person is being off-boarded: nothing new is linked or made for them",
        "wait until it is completed, which /api/v1/users/{user}/offboarding shows; an admin can force it",
    ),
    entry(
        "offboarding-oneself",
        409,
        "an admin cannot off-board themselves",
        "ask another admin",
    ),
    // Campaigns.
    entry(
        "campaign-not-found",
        404,
        "there is no such campaign",
        "list the campaigns at /api/v1/campaigns",
    ),
    entry(
        "campaign-already-started",
        409,
        "this campaign was already started",
        "nothing: it runs",
    ),
    entry(
        "campaign-over",
        409,
        "this campaign is over",
        "start another one: keys that were replaced since are not in its scope",
    ),
    entry(
        "campaign-empty-scope",
        422,
        "a campaign needs an algorithm, an age, a provider, people or keys",
        "say which keys are to be rotated; for all of them, name every algorithm",
    ),
    entry(
        "account-key-not-parked",
        409,
        "the key is not parked there: nothing is to be given up",
        "look at /api/v1/sync?status=parked for what waits for somebody",
    ),
];
