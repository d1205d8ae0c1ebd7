//! The memory of the key-sync policy: how far each link is, and where each of its keys is.
//!
//! What an event makes of it is said in [`domain::key_sync`]; here it becomes rows.

use chrono::{DateTime, Utc};
use domain::account::AccountEvent;
use domain::key_sync::{
    AccountMemory, KeyMemory, KeyStanding, LinkState, Place, Revoking, relieves,
};
use domain::keyring::{Holder, KeyringEvent};
use domain::{AccountId, Event, KeyId, Recorded, UserId};

use crate::about::About;
use crate::read::Reader;
use crate::write::{maybe, maybe_time, text, time};
use crate::{Limit, Projection, Row, Statement, Table, UnreadableRow, Value};

/// Fills `key_sync` and `key_sync_keys`.
pub struct KeySync;

impl Projection for KeySync {
    fn name(&self) -> &'static str {
        "key_sync"
    }

    fn version(&self) -> u32 {
        5
    }

    fn tables(&self) -> &'static [Table] {
        &[
            Table {
                name: "key_sync",
                key: &["account"],
                columns: "account TEXT NOT NULL, user_id TEXT NOT NULL, provider TEXT NOT NULL, \
                          link TEXT NOT NULL, revoking TEXT NOT NULL, revoke_at TEXT, \
                          number BIGINT NOT NULL, idx BIGINT NOT NULL",
                indexes: &[("link", "(link)")],
            },
            Table {
                name: "key_sync_keys",
                key: &["account", "key"],
                columns: "account TEXT NOT NULL, key TEXT NOT NULL, user_id TEXT NOT NULL, \
                          standing TEXT NOT NULL, place TEXT NOT NULL, relieved_at TEXT, \
                          made BIGINT NOT NULL, idx BIGINT NOT NULL",
                indexes: &[(
                    "grace",
                    "(relieved_at) WHERE relieved_at IS NOT NULL AND standing = 'replaced' \
                     AND place = 'published'",
                )],
            },
        ]
    }

    fn apply(&self, recorded: &Recorded<Event>) -> Vec<Statement> {
        match &recorded.event {
            Event::Account(event) => of_account(recorded.index, recorded.recorded_at, event),
            Event::Keyring(event) => of_keyring(recorded.index, event),
            Event::Access(_)
            | Event::Offboarding(_)
            | Event::Campaign(_)
            | Event::Provider(_)
            | Event::Replay(_)
            | Event::Settings(_)
            | Event::Token(_)
            | Event::Webhook(_) => vec![],
        }
    }
}

fn of_account(index: u64, at: DateTime<Utc>, event: &AccountEvent) -> Vec<Statement> {
    use AccountEvent as E;
    let mut statements = Vec::new();
    if let Some(next) = LinkState::after(event) {
        statements.push(link(index, event, next));
    }
    if let Some(revoking) = Revoking::after(event) {
        statements.extend(revocation(index, event, revoking));
    }
    if let Some(key) = relieves(event) {
        statements.push(Statement::new(
            "UPDATE {key_sync_keys} SET relieved_at = $3, idx = $4 WHERE account = $1 \
             AND standing = 'replaced' AND relieved_at IS NULL AND idx < $4 AND made < \
             (SELECT c.made FROM {key_sync_keys} c WHERE c.account = $1 AND c.key = $2)",
            [
                maybe(About::account(event).account.as_ref()),
                text(&key),
                time(at),
                index.into(),
            ],
        ));
    }
    if let Some((key, place)) = Place::after(event) {
        statements.push(Statement::new(
            "UPDATE {key_sync_keys} SET place = $3, idx = $4 \
             WHERE account = $1 AND key = $2 AND idx < $4",
            [
                maybe(About::account(event).account.as_ref()),
                text(&key),
                place.as_str().into(),
                index.into(),
            ],
        ));
    }
    match event {
        E::GrantRenewed { account, .. } => {
            statements.extend(Place::AFTER_RENEWAL.map(|(from, to)| {
                Statement::new(
                    "UPDATE {key_sync_keys} SET place = $3, idx = $4 \
                     WHERE account = $1 AND place = $2 AND idx < $4",
                    [
                        text(account),
                        from.as_str().into(),
                        to.as_str().into(),
                        index.into(),
                    ],
                )
            }));
        }
        E::AccountUnlinked { account, .. } => statements.push(Statement::new(
            "UPDATE {key_sync_keys} SET standing = $2, idx = $3 WHERE account = $1 AND idx < $3",
            [
                text(account),
                KeyStanding::Ended.as_str().into(),
                index.into(),
            ],
        )),
        E::AccountLinked { .. }
        | E::LinkGivenUp { .. }
        | E::GrantLost { .. }
        | E::UnlinkRequested { .. }
        | E::UnlinkForced { .. }
        | E::GrantRevocationRequested { .. }
        | E::GrantRevocationFailed { .. }
        | E::GrantRevocationParked { .. }
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
        | E::KeyDriftSettled { .. } => {}
    }
    statements
}

