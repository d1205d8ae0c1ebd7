//! The last step of every unlinking: how far the revocation of its grant is, and why it waits.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use domain::account::AccountEvent;
use domain::{AccountId, Event, Failure, ProviderSlug, ReasonCode, Recorded, UserId};

use crate::read::Reader;
use crate::word::words;
use crate::write::{failure, of_outage, text, time};
use crate::{Limit, Projection, Row, Statement, Table, UnreadableRow, Value};

/// Fills `revocations`.
pub struct Revocations;

words!(
    /// How far a revocation is.
    RevocationStatus {
        /// To be done, once no key is left; no try has failed.
        Requested = "requested",
        /// To be done again: the last try failed.
        Failed = "failed",
        /// Waits for somebody.
        Parked = "parked",
        /// The unlinking is over; what stayed stands in its residue.
        Ended = "ended",
    }
);

/// The revocation of one account's grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationRow {
    /// The account.
    pub account: AccountId,
    /// The person.
    pub user: UserId,
    /// The provider.
    pub provider: ProviderSlug,
    /// How far it is.
    pub status: RevocationStatus,
    /// How many tries have failed since it was last asked for.
    pub attempts: u32,
    /// When it is tried next; absent for what waits for somebody, or never failed.
    pub due_at: Option<DateTime<Utc>>,
    /// Why the last try failed, if it did.
    pub failure: Option<Failure>,
    /// When it was last asked for.
    pub asked_at: DateTime<Utc>,
    /// When the first try since then failed, if one did.
    pub failed_since: Option<DateTime<Utc>>,
    /// Whether it was asked for again after it had failed.
    pub retried: bool,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
}

/// Writes an update of one account's row: what changes, besides `$1` to `$3`.
macro_rules! update {
    ($set:literal) => {
        concat!(
            "UPDATE {revocations} SET ",
            $set,
            ", changed_at = $3, idx = $2 WHERE account = $1 AND idx < $2"
        )
    };
}

