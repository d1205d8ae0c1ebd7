//! A person's keys: made, shown, rotated.

use std::collections::HashMap;

use domain::keyring::{
    Algorithm, Holder, KeyPair, Keyring, KeyringCommand, KeyringError, RotationCause,
};
use domain::provider::Provider;
use domain::settings::Settings;
use domain::{AccountId, KeyId, ProviderSlug, Refusal, UserId};
use projections::key_placements::{self, PlacementRow};
use projections::keys::{self, KeyRow};
use projections::linked_accounts;

use super::{App, Caller, CaseError, CommandError, Executed};
use crate::database::DatabaseError;
use crate::keygen;
use crate::vault::{Owner, Purpose};

/// A key as its owner sees it.
#[derive(Debug, Clone)]
pub struct KeyNow {
    /// The key.
    pub row: KeyRow,
    /// At which provider its account is, if it is for one.
    pub provider: Option<ProviderSlug>,
    /// Where it is on its way to the provider or away from it, if it is for an account.
    pub placement: Option<PlacementRow>,
}

impl App {
    /// Lists a person's keys, and where each is.
    pub async fn list_keys(&self, user: &UserId) -> Result<Vec<KeyNow>, CaseError> {
        let rows = self.database.query(keys::of_user(user)).await?;
        let placed = self.database.query(key_placements::of_user(user)).await?;
        let mut placed: HashMap<KeyId, PlacementRow> = placed
            .iter()
            .map(|row| key_placements::from_row(row).map(|row| (row.key, row)))
            .collect::<Result<_, _>>()?;
        let accounts = self.database.query(linked_accounts::of_user(user)).await?;
        let providers: HashMap<AccountId, ProviderSlug> = accounts
            .iter()
            .map(|row| linked_accounts::from_row(row).map(|row| (row.account, row.provider)))
            .collect::<Result<_, _>>()?;
        rows.iter()
            .map(|row| {
                let row = keys::from_row(row)?;
                let placement = placed.remove(&row.key);
                let provider = match row.holder {
                    Holder::Account(account) => placement
                        .as_ref()
                        .map(|placement| placement.provider.clone())
                        .or_else(|| providers.get(&account).cloned()),
                    Holder::Personal => None,
                };
                Ok(KeyNow { row, provider, placement })
            })
            .collect()
    }

    /// Returns one key of a person.
    pub async fn key(&self, user: &UserId, key: KeyId) -> Result<KeyNow, CaseError> {
        let all = self.list_keys(user).await?;
        all.into_iter().find(|known| known.row.key == key).ok_or_else(|| not_found().into())
    }

    /// Makes a person's personal key. No event if there is one.
    pub async fn make_personal_key(
        &self,
        user: &UserId,
        caller: &Caller,
    ) -> Result<(KeyId, Executed<Keyring>), CommandError> {
        let made = self.make_key(user, self.default_algorithm().await?).await?;
        let command = KeyringCommand::GenerateKey {
            user: user.clone(),
            holder: Holder::Personal,
            made: made.clone(),
        };
        let executed = self.take_key(user, &made, command, caller).await?;
        let current = executed.state.current(Holder::Personal).map_or(made.key, |(key, _)| key);
        Ok((current, executed))
    }

    /// Makes a key in the place of another.
    pub async fn rotate_key(
        &self,
        user: &UserId,
        replaced: KeyId,
        cause: RotationCause,
        caller: &Caller,
    ) -> Result<(KeyId, Executed<Keyring>), CommandError> {
        let (keyring, _) = self.dispatch.load::<Keyring>(user).await?;
        let Some(old) = keyring.key(replaced) else { return Err(not_found()) };
        let algorithm = match old.holder {
            Holder::Personal => self.default_algorithm().await?,
            Holder::Account(account) => self.algorithm_of(account).await?,
        };
        let made = self.make_key(user, algorithm).await?;
        let command = KeyringCommand::RotateKey { replaced, made: made.clone(), cause };
        let executed = self.take_key(user, &made, command, caller).await?;
        Ok((made.key, executed))
    }

    /// Gives a keyring a key that was made; destroys its private half if it is not taken.
    pub async fn take_key(
        &self,
        user: &UserId,
        made: &KeyPair,
        command: KeyringCommand,
        caller: &Caller,
    ) -> Result<Executed<Keyring>, CommandError> {
        let executed = self.dispatch.execute::<Keyring>(user, command, caller).await;
        match &executed {
            Ok(executed) if executed.state.key(made.key).is_some() => {}
            // Whether it was stored is not known: better a secret too many than a key without one.
            Err(CommandError::Unavailable(_)) => {}
            Ok(_) | Err(_) => self.vault.destroy(made.private_key).await?,
        }
        executed
    }

    /// Returns the algorithm of new keys for an account.
    pub async fn algorithm_of(&self, account: AccountId) -> Result<Algorithm, CommandError> {
        let (state, _) = self.dispatch.load::<domain::account::Account>(&account).await?;
        match state.link() {
            Some(link) => self.algorithm_at(&link.provider).await,
            None => self.default_algorithm().await,
        }
    }

    /// Returns the algorithm of new keys at a provider.
    pub async fn algorithm_at(&self, provider: &ProviderSlug) -> Result<Algorithm, CommandError> {
        let (state, _) = self.dispatch.load::<Provider>(provider).await?;
        match state.registration().and_then(|registration| registration.algorithm) {
            Some(algorithm) => Ok(algorithm),
            None => self.default_algorithm().await,
        }
    }

    /// Returns the deployment's algorithm of new keys.
    pub async fn default_algorithm(&self) -> Result<Algorithm, CommandError> {
        Ok(self.dispatch.load::<Settings>(&Settings::ID).await?.0.algorithm)
    }

    /// Makes a key pair and seals its private half. The secret is stored before any event names
    /// it: an event never points at nothing.
    pub async fn make_key(
        &self,
        user: &UserId,
        algorithm: Algorithm,
    ) -> Result<KeyPair, CommandError> {
        let key = KeyId::new(self.new_id());
        let made = keygen::generate(algorithm)
            .await
            .map_err(|error| CommandError::Unavailable(error.to_string()))?;
        let private_key = self
            .vault
            .seal(&Owner::Person(user.clone()), Purpose::PrivateKey, &key.to_string(), &made.private)
            .await?;
        Ok(KeyPair { key, algorithm, public_key: made.public, private_key })
    }

    /// Destroys the private half of a key that ended.
    pub async fn destroy_private_key(&self, key: KeyId) -> Result<(), CommandError> {
        let Some(row) = self.database.get(keys::by_id(key)).await? else { return Ok(()) };
        let known = keys::from_row(&row).map_err(DatabaseError::from)?;
        self.vault.destroy(known.private_key).await?;
        Ok(())
    }
}

fn not_found() -> CommandError {
    CommandError::Refused(Refusal::Keyring(KeyringError::NotFound))
}
