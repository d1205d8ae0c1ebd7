//! What stayed at providers when accounts were unlinked, or when links did not come about: somebody
//! has to clean it up there. And what stays as long as an unlinking waits for somebody.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use domain::account::{AccountEvent, Residue};
use domain::provider::ProviderEvent;
use domain::{AccountId, Event, KeyId, ProviderSlug, ReasonCode, Recorded, UserId};

use crate::read::Reader;
use crate::write::{maybe, text, time, yes_no};
use crate::{Limit, Projection, Row, Statement, Table, UnreadableRow, Value};

/// Fills `residues`.
pub struct Residues;

/// One thing that stayed at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResidueRow {
    /// Where the event that left it stands in the log, and its place there: the cursor of lists.
    pub place: (u64, u64),
    /// The account; nothing where a link ended before anybody knew whose it was to be.
    pub account: Option<AccountId>,
    /// The person.
    pub user: UserId,
    /// The provider.
    pub provider: ProviderSlug,
    /// The key; nothing for a grant.
    pub key: Option<KeyId>,
    /// The provider's own id of the key, if it was ever seen there.
    pub remote_key: Option<String>,
    /// The key's fingerprint, as far as the unlinking recorded it.
    pub fingerprint: Option<String>,
    /// Who left it.
    pub by: String,
    /// Why, if somebody said so.
    pub reason: Option<String>,
    /// When.
    pub left_at: DateTime<Utc>,
    /// Why a grant waits to be revoked, where its unlinking is not over: another try, or force,
    /// ends that.
    pub waits: Option<ReasonCode>,
}

impl Projection for Residues {
    fn name(&self) -> &'static str {
        "residues"
    }

    fn version(&self) -> u32 {
        3
    }

    fn tables(&self) -> &'static [Table] {
        &[Table {
            name: "residues",
            key: &["idx", "item"],
            columns: "idx BIGINT NOT NULL, item BIGINT NOT NULL, account TEXT, \
                      user_id TEXT NOT NULL, provider TEXT NOT NULL, key TEXT, remote_key TEXT, \
                      fingerprint TEXT, left_by TEXT NOT NULL, reason TEXT, left_at TEXT NOT NULL, \
                      code TEXT, waits TEXT NOT NULL, ended BIGINT",
            indexes: &[
                ("provider", "(provider, idx, item)"),
                ("user", "(user_id, idx, item)"),
                ("waits", "(account) WHERE waits = 'yes'"),
            ],
        }]
    }

    fn apply(&self, recorded: &Recorded<Event>) -> Vec<Statement> {
        let given_up;
        let (mut over, mut waits) = (None, None);
        let (account, user, provider, residue) = match &recorded.event {
            Event::Account(AccountEvent::AccountUnlinked {
                account,
                user,
                provider,
                residue,
            }) => {
                over = Some(waits_no_more(recorded, *account));
                (Some(account), user, provider, residue.as_slice())
            }
            Event::Account(AccountEvent::GrantRevocationParked {
                account,
                user,
                provider,
                failure,
                ..
            }) => {
                waits = Some(failure.code);
                (Some(account), user, provider, [Residue::Grant].as_slice())
            }
            Event::Account(AccountEvent::GrantRevocationRequested { account, .. }) => {
                return vec![waits_no_more(recorded, *account)];
            }
            Event::Account(AccountEvent::KeyPlacementDiscarded {
                account,
                user,
                provider,
                key,
                stays: true,
                remote_key,
            }) => {
                given_up = [Residue::Key {
                    key: *key,
                    remote_key: remote_key.clone(),
                    fingerprint: None,
                }];
                (Some(account), user, provider, given_up.as_slice())
            }
            Event::Provider(ProviderEvent::ProviderGrantLeft {
                provider,
                user,
                account,
                ..
            }) => {
                given_up = [Residue::Grant];
                (account.as_ref(), user, provider, given_up.as_slice())
            }
            Event::Account(_)
            | Event::Access(_)
            | Event::Campaign(_)
            | Event::Keyring(_)
            | Event::Offboarding(_)
            | Event::Provider(_)
            | Event::Replay(_)
            | Event::Settings(_)
            | Event::Token(_)
            | Event::Webhook(_) => return vec![],
        };
        let left = |(item, residue): (u64, &Residue)| {
            let (key, remote_key, fingerprint) = match residue {
                Residue::Key {
                    key,
                    remote_key,
                    fingerprint,
                } => (text(key), remote_key.as_deref(), fingerprint.as_deref()),
                Residue::Grant => (Value::Null, None, None),
            };
            Statement::new(
                "INSERT INTO {residues} AS t (idx, item, account, user_id, provider, key, \
                 remote_key, fingerprint, left_by, reason, left_at, code, waits) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
                 ON CONFLICT (idx, item) DO NOTHING",
                [
                    recorded.index.into(),
                    item.into(),
                    maybe(account),
                    text(user),
                    text(provider),
                    key,
                    remote_key.into(),
                    fingerprint.into(),
                    Value::from(recorded.header.actor.id.as_str()),
                    Value::from(recorded.header.reason.as_deref()),
                    time(recorded.recorded_at),
                    waits.map(ReasonCode::as_str).into(),
                    yes_no(waits.is_some()),
                ],
            )
        };
        let mut statements: Vec<_> = over.into_iter().collect();
        statements.extend((0..).zip(residue).map(left));
        statements
    }
}

/// What waited is tried again, or is over: what stays in the end is named then.
fn waits_no_more(recorded: &Recorded<Event>, account: AccountId) -> Statement {
    Statement::new(
        "UPDATE {residues} SET ended = $2 WHERE account = $1 AND waits = 'yes' AND ended IS NULL \
         AND idx < $2",
        [text(&account), recorded.index.into()],
    )
}

/// What of the residue somebody looks at.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Left {
    /// One provider only.
    pub provider: Option<ProviderSlug>,
    /// One person only.
    pub user: Option<UserId>,
    /// Only what was left at this index of the log or after it.
    pub since: u64,
}

/// Asks for what stayed, newest first, before a place.
pub fn page(left: &Left, before: Option<(u64, u64)>, limit: Limit) -> Statement {
    let (index, item) = before.unwrap_or((u64::MAX, 0));
    let mut sql = "SELECT idx, item, account, user_id, provider, key, remote_key, fingerprint, \
                   left_by, reason, left_at, code FROM {residues} \
                   WHERE ended IS NULL AND (idx, item) < ($1, $2) AND idx >= $3"
        .to_owned();
    let mut args = vec![index.into(), item.into(), left.since.into()];
    let named = [
        ("provider", left.provider.as_ref().map(text)),
        ("user_id", left.user.as_ref().map(text)),
    ];
    for (column, value) in named {
        if let Some(value) = value {
            args.push(value);
            let _ = write!(sql, " AND {column} = ${}", args.len());
        }
    }
    args.push(limit.rows().into());
    let number = args.len();
    let _ = write!(sql, " ORDER BY idx DESC, item DESC LIMIT ${number}");
    Statement::new(sql, args)
}

/// Reads a row.
pub fn from_row(row: &Row) -> Result<ResidueRow, UnreadableRow> {
    let mut row = Reader::new(row);
    Ok(ResidueRow {
        place: (row.number()?, row.number()?),
        account: row.maybe()?,
        user: row.parsed()?,
        provider: row.parsed()?,
        key: row.maybe()?,
        remote_key: row.maybe_text()?,
        fingerprint: row.maybe_text()?,
        by: row.text()?,
        reason: row.maybe_text()?,
        left_at: row.time()?,
        waits: row.maybe_word()?,
    })
}