impl Projection for Revocations {
    fn name(&self) -> &'static str {
        "revocations"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [Table] {
        &[Table {
            name: "revocations",
            key: &["account"],
            columns: "account TEXT NOT NULL, user_id TEXT NOT NULL, provider TEXT NOT NULL, \
                      status TEXT NOT NULL, attempts BIGINT NOT NULL, due_at TEXT, \
                      failure_blame TEXT, failure_code TEXT, failure_detail TEXT, \
                      asked_at TEXT NOT NULL, failed_since TEXT, retried TEXT NOT NULL, \
                      changed_at TEXT NOT NULL, idx BIGINT NOT NULL",
            indexes: &[("status", "(status, provider)"), ("user", "(user_id)")],
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
    let with = |sql: &'static str, account: &AccountId, more: Vec<Value>| {
        let (index, at) = (recorded.index.into(), time(recorded.recorded_at));
        let stamp = [text(account), index, at];
        Some(Statement::new(sql, stamp.into_iter().chain(more)))
    };
    match event {
        E::UnlinkRequested {
            account,
            user,
            provider,
        } => with(
            "INSERT INTO {revocations} AS t (account, idx, asked_at, changed_at, user_id, \
             provider, status, attempts, retried) \
             VALUES ($1, $2, $3, $3, $4, $5, 'requested', 0, 'no') \
             ON CONFLICT (account) DO UPDATE SET idx = excluded.idx, \
             asked_at = excluded.asked_at, changed_at = excluded.changed_at, \
             user_id = excluded.user_id, provider = excluded.provider, \
             status = excluded.status, attempts = 0, due_at = NULL, failure_blame = NULL, \
             failure_code = NULL, failure_detail = NULL, failed_since = NULL, retried = 'no' \
             WHERE t.idx < excluded.idx",
            account,
            vec![text(user), text(provider)],
        ),
        E::GrantRevocationRequested { account, .. } => with(
            update!(
                "status = 'requested', attempts = 0, due_at = NULL, failure_blame = NULL, \
                 failure_code = NULL, failure_detail = NULL, asked_at = $3, failed_since = NULL, \
                 retried = 'yes'"
            ),
            account,
            vec![],
        ),
        E::GrantRevocationFailed {
            account,
            failure: why,
            attempts,
            retry_at,
            ..
        } => {
            let mut more = vec![(*attempts).into(), time(*retry_at)];
            more.extend(failure(why));
            with(
                update!(
                    "status = 'failed', attempts = $4, due_at = $5, failure_blame = $6, \
                     failure_code = $7, failure_detail = $8, \
                     failed_since = COALESCE(failed_since, $3)"
                ),
                account,
                more,
            )
        }
        E::GrantRevocationParked {
            account,
            failure: why,
            attempts,
            ..
        } => {
            let mut more = vec![(*attempts).into()];
            more.extend(failure(why));
            with(
                update!(
                    "status = 'parked', attempts = $4, due_at = NULL, failure_blame = $5, \
                     failure_code = $6, failure_detail = $7, \
                     failed_since = COALESCE(failed_since, $3)"
                ),
                account,
                more,
            )
        }
        E::AccountUnlinked { account, .. } => {
            with(update!("status = 'ended', due_at = NULL"), account, vec![])
        }
        E::AccountLinked { .. }
        | E::LinkGivenUp { .. }
        | E::GrantRenewed { .. }
        | E::GrantLost { .. }
        | E::UnlinkForced { .. }
        | E::KeyPublicationRequested { .. }
        | E::KeyPublished { .. }
        | E::KeyPublicationFailed { .. }
        | E::KeyPublicationParked { .. }
        | E::KeyWithdrawalRequested { .. }
        | E::KeyWithdrawn { .. }
        | E::KeyWithdrawalFailed { .. }
        | E::KeyWithdrawalParked { .. }
        | E::KeyReleased { .. }
        | E::KeyPlacementDiscarded { .. }
        | E::KeyExpiring { .. }
        | E::KeyDriftFound { .. }
        | E::KeyDriftSettled { .. } => None,
    }
}

/// The columns of a row, in the order in which [`from_row`] reads them.
macro_rules! select {
    ($($rest:expr),+) => {
        concat!(
            "SELECT account, user_id, provider, status, attempts, due_at, failure_blame, \
             failure_code, failure_detail, asked_at, failed_since, retried, changed_at \
             FROM {revocations} ",
            $($rest),+
        )
    };
}

/// Asks for the revocation of one account's grant; no row: it was never asked for.
pub fn of_account(account: AccountId) -> Statement {
    Statement::new(select!("WHERE account = $1"), [text(&account)])
}

/// Asks for those of one person that are not over.
pub fn of_user(user: &UserId) -> Statement {
    Statement::new(
        select!("WHERE user_id = $1 AND status <> 'ended' ORDER BY account"),
        [text(user)],
    )
}

/// Which revocations that have failed an operator looks at.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// One provider only.
    pub provider: Option<ProviderSlug>,
    /// One person only.
    pub user: Option<UserId>,
    /// `Failed` or `Parked` only; otherwise both.
    pub status: Option<RevocationStatus>,
    /// Only those whose last try failed for this reason.
    pub code: Option<ReasonCode>,
}

/// Asks for those that have failed or are parked, after one of them, by account.
pub fn waiting(filter: &Waiting, after: Option<AccountId>, limit: Limit) -> Statement {
    let mut sql = select!("WHERE account > $1 AND status IN ('failed', 'parked')").to_owned();
    let mut args = vec![after.map_or_else(|| Value::from(""), |account| text(&account))];
    let named = [
        ("provider", filter.provider.as_ref().map(text)),
        ("user_id", filter.user.as_ref().map(text)),
        ("status", filter.status.as_ref().map(text)),
        ("failure_code", filter.code.map(|code| code.as_str().into())),
    ];
    for (column, value) in named {
        if let Some(value) = value {
            args.push(value);
            let _ = write!(sql, " AND {column} = ${}", args.len());
        }
    }
    args.push(limit.rows().into());
    let number = args.len();
    let _ = write!(sql, " ORDER BY account LIMIT ${number}");
    Statement::new(sql, args)
}

/// Asks for what was parked at a provider until a time for what passes with an outage, after one
/// account.
pub fn parked_by_outage(
    provider: &ProviderSlug,
    until: DateTime<Utc>,
    after: Option<AccountId>,
    limit: Limit,
) -> Statement {
    Statement::new(
        select!(
            "WHERE status = 'parked' AND provider = $1 AND changed_at <= $2 AND account > $3 AND ",
            of_outage!(),
            " ORDER BY account LIMIT $4"
        ),
        [
            text(provider),
            time(until),
            after.map_or_else(|| Value::from(""), |account| text(&account)),
            limit.rows().into(),
        ],
    )
}

/// Asks how many have failed or are parked, by provider and state.
pub fn census() -> Statement {
    Statement::new(
        "SELECT provider, status, COUNT(*) FROM {revocations} \
         WHERE status IN ('failed', 'parked') GROUP BY provider, status ORDER BY provider, status",
        [],
    )
}

/// Reads a row of [`census`].
pub fn counted_from_row(row: &Row) -> Result<(ProviderSlug, RevocationStatus, u64), UnreadableRow> {
    let mut row = Reader::new(row);
    Ok((row.parsed()?, row.parsed()?, row.number()?))
}

/// Reads a row.
pub fn from_row(row: &Row) -> Result<RevocationRow, UnreadableRow> {
    let mut row = Reader::new(row);
    Ok(RevocationRow {
        account: row.parsed()?,
        user: row.parsed()?,
        provider: row.parsed()?,
        status: row.parsed()?,
        attempts: row.small_number()?,
        due_at: row.maybe_time()?,
        failure: row.failure()?,
        asked_at: row.time()?,
        failed_since: row.maybe_time()?,
        retried: row.yes_no()?,
        changed_at: row.time()?,
    })
}
