//! The providers: registered, changed, tried, stopped, removed by admins and operators.

use std::sync::Arc;

use domain::provider::{
    AddProvider, Callback, Protocol, Provider, ProviderChanges, ProviderCommand, ProviderError,
    Registration, Staged,
};
use domain::{BaseUrl, ClientId, ProviderSlug};
use projections::{linked_accounts, provider_list};

use super::{App, Caller, CaseError, CommandError, Executed, Rule};
use crate::providers::{BadNetwork, Network};
use crate::vault::Secret;

/// How often a change is tried again that others overtook.
const RACES: usize = 10;

/// A provider as it now is.
#[derive(Debug, Clone)]
pub struct Known {
    /// Everything an admin said of it.
    pub registration: Registration,
    /// Its revision.
    pub revision: u64,
    /// How many accounts are linked there.
    pub linked_accounts: u64,
    /// The index of the last event that was made, where one was.
    pub index: Option<u64>,
}

impl App {
    /// Lists the providers by short name.
    pub async fn list_providers(&self) -> Result<Vec<Known>, CaseError> {
        let rows = self.database.query(provider_list::all()).await?;
        let mut known = Vec::with_capacity(rows.len());
        for row in &rows {
            let row = provider_list::from_row(row)?;
            known.push(Known {
                linked_accounts: self.linked_accounts_at(&row.provider).await?,
                revision: row.revision,
                index: None,
                registration: registration(row),
            });
        }
        Ok(known)
    }

    /// Returns a provider as the log has it now: its revision is never an old one.
    pub async fn provider(&self, provider: &ProviderSlug) -> Result<Known, CaseError> {
        let (state, revision) = self.dispatch.load::<Provider>(provider).await?;
        self.known(state, revision, None).await
    }

    /// Says why a base URL would never be called.
    pub fn check_base_url(&self, base_url: &BaseUrl) -> Result<(), String> {
        self.providers
            .check(base_url)
            .map_err(|error| error.to_string())
    }

    /// Says which part of a provider's own way cannot be used, and why.
    pub fn check_network(&self, network: &Network) -> Result<(), (&'static str, String)> {
        let checked = self.providers.check_network(network);
        checked.map_err(|why| match why {
            BadNetwork::Proxy(_) => ("proxy", why.to_string()),
            BadNetwork::CaBundle => ("ca_bundle", why.to_string()),
        })
    }

    /// Registers a provider; its secret goes to the vault first. For OAuth 1.0a Lanyard makes it,
    /// an RSA pair, and the consumer key is the operator's where the admin names none.
    pub async fn add_provider(
        &self,
        mut added: AddProvider,
        mut secret: Option<Secret>,
        caller: &Caller,
    ) -> Result<Known, CaseError> {
        let provider = added.provider.clone();
        self.check_shared(&provider, Some(added.callback)).await?;
        self.check_signing_of(&added).await?;
        let signs = added.protocol == Protocol::Oauth1 && added.kind.speaks(added.protocol);
        if signs && secret.is_none() {
            let (private, public) = self.make_link_key().await?;
            (secret, added.public_key) = (Some(private), public);
            added
                .client_id
                .get_or_insert_with(|| self.consumer_key.clone());
            self.check_consumer_key(&provider, added.client_id.as_ref(), &added.base_url)
                .await?;
        }
        let sealed = match &secret {
            Some(secret) => Some(self.seal_client_secret(&provider, secret).await?),
            None => None,
        };
        added.client_secret = sealed;
        let command = ProviderCommand::AddProvider(added);
        let done = self
            .dispatch
            .begin::<Provider>(&provider, command, caller)
            .await;
        self.drop_if_unnamed(&done, sealed).await?;
        self.known_after(done?).await
    }

    /// Changes what is given, if the provider still has the revision that the caller saw. A new
    /// secret takes the place of the old one, which is destroyed.
    pub async fn change_provider(
        &self,
        provider: &ProviderSlug,
        seen: Option<u64>,
        mut changes: ProviderChanges,
        secret: Option<Secret>,
        caller: &Caller,
    ) -> Result<Known, CaseError> {
        self.check_shared(provider, changes.callback).await?;
        let mut before = self.provider(provider).await?;
        let now = &before.registration;
        self.check_signing_after(now, &changes).await?;
        if now.protocol == Protocol::Oauth1 {
            let key = changes.client_id.as_ref().or(now.client_id.as_ref());
            let base_url = changes.base_url.as_ref().unwrap_or(&now.base_url);
            self.check_consumer_key(provider, key, base_url).await?;
        }
        let sealed = match &secret {
            Some(secret) => Some(self.seal_client_secret(provider, secret).await?),
            None => None,
        };
        changes.client_secret = sealed;
        let mut done = Err(CommandError::Conflict);
        for _ in 0..RACES {
            let linked_accounts = match changes.base_url {
                Some(_) => self.linked_accounts_now(provider).await?,
                None => before.linked_accounts,
            };
            let command = ProviderCommand::ChangeProvider {
                changes: changes.clone(),
                linked_accounts,
            };
            let at = seen.unwrap_or(before.revision);
            done = self
                .dispatch
                .execute_at::<Provider>(provider, Some(at), command, caller)
                .await;
            match (&done, seen) {
                // Whoever did not say what they saw wants the change in any case.
                (Err(CommandError::Changed { .. }), None) => {
                    before = self.provider(provider).await?;
                }
                (_, _) => break,
            }
        }
        self.drop_if_unnamed(&done, sealed).await?;
        let done = done?;
        if sealed.is_some() {
            self.destroy_spent(provider, done.revision).await;
        }
        let known = self.known_after(done).await?;
        if sealed.is_none() || self.outdated_redirect(&known.registration).is_none() {
            return Ok(known);
        }
        // Who enters a new secret has the app's page open, and sees there what is to be pasted.
        self.note_redirect(&known.registration, caller).await;
        let index = known.index;
        Ok(Known {
            index,
            ..self.provider(provider).await?
        })
    }

