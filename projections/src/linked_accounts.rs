//! The linked accounts: whose they are, where, and whether their grant works.

use chrono::{DateTime, Utc};
use domain::account::{AccountEvent, Grant, Residue};
use domain::key_sync::LinkState;
use domain::provider::{Protocol, ProviderKind};
use domain::{AccountId, Event, Failure, ProviderSlug, Recorded, Sealed, UserId};

use crate::read::Reader;
use crate::write::{failure, json, maybe_time, text, time, yes_no};
use crate::{Limit, Projection, Row, Statement, Table, UnreadableRow, Value};

/// Fills `linked_accounts`.
pub struct LinkedAccounts;

/// One account, linked now or once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// The account.
    pub account: AccountId,
    /// The person.
    pub user: UserId,
    /// The provider.
    pub provider: ProviderSlug,
    /// What is wanted there now, as far as it decides over scopes.
    pub wanted: Option<Wanted>,
    /// Who the person is there, sealed.
    pub profile: Sealed,
    /// What the provider gave us; nothing where keys are carried by hand.
    pub grant: Option<Grant>,
    /// How far the link is.
    pub status: LinkState,
    /// Why the grant no longer works, if it does not.
    pub failure: Option<Failure>,
    /// What the last unlinking left at the provider.
    pub residue: Vec<Residue>,
    /// When it was linked.
    pub linked_at: DateTime<Utc>,
    /// When link or grant last changed.
    pub changed_at: DateTime<Utc>,
    /// The stream's version at that change.
    pub revision: u64,
}

/// What a provider is, and what its keys are to be good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// What product it is.
    pub kind: ProviderKind,
    /// How people grant access.
    pub protocol: Protocol,
    /// Whether keys are also to be good for signing commits.
    pub signing: bool,
}

