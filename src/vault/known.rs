//! What the vault remembers of persons, so that reading what is theirs need not ask the database
//! and open a box each time.

use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Sealed, UserId};
use lru::LruCache;
use zeroize::Zeroizing;

use super::envelope::BoxKey;

/// How many keys, and how many texts, are kept before those unused for longest are dropped: about
/// two megabytes.
const KEYS: NonZeroUsize = NonZeroUsize::new(8_192).unwrap();
const TEXTS: NonZeroUsize = NonZeroUsize::new(2_048).unwrap();

/// How long a key is trusted to be live: another instance may have erased the person meanwhile.
const TRUSTED: TimeDelta = TimeDelta::seconds(30);

/// Stands for a person's newest key, whatever its version.
pub(super) const NEWEST: u64 = 0;

/// What is known of persons: their unwrapped keys, and texts of theirs that are read often. A
/// bounded number of both; nothing of whoever is erased.
pub(super) struct Known(Mutex<Cache>);

struct Cache {
    keys: LruCache<(UserId, u64), Key>,
    /// By their sealed form.
    texts: LruCache<String, Text>,
    /// How many erasures there were: what was read before one must not be kept after it.
    erasures: u64,
}

/// One version of a person's key, without the key if it was destroyed.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) version: u64,
    pub(super) live: Option<Arc<BoxKey>>,
    pub(super) read_at: DateTime<Utc>,
}

/// A text that was opened, trusted as long as the key that opened it.
pub(super) struct Text {
    pub(super) person: UserId,
    pub(super) context: String,
    pub(super) clear: Zeroizing<String>,
    pub(super) read_at: DateTime<Utc>,
}

impl Default for Known {
    fn default() -> Self {
        Self(Mutex::new(Cache {
            keys: LruCache::new(KEYS),
            texts: LruCache::new(TEXTS),
            erasures: 0,
        }))
    }
}

/// Forgets a person when it is dropped.
pub(super) struct Forgets<'a> {
    known: &'a Known,
    person: &'a UserId,
}

impl Drop for Forgets<'_> {
    fn drop(&mut self) {
        self.known.forget(self.person);
    }
}

impl Known {
    pub(super) fn key(&self, person: &UserId, version: u64, now: DateTime<Utc>) -> Option<Key> {
        let mut cache = self.lock();
        let key = cache.keys.get(&(person.clone(), version))?;
        let trusted = key.live.is_none() || is_trusted(key.read_at, now);
        trusted.then(|| key.clone())
    }

    pub(super) fn text(
        &self,
        sealed: &Sealed,
        context: &str,
        now: DateTime<Utc>,
    ) -> Option<String> {
        let mut cache = self.lock();
        let text = cache.texts.get(&sealed.sealed)?;
        let same = text.person == sealed.person && text.context == context;
        (same && is_trusted(text.read_at, now)).then(|| (*text.clear).clone())
    }

    pub(super) fn erasures(&self) -> u64 {
        self.lock().erasures
    }

    pub(super) fn keep_key(&self, person: &UserId, version: u64, key: &Key, erasures: u64) {
        let mut cache = self.lock();
        if cache.erasures == erasures {
            cache.keys.put((person.clone(), version), key.clone());
        }
    }

    pub(super) fn keep_text(&self, sealed: &Sealed, text: Text, erasures: u64) {
        let mut cache = self.lock();
        if cache.erasures == erasures {
            cache.texts.put(sealed.sealed.clone(), text);
        }
    }

    /// Forgets a person once what is returned is dropped, however that comes about: an erasure that
    /// fails, or that nobody waits for any more, may have been carried out all the same.
    pub(super) fn forgets<'a>(&'a self, person: &'a UserId) -> Forgets<'a> {
        Forgets {
            known: self,
            person,
        }
    }

