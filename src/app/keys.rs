//! People's keys: seen, made, rotated. The private half goes to the vault and never comes out here.

use std::collections::HashMap;

use domain::account::Account;
use domain::keyring::{
    Algorithm, Holder, KeyPair, Keyring, KeyringCommand, KeyringError, PublicKey, RotationCause,
};
use domain::provider::Provider;
use domain::settings::Settings;
use domain::{KeyId, ProviderSlug, UserId};
use projections::key_placements;
use projections::keys::{self, KeyRow};

use super::by_hand::KnownPlacement;
use super::{App, Caller, CaseError, CommandError, Executed};
use crate::keygen;
use crate::vault::{Owner, Purpose};

/// A key, and where it is.
#[derive(Debug, Clone)]
pub struct KnownKey {
    /// The key.
    pub row: KeyRow,
    /// Where it is or should be.
    pub placements: Vec<KnownPlacement>,
}

/// A key that was made, or was there already.
#[derive(Debug, Clone)]
pub struct MadeKey {
    /// The key.
    pub key: KeyId,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Its public half.
    pub public_key: PublicKey,
    /// The index of the event; none if it was there already.
    pub index: Option<u64>,
}

impl App {
    /// Lists a person's keys, oldest first: all of them, or those that have not ended.
    pub async fn list_keys(&self, user: &UserId, ended: bool) -> Result<Vec<KnownKey>, CaseError> {
        let asked = if ended {
            keys::of_user(user)
        } else {
            keys::live_of_user(user)
        };
        let rows = self.database.query(asked).await?;
        let placed = self.database.query(key_placements::of_user(user)).await?;
        let placed: Result<Vec<_>, _> = placed.iter().map(key_placements::from_row).collect();
        let placed = placed?;
        let around = self.places_of(&placed).await?;
        let mut placements: HashMap<KeyId, Vec<_>> = HashMap::new();
        for row in placed {
            placements.entry(row.key).or_default().push(row);
        }
        let mut known = Vec::with_capacity(rows.len());
        for row in &rows {
            let row = keys::from_row(row)?;
            let placed = placements.remove(&row.key).unwrap_or_default();
            let placements = placed
                .into_iter()
                .map(|placed| around.know(placed, &row.public_key.line))
                .collect();
            known.push(KnownKey { row, placements });
        }
        Ok(known)
    }

    /// Returns one of a person's keys.
    pub async fn key(&self, user: &UserId, key: KeyId) -> Result<KnownKey, CaseError> {
        let row = self.database.get(keys::by_id(key)).await?;
        let row = row.as_ref().map(keys::from_row).transpose()?;
        let row = row.filter(|row| row.user == *user).ok_or_else(no_key)?;
        let placed = self.database.query(key_placements::of_user(user)).await?;
        let placed: Result<Vec<_>, _> = placed.iter().map(key_placements::from_row).collect();
        let mut placed = placed?;
        placed.retain(|placed| placed.key == key);
        let around = self.places_of(&placed).await?;
        let placements = placed
            .into_iter()
            .map(|placed| around.know(placed, &row.public_key.line))
            .collect();
        Ok(KnownKey { row, placements })
    }

    /// Makes a person's personal key, if there is none.
    pub async fn make_personal_key(
        &self,
        user: &UserId,
        caller: &Caller,
    ) -> Result<MadeKey, CaseError> {
        let (keyring, _) = self.dispatch.load::<Keyring>(user).await?;
        if keyring.current(Holder::Personal).is_none() {
            self.admits(user).await?;
            let algorithm = self.default_algorithm().await?;
            let made = self.make_key(user, algorithm).await?;
            let command = KeyringCommand::GenerateKey {
                user: user.clone(),
                holder: Holder::Personal,
                made: made.clone(),
            };
            let done = self.take_key(user, &made, command, caller).await?;
            return personal(&done.state, done.index);
        }
        personal(&keyring, None)
    }

