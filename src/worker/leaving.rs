//! The end of a provider that an admin wants removed: every account there is unlinked first.
//!
//! Each step is an event: the request, each unlinking and its end, the removal. Nothing but the
//! log and the read models say how far it is, so that a start anew goes on where it was.
//!
//! A link that is made while a provider goes, or moves to another base URL, takes itself back
//! (`src/app/linking/claiming.rs`). What lands between the count of accounts and the decision, too
//! early for that, is found here: behind the removal, or behind the change.

use std::collections::{BTreeMap, BTreeSet};

use domain::account::{Account, AccountCommand, AccountEvent};
use domain::provider::{Provider, ProviderCommand, ProviderEvent, Registration};
use domain::{AccountId, Event, ProviderSlug, Recorded, StreamName};
use projections::{Limit, linked_accounts, provider_list};

use crate::app::{App, Caller, CommandError, unless_refused};

/// How many events of a stream are read together.
const PAGE: usize = 1_000;

/// The providers that are to be removed.
#[derive(Default)]
pub(super) struct Leaving {
    /// Those that leave or have left, as far as this instance saw it.
    providers: BTreeSet<ProviderSlug>,
    /// Those of which somebody has to look how far they are.
    due: BTreeMap<ProviderSlug, Look>,
}

/// A look at a provider, page by page.
struct Look {
    after: Option<AccountId>,
    /// Where its base URL changed: what was linked before that belongs to another server.
    moved: Option<u64>,
    caller: Caller,
}

/// How far a look came.
enum Went {
    /// So far: there are more accounts.
    On(AccountId),
    /// Nowhere: the provider changed meanwhile.
    Astray,
    /// To its end.
    Through,
}

impl Leaving {
    /// Finds those that the last instance left half done.
    pub(super) async fn begin(app: &App, caller: &Caller) -> Result<Self, CommandError> {
        let mut found = Self::default();
        for row in app.database.query(provider_list::all()).await? {
            let row = provider_list::from_row(&row)?;
            if row.leaving {
                found.providers.insert(row.provider.clone());
                found.look_at(&row.provider, None, caller);
            }
        }
        Ok(found)
    }

    /// Notes what an event says of them.
    pub(super) fn see(&mut self, recorded: &Recorded<Event>, caller: &Caller) {
        match &recorded.event {
            Event::Provider(
                ProviderEvent::ProviderRemovalRequested { provider, .. }
                | ProviderEvent::ProviderRemoved { provider },
            ) => {
                self.providers.insert(provider.clone());
                self.look_at(provider, None, caller);
            }
            Event::Provider(ProviderEvent::ProviderRemovalCancelled { provider }) => {
                self.providers.remove(provider);
                self.due.remove(provider);
            }
            Event::Provider(ProviderEvent::ProviderChanged { provider, changes })
                if changes.base_url.is_some() =>
            {
                self.look_at(provider, Some(recorded.index), caller);
            }
            // A browser was faster than the admin; or one account less is there.
            Event::Account(
                AccountEvent::AccountLinked { provider, .. }
                | AccountEvent::AccountUnlinked { provider, .. },
            ) if self.providers.contains(provider) => self.look_at(provider, None, caller),
            _ => {}
        }
    }

    fn look_at(&mut self, provider: &ProviderSlug, moved: Option<u64>, caller: &Caller) {
        let before = self.due.get(provider).and_then(|look| look.moved);
        let look = Look {
            after: None,
            moved: moved.or(before),
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
        match (
            app.empty(&provider, look).await?,
            self.due.get_mut(&provider),
        ) {
            (Went::On(after), Some(look)) => look.after = Some(after),
            (Went::Astray, Some(look)) => look.after = None,
            (Went::Through, _) | (_, None) => drop(self.due.remove(&provider)),
        }
        Ok(true)
    }
}

impl App {
    /// Does what a provider's next page of accounts needs.
    async fn empty(&self, provider: &ProviderSlug, look: &Look) -> Result<Went, CommandError> {
        let (state, revision) = self.dispatch.load::<Provider>(provider).await?;
        match (state, look.moved) {
            (Provider::Present(now), _) if now.leaving => {
                self.empty_leaving(&now, revision, look).await
            }
            (Provider::Present(_), Some(moved)) => {
                let why = "the account was linked while the provider's base URL changed";
                self.end_page(provider, look, moved, why).await
            }
            (Provider::Removed, _) => {
                let why = "the account was linked while the provider was removed";
                self.end_page(provider, look, u64::MAX, why).await
            }
            // The removal was called off.
            (Provider::Present(_), None) | (Provider::Absent, _) => Ok(Went::Through),
        }
    }

