//! Off-boarding: everything that a person has here comes to its end.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::account::{Account, AccountCommand};
use domain::key_sync::LinkState;
use domain::keyring::{Holder, Keyring};
use domain::offboarding::{Offboarding, OffboardingCommand, OffboardingError};
use domain::{AccountId, ActorKind, Failure, KeyId, ProviderSlug, TokenId, UserId};
use projections::key_placements::PlacementStatus;
use projections::linked_accounts::AccountRow;
use projections::offboardings::{self, OffboardingRow, OffboardingStatus};
use projections::residues::{Left, ResidueRow};
use projections::revocations::{self, RevocationRow};
use projections::{Limit, key_placements, keys, linked_accounts};

use super::{App, Caller, CaseError, CommandError, Executed, Rule};
use crate::database::DatabaseError;

/// How long the read models may take to know of a new off-boarding.
const PATIENCE: Duration = Duration::from_secs(2);

/// An off-boarding, what it waits for, and what stayed behind.
#[derive(Debug, Clone)]
pub struct KnownOffboarding {
    /// How far it is.
    pub row: OffboardingRow,
    /// The accounts that are still to be unlinked.
    pub waiting: Vec<WaitingAccount>,
    /// What stays at providers.
    pub residue: Vec<ResidueRow>,
}

/// An account that is still to be unlinked.
#[derive(Debug, Clone)]
pub struct WaitingAccount {
    /// The account.
    pub account: AccountId,
    /// The provider.
    pub provider: ProviderSlug,
    /// How far its link is.
    pub status: LinkState,
    /// How many keys are still to be taken away.
    pub keys: u64,
    /// How far the revocation of its grant is, if a try has failed.
    pub revocation: Option<RevocationRow>,
    /// Why the unlinking did not come about yet: of a key, or of the grant.
    pub failure: Option<Failure>,
}

/// What of a person is still here.
#[derive(Debug, Clone, Default)]
pub struct Belongings {
    /// Accounts that are linked, or are being unlinked.
    pub accounts: Vec<AccountRow>,
    /// Keys that have not ended.
    pub keys: usize,
    /// API tokens that open doors.
    pub tokens: Vec<TokenId>,
}

impl Belongings {
    /// Says whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.keys == 0 && self.tokens.is_empty()
    }
}

impl App {
    /// Begins to off-board a person, or forces what was begun; returns the index of the event.
    pub async fn offboard(
        &self,
        user: &UserId,
        force: bool,
        caller: &Caller,
    ) -> Result<Option<u64>, CaseError> {
        if caller.actor.kind == ActorKind::Person && caller.actor.id == user.as_str() {
            return Err(Rule::OffboardingOneself.into());
        }
        let (state, _) = self.dispatch.load::<Offboarding>(user).await?;
        let is_over = matches!(state, Offboarding::Over { .. });
        // Who has left, and did not come back, need not leave again.
        if is_over && self.belongings(user).await?.is_empty() {
            return Ok(None);
        }
        let command = OffboardingCommand::RequestOffboarding {
            user: user.clone(),
            force,
        };
        let done = self
            .dispatch
            .execute::<Offboarding>(user, command, caller)
            .await?;
        if let Some(index) = done.index {
            self.applied.wait_for(index, PATIENCE).await;
        }
        Ok(done.index)
    }

    /// Returns a person's last off-boarding.
    pub async fn offboarding(&self, user: &UserId) -> Result<KnownOffboarding, CaseError> {
        let row = self.database.get(offboardings::of(user)).await?;
        let row = row.ok_or_else(|| CommandError::Refused(OffboardingError::NotFound.into()))?;
        let row = offboardings::from_row(&row)?;
        let left = Left {
            user: Some(user.clone()),
            since: row.begun,
            ..Left::default()
        };
        let limit = Limit::new(Limit::MOST).unwrap_or_default();
        let residue = self.residue(&left, None, limit).await?.items;
        let waiting = match row.status {
            OffboardingStatus::Running => self.waiting_accounts(user).await?,
            OffboardingStatus::Completed => Vec::new(),
        };
        Ok(KnownOffboarding {
            row,
            waiting,
            residue,
        })
    }

