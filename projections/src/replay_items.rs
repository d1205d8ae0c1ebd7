//! What each replay took up, and what became of it: the lines of its report.
//!
//! A placement is a replay's own until it first comes to rest; what happens to it later is
//! somebody else's doing.

use chrono::{DateTime, Utc};
use domain::account::{AccountEvent, Presence, PublicationCause, WithdrawalCause};
use domain::{AccountId, Blame, Event, Failure, KeyId, ProviderSlug, Recorded, ReplayId, UserId};

use crate::about::About;
use crate::key_placements::Wanted;
use crate::read::Reader;
use crate::word::words;
use crate::write::{failure, maybe, text, time};
use crate::{Limit, Projection, Row, Statement, Table, UnreadableRow, Value};

/// After so many tries a key that is put off stays for longer than a list may lag behind: half an hour.
const STAYS: u32 = 6;

/// Fills `replay_items`.
pub struct ReplayItems;

/// How far the placements are that a replay took up.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// To be done.
    pub open: u64,
    /// As the log says.
    pub settled: u64,
    /// Waiting for somebody.
    pub parked: u64,
}

words!(
    /// What became of a placement that a replay took up.
    ReplayOutcome {
        /// Nothing yet.
        Open = "open",
        /// We put the key there.
        Created = "created",
        /// It was in place: we had put it there before.
        Found = "found",
        /// It was there before us.
        Adopted = "adopted",
        /// The person put it there and said so.
        ByHand = "by_hand",
        /// We took the key away.
        Withdrawn = "withdrawn",
        /// It was not there any more.
        NotThere = "not_there",
        /// It was there before us, and is left to the person.
        Released = "released",
        /// It waits for somebody.
        Parked = "parked",
        /// The account was unlinked meanwhile.
        Left = "left",
    }
);

/// One placement that a replay took up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayItemRow {
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
    /// The version of the account's stream at which it was taken up.
    pub version: u64,
    /// What became of it.
    pub outcome: ReplayOutcome,
    /// How many tries failed.
    pub attempts: u32,
    /// Why the last of them failed.
    pub failure: Option<Failure>,
    /// When it was taken up.
    pub taken_at: DateTime<Utc>,
    /// When it came to rest.
    pub settled_at: Option<DateTime<Utc>>,
}

