//! Which providers take new links.

use domain::ProviderSlug;
use domain::provider::{Provider, ProviderError, Registration};

use crate::app::{App, CaseError, CommandError, Rule};

impl App {
    /// Says whether a provider that takes new links is one where people carry their keys by hand.
    pub async fn links_by_hand(&self, provider: &ProviderSlug) -> Result<bool, CaseError> {
        let (registration, _) = self.linkable(provider).await?;
        Ok(registration.kind.is_by_hand())
    }

    /// Returns a provider that takes new links, and its revision.
    pub(super) async fn linkable(
        &self,
        provider: &ProviderSlug,
    ) -> Result<(Registration, u64), CaseError> {
        let (state, revision) = self.dispatch.load::<Provider>(provider).await?;
        let Provider::Present(registration) = state else {
            return Err(CommandError::Refused(ProviderError::NotFound.into()).into());
        };
        if registration.disabled {
            return Err(Rule::ProviderDisabled.into());
        }
        if registration.leaving {
            return Err(Rule::ProviderLeaving.into());
        }
        Ok((registration, revision))
    }
}
