//! Opening the vault: the right key, or nothing.

use std::sync::Arc;

use domain::SecretRef;
use projections::{Row, Statement};
use uuid::Uuid;

use super::envelope::{self, Context};
use super::known::Known;
use super::secrets::SOME;
use super::{KeyEncryptionKey, Vault, VaultError};
use crate::clock::{Clock, Ids};
use crate::database::{Database, DatabaseError};

const CANARY: &str = "SELECT kek_id, box FROM vault_canary WHERE name = 'canary'";
const INSERT: &str =
    "INSERT INTO vault_canary (name, kek_id, box, created_at) VALUES ('canary', $1, $2, $3)";
const ANY: &str = "SELECT owner FROM vault_keys LIMIT 1";
const KEYS: &str = "SELECT owner, purpose, version, wrapped, kek_id FROM vault_keys \
    WHERE (owner, purpose) >= ($1, '') AND wrapped IS NOT NULL ORDER BY owner, purpose LIMIT 32";
const ENDS: &str = "SELECT min(ref), max(ref) FROM vault_secrets";

/// What the canary says when it opens.
const SONG: &[u8] = b"lanyard";

impl Vault {
    /// Opens the vault of a database with its key, and makes sure that a sample of what is in it
    /// opens. With another key it is refused, and nothing is changed; nor is a key ever made for
    /// what is there already.
    pub async fn open(
        database: Arc<dyn Database>,
        kek: KeyEncryptionKey,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Result<Self, VaultError> {
        let vault = Self {
            database,
            kek,
            clock,
            ids,
            known: Known::default(),
        };
        vault.check_canary().await?;
        vault.check_keys().await?;
        vault.check_secrets().await?;
        Ok(vault)
    }

    /// Makes sure, without changing anything, that the vault opens what is in it now.
    pub async fn check(&self) -> Result<(), VaultError> {
        let row = self.database.get(Statement::new(CANARY, [])).await?;
        self.open_canary(row.as_ref())
    }

    async fn check_canary(&self) -> Result<(), VaultError> {
        let canary = || self.database.get(Statement::new(CANARY, []));
        let mut row = canary().await?;
        if row.is_none() {
            if self.database.get(Statement::new(ANY, [])).await?.is_some() {
                return Err(no_canary());
            }
            match self.database.transact(vec![self.canary(&self.kek)?]).await {
                // Another instance was faster: its canary is as good, if the key is the same.
                Ok(_) | Err(DatabaseError::Duplicate) => row = canary().await?,
                Err(error) => return Err(error.into()),
            }
        }
        self.open_canary(row.as_ref())
    }

    fn open_canary(&self, row: Option<&Row>) -> Result<(), VaultError> {
        let Some(row) = row else {
            return Err(no_canary());
        };
        let wanted = row.text(0)?;
        if wanted != self.kek.id() {
            return Err(VaultError::WrongKey {
                wanted: wanted.to_owned(),
                given: self.kek.id(),
            });
        }
        let sealed = row.bytes(1)?;
        envelope::open(self.kek.key(), &place(wanted), sealed)
            .map(drop)
            .map_err(VaultError::damaged("the vault's canary"))
    }

    /// Writes the canary of a key.
    fn canary(&self, kek: &KeyEncryptionKey) -> Result<Statement, VaultError> {
        Ok(Statement::new(
            INSERT,
            [
                kek.id().into(),
                self.canary_box(kek)?.into(),
                self.now().into(),
            ],
        ))
    }

    pub(super) fn canary_box(&self, kek: &KeyEncryptionKey) -> Result<Vec<u8>, VaultError> {
        envelope::seal(kek.key(), &place(&kek.id()), SONG, &*self.ids)
            .map_err(VaultError::damaged("a new canary"))
    }

    /// Opens some data keys: the first, and some from anywhere.
    async fn check_keys(&self) -> Result<(), VaultError> {
        let letter = char::from(b'a' + random_below(&*self.ids, 26));
        for from in [String::new(), format!("person:{letter}")] {
            let keys = Statement::new(KEYS, [from.into()]);
            for row in self.database.query(keys).await? {
                let (owner, purpose, version) = (row.text(0)?, row.text(1)?, row.number(2)?);
                self.unwrap_row(&row, 3, owner, purpose, version)?;
            }
        }
        Ok(())
    }

    /// Opens some secrets: the oldest, and some from anywhere between the oldest and the newest.
    async fn check_secrets(&self) -> Result<(), VaultError> {
        let ends = self.database.get(Statement::new(ENDS, [])).await?;
        let end =
            |column| -> Option<Uuid> { ends.as_ref()?.maybe_text(column).ok()??.parse().ok() };
        let (Some(first), Some(last)) = (end(0), end(1)) else {
            return Ok(());
        };
        // References begin with the time they were made at: a place between two is a time between.
        let span = last.as_u128().saturating_sub(first.as_u128());
        let share = u128::from(random_below(&*self.ids, 250));
        let between = Uuid::from_u128(first.as_u128() + span / 256 * share);
        for from in [first, between] {
            let some = Statement::new(SOME, [from.to_string().into()]);
            for row in self.database.query(some).await? {
                let at: SecretRef = row.parsed(8, "a reference")?;
                match self.read_kept(&row)?.open(at) {
                    Ok(_) | Err(VaultError::Destroyed) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }
}

fn no_canary() -> VaultError {
    VaultError::Damaged("the vault without its canary".to_owned())
}

fn place(kek_id: &str) -> Context {
    Context::of("vault_canary", "box").and(kek_id)
}

fn random_below(ids: &dyn Ids, bound: u8) -> u8 {
    let mut byte = [0];
    ids.fill(&mut byte);
    byte[0] % bound
}