/// Writes whether the grant may be revoked. A link begins with that it may.
fn revocation(index: u64, event: &AccountEvent, revoking: Revoking) -> Option<Statement> {
    if let AccountEvent::AccountLinked { .. } = event {
        return None;
    }
    let (word, at) = match revoking {
        Revoking::Due => ("due", None),
        Revoking::NotBefore(at) => ("failed", Some(at)),
        Revoking::Parked => ("parked", None),
    };
    Some(Statement::new(
        "UPDATE {key_sync} SET revoking = $2, revoke_at = $3, idx = $4 \
         WHERE account = $1 AND idx < $4",
        [
            maybe(About::account(event).account.as_ref()),
            word.into(),
            maybe_time(at),
            index.into(),
        ],
    ))
}

/// Writes what becomes of the account's own row.
fn link(index: u64, event: &AccountEvent, next: LinkState) -> Statement {
    let About {
        account,
        user,
        provider,
        key: _,
    } = About::account(event);
    if let AccountEvent::AccountLinked { .. } = event {
        return Statement::new(
            "INSERT INTO {key_sync} AS t (account, user_id, provider, link, revoking, number, idx) \
             VALUES ($1, $2, $3, $4, 'due', 1, $5) ON CONFLICT (account) DO UPDATE SET \
             user_id = excluded.user_id, provider = excluded.provider, link = excluded.link, \
             revoking = excluded.revoking, revoke_at = NULL, number = t.number + 1, \
             idx = excluded.idx WHERE t.idx < excluded.idx",
            [
                maybe(account.as_ref()),
                maybe(user),
                maybe(provider),
                next.as_str().into(),
                index.into(),
            ],
        );
    }
    let sql = if LinkState::Unlinking.then(next) == LinkState::Unlinking {
        "UPDATE {key_sync} SET link = $2, idx = $3 \
         WHERE account = $1 AND link <> 'unlinking' AND idx < $3"
    } else {
        "UPDATE {key_sync} SET link = $2, idx = $3 WHERE account = $1 AND idx < $3"
    };
    Statement::new(
        sql,
        [maybe(account.as_ref()), next.as_str().into(), index.into()],
    )
}

fn of_keyring(index: u64, event: &KeyringEvent) -> Vec<Statement> {
    let (KeyringEvent::KeyGenerated {
        user, key, holder, ..
    }
    | KeyringEvent::KeyRotated {
        user, key, holder, ..
    }
    | KeyringEvent::KeyRetired { user, key, holder }) = event;
    let Holder::Account(account) = holder else {
        return vec![];
    };
    if let KeyringEvent::KeyRetired { .. } = event {
        return vec![Statement::new(
            "DELETE FROM {key_sync_keys} WHERE account = $1 AND key = $2 AND idx < $3",
            [text(account), text(key), index.into()],
        )];
    }
    KeyStanding::after(event)
        .into_iter()
        .map(|(concerned, standing)| {
            if concerned == *key {
                made(index, *account, *key, user, standing)
            } else {
                Statement::new(
                    "UPDATE {key_sync_keys} SET standing = $3, idx = $4 \
                     WHERE account = $1 AND key = $2 AND standing <> 'ended' AND idx < $4",
                    [
                        text(account),
                        text(&concerned),
                        standing.as_str().into(),
                        index.into(),
                    ],
                )
            }
        })
        .collect()
}

