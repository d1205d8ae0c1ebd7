//! Secrets by reference: sealed, opened, replaced, destroyed.

use domain::{SecretRef, UserId};
use projections::{Row, Statement, Value};

use super::envelope::{self, BoxKey, Context};
use super::{Owner, Purpose, Secret, Vault, VaultError};
use crate::database::DatabaseError;

// A key may be destroyed between reading it and storing what it sealed: then nothing is stored.
const INSERT: &str = "INSERT INTO vault_secrets \
    (ref, owner, purpose, subject, generation, key_version, box, created_at) \
    SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE EXISTS (SELECT 1 FROM vault_keys \
    WHERE owner = $2 AND purpose = $3 AND version = $6 AND destroyed_at IS NULL)";

const REPLACE: &str = "UPDATE vault_secrets SET generation = $5, key_version = $6, box = $7 \
    WHERE ref = $1 AND generation = $4 AND box IS NOT NULL AND EXISTS (SELECT 1 FROM vault_keys \
    WHERE owner = $2 AND purpose = $3 AND version = $6 AND destroyed_at IS NULL)";

const DESTROY: &str = "UPDATE vault_secrets SET box = NULL, destroyed_at = $2 \
    WHERE ref = $1 AND destroyed_at IS NULL";

const ONE: &str = "SELECT s.owner, s.purpose, s.subject, s.generation, s.key_version, s.box, \
    k.wrapped, k.kek_id FROM vault_secrets s LEFT JOIN vault_keys k \
    ON k.owner = s.owner AND k.purpose = s.purpose AND k.version = s.key_version WHERE s.ref = $1";

/// The columns of a page of secrets, `ref` last: see [`ONE`].
pub(super) const SOME: &str = "SELECT s.owner, s.purpose, s.subject, s.generation, s.key_version, \
    s.box, k.wrapped, k.kek_id, s.ref FROM vault_secrets s LEFT JOIN vault_keys k \
    ON k.owner = s.owner AND k.purpose = s.purpose AND k.version = s.key_version \
    WHERE s.ref >= $1 ORDER BY s.ref LIMIT 32";

const ERASE_KEYS: &str = "UPDATE vault_keys SET wrapped = NULL, destroyed_at = $2 \
    WHERE owner = $1 AND destroyed_at IS NULL";

const ERASE_SECRETS: &str = "UPDATE vault_secrets SET box = NULL, destroyed_at = $2 \
    WHERE owner = $1 AND destroyed_at IS NULL";

/// A row of `vault_secrets` and the data key that opens it.
pub(super) struct Kept {
    owner: String,
    purpose: String,
    subject: String,
    generation: u64,
    key_version: u64,
    sealed: Option<Vec<u8>>,
    key: Option<BoxKey>,
}

impl Kept {
    fn context(&self, at: SecretRef) -> Context {
        Context::of("vault_secrets", "box")
            .and(&at.to_string())
            .and(&self.owner)
            .and(&self.purpose)
            .and(&self.subject)
            .number(self.generation)
            .number(self.key_version)
    }

    pub(super) fn open(&self, at: SecretRef) -> Result<Secret, VaultError> {
        let (Some(sealed), Some(key)) = (&self.sealed, &self.key) else {
            return Err(VaultError::Destroyed);
        };
        envelope::open(key, &self.context(at), sealed)
            .map(Secret::from)
            .map_err(VaultError::damaged(format_args!("secret {at}")))
    }
}

impl Vault {
    /// Seals a new secret. `subject` says what it belongs to (an account, a key); who opens it
    /// need not know, but nobody can change it.
    pub async fn seal(
        &self,
        owner: &Owner,
        purpose: Purpose,
        subject: &str,
        secret: &Secret,
    ) -> Result<SecretRef, VaultError> {
        self.seal_beside(owner, purpose, subject, secret, |_| vec![])
            .await
    }