    /// Refuses what is new for a person who is being off-boarded.
    pub async fn admits(&self, user: &UserId) -> Result<(), CommandError> {
        let (state, _) = self.dispatch.load::<Offboarding>(user).await?;
        let admitted = state.admits();
        admitted.map_err(|rule| CommandError::Refused(rule.into()))
    }

    /// Ends an account at once, whatever stays at the provider.
    pub async fn force_unlink(
        &self,
        user: &UserId,
        account: AccountId,
        caller: &Caller,
    ) -> Result<Executed<Account>, CommandError> {
        let fingerprints = self.fingerprints(user, account).await?;
        let command = AccountCommand::ForceUnlink {
            user: user.clone(),
            fingerprints,
        };
        self.dispatch
            .execute::<Account>(&account, command, caller)
            .await
    }

    /// Returns the fingerprints of a person's keys for one account that have not ended.
    pub async fn fingerprints(
        &self,
        user: &UserId,
        account: AccountId,
    ) -> Result<BTreeMap<KeyId, String>, CommandError> {
        let (keyring, _) = self.dispatch.load::<Keyring>(user).await?;
        Ok(keyring
            .of(Holder::Account(account))
            .map(|(key, known)| (key, known.public_key.fingerprint.clone()))
            .collect())
    }

    /// Looks up what of a person is still here.
    pub async fn belongings(&self, user: &UserId) -> Result<Belongings, CommandError> {
        let rows = self.database.query(linked_accounts::of_user(user)).await?;
        let accounts: Result<Vec<_>, _> = rows.iter().map(linked_accounts::from_row).collect();
        let keys = self.database.query(keys::live_of_user(user)).await?.len();
        let (now, mut after, mut valid) = (self.now(), None, Vec::new());
        loop {
            let page = self
                .list_tokens(Some(user), after, Limit::default())
                .await?;
            let current = page.items.iter().filter(|row| row.is_valid(now));
            valid.extend(current.map(|row| row.token));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(Belongings {
            accounts: accounts?,
            keys,
            tokens: valid,
        })
    }

    async fn waiting_accounts(&self, user: &UserId) -> Result<Vec<WaitingAccount>, DatabaseError> {
        let rows = self.database.query(linked_accounts::of_user(user)).await?;
        let placed = self.database.query(key_placements::of_user(user)).await?;
        let placed: Result<Vec<_>, _> = placed.iter().map(key_placements::from_row).collect();
        let placed = placed?;
        let revoking = self.database.query(revocations::of_user(user)).await?;
        let revoking: Result<Vec<_>, _> = revoking.iter().map(revocations::from_row).collect();
        let revoking = revoking?;
        let mut waiting = Vec::with_capacity(rows.len());
        for row in &rows {
            let row = linked_accounts::from_row(row)?;
            let mut unfinished = placed
                .iter()
                .filter(|placed| placed.account == row.account && is_unfinished(placed.status));
            let keys = unfinished.clone().count() as u64;
            let revocation = revoking
                .iter()
                .find(|known| known.account == row.account && known.failure.is_some())
                .cloned();
            let of_grant = revocation.as_ref().and_then(|known| known.failure.clone());
            waiting.push(WaitingAccount {
                account: row.account,
                provider: row.provider,
                status: row.status,
                keys,
                failure: unfinished
                    .find_map(|placed| placed.failure.clone())
                    .or(of_grant),
                revocation,
            });
        }
        Ok(waiting)
    }
}

fn is_unfinished(status: PlacementStatus) -> bool {
    matches!(
        status,
        PlacementStatus::Requested | PlacementStatus::Failed | PlacementStatus::Parked
    )
}
