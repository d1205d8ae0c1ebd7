//! The ways in which a call to a Git server comes to nothing.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Blame, ReasonCode};
use lanyard::providers::{GrantVerdict, ProviderFailure};

/// How many classes of failures there are.
const CLASSES: u64 = 9;

/// How many of them, the first, may hide that what was asked for was done.
const AFTER: u64 = 3;

/// How many tokens in a row may be refused in their turn before a grant counts as lost
/// (`app::grants::refusals`); a refusal for no reason counts like any other.
pub(crate) const REFUSALS: usize = 3;

/// Turns a number into one that says how a call fails whose effect stays.
pub(crate) fn after_effect(how: u64) -> u64 {
    how - how % CLASSES + how % AFTER
}

/// Reads what a number says: how a call fails, made with a person's token or not. What a provider
/// says here about the grant, it says for no reason.
pub(crate) fn fault(how: u64, with_token: bool, now: DateTime<Utc>) -> ProviderFailure {
    use ReasonCode as R;
    let seconds = TimeDelta::seconds(1 + i64::try_from(how % 90).unwrap_or(0));
    let token = |failure: ProviderFailure| {
        if with_token {
            failure
        } else {
            outage(R::ProviderError).status(500)
        }
    };
    match how % CLASSES {
        // The connection is refused, breaks, or nothing comes in time.
        0 => outage(R::ProviderUnreachable),
        1 => outage(R::ProviderError).status(503),
        // A page of HTML where JSON belongs.
        2 => outage(R::ProviderProtocol).status(200),
        3 => outage(R::ProviderRateLimited)
            .status(429)
            .not_before(Some(now + seconds)),
        4 => outage(R::ProviderRateLimited)
            .status(429)
            .guess(now + TimeDelta::seconds(60)),
        5 => outage(R::ProviderError)
            .status(503)
            .guess(now + TimeDelta::minutes(15)),
        6 => token(unauthorized()),
        7 => token(outage(R::ProviderError).status(403)),
        _ => {
            let code = [R::ScopeMissing, R::AccountSuspended][usize::from(how & 64 > 0)];
            token(ProviderFailure::new(Blame::Grant, code).status(403))
        }
    }
}

/// The provider is at fault.
pub(crate) fn outage(code: ReasonCode) -> ProviderFailure {
    ProviderFailure::new(Blame::Provider, code)
}

/// The access token is no longer taken.
pub(crate) fn unauthorized() -> ProviderFailure {
    ProviderFailure::new(Blame::Grant, ReasonCode::GrantExpired)
        .grant(GrantVerdict::Expired)
        .status(401)
}

/// Nothing but a new link helps.
pub(crate) fn lost() -> ProviderFailure {
    ProviderFailure::new(Blame::Grant, ReasonCode::GrantRevoked).grant(GrantVerdict::Lost)
}