fn made(
    index: u64,
    account: AccountId,
    key: KeyId,
    user: &UserId,
    standing: KeyStanding,
) -> Statement {
    Statement::new(
        "INSERT INTO {key_sync_keys} AS t (account, key, user_id, standing, place, made, idx) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account, key) DO NOTHING",
        [
            text(&account),
            text(&key),
            text(user),
            standing.as_str().into(),
            Place::Nowhere.as_str().into(),
            index.into(),
            index.into(),
        ],
    )
}

/// Asks for what the policy remembers of one account: [`memory`] reads the rows together.
pub fn of(account: AccountId) -> Statement {
    Statement::new(
        "SELECT a.account, a.user_id, a.provider, a.link, a.revoking, a.revoke_at, a.number, k.key, \
         k.user_id, k.standing, k.place, k.relieved_at FROM {key_sync} a LEFT JOIN {key_sync_keys} k ON k.account = a.account \
         WHERE a.account = $1 ORDER BY k.made",
        [text(&account)],
    )
}

/// Asks which accounts there are, after one of them: to look over all of them at the start.
pub fn accounts(after: Option<AccountId>, limit: Limit) -> Statement {
    let after = after.map_or_else(|| Value::from(""), |account| text(&account));
    Statement::new(
        "SELECT account FROM {key_sync} WHERE account > $1 ORDER BY account LIMIT $2",
        [after, limit.rows().into()],
    )
}

/// Asks where a replaced key waits for the end of its grace, and since when, longest first:
/// [`relieved_from_row`] reads a row.
pub fn relieved(limit: Limit) -> Statement {
    Statement::new(
        "SELECT k.account, k.relieved_at FROM {key_sync_keys} k \
         JOIN {key_sync} a ON a.account = k.account AND a.user_id = k.user_id \
         WHERE k.relieved_at IS NOT NULL AND k.standing = 'replaced' AND k.place = 'published' \
         AND a.link = 'linked' AND EXISTS (SELECT 1 FROM {key_sync_keys} c \
         WHERE c.account = k.account AND c.standing = 'current' AND c.place = 'published') \
         ORDER BY k.relieved_at LIMIT $1",
        [limit.rows().into()],
    )
}

/// Reads a row of [`relieved`].
pub fn relieved_from_row(row: &Row) -> Result<(AccountId, DateTime<Utc>), UnreadableRow> {
    let mut row = Reader::new(row);
    Ok((row.parsed()?, row.time()?))
}

/// Asks which accounts are being unlinked.
pub fn unlinking() -> Statement {
    Statement::new(
        "SELECT account FROM {key_sync} WHERE link = 'unlinking' ORDER BY account",
        [],
    )
}

/// Reads the rows of one account, if it is known.
pub fn memory(rows: &[Row]) -> Result<Option<AccountMemory>, UnreadableRow> {
    let mut memory = None;
    for row in rows {
        let mut row = Reader::new(row);
        let account = AccountMemory {
            account: row.parsed()?,
            user: row.parsed()?,
            provider: row.parsed()?,
            link: row.known(LinkState::from_word)?,
            revoking: revoking(&mut row)?,
            number: row.number()?,
            keys: vec![],
        };
        let known = memory.get_or_insert(account);
        if let Some(key) = row.maybe()? {
            known.keys.push(KeyMemory {
                key,
                user: row.parsed()?,
                standing: row.known(KeyStanding::from_word)?,
                place: row.known(Place::from_word)?,
                relieved_at: row.maybe_time()?,
            });
        }
    }
    Ok(memory)
}

fn revoking(row: &mut Reader<'_>) -> Result<Revoking, UnreadableRow> {
    let is_parked = row.known(|word| match word {
        "parked" => Some(true),
        "due" | "failed" => Some(false),
        _ => None,
    })?;
    Ok(match (is_parked, row.maybe_time()?) {
        (true, _) => Revoking::Parked,
        (false, Some(at)) => Revoking::NotBefore(at),
        (false, None) => Revoking::Due,
    })
}
