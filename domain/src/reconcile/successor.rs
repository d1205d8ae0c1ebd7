//! Whether a replaced key may go: not before one that took its place is there, and good.

use chrono::{DateTime, Utc};

use super::{Drift, Known, Listed, Observed, Verdict, Wanted, decide};

/// Says what keeps a replaced key where it is: none of those that took its place, the current one
/// last, is in the list and can be used. That the provider once answered that it has one proves
/// nothing: the person may have removed it since, or the answer was wrong.
pub fn amiss(successors: &[Known<'_>], list: &[Listed<'_>], now: DateTime<Utc>) -> Option<Drift> {
    let mut amiss = None;
    for known in successors {
        match decide(Wanted::Kept, known, Observed::of(known, list), now) {
            Verdict::Drift(
                what @ (Drift::Missing | Drift::Expired | Drift::NotUsable | Drift::WrongType),
            ) => {
                amiss = Some(what);
            }
            // Under another id it is there all the same, and who signs in signs no commit.
            Verdict::Drift(
                Drift::Changed | Drift::NotForSigning | Drift::Duplicate | Drift::Foreign,
            )
            | Verdict::Nothing
            | Verdict::Add
            | Verdict::Found(_)
            | Verdict::Adopt(_)
            | Verdict::Remove(_)
            | Verdict::Release(_) => return None,
        }
    }
    amiss
}
