//! What the log has that the read models do not know yet: a decision over more than one stream
//! must not overlook it.

use std::collections::BTreeSet;

use domain::account::{Account, AccountEvent};
use domain::provider::{Provider, ProviderEvent, ProviderKind};
use domain::{AccountId, BaseUrl, Event, ProviderSlug};
use projections::{linked_accounts, provider_list};

use super::{App, CaseError, CommandError};

/// How many events are read together.
const PAGE: usize = 1_000;
/// Beyond so many pages the read models are filled anew, or in trouble: better to ask again later.
const PAGES: usize = 20;

impl App {
    /// Counts the accounts at a provider as the log has them now: none only if there is none.
    pub async fn linked_accounts_now(&self, provider: &ProviderSlug) -> Result<u64, CommandError> {
        // First how far the read models are: what comes in between is then seen twice, never not.
        let applied = self.applied.events();
        let row = self.database.get(linked_accounts::count_at(provider));
        let known = row.await?.map_or(Ok(0), |row| row.number(0))?;
        if known > 0 {
            return Ok(known);
        }
        let mut linked = 0;
        for account in self.linked_since(applied, provider).await? {
            let (state, _) = self.dispatch.load::<Account>(&account).await?;
            let here = state.link().is_some_and(|link| link.provider == *provider);
            linked += u64::from(here);
        }
        Ok(linked)
    }

    async fn linked_since(
        &self,
        applied: u64,
        provider: &ProviderSlug,
    ) -> Result<BTreeSet<AccountId>, CommandError> {
        let mut accounts = BTreeSet::new();
        self.beyond(applied, |event| {
            if let Event::Account(AccountEvent::AccountLinked {
                account,
                provider: at,
                ..
            }) = event
                && at == provider
            {
                accounts.insert(*account);
            }
        })
        .await?;
        Ok(accounts)
    }

    /// Lists the providers that stand for one server, by its kind and where it is, as the log has
    /// them now.
    pub async fn providers_at(
        &self,
        kind: ProviderKind,
        base_url: &BaseUrl,
    ) -> Result<BTreeSet<ProviderSlug>, CaseError> {
        let applied = self.applied.events();
        let place = base_url.place();
        let mut found = BTreeSet::new();
        for row in &self.database.query(provider_list::all()).await? {
            let row = provider_list::from_row(row)?;
            if row.kind == kind && row.base_url.place() == place {
                found.insert(row.provider);
            }
        }
        let mut touched = BTreeSet::new();
        self.beyond(applied, |event| {
            if let Event::Provider(
                ProviderEvent::ProviderAdded { provider, .. }
                | ProviderEvent::ProviderChanged { provider, .. },
            ) = event
            {
                touched.insert(provider.clone());
            }
        })
        .await?;
        for provider in touched {
            let (state, _) = self.dispatch.load::<Provider>(&provider).await?;
            let same = state
                .registration()
                .is_some_and(|now| now.kind == kind && now.base_url.place() == place);
            if same {
                found.insert(provider);
            }
        }
        Ok(found)
    }

    /// Shows every event from an index on.
    async fn beyond(&self, mut from: u64, mut see: impl FnMut(&Event)) -> Result<(), CommandError> {
        for _ in 0..PAGES {
            let page = self.log.read_all(from, PAGE).await?;
            for stored in &page {
                let known = Event::decode(stored.index, &stored.line)
                    .map_err(|error| CommandError::Unavailable(error.to_string()))?;
                see(&known.event);
            }
            if page.len() < PAGE {
                return Ok(());
            }
            from += page.len() as u64;
        }
        Err(CommandError::Unavailable(
            "the read models are far behind the log".to_owned(),
        ))
    }
}
