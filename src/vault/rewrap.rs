//! Another key-encryption key: data keys are wrapped again, what they sealed stays as it is.

use projections::{Statement, Value};

use super::{KeyEncryptionKey, Vault, VaultError};
use crate::database::DatabaseError;

const PAGE: usize = 1_000;

const LIVE: &str = "SELECT owner, purpose, version, wrapped, kek_id FROM vault_keys \
    WHERE (owner, purpose, version) > ($1, $2, $3) AND wrapped IS NOT NULL \
    ORDER BY owner, purpose, version LIMIT 1000";

const REWRAP: &str = "UPDATE vault_keys SET wrapped = $4, kek_id = $5 \
    WHERE owner = $1 AND purpose = $2 AND version = $3 AND kek_id = $6 AND wrapped IS NOT NULL";

// Fails, and with it the whole transaction, if a data key was made meanwhile.
const CANARY: &str = "UPDATE vault_canary SET kek_id = $1, box = $2 WHERE kek_id = $3 \
    AND NOT EXISTS (SELECT 1 FROM vault_keys WHERE kek_id = $3 AND wrapped IS NOT NULL)";

impl Vault {
    /// Wraps every data key with a new key-encryption key, all in one transaction: a crash leaves
    /// the old key or the new, never both. No other instance may run meanwhile. Returns how many
    /// data keys there were.
    pub async fn rewrap(self, new: KeyEncryptionKey) -> Result<(Self, u64), VaultError> {
        let mut statements = Vec::new();
        let mut after = [Value::from(""), "".into(), Value::Int(0)];
        loop {
            let page = self.database.query(Statement::new(LIVE, after)).await?;
            let rows = page.len();
            after = [Value::Null, Value::Null, Value::Null];
            for row in page {
                statements.push(self.rewrapped(&row, &new)?);
                after = [row.0[0].clone(), row.0[1].clone(), row.0[2].clone()];
            }
            if rows < PAGE {
                break;
            }
        }
        let keys = statements.len() as u64;
        let canary = Statement::new(
            CANARY,
            [
                new.id().into(),
                self.canary_box(&new)?.into(),
                self.kek.id().into(),
            ],
        );
        statements.push(canary.must_change_one());
        match self.database.transact(statements).await {
            Err(DatabaseError::Stale) => return Err(VaultError::Stale),
            wrapped => wrapped?,
        };
        Ok((Self { kek: new, ..self }, keys))
    }

    fn rewrapped(
        &self,
        row: &projections::Row,
        new: &KeyEncryptionKey,
    ) -> Result<Statement, VaultError> {
        let (owner, purpose, version) = (row.text(0)?, row.text(1)?, row.number(2)?);
        let key = self
            .unwrap_row(row, 3, owner, purpose, version)?
            .ok_or(VaultError::Destroyed)?;
        let wrapped = self.wrap(new, &key, owner, purpose, version)?;
        let rewrap = Statement::new(
            REWRAP,
            [
                owner.into(),
                purpose.into(),
                version.into(),
                wrapped.into(),
                new.id().into(),
                self.kek.id().into(),
            ],
        );
        Ok(rewrap.must_change_one())
    }
}
