//! Tokens that belong to nobody yet: a provider gave them, and the link is not made.
//!
//! They are good at the provider from the moment it gave them, whatever becomes of us. So they are
//! sealed, with a row beside them, before anything else is done with them; the link takes the row
//! away. What is still there after a while is of a link that never came about: the sweep has it
//! revoked, by the same means as an unlinking, and then destroyed.
//!
//! A link may only have been slow: a machine that was suspended goes on where it was. So the two
//! meet where only one of them can be first. The row is claimed by a link while nobody has begun to
//! give its tokens back, and put in the place of other tokens under the same condition. A link with
//! tokens of their own is decided by the account's stream: whoever gives them back first writes there
//! that the link is given up, and learns from it whether the link came about. After that it never
//! does. A row whose secret a link uses is only a row that nobody took away.
//!
//! A new link in the place of a good one changes places with it: the row then stands for the pair
//! that the link had before, which nobody uses any more, and which is given back like any other.

use chrono::{DateTime, TimeDelta, Utc};
use domain::account::{Account, AccountCommand, AccountError};
use domain::{AccountId, ProviderSlug, SecretRef, UserId, format_time};
use projections::{Row, Statement, UnreadableRow};

use super::{AccessError, StoredTokens};
use crate::app::{App, Caller, CaseError, CommandError};
use crate::database::DatabaseError;
use crate::providers::Tokens;
use crate::vault::{Owner, Purpose, VaultError};

/// How long a link may be on its way before its tokens are taken for left: much longer than it takes.
const ON_ITS_WAY: TimeDelta = TimeDelta::minutes(10);

/// How long what is asked with a pair that was replaced may still take.
const UNDER_WAY: TimeDelta = TimeDelta::minutes(1);

/// How long giving them back may take until another may try: longer than a refresh and two
/// revocations take, with two secrets each.
const LEASE: TimeDelta = TimeDelta::minutes(10);

const ROW: &str = "SELECT secret, provider, user_id, account, exchanged_at, due_at, tries, spent \
                   FROM exchanged_grants";

/// A statement on tokens that a link may still have: nobody has begun to give them back, and they are
/// not what a link had before.
macro_rules! on_its_way {
    ($statement:literal) => {
        concat!(
            $statement,
            " WHERE secret = $1 AND tries = 0 AND spent = 'no'"
        )
    };
}

/// Tokens that were exchanged, taken by whoever holds this.
#[derive(Debug, Clone)]
pub(super) struct Exchanged {
    pub(super) secret: SecretRef,
    pub(super) provider: ProviderSlug,
    pub(super) user: UserId,
    /// Whose they are, once the provider said so.
    pub(super) account: Option<AccountId>,
    pub(super) since: DateTime<Utc>,
    due_at: String,
    /// How often it was tried to give them back, this time included.
    pub(super) tries: u64,
    /// Whether a link had them until others took their place: none comes about with them.
    spent: bool,
}

impl App {
    /// Seals tokens that were just given, and notes that they belong to nobody yet: both or neither.
    pub(in crate::app) async fn keep_exchanged(
        &self,
        user: &UserId,
        provider: &ProviderSlug,
        tokens: &Tokens,
    ) -> Result<SecretRef, VaultError> {
        let now = self.now();
        let noted = |secret: SecretRef| {
            vec![Statement::new(
                "INSERT INTO exchanged_grants \
                 (secret, provider, user_id, account, exchanged_at, due_at, tries) \
                 VALUES ($1, $2, $3, NULL, $4, $5, 0)",
                [
                    secret.to_string().into(),
                    provider.as_str().into(),
                    user.as_str().into(),
                    format_time(now).into(),
                    format_time(now + ON_ITS_WAY).into(),
                ],
            )]
        };
        let stored = StoredTokens::new(tokens, now).of_link().to_secret();
        let (owner, purpose) = (Owner::Person(user.clone()), Purpose::GrantTokens);
        self.vault
            .seal_beside(&owner, purpose, "exchanged", &stored, noted)
            .await
    }

