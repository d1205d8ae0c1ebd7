//! What a replay would do about one key, given what the provider lists.

use domain::account::Placement;
use projections::key_placements::Wanted;

use crate::providers::RemoteKey;

/// What a replay would do about one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Would {
    /// Put it there.
    Create,
    /// Take note that it was there before us.
    Adopt,
    /// Take it away.
    Withdraw,
    /// Nothing at the provider: it is as it should be, or is left to the person.
    Nothing,
    /// It cannot be known now.
    Unknown,
}

impl Would {
    /// Every one, in the order in which they are shown.
    pub const ALL: [Self; 5] = [
        Self::Create,
        Self::Adopt,
        Self::Withdraw,
        Self::Nothing,
        Self::Unknown,
    ];

    /// Returns the word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Adopt => "adopt",
            Self::Withdraw => "withdraw",
            Self::Nothing => "nothing",
            Self::Unknown => "unknown",
        }
    }
}

/// A key of ours, as far as it can be known again.
pub(super) struct Known<'a> {
    /// Algorithm and blob.
    pub(super) line: &'a str,
    /// The title that only we would write, and only for this key.
    pub(super) title: &'a str,
    /// Where it stands.
    pub(super) placement: Option<&'a Placement>,
}

/// Says what the publisher will do, once it is asked to.
pub(super) fn would(wanted: Wanted, known: &Known<'_>, listed: &[RemoteKey]) -> Would {
    let there = listed.iter().find(|there| there.line == known.line);
    match (wanted, there) {
        (Wanted::Present, None) => Would::Create,
        (Wanted::Absent, None) => Would::Nothing,
        (Wanted::Present, Some(there)) if is_ours(known, there) => Would::Nothing,
        (Wanted::Present, Some(_)) if known.placement.is_some_and(|known| known.adopted) => {
            Would::Nothing
        }
        (Wanted::Present, Some(_)) => Would::Adopt,
        (Wanted::Absent, Some(there)) if is_ours(known, there) => Would::Withdraw,
        // Its owner put it there: they keep it.
        (Wanted::Absent, Some(_)) => Would::Nothing,
    }
}

fn is_ours(known: &Known<'_>, there: &RemoteKey) -> bool {
    let same_id = known.placement.is_some_and(|known| {
        known.remote_key.as_deref() == Some(there.id.as_str()) && !known.adopted
    });
    same_id || there.title == known.title
}
