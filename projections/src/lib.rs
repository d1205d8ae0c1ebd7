//! Remembers: read models as pure functions from events to SQL statements.
//!
//! A projection names its tables, turns each event into guarded upserts, and offers the queries
//! that a reader may ask, all in one place. It reads no clock, calls no provider and never sees
//! the database: whoever runs the statements does. So it is tested without one, and may be
//! replayed from the first event at any time.
//!
//! To add one: a file with its row, its tables, `apply` and its questions; a line in [`ALL`].

#![warn(clippy::wildcard_enum_match_arm)]

mod about;
mod page;
mod read;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod sound;
mod statement;
mod table;
#[cfg(test)]
mod tests;
mod word;
mod write;

pub mod audit_trail;
pub mod campaigns;
pub mod key_placements;
pub mod key_sync;
pub mod keys;
pub mod linked_accounts;
pub mod notices;
pub mod offboardings;
pub mod provider_list;
pub mod replay_items;
pub mod replays;
pub mod residues;
pub mod revocations;
pub mod settings;
pub mod tokens;
pub mod webhooks;

use domain::{Event, Recorded};

pub use page::{Limit, Page};
pub use statement::{Row, Statement, UnreadableRow, Value};
pub use table::Table;
pub use word::UnknownWord;

/// A read model: what it is called, which tables it fills, and how.
pub trait Projection: Send + Sync {
    /// Names it, as in `lanyard rebuild <name>`.
    fn name(&self) -> &'static str;

    /// Returns the version of its shape. Raised with any change of tables or of `apply`: the
    /// tables are then made anew beside the old ones, filled from the log, and switched.
    fn version(&self) -> u32;

    /// Lists its tables.
    fn tables(&self) -> &'static [Table];

    /// Turns an event into statements. Each is guarded by the event's index, so that twice is
    /// once. A table stands in braces: `{provider_list}`.
    fn apply(&self, event: &Recorded<Event>) -> Vec<Statement>;
}

/// Every projection there is.
pub const ALL: &[&dyn Projection] = &[
    &audit_trail::AuditTrail,
    &campaigns::Campaigns,
    &key_placements::KeyPlacements,
    &key_sync::KeySync,
    &keys::Keys,
    &linked_accounts::LinkedAccounts,
    &notices::Notices,
    &offboardings::Offboardings,
    &provider_list::ProviderList,
    &replay_items::ReplayItems,
    &replays::Replays,
    &residues::Residues,
    &revocations::Revocations,
    &settings::Settings,
    &tokens::Tokens,
    &webhooks::Webhooks,
];

/// Finds a projection by its name.
pub fn named(name: &str) -> Option<&'static dyn Projection> {
    ALL.iter().copied().find(|known| known.name() == name)
}