    /// Seals a new secret, and does more in the same transaction: both or neither.
    pub async fn seal_beside(
        &self,
        owner: &Owner,
        purpose: Purpose,
        subject: &str,
        secret: &Secret,
        beside: impl Fn(SecretRef) -> Vec<Statement>,
    ) -> Result<SecretRef, VaultError> {
        let at = SecretRef::new(self.ids.v7(self.clock.now()));
        let mut kept = Kept {
            owner: owner.to_string(),
            purpose: purpose.as_str().to_owned(),
            subject: subject.to_owned(),
            generation: 1,
            key_version: 0,
            sealed: None,
            key: None,
        };
        loop {
            let sealed = self.seal_again(at, &mut kept, secret).await?;
            let insert = Statement::new(
                INSERT,
                [
                    at.to_string().into(),
                    kept.owner.as_str().into(),
                    kept.purpose.as_str().into(),
                    kept.subject.as_str().into(),
                    kept.generation.into(),
                    kept.key_version.into(),
                    sealed.into(),
                    self.now().into(),
                ],
            );
            let mut together = vec![insert.must_change_one()];
            together.extend(beside(at));
            match self.database.transact(together).await {
                // The owner was erased this moment: seal under a new key.
                Err(DatabaseError::Stale) => {}
                stored => return stored.map(|_| at).map_err(VaultError::from),
            }
        }
    }

    /// Puts a secret in the place of another, if nobody was faster; returns the new generation.
    pub async fn replace(
        &self,
        at: SecretRef,
        expected_generation: u64,
        secret: &Secret,
    ) -> Result<u64, VaultError> {
        self.replace_beside(at, expected_generation, secret, &[])
            .await
    }

    /// Puts a secret in the place of another, and does more in the same transaction: all or nothing.
    /// It is stale where somebody was faster, and where one of the others changes no row that must.
    pub async fn replace_beside(
        &self,
        at: SecretRef,
        expected_generation: u64,
        secret: &Secret,
        beside: &[Statement],
    ) -> Result<u64, VaultError> {
        let mut is_stale = false;
        loop {
            let update = self.replacement(at, expected_generation, secret).await?;
            if is_stale && !beside.is_empty() {
                return Err(VaultError::Stale);
            }
            let mut together = vec![update];
            together.extend_from_slice(beside);
            match self.database.transact(together).await {
                // Replaced, destroyed, its key gone, or none of it but what is beside: the next look
                // says which.
                Err(DatabaseError::Stale) => is_stale = true,
                stored => {
                    return stored
                        .map(|_| expected_generation + 1)
                        .map_err(VaultError::from);
                }
            }
        }
    }

    /// Puts secrets in the place of two others, and does more in the same transaction: all or nothing.
    /// Each is named with the generation that it must still have.
    pub async fn replace_both_beside(
        &self,
        first: (SecretRef, u64, &Secret),
        second: (SecretRef, u64, &Secret),
        beside: &[Statement],
    ) -> Result<(), VaultError> {
        let mut is_stale = false;
        loop {
            let mut together = vec![
                self.replacement(first.0, first.1, first.2).await?,
                self.replacement(second.0, second.1, second.2).await?,
            ];
            if is_stale && !beside.is_empty() {
                return Err(VaultError::Stale);
            }
            together.extend_from_slice(beside);
            match self.database.transact(together).await {
                Err(DatabaseError::Stale) => is_stale = true,
                stored => return stored.map(drop).map_err(VaultError::from),
            }
        }
    }

    /// Writes down how a secret is put in the place of another, if nobody was faster.
    async fn replacement(
        &self,
        at: SecretRef,
        expected_generation: u64,
        secret: &Secret,
    ) -> Result<Statement, VaultError> {
        let mut kept = self.kept(at).await?;
        if kept.sealed.is_none() || kept.key.is_none() {
            return Err(VaultError::Destroyed);
        }
        if kept.generation != expected_generation {
            return Err(VaultError::Stale);
        }
        kept.generation += 1;
        let sealed = self.seal_again(at, &mut kept, secret).await?;
        let update = Statement::new(
            REPLACE,
            [
                at.to_string().into(),
                kept.owner.as_str().into(),
                kept.purpose.as_str().into(),
                expected_generation.into(),
                kept.generation.into(),
                kept.key_version.into(),
                sealed.into(),
            ],
        );
        Ok(update.must_change_one())
    }

    /// Opens a secret; returns its generation with it.
    pub async fn open_secret(&self, at: SecretRef) -> Result<(Secret, u64), VaultError> {
        let kept = self.kept(at).await?;
        Ok((kept.open(at)?, kept.generation))
    }

    /// Destroys a secret: its box is overwritten. Twice is once.
    pub async fn destroy(&self, at: SecretRef) -> Result<(), VaultError> {
        self.database.transact(vec![self.destruction(at)]).await?;
        Ok(())
    }