    /// Notes which account tokens are about to be linked with, and that they are on their way.
    pub(in crate::app) async fn claim_exchanged(
        &self,
        secret: SecretRef,
        account: AccountId,
    ) -> Result<(), CaseError> {
        let claimed = Statement::new(
            "UPDATE exchanged_grants SET account = $2, due_at = $3 WHERE secret = $1 AND tries = 0",
            [
                secret.to_string().into(),
                account.to_string().into(),
                format_time(self.now() + ON_ITS_WAY).into(),
            ],
        );
        match self
            .database
            .transact(vec![claimed.must_change_one()])
            .await
        {
            Ok(_) => Ok(()),
            // It took so long that they are being given back.
            Err(DatabaseError::Stale) => {
                Err(CommandError::Refused(AccountError::LinkGivenUp.into()).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Says that tokens are a link's now: nobody gives them back.
    pub(in crate::app) fn taken_over(secret: SecretRef) -> Statement {
        Statement::new(
            "DELETE FROM exchanged_grants WHERE secret = $1",
            [secret.to_string().into()],
        )
    }

    /// Says that what was exchanged is a link's now, and that the pair the link had before is here in
    /// its place, to be given back: where nobody gives the exchanged back yet.
    pub(in crate::app) fn changed_places(&self, secret: SecretRef) -> Statement {
        Statement::new(
            on_its_way!(
                "UPDATE exchanged_grants SET exchanged_at = $2, due_at = $3, spent = 'yes'"
            ),
            [
                secret.to_string().into(),
                format_time(self.now()).into(),
                format_time(self.now() + UNDER_WAY).into(),
            ],
        )
        .must_change_one()
    }

    /// Takes the row away after a link, unless it stands for the pair that the link had before.
    pub(in crate::app) async fn forget_linked(&self, secret: SecretRef, given: &Tokens) {
        match self.stored_tokens(secret).await {
            Ok((stored, _)) if !stored.are(given) => self.bell.ring(),
            Ok(_) | Err(AccessError::NoTokens | AccessError::Provider(_)) => {
                self.forget_exchanged(secret).await;
            }
            // The sweep finds out.
            Err(AccessError::Command(error)) => {
                tracing::warn!(%error, "linked tokens are still noted as nobody's");
            }
        }
    }

    /// The same as [`taken_over`](Self::taken_over), where nobody gives them back yet; otherwise
    /// nothing is done with them.
    pub(in crate::app) fn taken_over_in_time(secret: SecretRef) -> Statement {
        Statement::new(
            on_its_way!("DELETE FROM exchanged_grants"),
            [secret.to_string().into()],
        )
        .must_change_one()
    }

    /// Says whether a link may still have the tokens: nobody gives them back.
    pub(in crate::app) async fn is_on_its_way(
        &self,
        secret: SecretRef,
    ) -> Result<bool, DatabaseError> {
        let asked = Statement::new(
            on_its_way!("SELECT tries FROM exchanged_grants"),
            [secret.to_string().into()],
        );
        Ok(self.database.get(asked).await?.is_some())
    }

    /// Takes the row away after a link. If that fails, the log says that a link uses the tokens.
    pub(in crate::app) async fn forget_exchanged(&self, secret: SecretRef) {
        let forgotten = self.database.transact(vec![Self::taken_over(secret)]);
        if let Err(error) = forgotten.await {
            tracing::warn!(%error, "linked tokens are still noted as nobody's");
        }
    }

    /// Destroys tokens of which nothing more is to be done.
    pub(super) async fn end_exchanged(&self, secret: SecretRef) -> Result<(), CommandError> {
        let ended = vec![self.vault.destruction(secret), Self::taken_over(secret)];
        self.database.transact(ended).await?;
        self.end_attempt(secret).await;
        Ok(())
    }

    /// Gives up the link that tokens were meant for; says whether it came about after all. If not,
    /// it never does.
    pub(super) async fn give_link_up(
        &self,
        row: &Exchanged,
        caller: &Caller,
    ) -> Result<bool, CommandError> {
        // No link claims a row that is taken.
        let Some(account) = row.account.filter(|_| !row.spent) else {
            return Ok(false);
        };
        let command = AccountCommand::RecordLinkGivenUp {
            account,
            user: row.user.clone(),
            provider: row.provider.clone(),
            secret: row.secret,
        };
        self.dispatch
            .execute::<Account>(&account, command, caller)
            .await?;
        self.is_linked_with(row).await
    }

    /// Says whether a link uses the tokens.
    pub(super) async fn is_linked_with(&self, row: &Exchanged) -> Result<bool, CommandError> {
        let Some(account) = row.account else {
            return Ok(false);
        };
        let (state, _) = self.dispatch.load::<Account>(&account).await?;
        let grant = state.link().and_then(|link| link.grant.as_ref());
        Ok(grant.is_some_and(|grant| grant.secret == row.secret))
    }

    /// Lists when the first tokens are to be given back at each provider.
    pub async fn next_exchanged(
        &self,
    ) -> Result<Vec<(ProviderSlug, DateTime<Utc>)>, DatabaseError> {
        let asked = Statement::new(
            "SELECT provider, MIN(due_at) FROM exchanged_grants GROUP BY provider",
            [],
        );
        let rows = self.database.query(asked).await?;
        let next: Result<_, UnreadableRow> = rows
            .iter()
            .map(|row| Ok((row.parsed(0, "a provider")?, row.parsed(1, "a time")?)))
            .collect();
        Ok(next?)
    }

    /// Takes the tokens at a provider that are due longest; nothing, if none are, or another
    /// instance was faster.
    pub(super) async fn take_due(
        &self,
        provider: &ProviderSlug,
    ) -> Result<Option<Exchanged>, DatabaseError> {
        let asked = Statement::new(
            format!("{ROW} WHERE provider = $1 AND due_at <= $2 ORDER BY due_at LIMIT 1"),
            [provider.as_str().into(), format_time(self.now()).into()],
        );
        self.take(asked).await
    }

    /// Takes these tokens; nothing, if a link has them, or another instance was faster.
    pub(super) async fn take_exchanged(
        &self,
        secret: SecretRef,
    ) -> Result<Option<Exchanged>, DatabaseError> {
        let asked = Statement::new(
            format!("{ROW} WHERE secret = $1"),
            [secret.to_string().into()],
        );
        self.take(asked).await
    }

    async fn take(&self, asked: Statement) -> Result<Option<Exchanged>, DatabaseError> {
        let Some(row) = self.database.get(asked).await? else {
            return Ok(None);
        };
        let mut row = read(&row)?;
        let until = format_time(self.now() + LEASE);
        let take = Statement::new(
            "UPDATE exchanged_grants SET due_at = $3, tries = tries + 1 \
             WHERE secret = $1 AND due_at = $2 AND COALESCE(account, '') = $4",
            [
                row.secret.to_string().into(),
                row.due_at.as_str().into(),
                until.as_str().into(),
                // It may have been claimed since, at the same time of the clock.
                row.account
                    .map(|id| id.to_string())
                    .unwrap_or_default()
                    .into(),
            ],
        );
        row.due_at = until;
        row.tries += 1;
        match self.database.transact(vec![take.must_change_one()]).await {
            Ok(_) => Ok(Some(row)),
            Err(DatabaseError::Stale) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Has tokens given back later.
    pub(super) async fn put_off(
        &self,
        row: &Exchanged,
        until: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        let put_off = Statement::new(
            "UPDATE exchanged_grants SET due_at = $3 WHERE secret = $1 AND due_at = $2",
            [
                row.secret.to_string().into(),
                row.due_at.as_str().into(),
                format_time(until).into(),
            ],
        );
        self.database.transact(vec![put_off]).await.map(drop)
    }
}

fn read(row: &Row) -> Result<Exchanged, UnreadableRow> {
    Ok(Exchanged {
        secret: row.parsed(0, "a secret")?,
        provider: row.parsed(1, "a provider")?,
        user: row.parsed(2, "a person")?,
        account: match row.maybe_text(3)? {
            Some(_) => Some(row.parsed(3, "an account")?),
            None => None,
        },
        since: row.parsed(4, "a time")?,
        due_at: row.text(5)?.to_owned(),
        tries: row.number(6)?,
        spent: row.text(7)? == "yes",
    })
}