    /// Makes a new key in the place of one.
    pub async fn rotate_key(
        &self,
        user: &UserId,
        replaced: KeyId,
        cause: RotationCause,
        caller: &Caller,
    ) -> Result<MadeKey, CaseError> {
        let (keyring, _) = self.dispatch.load::<Keyring>(user).await?;
        let old = keyring.key(replaced).ok_or_else(no_key)?;
        if old.replaced_by.is_some() {
            return Err(CommandError::Refused(KeyringError::RotationUnderWay.into()).into());
        }
        self.admits(user).await?;
        let algorithm = match old.holder {
            Holder::Personal => self.default_algorithm().await?,
            Holder::Account(account) => {
                let (account, _) = self.dispatch.load::<Account>(&account).await?;
                match account.link() {
                    Some(link) => self.algorithm_at(&link.provider).await?,
                    None => self.default_algorithm().await?,
                }
            }
        };
        let made = self.make_key(user, algorithm).await?;
        let command = KeyringCommand::RotateKey {
            replaced,
            made: made.clone(),
            cause,
        };
        let done = self.take_key(user, &made, command, caller).await?;
        Ok(MadeKey {
            key: made.key,
            algorithm,
            public_key: made.public_key,
            index: done.index,
        })
    }

    /// Returns the algorithm of new keys at a provider.
    pub async fn algorithm_at(&self, provider: &ProviderSlug) -> Result<Algorithm, CommandError> {
        let (state, _) = self.dispatch.load::<Provider>(provider).await?;
        let registration = state.registration();
        if let Some(algorithm) = registration.and_then(|known| known.algorithm) {
            return Ok(algorithm);
        }
        let default = self.default_algorithm().await?;
        Ok(registration.map_or(default, |known| known.kind.fitting(default)))
    }

    /// Returns the deployment's algorithm of new keys.
    pub async fn default_algorithm(&self) -> Result<Algorithm, CommandError> {
        let (settings, _) = self.dispatch.load::<Settings>(&Settings::ID).await?;
        Ok(settings.algorithm)
    }

    /// Makes a key pair and seals its private half, before any event names it: an event never
    /// points at nothing.
    pub async fn make_key(
        &self,
        user: &UserId,
        algorithm: Algorithm,
    ) -> Result<KeyPair, CommandError> {
        let key = KeyId::new(self.new_id());
        let made = keygen::generate(algorithm)
            .await
            .map_err(|error| CommandError::Unavailable(error.to_string()))?;
        let owner = Owner::Person(user.clone());
        let private_key = self
            .vault
            .seal(&owner, Purpose::PrivateKey, &key.to_string(), &made.private)
            .await?;
        Ok(KeyPair {
            key,
            algorithm,
            public_key: made.public,
            private_key,
        })
    }

    /// Destroys the private half of a key that ended.
    pub async fn destroy_private_key(&self, key: KeyId) -> Result<(), CommandError> {
        let Some(row) = self.database.get(keys::by_id(key)).await? else {
            return Ok(());
        };
        self.vault
            .destroy(keys::from_row(&row)?.private_key)
            .await?;
        Ok(())
    }

    /// Executes a command with a new key; destroys what no event came to name.
    pub async fn take_key(
        &self,
        user: &UserId,
        made: &KeyPair,
        command: KeyringCommand,
        caller: &Caller,
    ) -> Result<Executed<Keyring>, CommandError> {
        let done = self
            .dispatch
            .execute::<Keyring>(user, command, caller)
            .await;
        let is_named = match &done {
            Ok(done) => done.state.key(made.key).is_some(),
            Err(error) => error.is_in_doubt(),
        };
        if !is_named {
            self.vault.destroy(made.private_key).await?;
        }
        done
    }
}

fn no_key() -> CaseError {
    CommandError::Refused(KeyringError::NotFound.into()).into()
}

fn personal(keyring: &Keyring, index: Option<u64>) -> Result<MadeKey, CaseError> {
    let (key, known) = keyring.current(Holder::Personal).ok_or_else(no_key)?;
    Ok(MadeKey {
        key,
        algorithm: known.algorithm,
        public_key: known.public_key.clone(),
        index,
    })
}