    /// Destroys a secret as part of a transaction of the caller's.
    pub fn destruction(&self, at: SecretRef) -> Statement {
        Statement::new(DESTROY, [at.to_string().into(), self.now().into()])
    }

    /// Erases a person: every data key of theirs is overwritten, and every box. What is sealed in
    /// events stays where it is and can never be opened again. If the person comes back, what is
    /// sealed from then on is under new keys.
    pub async fn erase(&self, person: &UserId) -> Result<(), VaultError> {
        let owner = Owner::Person(person.clone()).to_string();
        let args = || [Value::from(owner.as_str()), self.now().into()];
        let _forgotten = self.known.forgets(person);
        self.database
            .transact(vec![
                Statement::new(ERASE_KEYS, args()),
                Statement::new(ERASE_SECRETS, args()),
            ])
            .await?;
        Ok(())
    }

    /// Seals a secret into a box that the caller keeps in a table of its own. `place` names the
    /// table, the column and the row: only there does it open.
    pub async fn seal_box(
        &self,
        owner: &Owner,
        purpose: Purpose,
        place: &str,
        secret: &Secret,
    ) -> Result<Vec<u8>, VaultError> {
        let owner = owner.to_string();
        let key = self.current_key(&owner, purpose.as_str()).await?;
        let context = own_box(&owner, purpose, key.version, place);
        let mut sealed = key.version.to_be_bytes().to_vec();
        sealed.extend(
            envelope::seal(&key.key, &context, secret.expose(), &*self.ids)
                .map_err(VaultError::damaged("a new box"))?,
        );
        Ok(sealed)
    }

    /// Opens a box that the caller kept.
    pub async fn open_box(
        &self,
        owner: &Owner,
        purpose: Purpose,
        place: &str,
        sealed: &[u8],
    ) -> Result<Secret, VaultError> {
        let damaged = || VaultError::Damaged(format!("the box at {place}"));
        let (version, sealed) = sealed.split_first_chunk().ok_or_else(damaged)?;
        let version = u64::from_be_bytes(*version);
        let owner = owner.to_string();
        match self.key_of(&owner, purpose.as_str(), version).await? {
            Some(Some(key)) => {
                envelope::open(&key, &own_box(&owner, purpose, version, place), sealed)
                    .map(Secret::from)
                    .map_err(|_| damaged())
            }
            Some(None) => Err(VaultError::Destroyed),
            None => Err(damaged()),
        }
    }

    async fn seal_again(
        &self,
        at: SecretRef,
        kept: &mut Kept,
        secret: &Secret,
    ) -> Result<Vec<u8>, VaultError> {
        let key = self.current_key(&kept.owner, &kept.purpose).await?;
        kept.key_version = key.version;
        envelope::seal(&key.key, &kept.context(at), secret.expose(), &*self.ids)
            .map_err(VaultError::damaged("a new secret"))
    }

    async fn kept(&self, at: SecretRef) -> Result<Kept, VaultError> {
        let one = Statement::new(ONE, [at.to_string().into()]);
        let row = self.database.get(one).await?.ok_or(VaultError::NotFound)?;
        self.read_kept(&row)
    }

    /// Reads a row of [`ONE`] or [`SOME`].
    pub(super) fn read_kept(&self, row: &Row) -> Result<Kept, VaultError> {
        let read = || -> Result<Kept, projections::UnreadableRow> {
            Ok(Kept {
                owner: row.text(0)?.to_owned(),
                purpose: row.text(1)?.to_owned(),
                subject: row.text(2)?.to_owned(),
                generation: row.number(3)?,
                key_version: row.number(4)?,
                sealed: match row.0.get(5) {
                    Some(Value::Null) => None,
                    _ => Some(row.bytes(5)?.to_vec()),
                },
                key: None,
            })
        };
        let mut kept = read()?;
        if kept.sealed.is_some() {
            kept.key = self.unwrap_row(row, 6, &kept.owner, &kept.purpose, kept.key_version)?;
        }
        Ok(kept)
    }
}

fn own_box(owner: &str, purpose: Purpose, version: u64, place: &str) -> Context {
    Context::of("elsewhere", place)
        .and(owner)
        .and(purpose.as_str())
        .number(version)
}
