//! Linking where there is nothing to sign in to: the person says who they are there.

use domain::account::{Account, AccountCommand, AccountError};
use domain::provider::ProviderError;
use domain::{AccountId, DisplayName, ProviderSlug, UserId};

use super::{Profile, profile_context, refused};
use crate::app::{App, Caller, CaseError, CommandError, Rule};

/// An account that is linked without a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkedByHand {
    /// The account.
    pub account: AccountId,
    /// The index of the event; none if it was linked already.
    pub index: Option<u64>,
}

impl App {
    /// Links an account at a provider where people carry their keys by hand.
    pub async fn link_by_hand(
        &self,
        user: &UserId,
        provider: &ProviderSlug,
        login: &DisplayName,
        caller: &Caller,
    ) -> Result<LinkedByHand, CaseError> {
        let (registration, _) = self.linkable(provider).await?;
        if !registration.kind.is_by_hand() {
            return Err(Rule::NotByHand.into());
        }
        self.admits(user).await?;
        // Nobody vouches for the login, so it is worth something for this person only: whoever
        // else gives the same has an account of their own. No person's id has a slash.
        let external_id = format!("{user}/{login}");
        let account = self.account_id(provider, &external_id).await?;
        let (state, _) = self.dispatch.load::<Account>(&account).await?;
        match state.link() {
            Some(link) if link.unlinking => return Err(refused(AccountError::Unlinking)),
            Some(_) => {
                return Ok(LinkedByHand {
                    account,
                    index: None,
                });
            }
            None => {}
        }
        let profile = Profile {
            id: external_id,
            login: login.to_string(),
            name: None,
        };
        let profile = serde_json::to_string(&profile)
            .map_err(|error| CommandError::Unavailable(error.to_string()))?;
        let profile = self
            .vault
            .seal_personal(user, &profile_context(account), &profile)
            .await?;
        let command = AccountCommand::LinkAccount {
            account,
            user: user.clone(),
            provider: provider.clone(),
            profile,
            grant: None,
        };
        let done = self
            .dispatch
            .execute::<Account>(&account, command, caller)
            .await?;
        if done.index.is_some() && !self.is_still_there(&registration).await? {
            let why = "the provider was removed or moved while the account was linked";
            self.undo(user, account, why, caller).await?;
            return Err(CommandError::Refused(ProviderError::NotFound.into()).into());
        }
        Ok(LinkedByHand {
            account,
            index: done.index,
        })
    }
}