impl Projection for ReplayItems {
    fn name(&self) -> &'static str {
        "replay_items"
    }

    fn version(&self) -> u32 {
        2
    }

    fn tables(&self) -> &'static [Table] {
        &[Table {
            name: "replay_items",
            key: &["account", "key", "replay"],
            columns: "account TEXT NOT NULL, key TEXT NOT NULL, replay TEXT NOT NULL, \
                      user_id TEXT NOT NULL, provider TEXT NOT NULL, wanted TEXT NOT NULL, \
                      version BIGINT NOT NULL, outcome TEXT NOT NULL, attempts BIGINT NOT NULL, \
                      failure_blame TEXT, failure_code TEXT, failure_detail TEXT, \
                      taken_at TEXT NOT NULL, settled_at TEXT, idx BIGINT NOT NULL",
            indexes: &[
                ("replay", "(replay, account, key)"),
                ("outcome", "(replay, outcome)"),
            ],
        }]
    }

    fn apply(&self, recorded: &Recorded<Event>) -> Vec<Statement> {
        match &recorded.event {
            Event::Account(event) => statement(recorded, event).into_iter().collect(),
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

fn statement(recorded: &Recorded<Event>, event: &AccountEvent) -> Option<Statement> {
    use AccountEvent as E;
    use ReplayOutcome as O;
    let settled = |outcome| Some(settled(recorded, event, outcome));
    match event {
        E::KeyPublicationRequested {
            cause: PublicationCause::Replay(replay),
            ..
        } => Some(taken(recorded, event, *replay, Wanted::Present)),
        E::KeyWithdrawalRequested {
            cause: WithdrawalCause::Replay(replay),
            ..
        } => Some(taken(recorded, event, *replay, Wanted::Absent)),
        E::KeyPublished { presence, .. } => settled(match presence {
            Presence::Created => O::Created,
            Presence::Found => O::Found,
            Presence::Adopted => O::Adopted,
            Presence::ByHand => O::ByHand,
        }),
        E::KeyWithdrawn {
            was_there: true, ..
        } => settled(O::Withdrawn),
        E::KeyWithdrawn {
            was_there: false, ..
        } => settled(O::NotThere),
        E::KeyReleased { .. } => settled(O::Released),
        E::KeyPlacementDiscarded { .. } => settled(O::Left),
        // It stays until what took its place is there, and only the person can see to that.
        E::KeyWithdrawalFailed {
            failure, attempts, ..
        } if failure.blame == Blame::Us && *attempts >= STAYS => {
            Some(failed(recorded, event, failure, *attempts, O::Parked))
        }
        E::KeyPublicationFailed {
            failure, attempts, ..
        }
        | E::KeyWithdrawalFailed {
            failure, attempts, ..
        } => Some(failed(recorded, event, failure, *attempts, O::Open)),
        E::KeyPublicationParked {
            failure, attempts, ..
        }
        | E::KeyWithdrawalParked {
            failure, attempts, ..
        } => Some(failed(recorded, event, failure, *attempts, O::Parked)),
        E::AccountUnlinked { account, .. } => Some(Statement::new(
            "UPDATE {replay_items} SET outcome = 'left', settled_at = $3, idx = $2 \
             WHERE account = $1 AND outcome = 'open' AND idx < $2",
            [
                text(account),
                recorded.index.into(),
                time(recorded.recorded_at),
            ],
        )),
        E::AccountLinked { .. }
        | E::LinkGivenUp { .. }
        | E::KeyDriftFound { .. }
        | E::KeyDriftSettled { .. }
        | E::GrantRenewed { .. }
        | E::GrantLost { .. }
        | E::UnlinkRequested { .. }
        | E::UnlinkForced { .. }
        | E::GrantRevocationRequested { .. }
        | E::GrantRevocationFailed { .. }
        | E::GrantRevocationParked { .. }
        | E::KeyPublicationRequested { .. }
        | E::KeyWithdrawalRequested { .. }
        | E::KeyExpiring { .. } => None,
    }
}

fn taken(
    recorded: &Recorded<Event>,
    event: &AccountEvent,
    replay: ReplayId,
    wanted: Wanted,
) -> Statement {
    let About {
        account,
        user,
        provider,
        key,
    } = About::account(event);
    Statement::new(
        "INSERT INTO {replay_items} AS t (account, key, replay, user_id, provider, wanted, \
         version, outcome, attempts, taken_at, idx) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', 0, $8, $9) \
         ON CONFLICT (account, key, replay) DO UPDATE SET wanted = excluded.wanted, \
         version = excluded.version, outcome = excluded.outcome, attempts = 0, \
         failure_blame = NULL, failure_code = NULL, failure_detail = NULL, \
         taken_at = excluded.taken_at, settled_at = NULL, idx = excluded.idx \
         WHERE t.idx < excluded.idx",
        [
            maybe(account.as_ref()),
            maybe(key.as_ref()),
            text(&replay),
            maybe(user),
            maybe(provider),
            wanted.as_str().into(),
            recorded.version.into(),
            time(recorded.recorded_at),
            recorded.index.into(),
        ],
    )
}

fn settled(recorded: &Recorded<Event>, event: &AccountEvent, outcome: ReplayOutcome) -> Statement {
    let About { account, key, .. } = About::account(event);
    Statement::new(
        "UPDATE {replay_items} SET outcome = $3, failure_blame = NULL, failure_code = NULL, \
         failure_detail = NULL, settled_at = $4, idx = $5 \
         WHERE account = $1 AND key = $2 AND outcome = 'open' AND idx < $5",
        [
            maybe(account.as_ref()),
            maybe(key.as_ref()),
            outcome.as_str().into(),
            time(recorded.recorded_at),
            recorded.index.into(),
        ],
    )
}

fn failed(
    recorded: &Recorded<Event>,
    event: &AccountEvent,
    why: &Failure,
    attempts: u32,
    outcome: ReplayOutcome,
) -> Statement {
    let About { account, key, .. } = About::account(event);
    let [blame, code, detail] = failure(why);
    let settled_at = if outcome == ReplayOutcome::Parked {
        time(recorded.recorded_at)
    } else {
        Value::Null
    };
    Statement::new(
        "UPDATE {replay_items} SET outcome = $3, attempts = $4, failure_blame = $5, \
         failure_code = $6, failure_detail = $7, settled_at = $8, idx = $9 \
         WHERE account = $1 AND key = $2 AND outcome = 'open' AND idx < $9",
        [
            maybe(account.as_ref()),
            maybe(key.as_ref()),
            outcome.as_str().into(),
            attempts.into(),
            blame,
            code,
            detail,
            settled_at,
            recorded.index.into(),
        ],
    )
}

/// Asks for what a replay took up, after one placement, by account and key.
pub fn page(replay: ReplayId, after: Option<(AccountId, KeyId)>, limit: Limit) -> Statement {
    let (account, key) = after.map_or_else(
        || (Value::from(""), Value::from("")),
        |(account, key)| (text(&account), text(&key)),
    );
    Statement::new(
        "SELECT account, key, user_id, provider, wanted, version, outcome, attempts, \
         failure_blame, failure_code, failure_detail, taken_at, settled_at FROM {replay_items} \
         WHERE replay = $1 AND (account, key) > ($2, $3) ORDER BY account, key LIMIT $4",
        [text(&replay), account, key, limit.rows().into()],
    )
}

/// Asks how many of the placements that a replay took up came to what: [`tally_from_row`] reads a
/// row.
pub fn tally(replay: ReplayId) -> Statement {
    Statement::new(
        "SELECT outcome, COUNT(*) FROM {replay_items} WHERE replay = $1 \
         GROUP BY outcome ORDER BY outcome",
        [text(&replay)],
    )
}

/// Reads a row of [`tally`].
pub fn tally_from_row(row: &Row) -> Result<(ReplayOutcome, u64), UnreadableRow> {
    let mut row = Reader::new(row);
    Ok((row.parsed()?, row.number()?))
}

/// Reads from the rows of [`tally`] how far the placements are.
pub fn progress_from_rows(rows: &[Row]) -> Result<Progress, UnreadableRow> {
    use ReplayOutcome as O;
    let mut progress = Progress::default();
    for row in rows {
        let (outcome, count) = tally_from_row(row)?;
        let counted = match outcome {
            O::Open => &mut progress.open,
            O::Created
            | O::Found
            | O::Adopted
            | O::ByHand
            | O::Withdrawn
            | O::NotThere
            | O::Released => &mut progress.settled,
            O::Parked | O::Left => &mut progress.parked,
        };
        *counted += count;
    }
    Ok(progress)
}

/// Reads a row.
pub fn from_row(row: &Row) -> Result<ReplayItemRow, UnreadableRow> {
    let mut row = Reader::new(row);
    Ok(ReplayItemRow {
        account: row.parsed()?,
        key: row.parsed()?,
        user: row.parsed()?,
        provider: row.parsed()?,
        wanted: row.parsed()?,
        version: row.number()?,
        outcome: row.parsed()?,
        attempts: row.small_number()?,
        failure: row.failure()?,
        taken_at: row.time()?,
        settled_at: row.maybe_time()?,
    })
}
