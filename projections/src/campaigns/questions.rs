//! What a reader may ask of a campaign: what is in its scope, what was rotated, and how far that is.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use domain::campaign::CampaignScope;
use domain::key_sync::LinkState;
use domain::keyring::Algorithm;
use domain::provider::ProviderKind;
use domain::{AccountId, CampaignId, Failure, KeyId, ProviderSlug, UserId};

use crate::key_placements::PlacementStatus;
use crate::keys::Standing;
use crate::read::Reader;
use crate::word::words;
use crate::write::{text, time};
use crate::{Limit, Row, Statement, UnreadableRow, Value};

words!(
    /// How far a campaign is with one key.
    KeyState {
        /// Its turn comes.
        Planned = "planned",
        /// It is replaced; the new key is on its way, or the compromised one is still there.
        Open = "open",
        /// It is replaced; the new key is at the provider.
        Placed = "placed",
        /// It is replaced; the rest waits for somebody.
        Parked = "parked",
        /// It is replaced; the new key has been replaced since, or its account unlinked.
        Over = "over",
        /// It is left as it is, for a reason.
        Skipped = "skipped",
        /// It is left as it is, because the campaign was cancelled.
        Left = "left",
    }
);

/// A current key in a campaign's scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandidateRow {
    /// The key.
    pub key: KeyId,
    /// The person.
    pub user: UserId,
    /// The account; nothing for a personal key.
    pub account: Option<AccountId>,
    /// The provider; nothing for a personal key.
    pub provider: Option<ProviderSlug>,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Its fingerprint.
    pub fingerprint: String,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// How far the link of its account is; nothing for a personal key.
    pub link: Option<LinkState>,
    /// Whether an admin lets the provider work.
    pub provider_works: bool,
    /// Whether its person removed it at the provider.
    pub removed: bool,
}

/// Asks for the current keys in a scope, oldest first, after one of them: ids of keys are `UUIDv7`,
/// so their order is the order in which they were made. `before` leaves out what was made at or
/// after an index of the log; ages are counted until `at`.
pub fn in_scope(
    scope: &CampaignScope,
    at: DateTime<Utc>,
    before: Option<u64>,
    after: Option<KeyId>,
    limit: Limit,
) -> Statement {
    let CampaignScope {
        algorithms,
        older_than_days,
        provider,
        users,
    } = scope;
    let after = after.map_or_else(|| Value::from(""), |key| text(&key));
    let mut query = Query {
        // A key that somebody else's link left behind ends by itself.
        sql: "SELECT k.key, k.user_id, k.account, s.provider, k.algorithm, k.fingerprint, \
              k.made_at, CASE WHEN k.account IS NULL THEN NULL WHEN s.user_id = k.user_id \
              THEN s.link ELSE 'unlinked' END, \
              CASE WHEN v.disabled = 'no' AND v.removed = 'no' THEN 'yes' ELSE 'no' END, \
              CASE WHEN p.status = 'published' AND p.drift = 'missing' THEN 'yes' ELSE 'no' END \
              FROM {keys} k LEFT JOIN {key_sync} s ON s.account = k.account \
              LEFT JOIN {key_placements} p ON p.account = k.account AND p.key = k.key \
              LEFT JOIN {provider_list} v ON v.provider = s.provider \
              WHERE k.key > $1 AND k.standing = 'current'"
            .to_owned(),
        args: vec![after],
    };
    query.any_of("k.algorithm", algorithms.iter().map(text).collect());
    query.any_of("k.user_id", users.iter().map(text).collect());
    if let Some(days) = older_than_days {
        query.and("k.made_at <= ", time(at - days.time()));
    }
    if let Some(provider) = provider {
        query.and("s.provider = ", text(provider));
    }
    if let Some(before) = before {
        // A current key has changed once only: when it was made.
        query.and("k.idx < ", before.into());
    }
    let number = query.number(limit.rows().into());
    let _ = write!(query.sql, " ORDER BY k.key LIMIT ${number}");
    Statement::new(query.sql, query.args)
}

/// A question with as many conditions as were asked for.
struct Query {
    sql: String,
    args: Vec<Value>,
}

