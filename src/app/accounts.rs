//! The linked accounts: seen and unlinked by their owners.

use domain::account::{Account, AccountCommand, AccountError};
use domain::key_sync::LinkState;
use domain::{AccountId, ProviderSlug, UserId};
use projections::linked_accounts::{self, AccountRow};
use projections::revocations::RevocationRow;

use super::linking::{Profile, profile_context};
use super::{App, Caller, CaseError, CommandError, Executed};
use crate::providers::Wants;
use crate::vault::VaultError;

/// A linked account, with who the person is there.
#[derive(Debug, Clone)]
pub struct KnownAccount {
    /// What the list says.
    pub row: AccountRow,
    /// Who the person is there; nothing once the person is erased.
    pub profile: Option<Profile>,
    /// The scopes that the provider's keys need now and that were not granted.
    pub missing_scopes: Vec<String>,
    /// How far the revocation of its grant is, while it is being unlinked.
    pub revocation: Option<RevocationRow>,
}

impl App {
    /// Returns the id of a remote account: the same for everybody who links it, and for nobody
    /// but this deployment to be derived.
    pub async fn account_id(
        &self,
        provider: &ProviderSlug,
        external_id: &str,
    ) -> Result<AccountId, VaultError> {
        let parts = ["account", provider.as_str(), external_id];
        Ok(AccountId::from_digest(self.vault.pseudonym(&parts).await?))
    }

    /// Lists a person's accounts.
    pub async fn list_accounts(&self, user: &UserId) -> Result<Vec<KnownAccount>, CaseError> {
        let rows = self.database.query(linked_accounts::of_user(user)).await?;
        let mut known = Vec::with_capacity(rows.len());
        for row in &rows {
            known.push(self.with_profile(linked_accounts::from_row(row)?).await?);
        }
        Ok(known)
    }

    /// Returns one of a person's accounts, also one that is no longer linked.
    pub async fn account(
        &self,
        user: &UserId,
        account: AccountId,
    ) -> Result<KnownAccount, CaseError> {
        let row = self.database.get(linked_accounts::by_id(account)).await?;
        let row = row.as_ref().map(linked_accounts::from_row).transpose()?;
        match row {
            Some(row) if row.user == *user => self.with_profile(row).await,
            // Whose account it is stays unsaid.
            Some(_) | None => Err(CommandError::Refused(AccountError::NotFound.into()).into()),
        }
    }

    /// Starts to unlink a person's account: unusable here at once, cleaned up at the provider next.
    pub async fn unlink(
        &self,
        user: &UserId,
        account: AccountId,
        caller: &Caller,
    ) -> Result<Executed<Account>, CaseError> {
        let command = AccountCommand::UnlinkAccount { user: user.clone() };
        let done = self
            .dispatch
            .execute::<Account>(&account, command, caller)
            .await?;
        Ok(done)
    }

    async fn with_profile(&self, row: AccountRow) -> Result<KnownAccount, CaseError> {
        let context = profile_context(row.account);
        let opened = self
            .vault
            .open_personal_often(&row.profile, &context)
            .await?;
        let profile = opened.and_then(|text| serde_json::from_str(&text).ok());
        let missing_scopes = match &row.grant {
            // A provider that says which takes none of them away without saying so.
            Some(grant) if grant.said_scopes().is_none() => grant.missing_scopes.clone(),
            Some(grant) => row.wanted.map_or_else(Vec::new, |wanted| {
                let wants = Wants {
                    protocol: wanted.protocol,
                    signing: wanted.signing,
                };
                self.missing_at(wanted.kind, wants, grant.said_scopes())
            }),
            None => Vec::new(),
        };
        let revocation = match (row.status, &row.grant) {
            (LinkState::Unlinking, Some(_)) => Box::pin(self.revocation(row.account)).await?,
            (
                LinkState::Linked
                | LinkState::GrantLost
                | LinkState::Unlinking
                | LinkState::Unlinked,
                _,
            ) => None,
        };
        Ok(KnownAccount {
            row,
            profile,
            missing_scopes,
            revocation,
        })
    }
}
