//! Where the tokens of a link are kept.

use domain::SecretRef;
use domain::account::{Account, AccountError, Link};
use domain::provider::Registration;

use super::refused;
use super::taking::Given;
use crate::app::grants::StoredTokens;
use crate::app::{App, CaseError};
use crate::vault::{Secret, VaultError};

/// Where tokens were sealed.
pub(super) struct Place {
    pub(super) secret: SecretRef,
    pub(super) generation: u64,
}

impl App {
    /// Puts the tokens in the place of those of the same link, or leaves them where they were kept
    /// after the exchange. Refused where they are being given back.
    pub(super) async fn seal_tokens(
        &self,
        (given, registration): (&mut Given<'_>, &Registration),
        state: &Account,
        stored: &Secret,
    ) -> Result<Place, CaseError> {
        let (exchanged, next) = (*given.exchanged, state.generation() + 1);
        if let Some(link) = state.link()
            && let Some(grant) = &link.grant
        {
            let secret = grant.secret;
            let put = self.put_over((given, registration), link, secret, stored);
            match put.await {
                Ok(()) => {
                    given.taken_over = true;
                    return Ok(Place {
                        secret,
                        generation: next,
                    });
                }
                Err(VaultError::Stale) => {
                    let too_late = !given.taken_over && !self.is_on_its_way(exchanged).await?;
                    return Err(refused(if too_late {
                        AccountError::LinkGivenUp
                    } else {
                        AccountError::GrantSuperseded
                    }));
                }
                // It was destroyed, or never came back from a backup: begin a new one.
                Err(VaultError::Destroyed | VaultError::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if given.taken_over {
            return Err(refused(AccountError::LinkGivenUp));
        }
        // From here the account's stream decides: whoever gives them back writes it there first.
        let mut generation = match self.vault.open_secret(exchanged).await {
            Ok((_, generation)) => generation,
            // They were given back, or the person was erased meanwhile.
            Err(VaultError::Destroyed | VaultError::NotFound) => {
                return Err(refused(AccountError::LinkGivenUp));
            }
            Err(error) => return Err(error.into()),
        };
        // The account counts on over its links, and the vault counts with it.
        while generation < next {
            generation = match self.vault.replace(exchanged, generation, stored).await {
                Ok(generation) => generation,
                // Nobody else touches them but whoever gives them back.
                Err(VaultError::Stale | VaultError::Destroyed | VaultError::NotFound) => {
                    return Err(refused(AccountError::LinkGivenUp));
                }
                Err(error) => return Err(error.into()),
            };
        }
        Ok(Place {
            secret: exchanged,
            generation,
        })
    }

    /// Puts the tokens over those of the same link. Those that still work are kept where the new ones
    /// were, to be given back, if the provider can revoke them without the new ones.
    ///
    /// All in one step: what a link has is not given back, also where the log learns it later, and
    /// what is being given back no link has.
    async fn put_over(
        &self,
        (given, registration): (&Given<'_>, &Registration),
        link: &Link,
        secret: SecretRef,
        stored: &Secret,
    ) -> Result<(), VaultError> {
        let (exchanged, generation) = (*given.exchanged, link.generation());
        let before = match self.vault.open_secret(secret).await {
            Ok((before, _)) => Some(before),
            // What does not open cannot be given back either.
            Err(VaultError::Damaged(_)) => None,
            Err(error) => return Err(error),
        };
        // A try before this one put them there; they may have been refreshed since.
        if given.taken_over {
            let there = before.as_ref().unwrap_or(stored);
            let put = self.vault.replace(secret, generation, there).await;
            return put.map(drop);
        }
        let pair = before.as_ref().and_then(StoredTokens::read);
        let other = pair.is_some_and(|pair| !pair.are(given.tokens));
        let apart = self
            .providers
            .get(registration.kind)
            .is_some_and(|adapter| adapter.revokes_apart());
        let works = apart && link.lost.is_none() && other && secret != exchanged;
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
        let mut beside = vec![App::taken_over_in_time(exchanged)];
        if secret != exchanged {
            beside.push(self.vault.destruction(exchanged));
        }
        let put = self
            .vault
            .replace_beside(secret, generation, stored, &beside);
        put.await.map(drop)
    }
}
