//! How a provider disagrees with the log, in words.

use domain::reconcile::Drift;
use domain::{ProviderSlug, UserId};

/// Says what a look found of a key; the log does not know one that has a `fingerprint` here.
pub(super) fn found(
    user: &UserId,
    provider: &ProviderSlug,
    what: Drift,
    fingerprint: Option<&str>,
) -> String {
    match (what, fingerprint) {
        (Drift::Missing, _) => format!("found {user}'s key missing at {provider}"),
        (Drift::Changed, _) => format!("found {user}'s key at {provider} under another id"),
        (Drift::Expired, _) => format!("found that {provider} has ended {user}'s key"),
        (Drift::NotUsable, _) => {
            format!("found that nobody can sign in with {user}'s key at {provider}")
        }
        (Drift::WrongType, _) => {
            format!("found {user}'s key at {provider} good for signing commits only")
        }
        (Drift::NotForSigning, _) => {
            format!("found {user}'s key at {provider} not good for signing commits")
        }
        (Drift::Duplicate, _) => format!("found {user}'s key at {provider} more than once"),
        (Drift::Foreign, Some(fingerprint)) => format!(
            "found a key {fingerprint} at {user}'s account at {provider} that bears our name and \
             nobody knows"
        ),
        (Drift::Foreign, None) => format!(
            "found a key that was taken away from {user}'s account at {provider} there again"
        ),
    }
}
