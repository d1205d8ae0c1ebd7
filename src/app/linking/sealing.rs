//! Where the tokens of a link are kept.

use domain::SecretRef;
use domain::account::{Account, AccountError};

use super::refused;
use super::taking::Given;
use crate::app::flows::Flow;
use crate::app::{App, CaseError};
use crate::vault::{Owner, Purpose, Secret, VaultError};

/// Where tokens were sealed.
pub(super) struct Place {
    pub(super) secret: SecretRef,
    pub(super) generation: u64,
    /// Whether nothing but the link that is about to be made knows of it.
    pub(super) is_own: bool,
}

impl App {
    /// Puts the tokens in the place of those of the same link, or leaves them where they were kept
    /// after the exchange.
    pub(super) async fn seal_tokens(
        &self,
        flow: &Flow,
        given: &Given<'_>,
        state: &Account,
        stored: &Secret,
    ) -> Result<Place, CaseError> {
        let (exchanged, next) = (given.exchanged, state.generation() + 1);
        if let Some(grant) = state.link().and_then(|link| link.grant.as_ref()) {
            let secret = grant.secret;
            // In one step: what a link has is not given back, also where the log learns it later.
            let mut beside = vec![App::taken_over(exchanged)];
            if secret != exchanged {
                beside.push(self.vault.destruction(exchanged));
            }
            let put = self
                .vault
                .replace_beside(secret, state.generation(), stored, &beside);
            match put.await {
                Ok(generation) => {
                    return Ok(Place {
                        secret,
                        generation,
                        is_own: false,
                    });
                }
                Err(VaultError::Stale) => return Err(refused(AccountError::GrantSuperseded)),
                // It was destroyed, or never came back from a backup: begin a new one.
                Err(VaultError::Destroyed | VaultError::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let (secret, mut generation, is_own) = match self.vault.open_secret(exchanged).await {
            Ok((_, generation)) => (exchanged, generation, false),
            // They were put in the place of a link that has ended this moment, or the person was
            // erased meanwhile.
            Err(VaultError::Destroyed | VaultError::NotFound) => {
                let owner = Owner::Person(flow.user.clone());
                let subject = given.account.to_string();
                let secret = self
                    .vault
                    .seal(&owner, Purpose::GrantTokens, &subject, stored)
                    .await?;
                (secret, 1, true)
            }
            Err(error) => return Err(error.into()),
        };
        // The account counts on over its links, and the vault counts with it.
        while generation < next {
            generation = self.vault.replace(secret, generation, stored).await?;
        }
        Ok(Place {
            secret,
            generation,
            is_own,
        })
    }
}
