//! What a test of a provider finds, and what all kinds find alike.

use chrono::{DateTime, TimeDelta, Utc};
use domain::ReasonCode;

use super::ProviderFailure;

/// Beyond this, rate limits and expiries are misjudged, and a signed call is refused before long.
pub(super) const MOST_SKEW: TimeDelta = TimeDelta::seconds(60);

/// No code of any provider's looks like this.
pub(super) const MADE_UP: &str = "lanyard-test-code";

/// One thing that a test of a provider found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at: `connection`, `product`, `version`, `app`, `clock`, `redirect_url`.
    pub check: &'static str,
    /// Whether it is in order.
    pub ok: bool,
    /// What was found, in words.
    pub found: String,
    /// What to do about it; empty where all is well.
    pub fix: String,
}

/// Says that one thing is in order.
pub(super) fn right(check: &'static str, found: &str) -> Finding {
    Finding {
        check,
        ok: true,
        found: found.to_owned(),
        fix: String::new(),
    }
}

/// Says that one thing is not in order, and what to do about it.
pub(super) fn wrong(check: &'static str, found: &str, fix: &str) -> Finding {
    Finding {
        check,
        ok: false,
        found: found.to_owned(),
        fix: fix.to_owned(),
    }
}

/// Says that a call came to nothing.
pub(super) fn unreached(check: &'static str, failure: &ProviderFailure) -> Finding {
    let said = failure.failure.detail.clone().unwrap_or_default();
    let fix = match failure.failure.code {
        ReasonCode::ProviderUnreachable => {
            "check the base URL; check that this server may reach the host (DNS, firewall, proxy, the server's list of allowed private hosts)"
        }
        code => code.remedy(),
    };
    wrong(check, &said, fix)
}

/// A redirect: the base URL should be where it leads.
pub(super) fn moved(check: &'static str, target: &str, endpoint: &str) -> Finding {
    let base = target.trim_end_matches('/');
    let base = base.strip_suffix(endpoint).unwrap_or(base);
    wrong(
        check,
        &format!("it redirects to {target}"),
        &format!("enter {base} as the base URL"),
    )
}

/// Compares the clocks, if the provider says what its own shows.
pub(super) fn clock(ours: DateTime<Utc>, theirs: Option<DateTime<Utc>>) -> Option<Finding> {
    let skew = ours - theirs?;
    if skew.abs() <= MOST_SKEW {
        return Some(right("clock", "the clocks agree"));
    }
    let seconds = skew.num_seconds();
    let way = if seconds > 0 { "ahead of" } else { "behind" };
    let by = seconds.abs();
    Some(wrong(
        "clock",
        &format!("this server's clock is {by} seconds {way} the provider's"),
        "set this server's clock by NTP",
    ))
}
