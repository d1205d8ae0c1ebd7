//! Personal data in events: sealed in place, under the person's own data key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Sealed, UserId};
use projections::Statement;
use zeroize::Zeroizing;

use super::envelope::{self, BoxKey, Context};
use super::{Owner, Purpose, Vault, VaultError};

/// How many keys are kept before those unused for longest are dropped.
const KEPT: usize = 4096;

/// How long a key is trusted to be live: another instance may have erased the person meanwhile.
const TRUSTED: TimeDelta = TimeDelta::seconds(30);

/// Stands for a person's newest key, whatever its version.
const NEWEST: u64 = 0;

const KEY: &str = "SELECT wrapped, kek_id FROM vault_keys \
    WHERE owner = $1 AND purpose = $2 AND version = $3";

/// Unwrapped keys of persons, a bounded number of them.
#[derive(Default)]
pub(super) struct PersonalKeys(Mutex<Cache>);

/// Two halves: what is used moves to the young one; when that is full, it becomes the old one.
#[derive(Default)]
struct Cache {
    young: HashMap<(UserId, u64), Known>,
    old: HashMap<(UserId, u64), Known>,
    /// How many erasures there were: a key read before one must not be kept after it.
    erasures: u64,
}

/// One version of a person's key, without the key if it was destroyed.
#[derive(Clone)]
struct Known {
    version: u64,
    key: Option<Arc<BoxKey>>,
    read_at: DateTime<Utc>,
}

impl PersonalKeys {
    fn find(&self, person: &UserId, version: u64, now: DateTime<Utc>) -> Option<Known> {
        let mut cache = self.lock();
        let place = (person.clone(), version);
        let young = cache.young.get(&place).cloned();
        let known = if let Some(known) = young {
            known
        } else {
            let known = cache.old.remove(&place)?;
            cache.put(place, known.clone());
            known
        };
        let trusted = known.key.is_none() || now - known.read_at < TRUSTED;
        trusted.then_some(known)
    }

    fn erasures(&self) -> u64 {
        self.lock().erasures
    }

    fn keep(&self, person: &UserId, version: u64, known: &Known, erasures: u64) {
        let mut cache = self.lock();
        if cache.erasures == erasures {
            cache.put((person.clone(), version), known.clone());
        }
    }

    pub(super) fn forget(&self, person: &UserId) {
        let mut cache = self.lock();
        cache.erasures += 1;
        cache.young.retain(|(of, _), _| of != person);
        cache.old.retain(|(of, _), _| of != person);
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    fn put(&mut self, place: (UserId, u64), known: Known) {
        if self.young.len() >= KEPT {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&place);
        self.young.insert(place, known);
    }
}

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
        let known = match self.personal.find(person, NEWEST, now) {
            Some(known) => known,
            None => self.newest_personal_key(person, now).await?,
        };
        let key = known.key.as_deref().ok_or(VaultError::Destroyed)?;
        let place = place(person, context, known.version);
        let sealed = envelope::seal(key, &place, text.as_bytes(), &*self.ids)
            .map_err(VaultError::damaged("a new text"))?;
        let version = u32::try_from(known.version)
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
        let person = &sealed.person;
        let damaged = || VaultError::Damaged(format!("the {context} of {person}"));
        let bytes = URL_SAFE_NO_PAD
            .decode(&sealed.sealed)
            .map_err(|_| damaged())?;
        let (version, bytes) = bytes.split_first_chunk().ok_or_else(damaged)?;
        let version = u64::from(u32::from_be_bytes(*version));
        let now = self.clock.now();
        let known = match self.personal.find(person, version, now) {
            Some(known) => known,
            None => self
                .personal_key(person, version, now)
                .await?
                .ok_or_else(damaged)?,
        };
        let Some(key) = known.key else {
            return Ok(None);
        };
        let mut clear =
            envelope::open(&key, &place(person, context, version), bytes).map_err(|_| damaged())?;
        match String::from_utf8(std::mem::take(&mut *clear)) {
            Ok(text) => Ok(Some(text)),
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
    ) -> Result<Known, VaultError> {
        let erasures = self.personal.erasures();
        let owner = Owner::Person(person.clone()).to_string();
        let newest = self.current_key(&owner, Purpose::Personal.as_str()).await?;
        let known = Known {
            version: newest.version,
            key: Some(Arc::new(newest.key)),
            read_at: now,
        };
        self.personal.keep(person, NEWEST, &known, erasures);
        self.personal.keep(person, known.version, &known, erasures);
        Ok(known)
    }

    async fn personal_key(
        &self,
        person: &UserId,
        version: u64,
        now: DateTime<Utc>,
    ) -> Result<Option<Known>, VaultError> {
        let erasures = self.personal.erasures();
        let owner = Owner::Person(person.clone()).to_string();
        let key = self
            .key_of(&owner, Purpose::Personal.as_str(), version)
            .await?;
        Ok(key.map(|key| {
            let known = Known {
                version,
                key: key.map(Arc::new),
                read_at: now,
            };
            self.personal.keep(person, version, &known, erasures);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn known(read_at: DateTime<Utc>) -> Known {
        Known {
            version: 1,
            key: Some(Arc::default()),
            read_at,
        }
    }

    #[test]
    fn keys_in_use_stay_and_the_number_of_others_is_bounded() {
        let keys = PersonalKeys::default();
        let now = DateTime::UNIX_EPOCH;
        let ada: UserId = "ada".parse().unwrap();
        keys.keep(&ada, NEWEST, &known(now), 0);
        for n in 0..5 * KEPT {
            let other = format!("user-{n}").parse().unwrap();
            keys.keep(&other, NEWEST, &known(now), 0);
            assert!(n % 100 > 0 || keys.find(&ada, NEWEST, now).is_some());
        }
        let cache = keys.lock();
        assert!(cache.young.len() + cache.old.len() <= 2 * KEPT);
    }

    #[test]
    fn a_key_read_before_an_erasure_is_not_kept_after_it() {
        let keys = PersonalKeys::default();
        let now = DateTime::UNIX_EPOCH;
        let ada: UserId = "ada".parse().unwrap();
        let before = keys.erasures();
        keys.forget(&ada);
        keys.keep(&ada, NEWEST, &known(now), before);
        assert!(keys.find(&ada, NEWEST, now).is_none());
        keys.keep(&ada, NEWEST, &known(now), keys.erasures());
        assert!(keys.find(&ada, NEWEST, now).is_some());
        assert!(keys.find(&ada, NEWEST, now + TRUSTED).is_none());
    }
}
