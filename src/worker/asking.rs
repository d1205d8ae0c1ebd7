//! A question to a provider, asked with the token of one link.

use std::sync::Arc;

use domain::account::Link;
use domain::provider::Registration;
use domain::reconcile::Titles;

use crate::app::grants::{Access, AccessError, unknown_yet};
use crate::app::oauth_apps::Use;
use crate::app::{App, Caller};
use crate::providers::{GitProvider, GrantVerdict, OauthApp, ProviderFailure};
use crate::vault::Secret;

impl App {
    /// Asks with the token at hand; if it is refused, once more with a fresh one. Where only a new
    /// link helps, the grant is recorded as lost.
    pub(super) async fn ask<T, F>(
        &self,
        link: &Link,
        registration: &Registration,
        caller: &Caller,
        question: impl Fn(Arc<dyn GitProvider>, Arc<OauthApp>, Secret) -> F,
    ) -> Result<T, AccessError>
    where
        F: Future<Output = Result<T, ProviderFailure>>,
    {
        let access = self.access(link, caller).await?;
        match self
            .ask_with(link, &access, registration, caller, &question)
            .await
        {
            Err(AccessError::Provider(failure)) if failure.grant == GrantVerdict::Expired => {
                let fresh = self.refresh_refused(link, &access, caller).await?;
                self.ask_with(link, &fresh, registration, caller, &question)
                    .await
            }
            Err(AccessError::Provider(failure)) if failure.grant == GrantVerdict::Lost => {
                let account = link.account;
                self.record_grant_lost(account, access.generation, &failure, caller)
                    .await?;
                Err(failure.into())
            }
            answer => answer,
        }
    }

    /// Asks with one token.
    async fn ask_with<T, F>(
        &self,
        link: &Link,
        access: &Access,
        registration: &Registration,
        caller: &Caller,
        question: &impl Fn(Arc<dyn GitProvider>, Arc<OauthApp>, Secret) -> F,
    ) -> Result<T, AccessError>
    where
        F: Future<Output = Result<T, ProviderFailure>>,
    {
        let asked = self.with_app(registration, caller, |adapter, oauth| {
            question(adapter, oauth, access.token.clone())
        });
        match asked.await {
            // Nothing is wrong with a grant that was given a moment ago: it is tried again.
            Err(AccessError::Provider(failure))
                if failure.grant == GrantVerdict::Expired && access.is_new =>
            {
                Err(unknown_yet(&failure).into())
            }
            Ok(answer) => {
                self.note_accepted(registration, Use::Keys, caller).await;
                self.note_taken(link, access).await;
                Ok(answer)
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the titles of this deployment's keys.
    pub fn titles(&self) -> Titles<'_> {
        Titles {
            host: self.public_url.host_str().unwrap_or("lanyard"),
        }
    }
}
