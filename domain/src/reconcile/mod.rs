//! What follows from what a provider lists: the one table between what is wanted of a key and what
//! is there of it.
//!
//! | wanted \ there | missing | ours | theirs | ended | of no use | for signing only |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | put | add | found | adopt | drift: expired | drift: not usable | ours: remove, then add; theirs: drift: wrong type |
//! | kept, ours on record | drift: missing | nothing; drift: changed under another id | drift: changed | drift: expired | drift: not usable | drift: wrong type |
//! | kept, adopted on record | drift: missing | nothing | nothing | drift: expired | drift: not usable | drift: wrong type |
//! | taken | nothing | remove | release | by whose it is | by whose it is | by whose it is |
//! | nothing | nothing | drift: foreign | nothing | by whose it is | by whose it is | by whose it is |
//!
//! A key that is good to sign in with, but not for signing commits where an admin wants it to be, is
//! put as any other and proven then; kept, it is a drift of its own.
//!
//! A key that is listed more than once is a drift of its own: what of it is ours beside the best goes
//! ([`spare`]), one a try.
//!
//! A replaced key is removed only where one that took its place is there and good ([`amiss`]);
//! a compromised one, and those of an account that is being unlinked, go anyway.
//!
//! Keys are the same if algorithm and blob are. Title, comment and id never decide that; they only
//! tell a key that we put there from one that was there before us, which is never deleted as ours.
//! Nothing here acts: a crash between list, act and record is mended by listing again.

mod drift;
mod look;
mod successor;
#[cfg(test)]
mod tests;
mod title;

use chrono::{DateTime, Utc};

pub use drift::Drift;
pub use look::{Look, look};
pub use successor::amiss;
pub use title::Titles;

use crate::account::{Placement, PlacementStatus};

/// What is wanted of a key at an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// It is to be put there.
    Put,
    /// It is there, the log says, and is to stay.
    Kept,
    /// It is to be taken away.
    Taken,
    /// Nothing: it is no longer there, or was left to the person.
    Nothing,
}

impl Wanted {
    /// Returns what is wanted of a key, given where it stands.
    pub const fn of(status: PlacementStatus) -> Self {
        match status {
            PlacementStatus::Publishing(_) | PlacementStatus::PublishingParked => Self::Put,
            PlacementStatus::Published => Self::Kept,
            PlacementStatus::Withdrawing(_) | PlacementStatus::WithdrawingParked => Self::Taken,
            PlacementStatus::Gone => Self::Nothing,
        }
    }
}

/// A key as a provider lists it, reduced to what decides anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed<'a> {
    /// The provider's own id of it.
    pub remote_key: &'a str,
    /// Algorithm and blob.
    pub line: &'a str,
    /// What it is called there.
    pub title: &'a str,
    /// When the provider ends it by itself, where it says so.
    pub expires_at: Option<DateTime<Utc>>,
    /// What it is good for, as far as the provider says.
    pub good_for: GoodFor,
}

/// What a key is good for at a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoodFor {
    /// To sign in with, and for whatever else it is to be; also where the provider says nothing.
    SigningIn,
    /// To sign in with, and not to sign commits with, which it is to be.
    SigningInOnly,
    /// To sign commits with, and nothing else.
    SigningOnly,
    /// Nothing.
    Nothing,
}

/// A key of ours, as far as it can be known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known<'a> {
    /// Algorithm and blob; unknown once the key has ended.
    pub line: Option<&'a str>,
    /// The title that only we would write, and only for this key.
    pub title: &'a str,
    /// The provider's id of it on record.
    pub remote_key: Option<&'a str>,
    /// Whether the record says that it was there before us.
    pub adopted: bool,
}

impl<'a> Known<'a> {
    /// Says what is on record of a key.
    pub fn new(line: Option<&'a str>, title: &'a str, placement: Option<&'a Placement>) -> Self {
        Self {
            line,
            title,
            remote_key: placement.and_then(|known| known.remote_key.as_deref()),
            adopted: placement.is_some_and(|known| known.adopted),
        }
    }
}

/// What is there of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed<'a> {
    /// Nothing.
    Missing,
    /// The key, and we put it there, perhaps in a try whose answer was lost.
    Ours(Listed<'a>),
    /// The key, and its owner put it there.
    Theirs(Listed<'a>),
}

impl<'a> Observed<'a> {
    /// Finds a key of ours in a list: of several, the one on record, else one of ours.
    pub fn of(known: &Known<'_>, list: &[Listed<'a>]) -> Self {
        let is_better = |listed: &&Listed<'_>| {
            let is_on_record = known.remote_key == Some(listed.remote_key);
            (!is_on_record, !is_ours(known, listed))
        };
        match same(known, list).min_by_key(is_better) {
            None => Self::Missing,
            Some(there) if is_ours(known, there) => Self::Ours(*there),
            Some(there) => Self::Theirs(*there),
        }
    }
}

