//! Which account a link is meant for.

use domain::account::{Account, AccountError};
use domain::key_sync::LinkState;
use domain::{AccountId, ProviderSlug, UserId};
use projections::linked_accounts;

use super::refused;
use crate::app::{App, CaseError};

/// Which account a link is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meant {
    /// Nobody said. Where exactly one of the person's accounts there waits for a new link, that one:
    /// a browser that happens to be signed in as somebody else must not leave it behind.
    Unsaid,
    /// This one, again.
    Again(AccountId),
    /// Another one than those that are linked.
    Another,
}

impl App {
    /// Returns the account that must come back; nothing, if any may.
    pub(super) async fn account_meant(
        &self,
        user: &UserId,
        provider: &ProviderSlug,
        meant: Meant,
    ) -> Result<Option<AccountId>, CaseError> {
        match meant {
            Meant::Another => Ok(None),
            Meant::Again(account) => {
                let (state, _) = self.dispatch.load::<Account>(&account).await?;
                let theirs = state
                    .link()
                    .is_some_and(|link| link.user == *user && link.provider == *provider);
                if theirs {
                    Ok(Some(account))
                } else {
                    Err(refused(AccountError::NotFound))
                }
            }
            Meant::Unsaid => {
                let asked = linked_accounts::of_user_at(user, provider);
                let mut lost = None;
                for row in &self.database.query(asked).await? {
                    let row = linked_accounts::from_row(row)?;
                    if row.status == LinkState::GrantLost && lost.replace(row.account).is_some() {
                        return Ok(None);
                    }
                }
                Ok(lost)
            }
        }
    }
}