impl Query {
    fn number(&mut self, value: Value) -> usize {
        self.args.push(value);
        self.args.len()
    }

    fn and(&mut self, condition: &str, value: Value) {
        let number = self.number(value);
        let _ = write!(self.sql, " AND {condition}${number}");
    }

    fn any_of(&mut self, column: &str, values: Vec<Value>) {
        if values.is_empty() {
            return;
        }
        let numbers: Vec<_> = values
            .into_iter()
            .map(|value| format!("${}", self.number(value)))
            .collect();
        let _ = write!(self.sql, " AND {column} IN ({})", numbers.join(", "));
    }
}

/// Reads a row of [`in_scope`].
pub fn candidate_from_row(row: &Row) -> Result<CandidateRow, UnreadableRow> {
    let mut row = Reader::new(row);
    Ok(CandidateRow {
        key: row.parsed()?,
        user: row.parsed()?,
        account: row.maybe()?,
        provider: row.maybe()?,
        algorithm: row.parsed()?,
        fingerprint: row.text()?,
        made_at: row.time()?,
        link: row.maybe_word()?,
        provider_works: row.yes_no()?,
        removed: row.yes_no()?,
    })
}

/// A key that a campaign replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotatedRow {
    /// The old key.
    pub replaced: KeyId,
    /// The new key.
    pub key: KeyId,
    /// The person.
    pub user: UserId,
    /// The account.
    pub account: AccountId,
    /// The provider.
    pub provider: Option<ProviderSlug>,
    /// The old key's algorithm.
    pub old_algorithm: Algorithm,
    /// The old key's fingerprint.
    pub old_fingerprint: String,
    /// The new key's algorithm.
    pub new_algorithm: Algorithm,
    /// The new key's fingerprint.
    pub new_fingerprint: String,
    /// When it was replaced.
    pub rotated_at: DateTime<Utc>,
    /// How far that is.
    pub state: KeyState,
    /// Why the last try at the provider failed, if it did.
    pub failure: Option<Failure>,
}

/// The tables of what a campaign replaced, and the columns from which its state follows.
macro_rules! replaced {
    ($before:literal, $after:literal) => {
        concat!(
            "SELECT ",
            $before,
            "n.standing, p.status, w.status, s.link, v.kind",
            " FROM {campaign_keys} c JOIN {keys} o ON o.key = c.replaced \
             JOIN {keys} n ON n.key = c.key \
             LEFT JOIN {key_placements} p ON p.account = c.account AND p.key = c.key \
             LEFT JOIN {key_placements} w ON w.account = c.account AND w.key = c.replaced \
             LEFT JOIN {key_sync} s ON s.account = c.account \
             LEFT JOIN {provider_list} v ON v.provider = s.provider \
             WHERE c.campaign = $1 ",
            $after
        )
    };
}

/// Asks for what a campaign replaced, oldest key first, after one of them.
pub fn rotated(campaign: CampaignId, after: Option<KeyId>, limit: Limit) -> Statement {
    let after = after.map_or_else(|| Value::from(""), |key| text(&key));
    Statement::new(
        replaced!(
            "c.replaced, c.key, o.user_id, c.account, s.provider, o.algorithm, o.fingerprint, \
             n.algorithm, n.fingerprint, c.rotated_at, p.failure_blame, p.failure_code, \
             p.failure_detail, ",
            "AND c.replaced > $2 ORDER BY c.replaced LIMIT $3"
        ),
        [text(&campaign), after, limit.rows().into()],
    )
}

/// Reads a row of [`rotated`]; `compromised` as the campaign says.
pub fn rotated_from_row(row: &Row, compromised: bool) -> Result<RotatedRow, UnreadableRow> {
    let mut row = Reader::new(row);
    Ok(RotatedRow {
        replaced: row.parsed()?,
        key: row.parsed()?,
        user: row.parsed()?,
        account: row.parsed()?,
        provider: row.maybe()?,
        old_algorithm: row.parsed()?,
        old_fingerprint: row.text()?,
        new_algorithm: row.parsed()?,
        new_fingerprint: row.text()?,
        rotated_at: row.time()?,
        failure: row.failure()?,
        state: state(&mut row, compromised)?,
    })
}

