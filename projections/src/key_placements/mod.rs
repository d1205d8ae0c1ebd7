//! Which account holds which key, what is still to be done, and when: the publisher's to-do list
//! and the operator's answer to "what is pending, and why".
//!
//! A row is due while `due_at` is set; what waits for somebody or is settled has none. So the
//! list of what is due at one provider is one range of one index.

mod apply;
mod census;
mod drift;
mod lanes;
mod questions;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use domain::account::Presence;
use domain::reconcile::Drift;
use domain::{AccountId, Event, EventId, Failure, KeyId, ProviderSlug, Recorded, ReplayId, UserId};
use uuid::Uuid;

use crate::read::Reader;
use crate::word::words;
use crate::{Projection, Row, Statement, Table, UnreadableRow};

pub use census::{Counted, Waiting, census, counted_from_row, longest_waiting, waiting_from_row};
pub use drift::{Drifted, UnknownKey, drifted, published_as, unknown_from_row, unknown_keys};
pub use lanes::{due_after, is_parked_by_outage, limited_until, overdue, parked_by_outage};
pub use questions::{
    Pending, Tally, count_in_scope, due, ending_before, first_end, first_end_from_row, in_scope,
    next_due, next_due_by_provider, of_account, of_user, one, pending, tally, tally_from_row,
};

/// Fills `key_placements`.
pub struct KeyPlacements;

words!(
    /// Where the key should be.
    Wanted {
        /// At the provider.
        Present = "present",
        /// Not at the provider.
        Absent = "absent",
    }
);

words!(
    /// How far the key is on its way there.
    PlacementStatus {
        /// To be done; no try has failed.
        Requested = "requested",
        /// To be done again: the last try failed.
        Failed = "failed",
        /// Waits for somebody.
        Parked = "parked",
        /// Done: it is at the provider.
        Published = "published",
        /// Done: it is not at the provider.
        Withdrawn = "withdrawn",
        /// Done: it was there before us, and is left to the person.
        Released = "released",
        /// Over: somebody gave it up, or the account was unlinked while the key could not be withdrawn.
        Left = "left",
    }
);

words!(
    /// Why the last request was made.
    Cause {
        /// The account was linked.
        Link = "link",
        /// One key takes the place of another.
        Rotation = "rotation",
        /// The account is being unlinked.
        Unlink = "unlink",
        /// An operator replays the provider.
        Replay = "replay",
        /// Somebody asked for another try.
        Retry = "retry",
        /// It was no longer there, and is put back.
        Restore = "restore",
    }
);

/// One key at one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacementRow {
    /// The account.
    pub account: AccountId,
    /// The key.
    pub key: KeyId,
    /// The person.
    pub user: UserId,
    /// The provider.
    pub provider: ProviderSlug,
    /// Where the key should be.
    pub wanted: Wanted,
    /// How far it is on its way there.
    pub status: PlacementStatus,
    /// When to try next; absent for what is done or waits for somebody.
    pub due_at: Option<DateTime<Utc>>,
    /// How many tries have failed since the last request.
    pub attempts: u32,
    /// Why the last try failed, if it did.
    pub failure: Option<Failure>,
    /// When the first try since the last request failed, if one did.
    pub failed_since: Option<DateTime<Utc>>,
    /// The provider's own id of the key, once known.
    pub remote_key: Option<String>,
    /// How the key came to be there, if it is.
    pub presence: Option<Presence>,
    /// When the provider ends it by itself, if it does.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether the person was reminded of that.
    pub reminded: bool,
    /// How the provider disagrees with the log about it, if it does.
    pub drift: Option<Drift>,
    /// Since when.
    pub drifted_at: Option<DateTime<Utc>>,
    /// Why the last request was made.
    pub cause: Cause,
    /// The newest replay that took it up.
    pub replay: Option<ReplayId>,
    /// When the last request was made.
    pub requested_at: DateTime<Utc>,
    /// When it was done; absent while it is not.
    pub settled_at: Option<DateTime<Utc>>,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
    /// The event of the last request: the cause of what a try brings.
    pub request: EventId,
    /// What the last request belongs to.
    pub correlation: Uuid,
}

impl Projection for KeyPlacements {
    fn name(&self) -> &'static str {
        "key_placements"
    }

    fn version(&self) -> u32 {
        3
    }

    fn tables(&self) -> &'static [Table] {
        &[
            drift::UNKNOWN_KEYS,
            Table {
                name: "key_placements",
                key: &["account", "key"],
                columns: "account TEXT NOT NULL, key TEXT NOT NULL, user_id TEXT NOT NULL, \
                      provider TEXT NOT NULL, wanted TEXT NOT NULL, status TEXT NOT NULL, \
                      due_at TEXT, attempts BIGINT NOT NULL, failure_blame TEXT, \
                      failure_code TEXT, failure_detail TEXT, failed_since TEXT, remote_key TEXT, presence TEXT, \
                      expires_at TEXT, reminded TEXT NOT NULL, drift TEXT, drifted_at TEXT, \
                      cause TEXT NOT NULL, replay TEXT, requested_at TEXT NOT NULL, \
                      settled_at TEXT, changed_at TEXT NOT NULL, request TEXT NOT NULL, \
                      correlation TEXT NOT NULL, idx BIGINT NOT NULL",
                indexes: &[
                    ("due", "(provider, due_at) WHERE due_at IS NOT NULL"),
                    ("status", "(status, provider)"),
                    // What an outage parked is taken up in the order in which it was asked for.
                    (
                        "parked",
                        "(provider, requested_at, account, key) WHERE status = 'parked'",
                    ),
                    (
                        "expiry",
                        "(expires_at) WHERE expires_at IS NOT NULL AND reminded = 'no'",
                    ),
                    ("drift", "(drift, provider) WHERE drift IS NOT NULL"),
                    (
                        "remote",
                        "(provider, remote_key) WHERE remote_key IS NOT NULL",
                    ),
                    ("user", "(user_id)"),
                    ("replay", "(replay, status)"),
                ],
            },
        ]
    }

    fn apply(&self, recorded: &Recorded<Event>) -> Vec<Statement> {
        match &recorded.event {
            Event::Account(event) => apply::statements(recorded, event),
            Event::Access(_)
            | Event::Campaign(_)
            | Event::Keyring(_)
            | Event::Offboarding(_)
            | Event::Provider(_)
            | Event::Replay(_)
            | Event::Settings(_)
            | Event::Token(_)
            | Event::Webhook(_) => vec![],
        }
    }
}

/// Reads a row.
pub fn from_row(row: &Row) -> Result<PlacementRow, UnreadableRow> {
    let mut row = Reader::new(row);
    Ok(PlacementRow {
        account: row.parsed()?,
        key: row.parsed()?,
        user: row.parsed()?,
        provider: row.parsed()?,
        wanted: row.parsed()?,
        status: row.parsed()?,
        due_at: row.maybe_time()?,
        attempts: row.small_number()?,
        failure: row.failure()?,
        failed_since: row.maybe_time()?,
        remote_key: row.maybe_text()?,
        presence: row.maybe_word()?,
        expires_at: row.maybe_time()?,
        reminded: row.yes_no()?,
        drift: row.maybe_word()?,
        drifted_at: row.maybe_time()?,
        cause: row.parsed()?,
        replay: row.maybe()?,
        requested_at: row.time()?,
        settled_at: row.maybe_time()?,
        changed_at: row.time()?,
        request: row.parsed()?,
        correlation: row.parsed()?,
    })
}
