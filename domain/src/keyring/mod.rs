//! A person's keys: one pair per linked account, and a personal one.

mod command;
mod error;
mod event;
mod key;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use command::{KeyPair, KeyringCommand};
pub use error::KeyringError;
pub use event::KeyringEvent;
pub use key::{Algorithm, Holder, PublicKey, RotationCause, UnknownAlgorithm};

use crate::{KeyId, SecretRef, UserId};

/// One person's keys that have not ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Keyring {
    keys: BTreeMap<KeyId, Key>,
}

/// One key that has not ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Key {
    /// Whose it is.
    pub user: UserId,
    /// What it is for.
    pub holder: Holder,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Its public half.
    pub public_key: PublicKey,
    /// Where the vault keeps its private half.
    pub private_key: SecretRef,
    /// Which key takes its place, if one does.
    pub replaced_by: Option<KeyId>,
    /// Whether it was replaced because it must not be trusted any more.
    #[serde(default)]
    pub compromised: bool,
}

impl Aggregate for Keyring {
    const TYPE: &'static str = "keyring";
    type Command = KeyringCommand;
    type Event = KeyringEvent;
    type Error = KeyringError;
    type Services = ();

    async fn handle(
        &mut self,
        command: KeyringCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), KeyringError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: KeyringEvent) {
        match event {
            KeyringEvent::KeyGenerated {
                user,
                key,
                holder,
                algorithm,
                public_key,
                private_key,
            } => {
                let made = Key {
                    user,
                    holder,
                    algorithm,
                    public_key,
                    private_key,
                    replaced_by: None,
                    compromised: false,
                };
                self.keys.insert(key, made);
            }
            KeyringEvent::KeyRotated {
                user,
                key,
                replaced,
                holder,
                algorithm,
                public_key,
                private_key,
                cause,
            } => {
                if let Some(old) = self.keys.get_mut(&replaced) {
                    old.replaced_by = Some(key);
                    old.compromised = cause.is_compromised();
                }
                let made = Key {
                    user,
                    holder,
                    algorithm,
                    public_key,
                    private_key,
                    replaced_by: None,
                    compromised: false,
                };
                self.keys.insert(key, made);
            }
            KeyringEvent::KeyRetired { key, .. } => {
                let by = self.keys.remove(&key).and_then(|ended| ended.replaced_by);
                // What it replaced is replaced by what replaced it: nothing ends the line in between.
                for before in self.keys.values_mut() {
                    if by.is_some() && before.replaced_by == Some(key) {
                        before.replaced_by = by;
                    }
                }
            }
        }
    }
}

impl Keyring {
    /// Decides what follows from a command.
    pub fn decide(&self, command: KeyringCommand) -> Result<Vec<KeyringEvent>, KeyringError> {
        use KeyringCommand as C;
        use KeyringError as Refusal;
        use KeyringEvent as E;
        match command {
            C::GenerateKey { holder, .. } if self.current(holder).is_some() => Ok(vec![]),
            C::GenerateKey { user, holder, made } => Ok(vec![E::KeyGenerated {
                user,
                key: made.key,
                holder,
                algorithm: made.algorithm,
                public_key: made.public_key,
                private_key: made.private_key,
            }]),
            C::RotateKey {
                replaced,
                made,
                cause,
            } => {
                let old = self.keys.get(&replaced).ok_or(Refusal::NotFound)?;
                match old.replaced_by {
                    Some(by) if by == made.key => return Ok(vec![]),
                    Some(_) => return Err(Refusal::RotationUnderWay),
                    // A current key can always be replaced, also while older ones are still
                    // somewhere: it may be refused by the provider, or compromised.
                    None => {}
                }
                Ok(vec![E::KeyRotated {
                    user: old.user.clone(),
                    key: made.key,
                    replaced,
                    holder: old.holder,
                    algorithm: made.algorithm,
                    public_key: made.public_key,
                    private_key: made.private_key,
                    cause,
                }])
            }
            C::RetireKey { key } => Ok(self
                .keys
                .get(&key)
                .map(|ended| E::KeyRetired {
                    user: ended.user.clone(),
                    key,
                    holder: ended.holder,
                })
                .into_iter()
                .collect()),
        }
    }

    /// Returns a key that has not ended.
    pub fn key(&self, key: KeyId) -> Option<&Key> {
        self.keys.get(&key)
    }

    /// Lists a holder's keys that have not ended.
    pub fn of(&self, holder: Holder) -> impl Iterator<Item = (KeyId, &Key)> {
        self.keys
            .iter()
            .filter(move |(_, key)| key.holder == holder)
            .map(|(id, key)| (*id, key))
    }

    /// Returns a holder's current key.
    pub fn current(&self, holder: Holder) -> Option<(KeyId, &Key)> {
        self.of(holder).find(|(_, key)| key.replaced_by.is_none())
    }
}
