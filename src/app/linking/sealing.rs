//! Where the tokens of a link are kept.

use domain::account::{Account, AccountError};
use domain::{AccountId, SecretRef};

use super::refused;
use crate::app::flows::Flow;
use crate::app::{App, CaseError};
use crate::vault::{Owner, Purpose, Secret, VaultError};

/// Where tokens were sealed.
pub(super) struct Place {
    pub(super) secret: SecretRef,
    pub(super) generation: u64,
    pub(super) is_new: bool,
}

impl App {
    /// Puts the tokens in the place of those of the same link, or in a place of their own.
    pub(super) async fn seal_tokens(
        &self,
        flow: &Flow,
        account: AccountId,
        state: &Account,
        stored: &Secret,
    ) -> Result<Place, CaseError> {
        let next = state.generation() + 1;
        if let Some(grant) = state.link().and_then(|link| link.grant.as_ref()) {
            let secret = grant.secret;
            match self.vault.replace(secret, state.generation(), stored).await {
                Ok(generation) => {
                    return Ok(Place {
                        secret,
                        generation,
                        is_new: false,
                    });
                }
                Err(VaultError::Stale) => return Err(refused(AccountError::GrantSuperseded)),
                // It was destroyed, or never came back from a backup: begin a new one.
                Err(VaultError::Destroyed | VaultError::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let owner = Owner::Person(flow.user.clone());
        let secret = self
            .vault
            .seal(&owner, Purpose::GrantTokens, &account.to_string(), stored)
            .await?;
        // The account counts on over its links, and the vault counts with it.
        let mut generation = 1;
        while generation < next {
            generation = self.vault.replace(secret, generation, stored).await?;
        }
        Ok(Place {
            secret,
            generation,
            is_new: true,
        })
    }
}
