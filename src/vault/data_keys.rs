//! Data keys: one per owner and purpose, wrapped by the key-encryption key.

use projections::{Row, Statement};

use super::envelope::{self, BoxKey, Context, DoesNotOpen, KEY};
use super::{Vault, VaultError};
use crate::database::DatabaseError;

/// An unwrapped data key.
pub(super) struct DataKey {
    pub(super) version: u64,
    pub(super) key: BoxKey,
}

const NEWEST: &str = "SELECT version, wrapped, kek_id FROM vault_keys \
    WHERE owner = $1 AND purpose = $2 ORDER BY version DESC LIMIT 1";

const INSERT: &str = "INSERT INTO vault_keys (owner, purpose, version, wrapped, kek_id, created_at) \
    VALUES ($1, $2, $3, $4, $5, $6)";

/// Where a wrapped key belongs.
pub(super) fn place(owner: &str, purpose: &str, version: u64, kek_id: &str) -> Context {
    Context::of("vault_keys", "wrapped")
        .and(owner)
        .and(purpose)
        .number(version)
        .and(kek_id)
}

impl Vault {
    /// Returns the key that new boxes of an owner are sealed under; makes one where none is live.
    pub(super) async fn current_key(
        &self,
        owner: &str,
        purpose: &str,
    ) -> Result<DataKey, VaultError> {
        loop {
            let newest = Statement::new(NEWEST, [owner.into(), purpose.into()]);
            let newest = self.database.get(newest).await?;
            let last = match &newest {
                Some(row) => row.number(0)?,
                None => 0,
            };
            if let Some(row) = &newest
                && let Some(key) = self.unwrap_row(row, 1, owner, purpose, last)?
            {
                return Ok(DataKey { version: last, key });
            }
            match self.make_key(owner, purpose, last + 1).await {
                // Somebody else made it first: take theirs.
                Err(VaultError::Database(DatabaseError::Duplicate)) => {}
                made => return made,
            }
        }
    }

    async fn make_key(
        &self,
        owner: &str,
        purpose: &str,
        version: u64,
    ) -> Result<DataKey, VaultError> {
        let key = envelope::new_key(&*self.ids);
        let wrapped = self.wrap(&self.kek, &key, owner, purpose, version)?;
        let insert = Statement::new(
            INSERT,
            [
                owner.into(),
                purpose.into(),
                version.into(),
                wrapped.into(),
                self.kek.id().into(),
                self.now().into(),
            ],
        );
        self.database.transact(vec![insert]).await?;
        Ok(DataKey { version, key })
    }

    pub(super) fn wrap(
        &self,
        kek: &super::KeyEncryptionKey,
        key: &BoxKey,
        owner: &str,
        purpose: &str,
        version: u64,
    ) -> Result<Vec<u8>, VaultError> {
        let place = place(owner, purpose, version, &kek.id());
        envelope::seal(kek.key(), &place, &key[..], &*self.ids)
            .map_err(VaultError::damaged("a new data key"))
    }

    /// Unwraps the key in two columns of a row, `wrapped` and `kek_id`; none if it was destroyed.
    pub(super) fn unwrap_row(
        &self,
        row: &Row,
        column: usize,
        owner: &str,
        purpose: &str,
        version: u64,
    ) -> Result<Option<BoxKey>, VaultError> {
        if row.0.get(column) == Some(&projections::Value::Null) {
            return Ok(None);
        }
        let wrapped = row.bytes(column)?;
        let kek_id = row.text(column + 1)?;
        if kek_id != self.kek.id() {
            return Err(VaultError::WrongKey {
                wanted: kek_id.to_owned(),
                given: self.kek.id(),
            });
        }
        envelope::open(
            self.kek.key(),
            &place(owner, purpose, version, kek_id),
            wrapped,
        )
        .and_then(|clear| {
            let mut key = BoxKey::default();
            if clear.len() != KEY {
                return Err(DoesNotOpen);
            }
            key.copy_from_slice(&clear);
            Ok(Some(key))
        })
        .map_err(VaultError::damaged(format_args!(
            "data key {version} of {owner} for {purpose}"
        )))
    }
}
