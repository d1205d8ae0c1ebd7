//! Where the tokens of a link are kept.

use domain::SecretRef;
use domain::account::{Account, AccountError, Link};
use domain::provider::Registration;

use super::refused;
use super::taking::Given;
use crate::app::flows::Flow;
use crate::app::grants::StoredTokens;
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
        (given, registration): (&Given<'_>, &Registration),
        state: &Account,
        stored: &Secret,
    ) -> Result<Place, CaseError> {
        let (exchanged, next) = (given.exchanged, state.generation() + 1);
        if let Some(link) = state.link()
            && let Some(grant) = &link.grant
        {
            let secret = grant.secret;
            let put = self.put_over((given, registration), state, link, secret, stored);
            match put.await {
                Ok(()) => {
                    return Ok(Place {
                        secret,
                        generation: next,
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

    /// Puts the tokens over those of the same link. Those that still work are kept where the new ones
    /// were, to be given back, if the provider can revoke them without the new ones.
    ///
    /// All in one step: what a link has is not given back, also where the log learns it later.
    async fn put_over(
        &self,
        (given, registration): (&Given<'_>, &Registration),
        state: &Account,
        link: &Link,
        secret: SecretRef,
        stored: &Secret,
    ) -> Result<(), VaultError> {
        let (exchanged, generation) = (given.exchanged, state.generation());
        let before = match self.vault.open_secret(secret).await {
            Ok((before, _)) => Some(before),
            // What does not open cannot be given back either.
            Err(VaultError::Damaged(_)) => None,
            Err(error) => return Err(error),
        };
        let pair = before.as_ref().and_then(StoredTokens::read);
        // A try before this one may have put them there.
        if pair.as_ref().is_some_and(|pair| pair.are(given.tokens)) {
            let put = self.vault.replace(secret, generation, stored).await;
            return put.map(drop);
        }
        let apart = self
            .providers
            .get(registration.kind)
            .is_some_and(|adapter| adapter.revokes_apart());
        let works = apart && link.lost.is_none() && pair.is_some() && secret != exchanged;
        if let (true, Some(before)) = (works, &before) {
            let (_, at) = self.vault.open_secret(exchanged).await?;
            let changed = [self.changed_places(exchanged)];
            return self
                .vault
                .replace_both_beside(
                    (secret, generation, stored),
                    (exchanged, at, before),
                    &changed,
                )
                .await;
        }
        let mut beside = vec![App::taken_over(exchanged)];
        if secret != exchanged {
            beside.push(self.vault.destruction(exchanged));
        }
        let put = self
            .vault
            .replace_beside(secret, generation, stored, &beside);
        put.await.map(drop)
    }
}