/// How far a campaign is with the keys that it replaced.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How many it replaced.
    pub rotated: u64,
    /// Of these: on their way.
    pub open: u64,
    /// Of these: at their provider.
    pub placed: u64,
    /// Of these: waiting for somebody.
    pub parked: u64,
    /// Of these: replaced again since, or unlinked.
    pub over: u64,
}

/// Asks how far a campaign is: [`progress_from_rows`] reads the rows together.
pub fn progress(campaign: CampaignId) -> Statement {
    Statement::new(
        replaced!(
            "COUNT(*), ",
            "GROUP BY n.standing, p.status, w.status, s.link, v.kind"
        ),
        [text(&campaign)],
    )
}

/// Reads the rows of [`progress`]; `compromised` as the campaign says.
pub fn progress_from_rows(rows: &[Row], compromised: bool) -> Result<Progress, UnreadableRow> {
    let mut progress = Progress::default();
    for row in rows {
        let mut row = Reader::new(row);
        let count = row.number()?;
        progress.rotated += count;
        match state(&mut row, compromised)? {
            KeyState::Open => progress.open += count,
            KeyState::Placed => progress.placed += count,
            KeyState::Parked => progress.parked += count,
            KeyState::Over => progress.over += count,
            // Nothing that was replaced is any of these.
            KeyState::Planned | KeyState::Skipped | KeyState::Left => {}
        }
    }
    Ok(progress)
}

/// Reads how far a replaced key is.
fn state(row: &mut Reader<'_>, compromised: bool) -> Result<KeyState, UnreadableRow> {
    let standing = row.parsed::<Standing>()?;
    let new = row.maybe::<PlacementStatus>()?;
    let old = row.maybe::<PlacementStatus>()?;
    let link = row.maybe_word::<LinkState>()?;
    let by_hand = row
        .maybe_word::<ProviderKind>()?
        .is_some_and(ProviderKind::is_by_hand);
    Ok(match standing {
        Standing::Replaced | Standing::Compromised | Standing::Retired => KeyState::Over,
        Standing::Current => state_of(new, old.filter(|_| compromised), link, by_hand),
    })
}

/// Says how far a key is whose successor is current: where the new one is, and the old one, if it
/// must be gone.
pub(super) fn state_of(
    new: Option<PlacementStatus>,
    old: Option<PlacementStatus>,
    link: Option<LinkState>,
    by_hand: bool,
) -> KeyState {
    use PlacementStatus as P;
    match (new, old) {
        (Some(P::Parked), _) | (Some(P::Published), Some(P::Parked)) => KeyState::Parked,
        // The person carries it.
        (Some(P::Requested), _) | (Some(P::Published), Some(P::Requested)) if by_hand => {
            KeyState::Parked
        }
        (Some(P::Requested | P::Failed), _)
        | (Some(P::Published), Some(P::Requested | P::Failed | P::Published)) => KeyState::Open,
        (Some(P::Published), Some(P::Withdrawn | P::Released | P::Left) | None) => KeyState::Placed,
        (Some(P::Withdrawn | P::Released | P::Left), _) => KeyState::Over,
        (None, _) => match link {
            Some(LinkState::Linked) => KeyState::Open,
            // The next link takes it there.
            Some(LinkState::GrantLost) => KeyState::Parked,
            Some(LinkState::Unlinking | LinkState::Unlinked) | None => KeyState::Over,
        },
    }
}

/// Asks when a campaign last replaced a key: [`last_rotation_from_row`] reads the row.
pub fn last_rotation(campaign: CampaignId) -> Statement {
    Statement::new(
        "SELECT MAX(rotated_at) FROM {campaign_keys} WHERE campaign = $1",
        [text(&campaign)],
    )
}

/// Reads the row of [`last_rotation`].
pub fn last_rotation_from_row(row: &Row) -> Result<Option<DateTime<Utc>>, UnreadableRow> {
    Reader::new(row).maybe_time()
}