    fn forget(&self, person: &UserId) {
        let mut cache = self.lock();
        cache.erasures += 1;
        drop_where(&mut cache.keys, |(of, _), _| of == person);
        drop_where(&mut cache.texts, |_, text| text.person == *person);
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says whether what was read then is trusted now. If the clock was put back meanwhile, it is not.
fn is_trusted(read_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    (TimeDelta::zero()..TRUSTED).contains(&(now - read_at))
}

fn drop_where<K, V>(kept: &mut LruCache<K, V>, is_of: impl Fn(&K, &V) -> bool)
where
    K: Clone + Eq + Hash,
{
    let entries = kept.iter().filter(|(key, value)| is_of(key, value));
    let keys: Vec<K> = entries.map(|(key, _)| key.clone()).collect();
    for key in keys {
        kept.pop(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(read_at: DateTime<Utc>) -> Key {
        Key {
            version: 1,
            live: Some(Arc::default()),
            read_at,
        }
    }

    fn login_of(person: &UserId, read_at: DateTime<Utc>) -> (Sealed, Text) {
        let sealed = Sealed {
            person: person.clone(),
            sealed: format!("sealed of {person}"),
        };
        let text = Text {
            person: person.clone(),
            context: "login".to_owned(),
            clear: Zeroizing::new(format!("login of {person}")),
            read_at,
        };
        (sealed, text)
    }

    #[test]
    fn what_is_in_use_stays_and_the_number_of_others_is_bounded() {
        let known = Known::default();
        let now = DateTime::UNIX_EPOCH;
        let ada: UserId = "ada".parse().unwrap();
        let (sealed, text) = login_of(&ada, now);
        known.keep_text(&sealed, text, 0);
        known.keep_key(&ada, NEWEST, &live(now), 0);
        for n in 0..3 * KEYS.get() {
            let other = format!("user-{n}").parse().unwrap();
            known.keep_key(&other, NEWEST, &live(now), 0);
            let (theirs, text) = login_of(&other, now);
            known.keep_text(&theirs, text, 0);
            assert!(n % 100 > 0 || known.key(&ada, NEWEST, now).is_some());
            assert!(n % 100 > 0 || known.text(&sealed, "login", now).is_some());
        }
        let cache = known.lock();
        assert_eq!(cache.keys.len(), KEYS.get());
        assert_eq!(cache.texts.len(), TEXTS.get());
    }

    #[test]
    fn what_was_read_before_an_erasure_is_not_kept_after_it() {
        let known = Known::default();
        let now = DateTime::UNIX_EPOCH;
        let ada: UserId = "ada".parse().unwrap();
        let sealed = login_of(&ada, now).0;
        let keep = |erasures| {
            known.keep_key(&ada, NEWEST, &live(now), erasures);
            known.keep_text(&sealed, login_of(&ada, now).1, erasures);
        };
        let is_known = |now| {
            let key = known.key(&ada, NEWEST, now).is_some();
            assert_eq!(key, known.text(&sealed, "login", now).is_some());
            key
        };
        let before = known.erasures();
        keep(before);
        assert!(is_known(now));
        drop(known.forgets(&ada));
        assert!(!is_known(now));
        keep(before);
        assert!(!is_known(now));
        keep(known.erasures());
        assert!(is_known(now));
        assert!(!is_known(now + TRUSTED));
        assert!(!is_known(now - TimeDelta::seconds(1)));
    }

    #[test]
    fn a_text_is_known_only_as_what_it_was_opened_as() {
        let known = Known::default();
        let now = DateTime::UNIX_EPOCH;
        let (mut sealed, text) = login_of(&"ada".parse().unwrap(), now);
        known.keep_text(&sealed, text, 0);
        let login = known.text(&sealed, "login", now);
        assert_eq!(login.as_deref(), Some("login of ada"));
        assert_eq!(known.text(&sealed, "address", now), None);
        sealed.person = "bob".parse().unwrap();
        assert_eq!(known.text(&sealed, "login", now), None);
    }
}