    /// Pauses, resumes, disables or enables a provider.
    pub async fn switch_provider(
        &self,
        provider: &ProviderSlug,
        command: ProviderCommand,
        seen: Option<u64>,
        caller: &Caller,
    ) -> Result<Known, CaseError> {
        let done = self
            .dispatch
            .execute_at::<Provider>(provider, seen, command, caller)
            .await?;
        self.known_after(done).await
    }

    /// Removes a provider for good, and destroys its secrets.
    pub async fn remove_provider(
        &self,
        provider: &ProviderSlug,
        seen: Option<u64>,
        caller: &Caller,
    ) -> Result<Option<u64>, CaseError> {
        let command = ProviderCommand::RemoveProvider {
            linked_accounts: self.linked_accounts_now(provider).await?,
        };
        let done = self
            .dispatch
            .execute_at::<Provider>(provider, seen, command, caller)
            .await?;
        if !done.events.is_empty() {
            self.destroy_spent(provider, done.revision).await;
        }
        Ok(done.index)
    }

    pub(super) async fn linked_accounts_at(
        &self,
        provider: &ProviderSlug,
    ) -> Result<u64, CaseError> {
        let row = self
            .database
            .get(linked_accounts::count_at(provider))
            .await?;
        Ok(row.map_or(Ok(0), |row| row.number(0))?)
    }

    /// Refuses the shared redirect URL where another provider has it: one of the two could then
    /// answer for the other (RFC 9700 section 4.4).
    async fn check_shared(
        &self,
        provider: &ProviderSlug,
        callback: Option<Callback>,
    ) -> Result<(), CaseError> {
        if callback != Some(Callback::Shared) {
            return Ok(());
        }
        for row in &self.database.query(provider_list::all()).await? {
            let row = provider_list::from_row(row)?;
            if row.callback == Callback::Shared && row.provider != *provider {
                return Err(Rule::SharedCallbackTaken.into());
            }
        }
        Ok(())
    }

    /// Refuses a consumer key that another provider has at the same Bitbucket Server: the server
    /// knows one public key by it, so only one of the two could sign.
    async fn check_consumer_key(
        &self,
        provider: &ProviderSlug,
        key: Option<&ClientId>,
        base_url: &BaseUrl,
    ) -> Result<(), CaseError> {
        for row in &self.database.query(provider_list::all()).await? {
            let row = provider_list::from_row(row)?;
            let same = row.protocol == Protocol::Oauth1
                && row.client_id.as_ref() == key
                && row.base_url == *base_url;
            if same && row.provider != *provider {
                return Err(Rule::ConsumerKeyTaken(row.provider).into());
            }
        }
        Ok(())
    }

    pub(super) async fn known_after(&self, done: Executed<Provider>) -> Result<Known, CaseError> {
        let state = Arc::unwrap_or_clone(done.state);
        self.known(state, done.revision, done.index).await
    }

    async fn known(
        &self,
        state: Provider,
        revision: u64,
        index: Option<u64>,
    ) -> Result<Known, CaseError> {
        let Provider::Present(registration) = state else {
            return Err(CommandError::Refused(ProviderError::NotFound.into()).into());
        };
        Ok(Known {
            linked_accounts: self.linked_accounts_at(&registration.provider).await?,
            registration,
            revision,
            index,
        })
    }
}

fn registration(row: provider_list::ProviderRow) -> Registration {
    Registration {
        provider: row.provider,
        kind: row.kind,
        name: row.name,
        description: row.description,
        base_url: row.base_url,
        client_id: row.client_id,
        client_secret: row.client_secret,
        callback: row.callback,
        algorithm: row.algorithm,
        pkce: row.pkce,
        protocol: row.protocol,
        public_key: row.public_key,
        signing: row.signing,
        ca_bundle: row.ca_bundle,
        proxy: row.proxy,
        on_missing: row.on_missing,
        hook_secret: row.hook_secret,
        redirect_url: row.redirect_url,
        disabled: row.disabled,
        paused: row.paused,
        staged: row.staged_secret.map(|secret| Staged {
            secret,
            public_key: row.staged_key,
        }),
        leaving: row.leaving,
        forced: row.forced,
        refused: row.refused,
        host_keys: row.host_keys,
        outage: row.outage,
    }
}
