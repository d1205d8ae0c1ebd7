//! What a product tells of its own SSH server, to whoever is linked there.

use domain::account::{Account, Link};
use domain::provider::{ProviderKind, Registration};
use domain::{Blame, UserId};
use projections::Limit;
use projections::linked_accounts::{self, AccountRow};

use crate::app::grants::AccessError;
use crate::app::oauth_apps::Use;
use crate::app::{App, Caller, CaseError};
use crate::providers::SshServer;

/// How many links are tried, one after the other, before it counts as not told.
const MOST_LINKS: u32 = 3;

impl App {
    /// Asks a product for its SSH server: with the link of the admin who wants to know, else with
    /// that of anybody. Nothing where the product tells nothing, nobody is linked, or no answer is
    /// had: then there is nothing to compare with.
    pub(super) async fn told_of_ssh(
        &self,
        registration: &Registration,
        admin: &UserId,
        caller: &Caller,
    ) -> Result<Option<SshServer>, CaseError> {
        // No other product does.
        if registration.kind != ProviderKind::BitbucketServer {
            return Ok(None);
        }
        for row in self.links_to_ask_with(registration, admin).await? {
            let (state, _) = self.dispatch.load::<Account>(&row.account).await?;
            let Some(link) = state.link().filter(|link| link.lost.is_none()) else {
                continue;
            };
            match self.ask_of_ssh(registration, link, caller).await {
                Ok(told) => return Ok(told),
                Err(AccessError::Command(error)) => return Err(error.into()),
                // Another link may still do.
                Err(AccessError::NoTokens) => {}
                Err(AccessError::Provider(failure)) if failure.failure.blame == Blame::Grant => {}
                Err(AccessError::Provider(failure)) => {
                    let code = failure.failure.code.as_str();
                    let provider = registration.provider.as_str();
                    tracing::info!(provider, code, "it does not tell of its SSH server");
                    return Ok(None);
                }
            }
        }
        Ok(None)
    }

    /// Lists the admin's own links there, then those of others.
    async fn links_to_ask_with(
        &self,
        registration: &Registration,
        admin: &UserId,
    ) -> Result<Vec<AccountRow>, CaseError> {
        let provider = &registration.provider;
        let own = linked_accounts::of_user_at(admin, provider);
        let limit = Limit::new(MOST_LINKS).unwrap_or_default();
        let anybodys = linked_accounts::in_use_at(provider, None, limit);
        let mut rows = self.database.query(own).await?;
        rows.extend(self.database.query(anybodys).await?);
        Ok(rows
            .iter()
            .map(linked_accounts::from_row)
            .collect::<Result<_, _>>()?)
    }

    async fn ask_of_ssh(
        &self,
        registration: &Registration,
        link: &Link,
        caller: &Caller,
    ) -> Result<Option<SshServer>, AccessError> {
        let access = self.access_to_the_end(link, caller).await?;
        let token = &access.token;
        let told = self
            .with_app(registration, caller, |adapter, oauth| async move {
                adapter.ssh_server(&oauth, token).await
            })
            .await?;
        self.note_accepted(registration, Use::Keys, caller).await;
        Ok(told)
    }
}