    /// Has the next page unlinked; where nothing is left, the provider is removed.
    async fn empty_leaving(
        &self,
        now: &Registration,
        revision: u64,
        look: &Look,
    ) -> Result<Went, CommandError> {
        let (provider, limit) = (&now.provider, Limit::default());
        let (page, caller) = if now.forced {
            let caller = Caller {
                reason: self.why_it_leaves(provider).await?,
                ..look.caller.clone()
            };
            (linked_accounts::at(provider, look.after, limit), caller)
        } else {
            let page = linked_accounts::in_use_at(provider, look.after, limit);
            (page, look.caller.clone())
        };
        let rows = self.database.query(page).await?;
        let mut last = None;
        for row in &rows {
            let row = linked_accounts::from_row(row)?;
            last = Some(row.account);
            let asked = if now.forced {
                self.force_unlink(&row.user, row.account, &caller).await
            } else {
                let command = AccountCommand::UnlinkAccount { user: row.user };
                self.dispatch
                    .execute::<Account>(&row.account, command, &caller)
                    .await
            };
            unless_refused(asked)?;
        }
        if let Some(last) = last
            && rows.len() >= limit.rows() as usize
        {
            return Ok(Went::On(last));
        }
        if self.linked_accounts_now(provider).await? > 0 {
            return Ok(Went::Through);
        }
        let command = ProviderCommand::RemoveProvider { linked_accounts: 0 };
        // Not if an admin called it off meanwhile.
        let removed = self
            .dispatch
            .execute_at::<Provider>(provider, Some(revision), command, &caller)
            .await;
        match removed {
            Ok(_) => Ok(Went::Through),
            Err(CommandError::Changed { .. }) => Ok(Went::Astray),
            Err(error) => Err(error),
        }
    }

    /// Ends the next page of the accounts that were linked before an index.
    async fn end_page(
        &self,
        provider: &ProviderSlug,
        look: &Look,
        before: u64,
        why: &str,
    ) -> Result<Went, CommandError> {
        let limit = Limit::default();
        let caller = Caller {
            reason: Some(why.to_owned()),
            ..look.caller.clone()
        };
        let page = linked_accounts::at(provider, look.after, limit);
        let rows = self.database.query(page).await?;
        let mut last = None;
        for row in &rows {
            let row = linked_accounts::from_row(row)?;
            last = Some(row.account);
            if self.linked_in(row.account).await? < Some(before) {
                let ended = self.force_unlink(&row.user, row.account, &caller).await;
                unless_refused(ended)?;
            }
        }
        Ok(match last {
            Some(last) if rows.len() >= limit.rows() as usize => Went::On(last),
            Some(_) | None => Went::Through,
        })
    }

    /// Returns the index of the event that linked an account last.
    async fn linked_in(&self, account: AccountId) -> Result<Option<u64>, CommandError> {
        let stream = StreamName::of("account", &account);
        let linked =
            |event: &Event| matches!(event, Event::Account(AccountEvent::AccountLinked { .. }));
        let last = self.last_of(&stream, linked).await?;
        Ok(last.map(|recorded| recorded.index))
    }

    /// Returns the admin's words for forcing a removal.
    async fn why_it_leaves(&self, provider: &ProviderSlug) -> Result<Option<String>, CommandError> {
        let stream = StreamName::of("provider", provider);
        let forced = |event: &Event| {
            matches!(
                event,
                Event::Provider(ProviderEvent::ProviderRemovalRequested { force: true, .. })
            )
        };
        let last = self.last_of(&stream, forced).await?;
        Ok(last.and_then(|recorded| recorded.header.reason))
    }

    async fn last_of(
        &self,
        stream: &StreamName,
        is: impl Fn(&Event) -> bool,
    ) -> Result<Option<Recorded<Event>>, CommandError> {
        let (mut after, mut last) = (0, None);
        loop {
            let page = self.log.read_stream(stream, after, PAGE).await?;
            for stored in &page {
                let known = Event::decode(stored.index, &stored.line)
                    .map_err(|error| CommandError::Unavailable(error.to_string()))?;
                if is(&known.event) {
                    last = Some(known);
                }
            }
            if page.len() < PAGE {
                return Ok(last);
            }
            after += page.len() as u64;
        }
    }
}
