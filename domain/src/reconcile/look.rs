//! A look at everything that an account has at a provider.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{Drift, Known, Listed, Observed, Titles, Verdict, Wanted, decide, same};
use crate::KeyId;
use crate::account::Link;

/// So many keys that nobody knows are named at most: more than that is one trouble, not many.
const MOST_FOREIGN: usize = 20;

/// What a look found otherwise than the log says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look<'a> {
    /// Of keys that the log knows at this account.
    pub keys: BTreeMap<KeyId, Drift>,
    /// Keys that bear our name, and that the log does not know here.
    pub foreign: Vec<Listed<'a>>,
}

/// Compares a list with the log. `lines` has algorithm and blob of every key that has not ended.
///
/// What is on its way is left out: the publisher lists before it acts, and says what it found.
/// A person's own keys are nobody's business but theirs.
pub fn look<'a>(
    link: &Link,
    lines: &BTreeMap<KeyId, &str>,
    list: &[Listed<'a>],
    titles: Titles<'_>,
    now: DateTime<Utc>,
) -> Look<'a> {
    let mut found = Look::default();
    let mut named = Vec::with_capacity(link.placements.len());
    for (key, placement) in &link.placements {
        let title = titles.of(&link.user, *key);
        let wanted = Wanted::of(placement.status);
        let own = lines.get(key).copied();
        // Left to the person: it is theirs, whatever it is called.
        let released = wanted == Wanted::Nothing && placement.adopted;
        let is_judged = match wanted {
            Wanted::Kept => own.is_some(),
            Wanted::Nothing => !released,
            Wanted::Put | Wanted::Taken => false,
        };
        if is_judged {
            let known = Known::new(own, &title, Some(placement));
            let observed = Observed::of(&known, list);
            let verdict = decide(wanted, &known, observed, now);
            // What keeps anybody from signing in says more.
            let is_twice = wanted == Wanted::Kept && same(&known, list).nth(1).is_some();
            let drift = if let Verdict::Drift(drift) = verdict
                && !(is_twice && drift == Drift::Changed)
            {
                Some(drift)
            } else {
                is_twice.then_some(Drift::Duplicate)
            };
            found.keys.extend(drift.map(|drift| (*key, drift)));
        }
        named.push((title, own));
    }
    let is_known = |listed: &Listed<'_>| {
        named
            .iter()
            // Another key under the name of one of ours is nobody's that we know.
            .any(|(title, own)| own.map_or(*title == listed.title, |line| line == listed.line))
    };
    found.foreign = list
        .iter()
        .filter(|listed| titles.is_one(listed.title) && !is_known(listed))
        .take(MOST_FOREIGN)
        .copied()
        .collect();
    found
}