impl Projection for LinkedAccounts {
    fn name(&self) -> &'static str {
        "linked_accounts"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [Table] {
        &[Table {
            name: "linked_accounts",
            key: &["account"],
            columns: "account TEXT NOT NULL, user_id TEXT NOT NULL, provider TEXT NOT NULL, \
                      profile TEXT NOT NULL, secret TEXT, generation BIGINT NOT NULL, \
                      scopes TEXT NOT NULL, missing_scopes TEXT NOT NULL, expires_at TEXT, \
                      refreshable TEXT NOT NULL, status TEXT NOT NULL, failure_blame TEXT, \
                      failure_code TEXT, failure_detail TEXT, residue TEXT NOT NULL, \
                      linked_at TEXT NOT NULL, changed_at TEXT NOT NULL, \
                      revision BIGINT NOT NULL, idx BIGINT NOT NULL",
            indexes: &[
                ("user", "(user_id, account)"),
                ("provider", "(provider, status)"),
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

/// Writes an update of one account: what changes, and `$2` to `$4`.
macro_rules! update {
    ($set:literal) => {
        concat!(
            "UPDATE {linked_accounts} SET ",
            $set,
            ", changed_at = $2, revision = $3, idx = $4 WHERE account = $1 AND idx < $4"
        )
    };
}

fn statement(recorded: &Recorded<Event>, event: &AccountEvent) -> Option<Statement> {
    use AccountEvent as E;
    // $1 to $4: which account, and what every change sets.
    let with = |sql: &'static str, account: &AccountId, more: Vec<Value>| {
        let stamp = [
            text(account),
            time(recorded.recorded_at),
            recorded.version.into(),
            recorded.index.into(),
        ];
        Some(Statement::new(sql, stamp.into_iter().chain(more)))
    };
    match event {
        E::AccountLinked {
            account,
            user,
            provider,
            profile,
            grant,
        } => {
            let mut more = grant_values(grant.as_ref());
            more.extend([text(user), text(provider), json(profile)]);
            with(
                "INSERT INTO {linked_accounts} AS t (account, changed_at, revision, idx, secret, \
                 generation, scopes, missing_scopes, expires_at, refreshable, user_id, provider, \
                 profile, status, residue, linked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, \
                 $9, $10, $11, $12, $13, 'linked', '[]', $2) ON CONFLICT (account) DO UPDATE SET \
                 changed_at = excluded.changed_at, revision = excluded.revision, \
                 idx = excluded.idx, secret = excluded.secret, generation = excluded.generation, \
                 scopes = excluded.scopes, missing_scopes = excluded.missing_scopes, \
                 expires_at = excluded.expires_at, refreshable = excluded.refreshable, \
                 user_id = excluded.user_id, provider = excluded.provider, \
                 profile = excluded.profile, status = excluded.status, failure_blame = NULL, \
                 failure_code = NULL, failure_detail = NULL, residue = excluded.residue, \
                 linked_at = excluded.linked_at WHERE t.idx < excluded.idx",
                account,
                more,
            )
        }
        E::GrantRenewed {
            account,
            profile,
            grant,
            ..
        } => {
            let mut more = grant_values(Some(grant));
            more.push(profile.as_ref().map_or(Value::Null, json));
            with(
                // Nothing but its end ends an unlinking.
                update!(
                    "secret = $5, generation = $6, scopes = $7, missing_scopes = $8, \
                     expires_at = $9, refreshable = $10, profile = COALESCE($11, profile), \
                     status = CASE status WHEN 'grant_lost' THEN 'linked' ELSE status END, \
                     failure_blame = NULL, failure_code = NULL, failure_detail = NULL"
                ),
                account,
                more,
            )
        }
        E::GrantLost {
            account,
            failure: why,
            ..
        } => with(
            update!(
                "status = CASE status WHEN 'linked' THEN 'grant_lost' ELSE status END, \
                 failure_blame = $5, failure_code = $6, failure_detail = $7"
            ),
            account,
            failure(why).into(),
        ),
        E::UnlinkRequested { account, .. } => {
            with(update!("status = 'unlinking'"), account, vec![])
        }
        E::AccountUnlinked {
            account, residue, ..
        } => with(
            update!("status = 'unlinked', residue = $5"),
            account,
            vec![json(residue)],
        ),
        // The end comes with it.
        E::UnlinkForced { .. }
        | E::LinkGivenUp { .. }
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
        | E::KeyDriftSettled { .. } => None,
    }
}

/// Returns `$5` to `$10`: what the provider gave us.
fn grant_values(grant: Option<&Grant>) -> Vec<Value> {
    let Some(grant) = grant else {
        let none = || json(&[(); 0]);
        return vec![
            Value::Null,
            0_u64.into(),
            none(),
            none(),
            Value::Null,
            yes_no(false),
        ];
    };
    let Grant {
        secret,
        generation,
        scopes,
        missing_scopes,
        expires_at,
        refreshable,
    } = grant;
    vec![
        text(secret),
        (*generation).into(),
        json(scopes),
        json(missing_scopes),
        maybe_time(*expires_at),
        yes_no(*refreshable),
    ]
}

/// The columns of a row, in the order in which [`from_row`] reads them.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT account, user_id, provider, profile, secret, generation, scopes, \
             missing_scopes, expires_at, refreshable, status, failure_blame, failure_code, \
             failure_detail, residue, linked_at, changed_at, revision, v.kind, v.protocol, \
             v.signing FROM {linked_accounts} LEFT JOIN (SELECT provider AS slug, kind, protocol, \
             signing FROM {provider_list}) AS v ON v.slug = provider ",
            $rest
        )
    };
}

/// Asks for one account, also one that is no longer linked.
pub fn by_id(account: AccountId) -> Statement {
    Statement::new(select!("WHERE account = $1"), [text(&account)])
}

/// Asks for one person's accounts, those no longer linked left out.
pub fn of_user(user: &UserId) -> Statement {
    Statement::new(
        select!("WHERE user_id = $1 AND status <> 'unlinked' ORDER BY linked_at, account"),
        [text(user)],
    )
}

/// Asks for one person's accounts at one provider, those no longer linked left out.
pub fn of_user_at(user: &UserId, provider: &ProviderSlug) -> Statement {
    Statement::new(
        select!(
            "WHERE user_id = $1 AND provider = $2 AND status <> 'unlinked' \
             ORDER BY linked_at, account"
        ),
        [text(user), text(provider)],
    )
}

/// Asks for all accounts that are linked, after one of them.
pub fn page(after: Option<AccountId>, limit: Limit) -> Statement {
    let after = after.map_or_else(|| Value::from(""), |account| text(&account));
    Statement::new(
        select!("WHERE account > $1 AND status <> 'unlinked' ORDER BY account LIMIT $2"),
        [after, limit.rows().into()],
    )
}

/// Asks for the accounts at a provider that nobody unlinks yet, after one of them.
pub fn in_use_at(provider: &ProviderSlug, after: Option<AccountId>, limit: Limit) -> Statement {
    let after = after.map_or_else(|| Value::from(""), |account| text(&account));
    Statement::new(
        select!(
            "WHERE provider = $1 AND account > $2 AND status IN ('linked', 'grant_lost') \
             ORDER BY account LIMIT $3"
        ),
        [text(provider), after, limit.rows().into()],
    )
}

/// Asks for the accounts at a provider that are linked, or are being unlinked, after one of them.
pub fn at(provider: &ProviderSlug, after: Option<AccountId>, limit: Limit) -> Statement {
    let after = after.map_or_else(|| Value::from(""), |account| text(&account));
    Statement::new(
        select!(
            "WHERE provider = $1 AND account > $2 AND status <> 'unlinked' \
             ORDER BY account LIMIT $3"
        ),
        [text(provider), after, limit.rows().into()],
    )
}

/// Asks how many accounts are linked at a provider.
pub fn count_at(provider: &ProviderSlug) -> Statement {
    Statement::new(
        "SELECT COUNT(*) FROM {linked_accounts} WHERE provider = $1 AND status <> 'unlinked'",
        [text(provider)],
    )
}

/// Reads a row.
pub fn from_row(row: &Row) -> Result<AccountRow, UnreadableRow> {
    let mut row = Reader::new(row);
    let mut read = AccountRow {
        account: row.parsed()?,
        user: row.parsed()?,
        provider: row.parsed()?,
        profile: row.json()?,
        grant: grant(&mut row)?,
        status: row.known(LinkState::from_word)?,
        failure: row.failure()?,
        residue: row.json()?,
        linked_at: row.time()?,
        changed_at: row.time()?,
        revision: row.number()?,
        wanted: None,
    };
    let (kind, protocol, signing) = (row.maybe_word()?, row.maybe_word()?, row.maybe_yes_no()?);
    if let (Some(kind), Some(protocol), Some(signing)) = (kind, protocol, signing) {
        read.wanted = Some(Wanted {
            kind,
            protocol,
            signing,
        });
    }
    Ok(read)
}

fn grant(row: &mut Reader<'_>) -> Result<Option<Grant>, UnreadableRow> {
    let secret = row.maybe()?;
    let (generation, scopes, missing_scopes) = (row.number()?, row.json()?, row.json()?);
    let (expires_at, refreshable) = (row.maybe_time()?, row.yes_no()?);
    Ok(secret.map(|secret| Grant {
        secret,
        generation,
        scopes,
        missing_scopes,
        expires_at,
        refreshable,
    }))
}