/// Lists every entry of a key of ours: there should be one at most.
fn same<'l, 'a>(known: &Known<'_>, list: &'l [Listed<'a>]) -> impl Iterator<Item = &'l Listed<'a>> {
    list.iter().filter(|listed| match known.line {
        Some(line) => listed.line == line,
        None => listed.title == known.title,
    })
}

/// Finds what of a key is there once more and is ours to take away, beside the entry that stays.
pub fn spare<'a>(known: &Known<'_>, list: &[Listed<'a>], stays: &Listed<'_>) -> Option<Listed<'a>> {
    same(known, list)
        .find(|listed| listed.remote_key != stays.remote_key && is_ours(known, listed))
        .copied()
}

fn is_ours(known: &Known<'_>, there: &Listed<'_>) -> bool {
    let same_id = known.remote_key == Some(there.remote_key) && !known.adopted;
    same_id || there.title == known.title
}

/// What is to be done, or is to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// Add the key.
    Add,
    /// It is there and ours: nothing but to say so.
    Found(Listed<'a>),
    /// It is there and was there before us: from now on it is known, and never deleted as ours.
    Adopt(Listed<'a>),
    /// Remove it.
    Remove(Listed<'a>),
    /// It is the person's own: leave it to them.
    Release(Listed<'a>),
    /// It is as it should be.
    Nothing,
    /// The provider disagrees with the log, and nothing that is wanted mends that.
    Drift(Drift),
}

/// Decides what follows for one key.
pub fn decide<'a>(
    wanted: Wanted,
    known: &Known<'_>,
    observed: Observed<'a>,
    now: DateTime<Utc>,
) -> Verdict<'a> {
    use Observed::{Missing, Ours, Theirs};
    match (wanted, observed) {
        (Wanted::Put, Missing) => Verdict::Add,
        (Wanted::Kept, Missing) => Verdict::Drift(Drift::Missing),
        (Wanted::Put | Wanted::Kept, Ours(there) | Theirs(there)) if has_ended(&there, now) => {
            Verdict::Drift(Drift::Expired)
        }
        (Wanted::Put | Wanted::Kept, Ours(there) | Theirs(there))
            if there.good_for == GoodFor::Nothing =>
        {
            Verdict::Drift(Drift::NotUsable)
        }
        // Nobody takes the same key twice: it goes, and comes back as what it should be.
        (Wanted::Put, Ours(there)) if there.good_for == GoodFor::SigningOnly => {
            Verdict::Remove(there)
        }
        (Wanted::Put | Wanted::Kept, Ours(there) | Theirs(there))
            if there.good_for == GoodFor::SigningOnly =>
        {
            Verdict::Drift(Drift::WrongType)
        }
        (Wanted::Kept, Ours(there) | Theirs(there)) if there.good_for == GoodFor::SigningInOnly => {
            Verdict::Drift(Drift::NotForSigning)
        }
        (Wanted::Put, Ours(there)) => Verdict::Found(there),
        (Wanted::Put, Theirs(there)) => Verdict::Adopt(there),
        // Whatever the person does with what is their own.
        (Wanted::Kept, Ours(_) | Theirs(_)) if known.adopted => Verdict::Nothing,
        (Wanted::Kept, Ours(there)) if is_as_recorded(known, &there) => Verdict::Nothing,
        (Wanted::Kept, Ours(_) | Theirs(_)) => Verdict::Drift(Drift::Changed),
        (Wanted::Taken, Ours(there)) => Verdict::Remove(there),
        (Wanted::Taken, Theirs(there)) => Verdict::Release(there),
        // It was taken away, and is there again.
        (Wanted::Nothing, Ours(_)) => Verdict::Drift(Drift::Foreign),
        (Wanted::Taken | Wanted::Nothing, Missing) | (Wanted::Nothing, Theirs(_)) => {
            Verdict::Nothing
        }
    }
}

fn has_ended(there: &Listed<'_>, now: DateTime<Utc>) -> bool {
    there.expires_at.is_some_and(|end| end <= now)
}

fn is_as_recorded(known: &Known<'_>, there: &Listed<'_>) -> bool {
    known.remote_key.is_none_or(|id| id == there.remote_key)
}
