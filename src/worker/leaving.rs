//! The end of a provider that an admin wants removed: every account there is unlinked first.
//!
//! Each step is an event: the request, each unlinking and its end, the removal. Nothing but the
//! log and the read models say how far it is, so that a start anew goes on where it was.

use std::collections::{BTreeMap, BTreeSet};

use domain::account::{Account, AccountCommand, AccountEvent};
use domain::provider::{Provider, ProviderCommand, ProviderEvent};
use domain::{AccountId, Event, ProviderSlug};
use projections::{Limit, linked_accounts, provider_list};

use crate::app::{App, Caller, CommandError};
use crate::database::DatabaseError;

/// The providers that are to be removed.
#[derive(Default)]
pub(super) struct Leaving {
    providers: BTreeSet<ProviderSlug>,
    /// Those of which somebody has to look how far they are.
    due: BTreeMap<ProviderSlug, Look>,
}

/// A look at a provider, page by page.
struct Look {
    after: Option<AccountId>,
    caller: Caller,
}

impl Leaving {
    /// Finds those that the last instance left half done.
    pub(super) async fn begin(app: &App, caller: &Caller) -> Result<Self, DatabaseError> {
        let mut found = Self::default();
        for row in app.database.query(provider_list::all()).await? {
            let row = provider_list::from_row(&row)?;
            if row.leaving {
                found.providers.insert(row.provider.clone());
                found.look_at(&row.provider, caller);
            }
        }
        Ok(found)
    }

    /// Notes what an event says of them.
    pub(super) fn see(&mut self, event: &Event, caller: &Caller) {
        match event {
            Event::Provider(ProviderEvent::ProviderRemovalRequested { provider }) => {
                self.providers.insert(provider.clone());
                self.look_at(provider, caller);
            }
            Event::Provider(ProviderEvent::ProviderRemoved { provider }) => {
                self.providers.remove(provider);
                self.due.remove(provider);
            }
            // A browser was faster than the admin; or one account less is there.
            Event::Account(
                AccountEvent::AccountLinked { provider, .. }
                | AccountEvent::AccountUnlinked { provider, .. },
            ) if self.providers.contains(provider) => self.look_at(provider, caller),
            _ => {}
        }
    }

    fn look_at(&mut self, provider: &ProviderSlug, caller: &Caller) {
        let look = Look {
            after: None,
            caller: caller.clone(),
        };
        // A look under way began before this: it has to begin again.
        self.due.insert(provider.clone(), look);
    }

    /// Has a page of accounts unlinked; says whether there was anything to look at. Where none is
    /// left the provider is removed.
    pub(super) async fn go_on(&mut self, app: &App) -> Result<bool, CommandError> {
        let Some((provider, look)) = self.due.first_key_value() else {
            return Ok(false);
        };
        let provider = provider.clone();
        let after = app.empty(&provider, look).await?;
        match (after, self.due.get_mut(&provider)) {
            (Some(after), Some(look)) => look.after = Some(after),
            (None, _) | (_, None) => drop(self.due.remove(&provider)),
        }
        Ok(true)
    }
}

impl App {
    /// Has the next page of a provider's accounts unlinked; returns where the page after it begins.
    async fn empty(
        &self,
        provider: &ProviderSlug,
        look: &Look,
    ) -> Result<Option<AccountId>, CommandError> {
        let limit = Limit::default();
        let page = linked_accounts::in_use_at(provider, look.after, limit);
        let rows = self.database.query(page).await?;
        let mut last = None;
        for row in &rows {
            let row = linked_accounts::from_row(row)?;
            last = Some(row.account);
            let command = AccountCommand::UnlinkAccount { user: row.user };
            let asked = self
                .dispatch
                .execute::<Account>(&row.account, command, &look.caller)
                .await;
            match asked {
                // It may have been unlinked meanwhile.
                Ok(_) | Err(CommandError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        if rows.len() >= limit.rows() as usize {
            return Ok(last);
        }
        let linked = linked_accounts::count_at(provider);
        let linked = self.database.get(linked).await?;
        if linked.map_or(Ok(0), |row| row.number(0))? == 0 {
            let command = ProviderCommand::RemoveProvider { linked_accounts: 0 };
            let caller = &look.caller;
            self.dispatch
                .execute::<Provider>(provider, command, caller)
                .await?;
        }
        Ok(None)
    }
}
