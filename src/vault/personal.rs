//! Personal data in events: sealed in place, under the person's own data key.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use domain::{Sealed, UserId};
use projections::Statement;
use zeroize::Zeroizing;

use super::envelope::{self, BoxKey, Context};
use super::known::{Key, NEWEST, Text};
use super::{Owner, Purpose, Vault, VaultError};

const KEY: &str = "SELECT wrapped, kek_id FROM vault_keys \
    WHERE owner = $1 AND purpose = $2 AND version = $3";

impl Vault {
    /// Seals a text of or about a person, to stand in an event. `context` says what it is (`login`,
    /// `address`): as another it does not open.
    pub async fn seal_personal(
        &self,
        person: &UserId,
        context: &str,
        text: &str,
    ) -> Result<Sealed, VaultError> {
        let now = self.clock.now();
        let newest = match self.known.key(person, NEWEST, now) {
            Some(known) => known,
            None => self.newest_personal_key(person, now).await?,
        };
        let key = newest.live.as_deref().ok_or(VaultError::Destroyed)?;
        let place = place(person, context, newest.version);
        let sealed = envelope::seal(key, &place, text.as_bytes(), &*self.ids)
            .map_err(VaultError::damaged("a new text"))?;
        let version = u32::try_from(newest.version)
            .map_err(|_| VaultError::Damaged(format!("the key version of {person}")))?;
        Ok(Sealed {
            person: person.clone(),
            sealed: URL_SAFE_NO_PAD.encode([&version.to_be_bytes(), &sealed[..]].concat()),
        })
    }

    /// Opens a text of a person; none once the person was erased.
    pub async fn open_personal(
        &self,
        sealed: &Sealed,
        context: &str,
    ) -> Result<Option<String>, VaultError> {
        let opened = self.open_as_of(sealed, context, self.clock.now()).await?;
        Ok(opened.map(|(text, _)| text))
    }

    /// The same for a text that is read often. It is remembered, and given out until the person is
    /// erased, or as long as the key that opened it is trusted: 30 s at most.
    pub async fn open_personal_often(
        &self,
        sealed: &Sealed,
        context: &str,
    ) -> Result<Option<String>, VaultError> {
        let now = self.clock.now();
        if let Some(text) = self.known.text(sealed, context, now) {
            return Ok(Some(text));
        }
        let erasures = self.known.erasures();
        // Boxed: seldom taken, and all that opens a text would be part of every caller's future.
        let Some((text, read_at)) = Box::pin(self.open_as_of(sealed, context, now)).await? else {
            return Ok(None);
        };
        let kept = Text {
            person: sealed.person.clone(),
            context: context.to_owned(),
            clear: Zeroizing::new(text.clone()),
            read_at,
        };
        self.known.keep_text(sealed, kept, erasures);
        Ok(Some(text))
    }

    /// Opens a text, and says since when the key that opens it is known to be live.
    async fn open_as_of(
        &self,
        sealed: &Sealed,
        context: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<(String, DateTime<Utc>)>, VaultError> {
        let person = &sealed.person;
        let damaged = || VaultError::Damaged(format!("the {context} of {person}"));
        let bytes = URL_SAFE_NO_PAD
            .decode(&sealed.sealed)
            .map_err(|_| damaged())?;
        let (version, bytes) = bytes.split_first_chunk().ok_or_else(damaged)?;
        let version = u64::from(u32::from_be_bytes(*version));
        let known = match self.known.key(person, version, now) {
            Some(known) => known,
            None => self
                .personal_key(person, version, now)
                .await?
                .ok_or_else(damaged)?,
        };
        let Some(key) = known.live else {
            return Ok(None);
        };
        let mut clear =
            envelope::open(&key, &place(person, context, version), bytes).map_err(|_| damaged())?;
        match String::from_utf8(std::mem::take(&mut *clear)) {
            Ok(text) => Ok(Some((text, known.read_at))),
            Err(not_text) => {
                drop(Zeroizing::new(not_text.into_bytes()));
                Err(damaged())
            }
        }
    }

    async fn newest_personal_key(
        &self,
        person: &UserId,
        now: DateTime<Utc>,
    ) -> Result<Key, VaultError> {
        let erasures = self.known.erasures();
        let owner = Owner::Person(person.clone()).to_string();
        let newest = self.current_key(&owner, Purpose::Personal.as_str()).await?;
        let known = Key {
            version: newest.version,
            live: Some(Arc::new(newest.key)),
            read_at: now,
        };
        self.known.keep_key(person, NEWEST, &known, erasures);
        self.known.keep_key(person, known.version, &known, erasures);
        Ok(known)
    }

    async fn personal_key(
        &self,
        person: &UserId,
        version: u64,
        now: DateTime<Utc>,
    ) -> Result<Option<Key>, VaultError> {
        let erasures = self.known.erasures();
        let owner = Owner::Person(person.clone()).to_string();
        let key = self
            .key_of(&owner, Purpose::Personal.as_str(), version)
            .await?;
        Ok(key.map(|key| {
            let known = Key {
                version,
                live: key.map(Arc::new),
                read_at: now,
            };
            self.known.keep_key(person, version, &known, erasures);
            known
        }))
    }

    /// Returns one version of a data key: none if there never was one, an empty one if it was
    /// destroyed.
    pub(super) async fn key_of(
        &self,
        owner: &str,
        purpose: &str,
        version: u64,
    ) -> Result<Option<Option<BoxKey>>, VaultError> {
        let one = Statement::new(KEY, [owner.into(), purpose.into(), version.into()]);
        match self.database.get(one).await? {
            Some(row) => self.unwrap_row(&row, 0, owner, purpose, version).map(Some),
            None => Ok(None),
        }
    }
}

fn place(person: &UserId, context: &str, version: u64) -> Context {
    Context::of("events", "sealed")
        .and(person.as_str())
        .and(context)
        .number(version)
}
